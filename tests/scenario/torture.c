/* SPDX-License-Identifier: Apache-2.0 */
/* Messages made after the sections of RFC 4475 and RFC 5118, as datagrams from a trunk into a whole shard: torture
 * DIRECTORY. What must come of each stands in DIRECTORY/torture.txt. Output is TAP, one line a message. */
#include <stdio.h>
#include <stdlib.h>

#include "probe.h"

#define ROWS_MAX 100
#define COLUMNS  6

struct row {
	const char *suite, *section, *name;
	const char *want; /* statuses, any of them; "call ...": or passed on; "": silence */
	const char
		*text; /* in the reply, where it counts; of silence: the counter that tells of it */
};

/* An INVITE that is good: the transaction takes it, and the call says no more than it may. */
static bool is_call(struct world *w, const struct probe *p)
{
	if (!p->trying)
		world_fail(w, "no 100");
	if (p->called && p->n_status)
		world_fail(w, "passed on and refused:\n%.*s", STR_FMT(p->reply->raw));
	if (p->called && probe_header(p->invite, "Date").p)
		world_fail(w, "with a Date:\n%.*s", STR_FMT(p->invite->raw));
	return p->called;
}

static void check(struct world *w, const struct probe *p, const void *arg)
{
	const struct row *r = arg;

	if (!strncmp(r->want, "call", 4) && is_call(w, p))
		return;
	if (p->called)
		world_fail(w, "passed on:\n%.*s", STR_FMT(p->invite->raw));
	if (p->n_status != (*r->want != 0))
		world_fail(w, "%u replies%s, the last is\n%.*s", p->n_status,
			   p->trying ? " and 100" : "", (int)(p->reply ? p->reply->raw.n : 0),
			   p->reply ? p->reply->raw.p : "");
	if (!*r->want) {
		if (world_counter(w, r->text) != 1)
			world_fail(w, "%s is %llu", r->text,
				   (unsigned long long)world_counter(w, r->text));
		return;
	}
	if (!probe_any(r->want, p->status[0]))
		world_fail(w, "%u and not %s:\n%.*s", p->status[0], r->want,
			   STR_FMT(p->reply->raw));
	if (r->text && !memmem(p->reply->raw.p, p->reply->raw.n, r->text, strlen(r->text)))
		world_fail(w, "no %s in\n%.*s", r->text, STR_FMT(p->reply->raw));
}

static bool run(const char *dir, const struct row *r, const char *name)
{
	char path[512], mem[SIP_DATAGRAM_MAX];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/rfc%s-%s-%s.sip", dir, r->suite, r->section, r->name);
	f = fopen(path, "rb");
	if (f) {
		n = fread(mem, 1, sizeof(mem), f);
		fclose(f);
	}
	if (!n) {
		printf("# %s cannot be read\n", path);
		return false;
	}
	return probe_play(name, (struct str){ mem, n }, check, r);
}

/* "-" is nothing; "\r\n" stands for a line end. */
static const char *column(char *at)
{
	char *crlf;

	if (!strcmp(at, "-"))
		return NULL;
	while ((crlf = strstr(at, "\\r\\n"))) {
		memcpy(crlf, "\r\n", 2);
		memmove(crlf + 2, crlf + 4, strlen(crlf + 4) + 1);
	}
	return at;
}

/* Keeps its lines for as long as the program runs. */
static unsigned read_rows(const char *dir, struct row rows[ROWS_MAX])
{
	char path[512], *line = NULL, *rest, *cell[COLUMNS];
	unsigned n = 0;
	size_t cap = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/torture.txt", dir);
	f = fopen(path, "r");
	while (f && n < ROWS_MAX && getline(&line, &cap, f) > 0) {
		rest = line;
		rest[strcspn(rest, "\n")] = '\0';
		if (*rest == '#')
			continue;
		for (unsigned i = 0; i < COLUMNS; i++)
			cell[i] = rest ? strsep(&rest, "\t") : NULL;
		if (!cell[COLUMNS - 1])
			break;
		rows[n] =
			(struct row){ cell[0], cell[1], cell[2], column(cell[3]), column(cell[4]) };
		if (!rows[n].want)
			rows[n].want = "";
		n++;
		line = NULL;
		cap = 0;
	}
	free(line);
	if (f)
		fclose(f);
	return n;
}

int main(int argc, char **argv)
{
	static struct row rows[ROWS_MAX];
	unsigned failed = 0, n;
	char name[128];

	if (argc != 2)
		return 2;
	n = read_rows(argv[1], rows);
	printf("1..%u\n", n);
	for (unsigned i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		bool ok;

		snprintf(name, sizeof(name), "RFC %s %s %s", r->suite, r->section, r->name);
		ok = run(argv[1], r, name);
		failed += !ok;
		printf("%sok %u - %s: %s\n", ok ? "" : "not ", i + 1, name,
		       *r->want ? r->want : "silence");
	}
	return failed || n < 61;
}
