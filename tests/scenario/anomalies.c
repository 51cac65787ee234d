/* SPDX-License-Identifier: Apache-2.0 */
/* Each piece of an INVITE in the place of which something odd stands, as datagrams from a trunk into a whole shard:
 * thousands of cases. Nothing may crash, no more than one final answer come, and a good call be answered at once after
 * each. Output is TAP, one line a piece. "anomalies -e N" plays every N-th case only; "anomalies -w N" writes every N-th case to stdout instead, its length in front in
 * decimal, for tests over real sockets. */
#include <stdio.h>
#include <stdlib.h>

#include "probe.h"

#define DATAGRAM 65507 /* the most that IPv4 carries */
#define SLOTS    256

/* "{...}" is a piece; so is the name and the value of each line. */
static const char template[] =
	"{INVITE} {{sip}:{0301234}@{10.0.0.1}:{5060};{user}={phone}} {SIP}/{2.0}\r\n"
	"Via: {SIP}/{2.0}/{UDP} {10.0.0.20}:{5060};{rport};branch={z9hG4bKodd}, SIP/2.0/UDP "
	"{b.example};received={192.0.2.1}\r\n"
	"Max-Forwards: 70\r\n"
	"From: {\"Odd\" }<{sip:{+4930100}@{10.0.0.20}}>;tag={odd};x={y}\r\n"
	"To: <{sip:0301234@{10.0.0.1}}>{;x=\"y\"}\r\n"
	"Call-ID: {odd}@{10.0.0.20}\r\n"
	"CSeq: {1} {INVITE}\r\n"
	"Contact: {\"Odd\"} "
	"<{sip:+4930100@{10.0.0.20}:{5060};{transport}={udp}}>;q={0.5};expires={60}\r\n"
	"Record-Route: <{sip:p.example;{lr}}>, <sip:10.0.0.20;lr>\r\n"
	"Supported: {100rel}, timer\r\n"
	"Allow: {INVITE}, ACK, BYE\r\n"
	"Accept: {application/{sdp}};q={1}\r\n"
	"Expires: 120\r\n"
	"Session-Expires: {1800};refresher={uac}\r\n"
	"Min-SE: 90\r\n"
	"P-Asserted-Identity: \"A\" <{tel:{+4930100}}>\r\n"
	"P-Preferred-Identity: <sip:+4930100@10.0.0.20>\r\n"
	"Privacy: {none};id\r\n"
	"Diversion: <sip:{1}@d.example>;reason={unknown};counter={1}\r\n"
	"History-Info: <sip:1@h.example?Reason={SIP%3Bcause%3D302}>;index={1.1}\r\n"
	"Reason: {Q.850};cause={16};text={\"x\"}\r\n"
	"Timestamp: {54}.{5} {0.1}\r\n"
	"Date: {Sat}, {13} Nov {2010} {23:29:00} GMT\r\n"
	"Subject: odd\r\n"
	"Priority: urgent\r\n"
	"Alert-Info: <{urn:alert:service:normal}>\r\n"
	"Call-Info: <http://c.example/>;purpose={icon}\r\n"
	"User-Agent: odd/1 (a (b))\r\n"
	"Geolocation: <cid:a@b>\r\n"
	"Identity: eyJ.{eyJ}.sig;info=<https://i.example/>;alg={ES256}\r\n"
	"User-to-User: {00};encoding=hex\r\n"
	"P-Early-Media: supported\r\n"
	"Resource-Priority: {q735}.{0}\r\n"
	"Session-ID: {ab30317f1a784dc48ff824d0d3715d86};remote=00000000000000000000000000000000\r\n"
	"MIME-Version: {1}.0\r\n"
	"Content-Disposition: {session};handling={required}\r\n"
	"X-Odd: {odd}\r\n"
	"Content-Type: {application}/{sdp};{charset}={utf-8}\r\n"
	"Content-Length: 00000\r\n\r\n"
	"v={0}\r\no={-} {1} {1} {IN} {IP4} {10.0.0.20}\r\ns=-\r\nc=IN IP4 {10.0.0.20}\r\nt={0} "
	"{0}\r\n"
	"m={audio} {4000} {RTP/AVP} {8} {101}\r\na=rtpmap:{8} {PCMA}/{8000}\r\na=rtpmap:101 "
	"{telephone-event}/8000\r\n"
	"a=fmtp:{101} {0-15}\r\na=ptime:{20}\r\na=rtcp:{4001}\r\na={sendrecv}\r\n";

