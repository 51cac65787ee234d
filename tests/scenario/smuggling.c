/* SPDX-License-Identifier: Apache-2.0 */
/* Header fields that try to get through to the other leg: each line is put into a good INVITE, and
 * what arrives there, if anything, has known fields only, the true caller, and no trace of it. */
#include <stdio.h>

#include "probe.h"

#define MARK "smuggled"

struct row {
	const char *name;
	struct str lines;
	const char *want; /* statuses, any of them; "call": passed on without it */
};

#define ROW(name, lines, want)                                                                     \
	{                                                                                          \
		name, { lines, sizeof(lines) - 1 }, want                                           \
	}

static const struct row rows[] = {
	ROW("unknown field", "X-Int: " MARK "\r\n", "call"),
	ROW("space before the colon", "X-Int : " MARK "\r\n", "call"),
	ROW("tab before the colon", "X-Int\t: " MARK "\r\n", "call"),
	ROW("control octet before the colon", "X-Int\x01: " MARK "\r\n", "400"),
	ROW("control octet behind a known name", "P-Asserted-Identity\x01: <sip:" MARK "@x>\r\n",
	    "400"),
	ROW("NUL behind a name", "X-Int\0: " MARK "\r\n", "400"),
	ROW("NUL in a value", "Subject: a\0X-Int: " MARK "\r\n", "400"),
	ROW("lone CR", "Subject: a\rX-Int: " MARK "\r\n", "400"),
	ROW("lone LF", "Subject: a\nX-Int: " MARK "\r\n", "400"),
	ROW("lone LF and a true name", "Subject: a\nFrom: <sip:" MARK "@x>;tag=1\r\n", "400"),
	ROW("CR CR LF", "Subject: a\r\r\nX-Int: " MARK "\r\n", "400"),
	ROW("folded behind the colon", "X-Int:\r\n " MARK "\r\n", "call"),
	ROW("folded before the colon", "X-Int\r\n : " MARK "\r\n", "400 call"),
	ROW("folded name", "X-\r\n Int: " MARK "\r\n", "400 call"),
	ROW("name that is a fold of the line before", "Priority: urgent\r\n X-Int: " MARK "\r\n",
	    "call"),
	ROW("no name", ": " MARK "\r\n", "400"),
	ROW("no colon", "X-Int " MARK "\r\n", "400"),
	ROW("space before the name of the first field", " X-Int: " MARK "\r\n", "400 call"),
	ROW("escaped name", "%58-Int: " MARK "\r\n", "call"),
	ROW("escaped line end", "X-Int: a%0D%0AX-Int: " MARK "\r\n", "call"),
	ROW("long name", "X-Int-0123456789-0123456789-0123456789-0123456789: " MARK "\r\n", "call"),
	ROW("unknown compact form", "z: " MARK "\r\n", "call"),
	ROW("compact From", "f: <sip:" MARK "@x>;tag=2\r\n", "400"),
	ROW("compact From with a space", "f : <sip:" MARK "@x>;tag=2\r\n", "400"),
	ROW("second From", "From: <sip:" MARK "@x>;tag=2\r\n", "400"),
	ROW("second From, in other letters", "fRoM: <sip:" MARK "@x>;tag=2\r\n", "400"),
	ROW("second To", "t: <sip:" MARK "@x>\r\n", "400"),
	ROW("second Call-ID", "i: " MARK "\r\n", "400"),
	ROW("second CSeq", "CSeq: 2 INVITE\r\n", "400"),
	ROW("second Max-Forwards", "Max-Forwards: 7\r\n", "400"),
	ROW("second Content-Length", "l: 0\r\n", "400"),
	ROW("second Contact", "m: <sip:" MARK "@192.0.2.7>\r\n", "400 call"),
	ROW("second Via", "v: SIP/2.0/UDP " MARK ".example.org;branch=z9hG4bKv\r\n", "call"),
	ROW("Route", "Route: <sip:" MARK ".example.org;lr>\r\n", "call"),
	ROW("Record-Route", "Record-Route: <sip:" MARK ".example.org;lr>\r\n", "call"),
	ROW("Path", "Path: <sip:" MARK ".example.org;lr>\r\n", "call"),
	ROW("Remote-Party-ID", "Remote-Party-ID: <sip:" MARK "@x>\r\n", "call"),
	ROW("History-Info", "History-Info: <sip:" MARK "@x>;index=1\r\n", "call"),
	ROW("User-Agent", "User-Agent: " MARK "\r\n", "call"),
	ROW("Organization", "Organization: " MARK "\r\n", "call"),
	ROW("Authorization", "Authorization: Digest username=\"" MARK "\"\r\n", "call"),
	ROW("Proxy-Authorization", "Proxy-Authorization: Digest realm=\"" MARK "\"\r\n", "call"),
	ROW("P-Charging-Vector", "P-Charging-Vector: icid-value=" MARK "\r\n", "call"),
	ROW("Identity", "y: " MARK "\r\n", "call"),
	ROW("Require", "Require: " MARK "\r\n", "420"),
	ROW("Supported", "k: " MARK "\r\n", "call"),
	ROW("Refer-To", "Refer-To: <sip:" MARK "@x>\r\n", "call"),
	ROW("compact Refer-To with a field", "r: <sip:1@x?X-Int=" MARK ">\r\n", "call"),
	ROW("Referred-By", "Referred-By: <sip:" MARK "@x>\r\n", "call"),
	ROW("compact Referred-By", "b: sip:1@x;cid=\"" MARK "@x\"\r\n", "call"),
	ROW("Replaces of nobody's dialog", "Replaces: " MARK "@x;to-tag=1;from-tag=2\r\n",
	    "481 call"),
	ROW("Replaces without tags", "Replaces: " MARK "@x\r\n", "400 call"),
	ROW("Replaces with more",
	    "Replaces: " MARK "@x;to-tag=1;from-tag=2;early-only;" MARK "=\"" MARK "\"\r\n", "481"),
	ROW("two Replaces",
	    "Replaces: " MARK ";to-tag=1;from-tag=2\r\nReplaces: 2;to-tag=1;from-tag=2\r\n", "400"),
	ROW("Replaces with a line end", "Replaces: a\r\n X-Int: " MARK ";to-tag=1;from-tag=2\r\n",
	    "400 481"),
	ROW("Join", "Join: " MARK ";to-tag=1;from-tag=2\r\n", "call"),
	ROW("Refer-Sub", "Refer-Sub: true;" MARK "=1\r\n", "call"),
	ROW("parameters in Session-Expires", "Session-Expires: 1800;refresher=uac;" MARK "=1\r\n",
	    "call"),
	ROW("parameters in Min-SE", "Min-SE: 90;" MARK "=1\r\n", "call"),
	ROW("RSeq and RAck", "RSeq: 1\r\nRAck: 1 1 " MARK "\r\n", "call 400"),
	ROW("P-Early-Media", "P-Early-Media: " MARK "\r\n", "call"),
	ROW("Event", "Event: " MARK ";id=" MARK "\r\n", "call"),
	ROW("Reason", "Reason: SIP;cause=200;text=\"" MARK "\"\r\n", "call"),
	ROW("Target-Dialog", "Target-Dialog: " MARK "@x;local-tag=1;remote-tag=2\r\n", "call"),
	ROW("host in Diversion", "Diversion: <sip:1@" MARK ".example.org>;reason=away\r\n", "call"),
	ROW("parameters in Diversion", "Diversion: <sip:1@x>;" MARK "=1;reason=\"" MARK "\"\r\n",
	    "call"),
	ROW("field in Diversion", "Diversion: <sip:1@x?X-Int=" MARK ">\r\n", "call"),
	ROW("escaped line end in Diversion", "Diversion: <sip:1%0D%0AX-Int%3A" MARK "@x>\r\n",
	    "call"),
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static void check_fields(struct world *w, const struct rx *r)
{
	static const char *const known[] = { "Via",
					     "Max-Forwards",
					     "From",
					     "To",
					     "Call-ID",
					     "CSeq",
					     "Contact",
					     "Allow",
					     "Content-Length",
					     "Subject",
					     "Priority",
					     "Accept",
					     "Supported",
					     "Diversion",
					     "Min-SE",
					     "Session-Expires" };
	for (unsigned i = 0; i < r->m.n_hdr; i++) {
		struct str name = sip_hdr_name(&r->m, &r->m.hdr[i]);
		bool found = false;

		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			found = found || str_eq(name, str_of(known[k]));
		if (!found)
			world_fail(w, "%.*s in\n%.*s", STR_FMT(name), STR_FMT(r->raw));
	}
}

static void check(struct world *w, const struct probe *p, const void *arg)
{
	const struct row *row = arg;
	const struct rx *r = p->invite;

	if (!p->called) {
		if (p->n_status != 1 || !probe_any(row->want, p->status[0]))
			world_fail(w, "%u replies, the last is\n%.*s", p->n_status,
				   (int)(p->reply ? p->reply->raw.n : 0),
				   p->reply ? p->reply->raw.p : "");
		return;
	}
	if (!strstr(row->want, "call") || p->n_status)
		world_fail(w, "passed on:\n%.*s", STR_FMT(r->raw));
	check_fields(w, r);
	if (memmem(r->raw.p, r->raw.n, MARK, strlen(MARK)))
		world_fail(w, "it came through:\n%.*s", STR_FMT(r->raw));
	if (!str_starts(probe_header(r, "From"), STR("<sip:+4930100@sip.carrier.example>;tag=")))
		world_fail(w, "another caller:\n%.*s", STR_FMT(r->raw));
}

/* `first`: right behind the start line instead of behind the last field. */
static bool run(const struct row *row, bool first)
{
	static const char start[] = "INVITE sip:0301234@10.0.0.1 SIP/2.0\r\n";
	static const char fields[] = "Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bKbad\r\n"
				     "Max-Forwards: 70\r\n"
				     "From: <sip:+4930100@10.0.0.20>;tag=bad\r\n"
				     "To: <sip:0301234@10.0.0.1>\r\n"
				     "Call-ID: bad@10.0.0.20\r\n"
				     "CSeq: 1 INVITE\r\n"
				     "Contact: <sip:+4930100@10.0.0.20>\r\n"
				     "Content-Length: 0\r\n";
	char mem[2048];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_lit(&b, start);
	if (first)
		buf_put(&b, row->lines);
	buf_lit(&b, fields);
	if (!first)
		buf_put(&b, row->lines);
	buf_lit(&b, "\r\n");
	return probe_play(row->name, buf_str(&b), check, row);
}

int main(void)
{
	unsigned failed = 0, n = 0;

	printf("1..%zu\n", 2 * N_ROWS);
	for (size_t i = 0; i < N_ROWS; i++) {
		for (int first = 0; first < 2; first++) {
			bool ok = run(&rows[i], first);

			failed += !ok;
			printf("%sok %u - %s, %s: %s\n", ok ? "" : "not ", ++n, rows[i].name,
			       first ? "first" : "last", rows[i].want);
		}
	}
	return failed != 0;
}
