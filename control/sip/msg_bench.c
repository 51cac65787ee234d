/* SPDX-License-Identifier: Apache-2.0 */
/* Nanoseconds a message: index; index and core; all that and a B2BUA's other leg written out. Over
 * 32 messages of each kind that differ in their contents and in the order of their fields, so that
 * no branch is learned by heart. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "sip/msg.h"

#define VARIANTS 32
#define ROUNDS   31
#define PASSES   200
#define FIELDS   16

struct corpus {
	const char *name;
	char *msg[VARIANTS];
	size_t len[VARIANTS];
	size_t octets;
};

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

struct gen {
	uint64_t seed;
	struct buf field[FIELDS];
	char mem[FIELDS][256];
	unsigned n;
};

static struct buf *field(struct gen *g)
{
	struct buf *b = &g->field[g->n];

	buf_init(b, g->mem[g->n++], sizeof(g->mem[0]));
	return b;
}

static void put_uuid(struct buf *b, struct gen *g)
{
	uint64_t hi = next_random(&g->seed), lo = next_random(&g->seed);

	buf_fmt(b, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(hi >> 32),
		(unsigned)(hi >> 16) & 0xffff, (unsigned)hi & 0xffff, (unsigned)(lo >> 48),
		(unsigned long long)lo & 0xffffffffffff);
}

static unsigned pick(struct gen *g, unsigned from, unsigned to)
{
	return from + (unsigned)(next_random(&g->seed) % (to - from));
}

static void put_sdp(struct buf *b, struct gen *g, unsigned host)
{
	unsigned id = pick(g, 100000000, 999999999), port = pick(g, 5000, 10000) * 2;

	buf_fmt(b,
		"v=0\r\no=- %u %u IN IP4 203.0.113.%u\r\ns=Asterisk\r\nc=IN IP4 203.0.113.%u\r\n"
		"t=0 0\r\nm=audio %u RTP/AVP 9 8 0 101\r\na=rtpmap:9 G722/8000\r\n"
		"a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 "
		"telephone-event/8000\r\n"
		"a=fmtp:101 0-16\r\na=ptime:20\r\na=maxptime:140\r\na=sendrecv\r\n",
		id, id + 1, host, host, port);
}

/* What every message has. */
static void common_fields(struct gen *g, const char *method, bool to_tag, unsigned host)
{
	unsigned caller = pick(g, 10000000, 99999999), called = pick(g, 10000000, 99999999);
	struct buf *b = field(g);

	buf_fmt(b, "From: \"Alice Example\" <sip:+4989%u@203.0.113.%u>;tag=", caller, host);
	put_uuid(b, g);
	b = field(g);
	buf_fmt(b, "To: <sip:+4930%u@sbc.example.net>", called);
	if (to_tag) {
		buf_lit(b, ";tag=");
		put_uuid(b, g);
	}
	b = field(g);
	buf_lit(b, "Call-ID: ");
	put_uuid(b, g);
	buf_fmt(field(g), "CSeq: %u %s", pick(g, 1, 32768), method);
}

#define METHODS                                                                                    \
	"OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, " \
	"INFO, MESSAGE, REFER"

/* Those of INVITE and its 200. */
static void call_fields(struct gen *g, unsigned host)
{
	buf_fmt(field(g), "Contact: <sip:asterisk@203.0.113.%u:5060>", host);
	buf_fmt(field(g), "Record-Route: <sip:203.0.113.1;lr;ftag=%08x>",
		(unsigned)next_random(&g->seed));
	buf_lit(field(g), "Allow: " METHODS);
	buf_lit(field(g), "Supported: 100rel, timer, replaces, norefersub, histinfo");
	buf_lit(field(g), "Session-Expires: 1800;refresher=uac");
}

static void write_message(struct gen *g, struct buf *out, bool via_reply, unsigned host, bool sdp)
{
	char mem[1024];
	struct buf body;

	buf_fmt(out, "Via: SIP/2.0/UDP 203.0.113.%u:5060;rport", host);
	if (via_reply)
		buf_fmt(out, "=5060;received=203.0.113.%u", host);
	buf_lit(out, ";branch=z9hG4bKPj");
	put_uuid(out, g);
	buf_lit(out, "\r\n");
	for (unsigned i = g->n; i > 1; i--) {
		unsigned k = pick(g, 0, i);
		struct buf t = g->field[i - 1];

		g->field[i - 1] = g->field[k];
		g->field[k] = t;
	}
	for (unsigned i = 0; i < g->n; i++) {
		buf_put(out, buf_str(&g->field[i]));
		buf_lit(out, "\r\n");
	}
	buf_init(&body, mem, sizeof(mem));
	if (sdp)
		put_sdp(&body, g, host);
	sip_put_body(out, STR("application/sdp"), buf_str(&body));
}