struct odd {
	const char *text;
	size_t n, times;
};

#define ONE(lit)                                                                                   \
	{                                                                                          \
		lit, sizeof(lit) - 1, 1                                                            \
	}
#define MANY(lit, k)                                                                               \
	{                                                                                          \
		lit, sizeof(lit) - 1, k                                                            \
	}

static const struct odd odds[] = {
	ONE(""),
	ONE("a"),
	MANY("a", 2),
	MANY("a", 16),
	MANY("a", 128),
	MANY("a", 255),
	MANY("a", 256),
	MANY("a", 257),
	MANY("a", 1023),
	MANY("a", 1025),
	MANY("a", 4096),
	MANY("a", 8193),
	MANY("a", 16384),
	MANY("a", 32768),
	MANY("a", 60000),
	MANY("%s", 64),
	MANY("%n", 64),
	ONE("%d%x%p%999999999s%.99999d"),
	ONE("%00"),
	ONE("%"),
	ONE("%zz"),
	MANY("%41", 300),
	ONE("\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\x9e"),
	ONE("\xef\xbb\xbf"),
	ONE("\xc0\xaf\xed\xa0\x80\xf8\x88\x80\x80\x80"),
	ONE("\xff\xfe"),
	MANY("\x80", 500),
	ONE("\0"),
	ONE("a\0b"),
	MANY("\0", 300),
	ONE("\x01\x02\x08\x0b\x1b\x7f"),
	ONE("\r"),
	ONE("\n"),
	ONE("\r\n"),
	ONE("\r\n\r\n"),
	ONE("\r\n "),
	MANY("\r\n\t", 100),
	ONE("\r\nX-Odd: smuggled"),
	ONE(" "),
	ONE("\t"),
	MANY(" ", 2000),
	ONE("0"),
	ONE("-0"),
	ONE("-1"),
	ONE("+1"),
	ONE("1.5"),
	ONE("1e9"),
	ONE("0x7f"),
	ONE("255"),
	ONE("256"),
	ONE("65535"),
	ONE("65536"),
	ONE("2147483647"),
	ONE("2147483648"),
	ONE("-2147483649"),
	ONE("4294967295"),
	ONE("4294967296"),
	ONE("4294967297"),
	ONE("18446744073709551615"),
	ONE("18446744073709551617"),
	MANY("9", 300),
	MANY("0", 300),
	ONE("0.0.0.0"),
	ONE("127.0.0.1"),
	ONE("255.255.255.255"),
	ONE("256.256.256.256"),
	ONE("1.2.3"),
	ONE("1.2.3.4.5"),
	ONE("[::]"),
	ONE("[::1]"),
	ONE("[:::1]"),
	ONE("[1:2:3:4:5:6:7:8:9]"),
	ONE("[fe80::1%25eth0]"),
	ONE("[::ffff:10.0.0.20]"),
	ONE("["),
	ONE("]"),
	ONE("2001:db8::1"),
	MANY(";", 200),
	MANY(",", 200),
	MANY(":", 200),
	MANY("@", 200),
	MANY("<", 200),
	MANY(">", 200),
	MANY("=", 200),
	MANY("/", 200),
	MANY("?", 200),
	MANY("&", 200),
	MANY(".", 200),
	MANY("(", 2000),
	MANY("a,", 500),
	MANY(";a=b", 500),
	MANY("<a>", 200),
	ONE("\""),
	ONE("\\"),
	ONE("\"\\\""),
	MANY("\\\"", 300),
	MANY("\"a\"", 200),
	ONE("*"),
	ONE("{}[]|^`"),
	ONE("sip:a@b"),
	ONE("<sip:a@b>;tag=x"),
	ONE("urn:service:sos"),
	ONE("SIP/2.0"),
};

#define ODDS (sizeof(odds) / sizeof(odds[0]))

/* The message without braces, and what of it is replaced. */
struct base {
	char text[sizeof(template)];
	size_t n;
	struct {
		size_t from, to;
	} slot[SLOTS];
	unsigned n_slots;
};

static void add_slot(struct base *b, size_t from, size_t to)
{
	if (b->n_slots == SLOTS)
		abort();
	b->slot[b->n_slots].from = from;
	b->slot[b->n_slots++].to = to;
}

/* The pieces in braces; they may hold others. */
static void read_pieces(struct base *b)
{
	size_t open[8], depth = 0;

	for (const char *p = template; *p; p++) {
		if (*p == '{')
			open[depth++] = b->n;
		else if (*p == '}')
			add_slot(b, open[--depth], b->n);
		else
			b->text[b->n++] = *p;
	}
}

