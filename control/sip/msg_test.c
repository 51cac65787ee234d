/* SPDX-License-Identifier: Apache-2.0 */
/* Tests with a number are lines of the list of places where stacks go wrong: see the checklist in tests/README.md.
 */
#include "sip/msg_test.h"

#define assert_error(lit, error) assert_int_equal(error_of(STR(lit)), error)

static void indexes_a_request(void **state)
{
	struct parsed *t = parse(STR(INVITE BASIC "Max-Forwards: 69\r\nX-Other: y\r\n\r\nbody"));
	const struct sip_hdr *h;

	assert_int_equal(t->msg, 0);
	assert_int_equal(t->core, 0);
	assert_int_equal(t->m.status, 0);
	assert_int_equal(t->m.method, SIP_INVITE);
	assert_str(t->m.method_name, "INVITE");
	assert_str(t->m.ruri, "sip:bob@example.net");
	assert_str(t->m.body, "body");
	assert_int_equal(t->m.n_hdr, 7);
	h = &t->m.hdr[6];
	assert_int_equal(h->id, SIP_HDR_OTHER);
	assert_str(sip_hdr_name(&t->m, h), "X-Other");
	assert_str(sip_hdr_value(&t->m, h), "y");
	assert_str(t->c.ruri.user, "bob");
	assert_str(t->c.via.branch, "z9hG4bKa1");
	assert_str(t->c.from.tag, "f1");
	assert_int_equal(t->c.to.tag.n, 0);
	assert_str(t->c.call_id, "c1@192.0.2.1");
	assert_int_equal(t->c.cseq.num, 1);
	assert_int_equal(t->c.n_via, 1);
	assert_int_equal(t->c.max_forwards, 69);
	done(t);
}

static void indexes_a_response(void **state)
{
	struct parsed *t = parse(STR("SIP/2.0 180 Ringing now\r\n" BASIC "\r\n"));

	assert_int_equal(t->msg, 0);
	assert_int_equal(t->core, 0);
	assert_int_equal(t->m.status, 180);
	assert_str(t->m.reason, "Ringing now");
	assert_int_equal(t->m.method, SIP_INVITE);
	assert_int_equal(t->m.ruri.n, 0);
	assert_int_equal(t->c.max_forwards, 70);
	done(t);
	t = parse(STR("SIP/2.0 200 \r\n" BASIC "\r\n"));
	assert_int_equal(t->msg, 0);
	assert_int_equal(t->m.reason.n, 0);
	done(t);
}

static void checklist_01_leading_line_ends_and_keepalives(void **state)
{
	struct parsed *t = parse(STR("\r\n\r\n" INVITE BASIC "\r\n"));

	assert_int_equal(t->msg, 0);
	assert_int_equal(t->m.method, SIP_INVITE);
	done(t);
	assert_error("\r\n\r\n", SIP_E_EMPTY);
	assert_error("\r\n", SIP_E_EMPTY);
	assert_error("", SIP_E_EMPTY);
	assert_int_equal(sip_error_status(-SIP_E_EMPTY), 0);
}

static void checklist_02_folding(void **state)
{
	struct parsed *t = parse(
		STR(INVITE VIA FROM "To:\r\n <sip:bob@example.net>\r\n\t;x\r\n  =y\r\n" CALL_ID CSEQ
				    "Subject: a\r\n \r\n b \r\n\r\n"));
	struct str v;

	assert_int_equal(t->msg, 0);
	assert_int_equal(t->core, 0);
	assert_str(t->c.to.uri, "sip:bob@example.net");
	assert_int_equal(sip_param(t->c.to.params, STR("x"), &v), 1);
	assert_str(v, "y");
	assert_str(sip_value(&t->m, SIP_HDR_SUBJECT), "a      b");
	done(t);
	/* a name ends on its line (25.1: HCOLON has no LWS in front) */
	assert_error(INVITE BASIC "Subject\r\n : x\r\n\r\n", SIP_E_CONTROL);
	assert_error(INVITE BASIC "Subj\r\n ect: x\r\n\r\n", SIP_E_CONTROL);
	assert_error(INVITE BASIC "Subject:\r\n x\r\n\r\n", SIP_OK);
	/* nothing to fold onto */
	assert_error(INVITE " folded\r\n" BASIC "\r\n", SIP_E_HEADER);
}