static void generate(struct gen *g, const char *kind, struct buf *out)
{
	unsigned host = pick(g, 2, 250);

	g->n = 0;
	if (strcmp(kind, "invite_1100") == 0) {
		buf_fmt(out, "INVITE sip:+4930%u@sbc.example.net:5060 SIP/2.0\r\n",
			pick(g, 10000000, 99999999));
		common_fields(g, "INVITE", false, host);
		call_fields(g, host);
		buf_lit(field(g), "Min-SE: 90");
		buf_fmt(field(g), "P-Asserted-Identity: <sip:+4989%u@203.0.113.%u>",
			pick(g, 10000000, 99999999), host);
		buf_lit(field(g), "Max-Forwards: 70");
		buf_lit(field(g), "User-Agent: Asterisk PBX 20.5.0");
	} else if (strcmp(kind, "ok_1100") == 0) {
		buf_lit(out, "SIP/2.0 200 OK\r\n");
		common_fields(g, "INVITE", true, host);
		call_fields(g, host);
		buf_lit(field(g), "Server: Asterisk PBX 20.5.0");
		buf_lit(field(g), "Require: timer");
	} else {
		buf_lit(out, "BYE sip:gw@198.51.100.7:5060;transport=udp SIP/2.0\r\n");
		common_fields(g, "BYE", true, host);
		buf_lit(field(g), "Route: <sip:203.0.113.1;lr>");
		buf_lit(field(g), "Reason: Q.850;cause=16;text=\"Normal call clearing\"");
		buf_lit(field(g), "Max-Forwards: 70");
		buf_lit(field(g), "User-Agent: Asterisk PBX 20.5.0");
	}
	write_message(g, out, *kind == 'o', host, *kind != 'b');
}

static int corpus_new(struct corpus *c, const char *kind)
{
	struct gen g = { .seed = 42 };

	c->name = kind;
	for (unsigned i = 0; i < VARIANTS; i++) {
		char mem[4096];
		struct buf b;

		buf_init(&b, mem, sizeof(mem));
		generate(&g, kind, &b);
		c->msg[i] = buf_ok(&b) ? calloc(1, b.n + SIP_PAD) : NULL;
		if (!c->msg[i])
			return -1;
		memcpy(c->msg[i], b.p, b.n);
		c->len[i] = b.n;
		c->octets += b.n;
	}
	return 0;
}

static void corpus_free(struct corpus *c)
{
	for (unsigned i = 0; i < VARIANTS; i++)
		free(c->msg[i]);
}

enum work {
	PARSE,
	CORE,
	BUILD
};

/* Fields that the other leg gets anew or not at all. */
static bool replaced(uint8_t id)
{
	static const bool ours[SIP_HDR_COUNT] = {
		[SIP_HDR_VIA] = true,          [SIP_HDR_FROM] = true,
		[SIP_HDR_TO] = true,           [SIP_HDR_CALL_ID] = true,
		[SIP_HDR_CSEQ] = true,         [SIP_HDR_CONTACT] = true,
		[SIP_HDR_MAX_FORWARDS] = true, [SIP_HDR_ROUTE] = true,
		[SIP_HDR_RECORD_ROUTE] = true, [SIP_HDR_CONTENT_TYPE] = true,
		[SIP_HDR_USER_AGENT] = true,   [SIP_HDR_CONTENT_LENGTH] = true,
		[SIP_HDR_SERVER] = true,
	};

	return ours[id];
}

static void put_start_line(struct buf *b, const struct sip_msg *m, const struct sip_core *c)
{
	if (m->status) {
		sip_put_status_line(b, m->status, m->reason);
		return;
	}
	buf_put(b, m->method_name);
	buf_lit(b, " sip:");
	buf_put(b, c->ruri.user);
	buf_lit(b, "@192.0.2.200:5060 SIP/2.0\r\n");
}