/* The name and the value of each line behind the first. */
static void read_lines(struct base *b)
{
	struct str rest = { b->text, b->n }, line, value, name;

	str_line(&rest, &line);
	while (str_line(&rest, &line)) {
		value = line;
		if (!line.n || !str_token(&value, memchr(line.p, '=', 2) ? '=' : ':', &name))
			continue;
		add_slot(b, (size_t)(line.p - b->text), (size_t)(line.p + name.n - b->text));
		add_slot(b, (size_t)(value.p - b->text), (size_t)(value.p + value.n - b->text));
	}
}

/* Content-Length tells the truth unless it is the piece itself. */
static void set_length(char *text, size_t n)
{
	const char *end = memmem(text, n, "\r\n\r\nv", 5);
	char *length = memmem(text, n, "Content-Length: 00000\r\n", 23);
	char digits[8];

	if (!end || !length)
		return;
	snprintf(digits, sizeof(digits), "%05zu", n - (size_t)(end + 4 - text));
	memcpy(length + 16, digits, 5);
}

static struct str make(const struct base *b, unsigned slot, const struct odd *o, char *out)
{
	size_t from = b->slot[slot].from, to = b->slot[slot].to, n = from;

	memcpy(out, b->text, from);
	for (size_t i = 0; i < o->times && n + o->n + b->n - to <= DATAGRAM; i++, n += o->n)
		memcpy(out + n, o->text, o->n);
	memcpy(out + n, b->text + to, b->n - to);
	n += b->n - to;
	set_length(out, n);
	return (struct str){ out, n };
}

struct outcomes {
	unsigned long called, refused, dropped;
};

/* Passed on, refused once, or dropped. */
static void check(struct world *w, const struct probe *p, const void *row)
{
	struct outcomes *o = (struct outcomes *)(uintptr_t)row;

	o->called += p->called;
	o->refused += p->n_status;
	o->dropped += !p->called && !p->n_status;
	if (p->n_status > 1 || (p->called && p->n_status))
		world_fail(w, "%u replies%s, the last is\n%.*s", p->n_status,
			   p->called ? " and passed on" : "", (int)(p->reply ? p->reply->raw.n : 0),
			   p->reply ? p->reply->raw.p : "");
}

static bool play_slot(const struct base *b, unsigned slot, unsigned long step, char *out,
		      struct outcomes *sum)
{
	bool ok = true;

	for (unsigned i = 0; i < ODDS; i++) {
		char name[64];

		if ((slot * ODDS + i) % step)
			continue;

		snprintf(name, sizeof(name), "piece %u, oddity %u", slot + 1, i + 1);
		if (!probe_play(name, make(b, slot, &odds[i], out), check, sum)) {
			printf("# %s\n", name);
			ok = false;
		}
	}
	return ok;
}

static int write_out(const struct base *b, unsigned long step, char *out)
{
	for (unsigned long i = 0; i < b->n_slots * ODDS; i += step) {
		struct str s = make(b, (unsigned)(i / ODDS), &odds[i % ODDS], out);

		printf("%zu\n", s.n);
		fwrite(s.p, 1, s.n, stdout);
	}
	return ferror(stdout) ? 1 : 0;
}

int main(int argc, char **argv)
{
	static struct base b;
	static char out[DATAGRAM + sizeof(template)];
	struct outcomes sum = { 0 };
	unsigned long step = 1;
	unsigned failed = 0;

	read_pieces(&b);
	read_lines(&b);
	if (argc == 3)
		step = strtoul(argv[2], NULL, 10);
	if (!step || (argc != 1 && argc != 3))
		return 2;
	if (argc == 3 && !strcmp(argv[1], "-w"))
		return write_out(&b, step, out);
	printf("1..%u\n", b.n_slots);
	for (unsigned i = 0; i < b.n_slots; i++) {
		struct str piece = { b.text + b.slot[i].from, b.slot[i].to - b.slot[i].from };
		bool ok = play_slot(&b, i, step, out, &sum);

		failed += !ok;
		printf("%sok %u - oddities for \"%.*s\"\n", ok ? "" : "not ", i + 1,
		       STR_FMT(piece));
	}
	printf("# %lu passed on, %lu refused, %lu dropped\n", sum.called, sum.refused, sum.dropped);
	return failed != 0;
}