static void checklist_03_compact_forms(void **state)
{
	struct parsed *t =
		parse(STR("REFER sip:bob@example.net SIP/2.0\r\n"
			  "v: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:a@b>;tag=1\r\n"
			  "T: <sip:b@c>\r\ni: x\r\nCSeq: 1 REFER\r\nm: <sip:a@h>\r\n"
			  "k: timer\r\nx: 90\r\nr: <sip:c@d>\r\nB: <sip:e@f>\r\no: refer\r\n"
			  "s: hi\r\ny: abc\r\ne: gzip\r\nc: text/plain\r\nl: 2\r\n\r\nhi"));
	static const uint8_t ids[] = { SIP_HDR_VIA,          SIP_HDR_FROM,
				       SIP_HDR_TO,           SIP_HDR_CALL_ID,
				       SIP_HDR_CSEQ,         SIP_HDR_CONTACT,
				       SIP_HDR_SUPPORTED,    SIP_HDR_SESSION_EXPIRES,
				       SIP_HDR_REFER_TO,     SIP_HDR_REFERRED_BY,
				       SIP_HDR_EVENT,        SIP_HDR_SUBJECT,
				       SIP_HDR_IDENTITY,     SIP_HDR_CONTENT_ENCODING,
				       SIP_HDR_CONTENT_TYPE, SIP_HDR_CONTENT_LENGTH };

	assert_int_equal(t->msg, 0);
	assert_int_equal(t->core, 0);
	assert_int_equal(t->m.n_hdr, sizeof(ids));
	for (unsigned i = 0; i < sizeof(ids); i++)
		assert_int_equal(t->m.hdr[i].id, ids[i]);
	done(t);
}

static void checklist_04_only_white_space_before_the_colon(void **state)
{
	struct parsed *t =
		parse(STR(INVITE VIA FROM "To \t : <sip:bob@example.net>\r\n" CALL_ID CSEQ
					  "X-A  :b\r\n\r\n"));

	assert_int_equal(t->msg, 0);
	assert_int_equal(t->core, 0);
	assert_str(sip_hdr_name(&t->m, &t->m.hdr[5]), "X-A");
	done(t);
	assert_error(INVITE BASIC "X-A\x01: b\r\n\r\n", SIP_E_CONTROL);
	assert_error(INVITE BASIC "X-A\v: b\r\n\r\n", SIP_E_CONTROL);
	assert_error(INVITE BASIC "X-A\xa0: b\r\n\r\n", SIP_E_HEADER);
	assert_error(INVITE BASIC "X A: b\r\n\r\n", SIP_E_HEADER);
	assert_error(INVITE BASIC "X-A;: b\r\n\r\n", SIP_E_HEADER);
	assert_error(INVITE BASIC "X-A\r\n\r\n", SIP_E_HEADER);
	assert_error(INVITE BASIC ": b\r\n\r\n", SIP_E_HEADER);
	assert_error(INVITE BASIC " : b\r\n\r\n", SIP_E_CSEQ); /* folds onto CSeq */
	/* an escape in a name is no other name */
	t = parse(STR(INVITE BASIC "%43ontact: <sip:x@y>\r\n\r\n"));
	assert_int_equal(t->msg, 0);
	assert_null(sip_hdr_first(&t->m, SIP_HDR_CONTACT));
	done(t);
}