static void put_id(struct buf *b, const struct sip_msg *m)
{
	uint64_t id = (uintptr_t)m->buf * 0x9e3779b97f4a7c15;

	buf_hex(b, &id, sizeof(id));
}

static void write_other_leg(struct buf *b, const struct sip_msg *m, const struct sip_core *c)
{
	put_start_line(b, m, c);
	buf_lit(b, "Via: SIP/2.0/UDP 198.51.100.7:5060;rport;branch=z9hG4bK");
	put_id(b, m);
	buf_lit(b, "\r\nMax-Forwards: ");
	buf_u64(b, c->max_forwards - 1u);
	buf_lit(b, "\r\nFrom: ");
	buf_put(b, c->from.display);
	buf_lit(b, " <sip:sluice@198.51.100.7>;tag=");
	put_id(b, m);
	buf_lit(b, "\r\nTo: <sip:");
	buf_put(b, c->ruri.user);
	buf_lit(b, "@192.0.2.200>");
	if (c->to.tag.n) {
		buf_lit(b, ";tag=");
		put_id(b, m);
	}
	buf_lit(b, "\r\nCall-ID: ");
	put_id(b, m);
	put_id(b, m);
	buf_lit(b, "\r\nCSeq: ");
	buf_u64(b, c->cseq.num);
	buf_lit(b, " ");
	buf_put(b, c->cseq.method_name);
	buf_lit(b, "\r\nContact: <sip:sluice@198.51.100.7:5060>\r\n");
	for (unsigned i = 0; i < m->n_hdr; i++) {
		if (!replaced(m->hdr[i].id))
			sip_put_header(b, m->hdr[i].id, sip_hdr_value(m, &m->hdr[i]));
	}
	sip_put_body(b, sip_value(m, SIP_HDR_CONTENT_TYPE), m->body);
}

/* Returns something that depends on all of it. */
static size_t run_one(struct corpus *c, unsigned i, enum work work)
{
	static const size_t failed = SIZE_MAX / 2;
	struct sip_core core;
	struct sip_msg m;
	char out[4096];
	struct buf b;

	if (sip_msg_parse(&m, c->msg[i], c->len[i]))
		return failed;
	if (work == PARSE)
		return m.n_hdr + m.body.n;
	if (sip_msg_core(&m, &core))
		return failed;
	if (work == CORE)
		return core.via.branch.n + core.from.tag.n + core.cseq.num;
	buf_init(&b, out, sizeof(out));
	write_other_leg(&b, &m, &core);
	return buf_ok(&b) ? b.n + (uint8_t)out[b.n / 2] : failed;
}

/* Of this thread's own CPU time: what else runs on the machine is not to be seen. */
static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int measure(struct corpus *c, enum work work)
{
	static const char *const names[] = { "parse", "parse_core", "parse_build" };
	double ns[ROUNDS];
	size_t sum = 0;

	for (unsigned r = 0; r < ROUNDS; r++) {
		double start = seconds();

		for (unsigned pass = 0; pass < PASSES; pass++) {
			for (unsigned i = 0; i < VARIANTS; i++)
				sum += run_one(c, i, work);
		}
		ns[r] = (seconds() - start) * 1e9 / (PASSES * VARIANTS);
	}
	if (sum > SIZE_MAX / 4)
		return -1;
	qsort(ns, ROUNDS, sizeof(ns[0]), by_value);
	printf("sip.%s %s ns %.0f\n", names[work], c->name, ns[ROUNDS / 2]);
	fprintf(stderr, "# best %.0f, %zu octets, %zu\n", ns[0], c->octets / VARIANTS, sum & 0xff);
	return 0;
}

int main(void)
{
	static const char *const kinds[] = { "invite_1100", "ok_1100", "bye" };

	for (unsigned k = 0; k < 3; k++) {
		struct corpus c = { 0 };
		int rc = corpus_new(&c, kinds[k]);

		for (enum work w = PARSE; rc == 0 && w <= BUILD; w++)
			rc = measure(&c, w);
		corpus_free(&c);
		if (rc) {
			fprintf(stderr, "%s: a message of the corpus is refused\n", kinds[k]);
			return 1;
		}
	}
	return 0;
}
