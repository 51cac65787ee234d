/* SPDX-License-Identifier: Apache-2.0 */
/* A Content-Type, a line end, a body: parts lie inside of those that hold them and one behind the
 * other, are not too many nor too deep, and what is found is one of them. */
#include "sip/multipart.h"
#include "slice.h"

static void check_value(const struct sip_parts *p, struct str type, struct str body, struct str v)
{
	struct str folded = { p->folded, p->n_folded };
	bool fixed = str_eq(v, STR("text/plain"));

	check(v.n == 0 || fixed || (v.p >= type.p && v.p + v.n <= type.p + type.n) ||
	      (v.p >= body.p && v.p + v.n <= body.p + body.n) ||
	      (v.p >= folded.p && v.p + v.n <= folded.p + folded.n));
	for (size_t i = 0; i < v.n && v.p != type.p; i++)
		check((uint8_t)v.p[i] >= ' ' || v.p[i] == '\t');
}

/* Each part is in one of the level above, or in the body as a whole. */
static void check_nesting(const struct sip_parts *p, unsigned i)
{
	const struct sip_part *part = &p->part[i];
	bool held = part->body.n == 0;

	for (unsigned k = 0; k < i && !held; k++) {
		const struct sip_part *out = &p->part[k];

		held = out->body.n && out->depth + 1 == part->depth && part->body.p > out->body.p &&
		       part->body.p + part->body.n < out->body.p + out->body.n;
	}
	check(held);
	if (i > 1 && p->part[i - 1].depth == part->depth && part->body.n && p->part[i - 1].body.n)
		check(part->body.p > p->part[i - 1].body.p + p->part[i - 1].body.n);
}

static void check_found(const struct sip_parts *p, const struct sip_part *found)
{
	check(!found || (found >= p->part && found < p->part + p->n));
}

static void check_parts(struct str type, struct str body)
{
	struct sip_parts p;
	int rc = sip_parts_split(&p, type, STR_NONE, body);

	check(rc == 0 || rc == -SIP_E_BODY);
	check(p.n >= 1 && p.n <= SIP_PARTS_MAX + 1 && p.n_folded <= sizeof(p.folded));
	for (unsigned i = 0; i < p.n; i++) {
		check_value(&p, type, body, p.part[i].type);
		check_value(&p, type, body, p.part[i].disposition);
		check_value(&p, type, body, p.part[i].encoding);
		check_value(&p, type, body, p.part[i].id);
		within(body, p.part[i].body);
		check(p.part[i].depth <= SIP_PARTS_DEPTH && (i == 0) == (p.part[i].depth == 0));
		if (i)
			check_nesting(&p, i);
	}
	check_found(&p, sip_parts_find(&p, "application/sdp"));
	check_found(&p, sip_parts_required(&p, "application/sdp"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nl = size ? memchr(data, '\n', size) : NULL;
	struct str type, body;

	if (!nl)
		return 0;
	type = bare(data, (size_t)(nl - data));
	body = bare(nl + 1, size - type.n - 1);
	check_parts(type, body);
	release(type);
	release(body);
	return 0;
}