static void checklist_11_content_length_on_a_datagram(void **state)
{
	struct parsed *t = parse(STR(INVITE BASIC "Content-Length: 0003\r\n\r\nabcdef"));

	assert_int_equal(t->msg, 0);
	assert_str(t->m.body, "abc");
	assert_int_equal(t->m.len, strlen(INVITE BASIC "Content-Length: 0003\r\n\r\nabc"));
	done(t);
	assert_error(INVITE BASIC "Content-Length: 4\r\n\r\nabc", SIP_E_LENGTH);
	assert_error(INVITE BASIC "Content-Length: -1\r\n\r\nabc", SIP_E_LENGTH);
	assert_error(INVITE BASIC "Content-Length:\r\n\r\nabc", SIP_E_LENGTH);
	assert_error(INVITE BASIC "Content-Length: 3 3\r\n\r\nabc", SIP_E_LENGTH);
	assert_error(INVITE BASIC "Content-Length: 4294967299\r\n\r\nabc", SIP_E_LENGTH);
	assert_error(INVITE BASIC "Content-Length: 18446744073709551619\r\n\r\nabc", SIP_E_LENGTH);
	assert_error(INVITE BASIC "Content-Length: 3\r\nl: 2\r\n\r\nabc", SIP_E_DUPLICATE);
	assert_error(INVITE BASIC "Content-Length: 0\r\n", SIP_E_NO_END);
	assert_error(INVITE BASIC "Subject: cut", SIP_E_NO_END);
}

static void checklist_12_single_value_fields_repeated(void **state)
{
	assert_error(INVITE BASIC FROM "\r\n", SIP_E_DUPLICATE);
	assert_error(INVITE BASIC TO "\r\n", SIP_E_DUPLICATE);
	assert_error(INVITE BASIC CALL_ID "\r\n", SIP_E_DUPLICATE);
	assert_error(INVITE BASIC "CSEQ : 1 INVITE\r\n\r\n", SIP_E_DUPLICATE);
	assert_error(INVITE BASIC "Max-Forwards: 1\r\nMax-Forwards: 2\r\n\r\n", SIP_E_DUPLICATE);
	assert_error(INVITE BASIC "r: <sip:a@b>\r\nRefer-To: <sip:c@d>\r\n\r\n", SIP_E_DUPLICATE);
	assert_error(INVITE BASIC "SIP-ETag: a\r\nSIP-ETag: b\r\n\r\n", SIP_E_DUPLICATE);
	assert_error(INVITE BASIC "Join: a\r\nJoin: b\r\n\r\n", SIP_E_DUPLICATE);
	/* the highest ids have their bits in another word */
	assert_error(INVITE BASIC "Max-Breadth: 1\r\nMax-Breadth: 2\r\n\r\n", SIP_E_DUPLICATE);
	assert_error(INVITE BASIC "Reply-To: <a:b>\r\nReply-To: <a:c>\r\n\r\n", SIP_OK);
	assert_error(INVITE BASIC "Route: <sip:a;lr>\r\nRoute: <sip:b;lr>\r\n\r\n", SIP_OK);
}

static void mandatory_fields_missing(void **state)
{
	assert_error(INVITE FROM TO CALL_ID CSEQ "\r\n", SIP_E_MISSING);
	assert_error(INVITE VIA TO CALL_ID CSEQ "\r\n", SIP_E_MISSING);
	assert_error(INVITE VIA FROM CALL_ID CSEQ "\r\n", SIP_E_MISSING);
	assert_error(INVITE VIA FROM TO CSEQ "\r\n", SIP_E_MISSING);
	assert_error(INVITE VIA FROM TO CALL_ID "\r\n", SIP_E_MISSING);
}

static void checklist_13_case(void **state)
{
	struct parsed *t = parse(STR("invite sip:b@c SIP/2.0\r\n" VIA "fRoM: <sip:a@b>;TAG=Q\r\n"
				     "TO: <sip:b@c>\r\ncall-id: AbC\r\ncseq: 1 invite\r\n\r\n"));

	assert_int_equal(t->msg, 0);
	assert_int_equal(t->core, 0);
	assert_int_equal(t->m.method, SIP_METHOD_OTHER); /* case counts in a method */
	assert_str(t->c.from.tag, "Q");
	assert_str(t->c.call_id, "AbC");
	done(t);
	/* and "INVITE" is not "invite" */
	assert_error("invite sip:b@c SIP/2.0\r\n" BASIC "\r\n", SIP_E_CSEQ);
	assert_error("INVITE sip:b@c sip/2.0\r\n" BASIC "\r\n", SIP_OK);
}

