/* SPDX-License-Identifier: Apache-2.0 */
/* Messages made after the sections of RFC 4475 and RFC 5118 that their names tell, as datagrams from
 * a trunk into a whole shard: torture DIRECTORY. Output is TAP, one line for each message. */
#include <stdio.h>

#include "probe.h"

/* Nothing here keeps registrations. */
#define NO_REGISTRAR "403 405 501"

struct row {
	const char *suite, *section, *name;
	const char *want; /* statuses, any of them; "call ...": or passed on; "": silence */
	const char
		*text; /* in the reply, where it counts; of silence: the counter that tells of it */
};

static const struct row rows[] = {
	/* A To tag of no dialog here: RFC 3261 12.2.2. The RFC's own message has a branch without the
	 * magic cookie besides; such are refused, see 3.2.1 and 3.4.1. */
	{ "4475", "3.1.1.1", "wsinv", "481", NULL },
	{ "4475", "3.1.1.2", "intmeth", "501 405", "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS\r\n" },
	{ "4475", "3.1.1.3", "esc01", "call 404", NULL },
	{ "4475", "3.1.1.4", "escnull", NO_REGISTRAR,
	  "\r\nTo: sip:null-%00-null@example.org;tag=" },
	{ "4475", "3.1.1.5", "esc02", "501 405", "RE%47IST%45R\r\n" },
	{ "4475", "3.1.1.6", "lwsdisp", "200 404", NULL },
	{ "4475", "3.1.1.7", "longreq", "call", NULL },
	{ "4475", "3.1.1.8", "dblreq", NO_REGISTRAR, " REGISTER\r\n" },
	{ "4475", "3.1.1.9", "semiuri", "200 404", NULL },
	{ "4475", "3.1.1.10", "transports", "200 404", "Via: SIP/2.0/UNKNOWN" },
	{ "4475", "3.1.1.11", "mpart01", "200 202 415 405 501", NULL },
	{ "4475", "3.1.1.12", "unreason", "", "drop.response-via-other" },
	{ "4475", "3.1.1.13", "noreason", "", "drop.response-via-other" },
	{ "4475", "3.1.2.1", "badinv01", "400", NULL },
	{ "4475", "3.1.2.2", "clerr", "400", NULL },
	{ "4475", "3.1.2.3", "ncl", "400", NULL },
	{ "4475", "3.1.2.4", "scalar02", "400", NULL },
	{ "4475", "3.1.2.5", "scalarlg", "", "drop.malformed" },
	{ "4475", "3.1.2.6", "quotbal", "400", NULL },
	{ "4475", "3.1.2.7", "ltgtruri", "400", NULL },
	{ "4475", "3.1.2.8", "lwsruri", "400", NULL },
	{ "4475", "3.1.2.9", "lwsstart", "400", NULL },
	{ "4475", "3.1.2.10", "trws", "400", NULL },
	{ "4475", "3.1.2.11", "escruri", "400", NULL },
	{ "4475", "3.1.2.12", "baddate", "call", NULL },
	{ "4475", "3.1.2.13", "regbadct", "400 " NO_REGISTRAR, NULL },
	{ "4475", "3.1.2.14", "badaspec", "400", NULL },
	{ "4475", "3.1.2.15", "baddn", "400", NULL },
	{ "4475", "3.1.2.16", "badvers", "505", NULL },
	{ "4475", "3.1.2.17", "mismatch01", "400", NULL },
	{ "4475", "3.1.2.18", "mismatch02", "501 400", NULL },
	{ "4475", "3.1.2.19", "bigcode", "", "drop.malformed" },
	{ "4475", "3.2.1", "badbranch", "400", NULL },
	{ "4475", "3.3.1", "insuf", "400", NULL },
	{ "4475", "3.3.2", "unkscm", "416", NULL },
	{ "4475", "3.3.3", "novelsc", "416", NULL },
	{ "4475", "3.3.4", "unksm2", NO_REGISTRAR, NULL },
	{ "4475", "3.3.5", "bext01", "420",
	  "\r\nUnsupported: nothingSupportsThis, nothingSupportsThisEither\r\n" },
	{ "4475", "3.3.6", "invut", "415", "\r\nAccept: application/sdp\r\n" },
	{ "4475", "3.3.7", "regaut01", NO_REGISTRAR, "\r\nAllow: " },
	{ "4475", "3.3.8", "multi01", "400", NULL },
	{ "4475", "3.3.9", "mcl01", "400", NULL },
	{ "4475", "3.3.10", "bcast", "", "drop.response-via-count" },
	{ "4475", "3.3.11", "zeromf", "483 200", NULL },
	{ "4475", "3.3.12", "cparam01", NO_REGISTRAR, NULL },
	{ "4475", "3.3.13", "cparam02", NO_REGISTRAR, NULL },
	{ "4475", "3.3.14", "regescrt", NO_REGISTRAR, NULL },
	{ "4475", "3.3.15", "sdp01", "406", NULL },
	{ "4475", "3.4.1", "inv2543", "400", NULL },
	{ "5118", "4.1", "ipv6-good", NO_REGISTRAR, NULL },
	{ "5118", "4.2", "ipv6-bad", "400", NULL },
	{ "5118", "4.3", "port-ambiguous", NO_REGISTRAR, NULL },
	{ "5118", "4.4", "port-unambiguous", NO_REGISTRAR, NULL },
	{ "5118", "4.5", "via-received-param-with-delim", "481", NULL },
	{ "5118", "4.5", "via-received-param-no-delim", "200 404", NULL },
	{ "5118", "4.6", "ipv6-in-sdp", "call 488", NULL },
	{ "5118", "4.7", "mult-ip-in-header", "481", NULL },
	{ "5118", "4.8", "mult-ip-in-sdp", "call 488", NULL },
	{ "5118", "4.9", "ipv4-mapped-ipv6", "call", NULL },
	{ "5118", "4.10", "ipv6-bug-abnf-3-colons", "400", NULL },
	{ "5118", "4.10", "ipv6-correct-abnf-2-colons", "200 404", NULL },
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

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

int main(int argc, char **argv)
{
	unsigned failed = 0;
	char name[128];

	if (argc != 2)
		return 2;
	printf("1..%zu\n", N_ROWS);
	for (size_t i = 0; i < N_ROWS; i++) {
		const struct row *r = &rows[i];
		bool ok;

		snprintf(name, sizeof(name), "RFC %s %s %s", r->suite, r->section, r->name);
		ok = run(argv[1], r, name);
		failed += !ok;
		printf("%sok %zu - %s: %s\n", ok ? "" : "not ", i + 1, name,
		       *r->want ? r->want : "silence");
	}
	return failed != 0;
}
