/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that the script spells out: lines below a step that begin with "|"; "|-": without a line end behind it. */
#include "scenario.h"

bool body_is_written(const struct step *s)
{
	for (unsigned i = 0; i < s->n_lines; i++)
		if (s->lines[i][0] == '|')
			return true;
	return false;
}

static struct str text_of(const char *line)
{
	return str_of(line[1] == ' ' || line[1] == '-' ? line + 2 : line + 1);
}

struct str body_write(struct world *w, const struct step *s)
{
	struct str body = STR("");

	for (unsigned i = 0; i < s->n_lines; i++)
		if (s->lines[i][0] == '|')
			body = world_fmt(w, "%.*s%.*s%s", STR_FMT(body),
					 STR_FMT(text_of(s->lines[i])),
					 s->lines[i][1] == '-' ? "" : "\r\n");
	return body;
}

/* Unless a line of the step says otherwise. */
struct str body_type(const struct step *s)
{
	if (!body_is_written(s))
		return STR("application/sdp");
	for (unsigned i = 0; i < s->n_lines; i++)
		if (s->lines[i][0] == '|' && !strcmp(s->what, "NOTIFY") &&
		    str_starts(text_of(s->lines[i]), STR("SIP/2.0 ")))
			return STR("message/sipfrag;version=2.0");
	return STR("text/plain");
}

void body_check(struct world *w, const struct step *s, const struct rx *r)
{
	struct str want = body_write(w, s);

	if (body_is_written(s) && !str_eq(want, r->m.body))
		world_fail(w, "the body is\n%.*s", STR_FMT(r->m.body));
}