static void checklist_14_cseq_is_that_of_the_request(void **state)
{
	assert_error("BYE sip:b@c SIP/2.0\r\n" BASIC "\r\n", SIP_E_CSEQ);
	assert_error("OTHER sip:b@c SIP/2.0\r\n" VIA FROM TO CALL_ID "CSeq: 1 ANOTHER\r\n\r\n",
		     SIP_E_CSEQ);
	assert_error("OTHER sip:b@c SIP/2.0\r\n" VIA FROM TO CALL_ID "CSeq: 1 OTHER\r\n\r\n",
		     SIP_OK);
	assert_error(INVITE VIA FROM TO CALL_ID "CSeq: 2147483648 INVITE\r\n\r\n", SIP_E_CSEQ);
	assert_error(INVITE VIA FROM TO CALL_ID "CSeq: 2147483647\r\n\t \r\n INVITE\r\n\r\n",
		     SIP_OK);
}

static void checklist_15_control_octets(void **state)
{
	/* "\r" with bit 5 set is "-": a name must not be found that way */
	struct parsed *t = parse(STR(INVITE VIA FROM TO "Call\rID: x\r\n" CSEQ "\r\n"));

	assert_int_equal(t->msg, -SIP_E_CONTROL);
	assert_null(sip_hdr_first(&t->m, SIP_HDR_CALL_ID));
	done(t);
	for (int c = 0; c < 0x20; c++) {
		char s[] = INVITE BASIC "Subject: abcdefghijklmnop?\r\n\r\n";

		*strchr(s, '?') = (char)c;
		t = parse((struct str){ s, sizeof(s) - 1 });
		assert_int_equal(t->msg, c == '\t' ? 0 : -SIP_E_CONTROL);
		done(t);
	}
	assert_error(INVITE BASIC "Subject: a\x7f\r\n\r\n", SIP_E_CONTROL);
	assert_error("INVITE sip:b@c\x01 SIP/2.0\r\n" BASIC "\r\n", SIP_E_CONTROL);
	assert_error(INVITE BASIC "Subject: a\n\r\n", SIP_E_CONTROL);
	assert_error(INVITE BASIC "Subject: a\r\r\n\r\n", SIP_E_CONTROL);
	assert_error(INVITE BASIC "Subject: \xd1\x8f\r\n\r\n", SIP_OK);
}

/* A quoted-pair may hold any octet but CR and LF, so the display name of a caller may hold NUL. */
static void control_octets_in_quoted_pairs(void **state)
{
	struct parsed *t =
		parse(STR(INVITE VIA FROM
			  "To: \"a\\\0\r\n b\\\x07\\\x7f\\\"\" <sip:b@c>\r\n" CALL_ID CSEQ "\r\n"));

	assert_int_equal(t->msg, 0);
	assert_int_equal(t->core, 0);
	assert_str(t->c.to.uri, "sip:b@c");
	done(t);
	assert_error(INVITE BASIC "Subject: \"a\x07\"\r\n\r\n", SIP_E_CONTROL);
	assert_error(INVITE BASIC "Subject: \"a\\\\\x07\"\r\n\r\n", SIP_E_CONTROL);
	assert_error(INVITE BASIC "Subject: a\\\x07\r\n\r\n", SIP_E_CONTROL);
	assert_error(INVITE BASIC "Subject: \"\" \\\x07\r\n\r\n", SIP_E_CONTROL);
	assert_error(INVITE BASIC "Subject: \"a\\\nb\"\r\n\r\n", SIP_E_CONTROL);
	assert_error(INVITE BASIC "Subject: \"a\\\rb\"\r\n\r\n", SIP_E_CONTROL);
}

static void start_lines(void **state)
{
	assert_error("INVITE  sip:b@c SIP/2.0\r\n" BASIC "\r\n", SIP_E_START_LINE);
	assert_error("INVITE sip:b@c  SIP/2.0\r\n" BASIC "\r\n", SIP_E_START_LINE);
	assert_error("INVITE sip:b@c SIP/2.0 \r\n" BASIC "\r\n", SIP_E_START_LINE);
	assert_error(" INVITE sip:b@c SIP/2.0\r\n" BASIC "\r\n", SIP_E_START_LINE);
	assert_error("INVITE\tsip:b@c SIP/2.0\r\n" BASIC "\r\n", SIP_E_START_LINE);
	assert_error("INVITE sip:b@c; lr SIP/2.0\r\n" BASIC "\r\n", SIP_E_START_LINE);
	assert_error("INVITE sip:b@c\r\n" BASIC "\r\n", SIP_E_START_LINE);
	assert_error("INVITE sip:b@c HTTP/1.1\r\n" BASIC "\r\n", SIP_E_START_LINE);
	assert_error("INVITE sip:b@c SIP/2.x\r\n" BASIC "\r\n", SIP_E_START_LINE);
	assert_error("INVITE\r\n" BASIC "\r\n", SIP_E_START_LINE);
	assert_error("INVITE", SIP_E_START_LINE);
	assert_error("INVITE <sip:b@c> SIP/2.0\r\n" BASIC "\r\n", SIP_E_URI);
	assert_error("INVITE sip:b@c\t SIP/2.0\r\n" BASIC "\r\n", SIP_E_URI);
	assert_error("INVITE sip:b@c?Route=x SIP/2.0\r\n" BASIC "\r\n", SIP_E_URI);
	assert_error("INVITE mailto:b@c SIP/2.0\r\n" BASIC "\r\n", SIP_E_SCHEME);
	assert_error("INVITE tel:+ SIP/2.0\r\n" BASIC "\r\n", SIP_E_URI);
	assert_error("INVITE tel:+49301 SIP/2.0\r\n" BASIC "\r\n", SIP_OK);
	assert_error("INVITE urn:service:sos SIP/2.0\r\n" BASIC "\r\n", SIP_OK);
	assert_error("INVITE urn:isbn:1 SIP/2.0\r\n" BASIC "\r\n", SIP_E_SCHEME);
	assert_error("INVITE sip:b@c SIP/3.0\r\n" BASIC "\r\n", SIP_E_VERSION);
	assert_error("INVITE sip:b@c SIP/2.00\r\n" BASIC "\r\n", SIP_E_VERSION);
	assert_error("SIP/2.0 99 x\r\n" BASIC "\r\n", SIP_E_START_LINE);
	assert_error("SIP/2.0 0200 x\r\n" BASIC "\r\n", SIP_E_START_LINE);
	assert_error("SIP/2.0 700 x\r\n" BASIC "\r\n", SIP_E_START_LINE);
	assert_error("SIP/2.0  200 x\r\n" BASIC "\r\n", SIP_E_START_LINE);
	assert_error("SIP/2.0 4294967497 x\r\n" BASIC "\r\n", SIP_E_START_LINE);
	assert_error("SIP/3.0 200 x\r\n" BASIC "\r\n", SIP_E_VERSION);
	assert_error("SIP/2.0\r\n" BASIC "\r\n", SIP_E_START_LINE);
}

static void a_request_has_a_from_tag(void **state)
{
	assert_error(INVITE VIA "f: <sip:a@b>\r\n" TO CALL_ID CSEQ "\r\n", SIP_E_ADDRESS);
	assert_error("SIP/2.0 200 OK\r\n" VIA "f: <sip:a@b>\r\n" TO CALL_ID CSEQ "\r\n", SIP_OK);
}

static void max_forwards(void **state)
{
	struct parsed *t = parse(STR(INVITE BASIC "\r\n"));

	assert_int_equal(t->c.max_forwards, 70);
	done(t);
	assert_error(INVITE BASIC "Max-Forwards: 0255\r\n\r\n", SIP_OK);
	assert_error(INVITE BASIC "Max-Forwards: 256\r\n\r\n", SIP_E_MAX_FORWARDS);
	assert_error(INVITE BASIC "Max-Forwards: x\r\n\r\n", SIP_E_MAX_FORWARDS);
	assert_error(INVITE BASIC "Max-Forwards:\r\n\r\n", SIP_E_MAX_FORWARDS);
}

static void counts_vias(void **state)
{
	struct parsed *t =
		parse(STR(INVITE BASIC "v: SIP/2.0/TCP a;branch=z9hG4bK2 , SIP/2.0/X b\r\n"
				       "\r\n"));

	assert_int_equal(t->core, 0);
	assert_int_equal(t->c.n_via, 3);
	assert_str(t->c.via.host, "192.0.2.1");
	done(t);
	assert_error(INVITE BASIC "v: SIP/2.0/TCP a,\r\n\r\n", SIP_E_VIA);
	assert_error(INVITE BASIC "v: SIP/2.0/TCP a;;\r\n\r\n", SIP_E_VIA);
	/* none, or not RFC 3261's */
	assert_error(INVITE "v: SIP/2.0/UDP a\r\n" FROM TO CALL_ID CSEQ "\r\n", SIP_E_VIA);
	assert_error(INVITE "v: SIP/2.0/UDP a;branch=x\r\n" FROM TO CALL_ID CSEQ "\r\n", SIP_E_VIA);
	assert_error(INVITE "v: SIP/2.0/UDP a;branch=z9hG4bK\r\n" FROM TO CALL_ID CSEQ "\r\n",
		     SIP_E_VIA);
}

/* Builds INVITE BASIC and `n` times `line` and the empty line. */
static struct str repeat(char *mem, size_t cap, const char *line, unsigned n)
{
	struct buf b;

	buf_init(&b, mem, cap);
	buf_lit(&b, INVITE BASIC);
	while (n--)
		buf_put(&b, str_of(line));
	buf_lit(&b, "\r\n");
	assert_true(buf_ok(&b));
	return buf_str(&b);
}

static void limits_of_number_and_size(void **state)
{
	char mem[20000], big[9000];
	struct parsed *t;

	assert_int_equal(error_of(repeat(mem, sizeof(mem), "A: b\r\n", SIP_HEADERS_MAX - 5)),
			 SIP_OK);
	t = parse(repeat(mem, sizeof(mem), "A: b\r\n", SIP_HEADERS_MAX - 4));
	assert_int_equal(t->msg, -SIP_E_TOO_MANY);
	assert_true(answerable(t));
	done(t);
	assert_int_equal(error_of(repeat(mem, sizeof(mem), "v: SIP/2.0/UDP a\r\n", 69)), SIP_OK);
	assert_int_equal(error_of(repeat(mem, sizeof(mem), "v: SIP/2.0/UDP a\r\n", 70)), SIP_E_VIA);
	memset(big, 'x', sizeof(big));
	memcpy(big, "Subject: ", 9);
	memcpy(big + 8192, "\r\n", 3);
	assert_int_equal(error_of(repeat(mem, sizeof(mem), big, 1)), SIP_OK);
	memcpy(big + 8192, "x\r\n", 4);
	assert_int_equal(error_of(repeat(mem, sizeof(mem), big, 1)), SIP_E_HEADER);
	memcpy(big + 8190, "\r\n", 3);
	t = parse(repeat(mem, sizeof(mem), big, 2));
	assert_int_equal(t->msg, -SIP_E_TOO_LARGE);
	assert_true(answerable(t));
	done(t);
}

static void limits_of_tokens(void **state)
{
	static const struct {
		const char *before, *after;
		int error;
	} rows[] = {
		{ INVITE VIA FROM TO CSEQ "i: ", "\r\n\r\n", SIP_E_HEADER },
		{ INVITE VIA TO CALL_ID CSEQ "f: <sip:a@b>;tag=", "\r\n\r\n", SIP_E_ADDRESS },
		{ INVITE VIA FROM CALL_ID CSEQ "t: <sip:a@b>;tag=", "\r\n\r\n", SIP_E_ADDRESS },
		{ INVITE FROM TO CALL_ID CSEQ "v: SIP/2.0/UDP a;branch=z9hG4bK", "\r\n\r\n",
		  SIP_E_VIA },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (unsigned extra = 0; extra < 2; extra++) {
			char mem[1024];
			struct buf b;

			buf_init(&b, mem, sizeof(mem));
			buf_put(&b, str_of(rows[i].before));
			/* the cookie counts too */
			for (unsigned n = i == 3 ? 7 : 0; n < SIP_TOKEN_MAX + extra; n++)
				buf_lit(&b, "x");
			buf_put(&b, str_of(rows[i].after));
			assert_true(buf_ok(&b));
			assert_int_equal(error_of(buf_str(&b)), extra ? rows[i].error : SIP_OK);
		}
	}
}

static void refused_requests_can_be_answered(void **state)
{
	struct parsed *t = parse(STR("INVITE sip:b@c; lr SIP/2.0\r\nX Y: z\r\n" BASIC "\r\n"));

	assert_int_equal(t->msg, -SIP_E_START_LINE);
	assert_int_equal(t->core, -SIP_E_URI);
	assert_true(answerable(t));
	assert_int_equal(t->m.n_hdr, 5);
	done(t);
	t = parse(STR("ACK sip:b@c; lr SIP/2.0\r\n" BASIC "\r\n"));
	assert_false(answerable(t));
	done(t);
	t = parse(STR("SIP/2.0 4294967497 x\r\n" BASIC "\r\n"));
	assert_false(answerable(t));
	done(t);
	t = parse(STR("SIP/2.0 200 OK\r\n" VIA FROM TO CALL_ID "CSeq: x\r\n\r\n"));
	assert_false(answerable(t));
	done(t);
	t = parse(STR(INVITE VIA CSEQ "\r\n"));
	assert_true(answerable(t));
	done(t);
	t = parse(STR(INVITE VIA FROM TO CALL_ID "\r\n"));
	assert_false(answerable(t));
	done(t);
	t = parse(STR(INVITE FROM TO CALL_ID CSEQ "\r\n"));
	assert_false(answerable(t));
	done(t);
}

static void call_ids(void **state)
{
	assert_error(INVITE VIA FROM TO CSEQ "i: a b\r\n\r\n", SIP_E_HEADER);
	assert_error(INVITE VIA FROM TO CSEQ "i:\r\n\r\n", SIP_E_HEADER);
	assert_error(INVITE VIA FROM TO CSEQ "i: a\xd1\r\n\r\n", SIP_E_HEADER);
	assert_error(INVITE VIA FROM TO CSEQ "i: a.!%*_+`'~()<>:\\\"/[]?{}@b\r\n\r\n", SIP_OK);
}

static void chains_fields_of_one_id(void **state)
{
	struct parsed *t = parse(STR(INVITE BASIC "Route: <sip:a>\r\nX: y\r\nroute: <sip:b>\r\n"
						  "Via: SIP/2.0/UDP c\r\nROUTE: <sip:c>\r\n\r\n"));
	const struct sip_hdr *h = sip_hdr_first(&t->m, SIP_HDR_ROUTE);

	assert_str(sip_hdr_value(&t->m, h), "<sip:a>");
	h = sip_hdr_next(&t->m, h);
	assert_str(sip_hdr_value(&t->m, h), "<sip:b>");
	h = sip_hdr_next(&t->m, h);
	assert_str(sip_hdr_value(&t->m, h), "<sip:c>");
	assert_null(sip_hdr_next(&t->m, h));
	for (int id = 0; id < SIP_HDR_COUNT; id++)
		assert_int_equal(sip_hdr_repeated(&t->m, (enum sip_hdr_id)id),
				 id == SIP_HDR_ROUTE || id == SIP_HDR_VIA);
	done(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(indexes_a_request),
		cmocka_unit_test(indexes_a_response),
		cmocka_unit_test(checklist_01_leading_line_ends_and_keepalives),
		cmocka_unit_test(checklist_02_folding),
		cmocka_unit_test(checklist_03_compact_forms),
		cmocka_unit_test(checklist_04_only_white_space_before_the_colon),
		cmocka_unit_test(checklist_11_content_length_on_a_datagram),
		cmocka_unit_test(checklist_12_single_value_fields_repeated),
		cmocka_unit_test(mandatory_fields_missing),
		cmocka_unit_test(checklist_13_case),
		cmocka_unit_test(checklist_14_cseq_is_that_of_the_request),
		cmocka_unit_test(checklist_15_control_octets),
		cmocka_unit_test(control_octets_in_quoted_pairs),
		cmocka_unit_test(start_lines),
		cmocka_unit_test(a_request_has_a_from_tag),
		cmocka_unit_test(max_forwards),
		cmocka_unit_test(counts_vias),
		cmocka_unit_test(limits_of_number_and_size),
		cmocka_unit_test(limits_of_tokens),
		cmocka_unit_test(refused_requests_can_be_answered),
		cmocka_unit_test(call_ids),
		cmocka_unit_test(chains_fields_of_one_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
