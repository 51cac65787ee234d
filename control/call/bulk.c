/* SPDX-License-Identifier: Apache-2.0 */
#include "call/bulk.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TEXT_MAX 2048

static const char conf_text[] =
	"sluice: 1\n"
	"networks:\n"
	"  outside: { port: eth0, address: 203.0.113.1/24, media-ports: 16384-65535 }\n"
	"  inside: { port: eth1, address: 10.10.0.1/24, media-ports: 16384-65535 }\n"
	"trunks:\n"
	"  carrier: { on: outside, profile: static, host: 203.0.113.10, max-calls: 100000 }\n"
	"  pbx: { on: inside, profile: pbx, host: 10.10.0.10, max-calls: 100000 }\n"
	"calls:\n"
	"  - { from: pbx, to: carrier }\n"
	"  - { from: carrier, to: pbx }\n";

/* ---- what is said: tests/perf/sipp/uac.xml and uas.xml ---- */

#define SDP_PBX                                                                                    \
	"v=0\r\no=- 20518 0 IN IP4 10.10.0.12\r\ns=ExamplePBX\r\nc=IN IP4 10.10.0.12\r\nt=0 0\r\n" \
	"m=audio 6000 RTP/AVP 8 0 9 18 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"    \
	"a=rtpmap:9 G722/8000\r\na=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\n"                 \
	"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=maxptime:150\r\n" \
	"a=sendrecv\r\n"

#define SDP_CARRIER                                                                                \
	"v=0\r\no=CarrierGW 5311 3655 IN IP4 203.0.113.12\r\ns=-\r\nc=IN IP4 203.0.113.12\r\n"     \
	"t=0 0\r\nm=audio 6000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n"                          \
	"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"

static const char invite_text[] =
	"INVITE sip:+4930%u@10.10.0.1:5060;user=phone SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 10.10.0.10:5060;branch=z9hG4bK-71234-%u-0;rport\r\n"
	"Max-Forwards: 70\r\n"
	"From: \"Alice Example\" <sip:+49891234567@pbx.corp.example;user=phone>;tag=71234a%u\r\n"
	"To: <sip:+4930%u@10.10.0.1;user=phone>\r\n"
	"Call-ID: %u-71234@10.10.0.10\r\n"
	"CSeq: 1 INVITE\r\n"
	"Contact: <sip:trunk1@10.10.0.10:5060;transport=udp>\r\n"
	"P-Asserted-Identity: \"Alice Example\" <sip:+49891234567@pbx.corp.example;user=phone>\r\n"
	"Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO, PUBLISH, "
	"UPDATE, PRACK\r\n"
	"Supported: replaces, timer, 100rel\r\n"
	"User-Agent: ExamplePBX 18.20.0\r\n"
	"Accept: application/sdp, application/dtmf-relay\r\n"
	"Content-Type: application/sdp\r\n"
	"Content-Length: %zu\r\n\r\n" SDP_PBX;

static const char again_text[] =
	"%s %.*s SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 10.10.0.10:5060;branch=z9hG4bK-71234-%u-%u;rport\r\n"
	"Max-Forwards: 70\r\n"
	"From: \"Alice Example\" <sip:+49891234567@pbx.corp.example;user=phone>;tag=71234a%u\r\n"
	"To: <sip:+4930%u@10.10.0.1;user=phone>;tag=%.*s\r\n"
	"Call-ID: %u-71234@10.10.0.10\r\n"
	"CSeq: %u %s\r\n"
	"Contact: <sip:trunk1@10.10.0.10:5060;transport=udp>\r\n"
	"Content-Length: 0\r\n\r\n";

/* ---- the two sides ---- */

struct text {
	size_t n;
	char p[TEXT_MAX];
};

enum side {
	CARRIER,
	PBX,
	SIDES
};

struct bulk_call {
	unsigned number;
	struct text in;         /* what is to be received next */
	struct text got[SIDES]; /* what was sent last */
};

struct engine_work {
	size_t n;
	u32 data[FLOW_DATAGRAM_MAX / 4];
};

struct bulk {
	struct loop *loop;
	struct conf *conf;
	struct call_limits *limits;
	struct media_shard *media;
	struct trunks *trunks;
	struct calls *calls;
	struct sip *sip;
	struct engine *engine;
	struct tlv_report report; /* of any flow */
	unsigned n, next_number;
	unsigned sent[SIDES]; /* in this step, finals and requests */
	unsigned n_work;
	struct engine_work work[2], answer[2];
	struct bulk_call call[];
};

static const char *const addresses[SIDES] = { "203.0.113.10", "10.10.0.10" };

static void wrong(const char *what, const struct text *t)
{
	fprintf(stderr, "%s:\n%.*s\n", what, t ? (int)t->n : 0, t ? t->p : "");
	exit(1);
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* 100 is not kept; all the rest of a step comes in the order of the calls. */
static int net_send(void *arg, const struct sip_hop *to, struct str data)
{
	struct bulk *b = arg;
	enum side s = to->network == 0 ? CARRIER : PBX;
	struct text *t;

	if (data.n > TEXT_MAX)
		return -1;
	if (data.n > 11 && !memcmp(data.p, "SIP/2.0 100", 11))
		return 0;
	t = &b->call[b->sent[s]++ % b->n].got[s];
	t->n = data.n;
	memcpy(t->p, data.p, data.n);
	return 0;
}

static uint64_t receive(struct bulk *b, enum side s)
{
	struct sip_hop hop = { .network = s == CARRIER ? 0 : 1 };
	uint64_t start;

	addr_parse(str_of(addresses[s]), &hop.addr);
	hop.addr.port = 5060;
	start = cpu_ns();
	for (unsigned i = 0; i < b->n; i++)
		sip_receive(b->sip, &hop, b->call[i].in.p, b->call[i].in.n);
	loop_advance(b->loop, 1);
	return cpu_ns() - start;
}

/* ---- the engine ---- */

static void engine_open(void *arg, struct engine *e)
{
	struct bulk *b = arg;

	b->engine = e;
	engine_connected(e);
}

static int engine_take(void *arg, const void *p, size_t n)
{
	struct bulk *b = arg;

	if (b->n_work == 2)
		return -EAGAIN;
	memcpy(b->work[b->n_work].data, p, n);
	b->work[b->n_work++].n = n;
	return 0;
}

static void engine_close(void *arg)
{
}

static void answer(struct bulk *b, struct tlv_out *o, const struct tlv_msg *m)
{
	const char *why;

	if (m->cmd == FLOW_CMD_DUMP) {
		tlv_begin_done(o, m->seq);
		tlv_end(o);
		return;
	}
	tlv_begin(o, m->cmd, 0, m->seq);
	tlv_put_u32(o, FLOW_A_STATUS, 0);
	if (m->cmd == FLOW_CMD_HELLO) {
		tlv_put_u32(o, FLOW_A_VERSION, FLOW_VERSION);
		tlv_put_u64(o, FLOW_A_EPOCH, 1);
	}
	if (m->cmd == FLOW_CMD_SET && tlv_get_flow(m, &b->report.flow, &why) < 0)
		wrong(why, NULL);
	if (m->cmd == FLOW_CMD_DEL) {
		b->report.flow.id = tlv_u64(m, FLOW_A_ID, 0);
		tlv_put_report(o, &b->report);
	}
	tlv_end(o);
}

/* All that the engine was asked, and what comes of the answers. */
static uint64_t serve(struct bulk *b)
{
	uint64_t ns = 0, start;

	while (b->n_work) {
		unsigned n = b->n_work;
		struct tlv_out o[2];

		for (unsigned i = 0; i < n; i++) {
			const void *p = b->work[i].data;
			size_t left = b->work[i].n;
			struct tlv_msg m;

			tlv_out_init(&o[i], b->answer[i].data, sizeof(b->answer[i].data));
			while (tlv_next(&p, &left, &m) == 1)
				answer(b, &o[i], &m);
		}
		b->n_work = 0;
		start = cpu_ns();
		for (unsigned i = 0; i < n; i++)
			engine_receive(b->engine, o[i].p, o[i].n);
		engine_ready(b->engine);
		loop_advance(b->loop, 1);
		ns += cpu_ns() - start;
	}
	return ns;
}

/* ---- messages ---- */

static void parse(const struct text *t, struct sip_msg *m, struct sip_core *c)
{
	static char mem[TEXT_MAX + SIP_PAD];

	memcpy(mem, t->p, t->n);
	if (sip_msg_parse(m, mem, t->n) || sip_msg_core(m, c))
		wrong("this cannot be read", t);
}

static void put_invite(struct bulk_call *c)
{
	unsigned n = c->number;

	c->in.n = (size_t)snprintf(c->in.p, TEXT_MAX, invite_text, n, n, n, n, n,
				   sizeof(SDP_PBX) - 1);
}

/* ACK and BYE of the PBX; got[PBX] is the 200. */
static void put_again(struct bulk_call *c, const char *method, unsigned cseq)
{
	struct sip_msg m;
	struct sip_core core;
	struct sip_addr contact;
	unsigned n = c->number;

	parse(&c->got[PBX], &m, &core);
	if (sip_addr_parse(sip_value(&m, SIP_HDR_CONTACT), &contact))
		wrong("there is no Contact", &c->got[PBX]);
	c->in.n = (size_t)snprintf(c->in.p, TEXT_MAX, again_text, method, STR_FMT(contact.uri), n,
				   cseq * 10 + (*method == 'A'), n, n, STR_FMT(core.to.tag), n,
				   cseq, method);
}

/* To what the carrier got; a final one to the INVITE has SDP. */
static void put_reply(struct bulk_call *c, const char *status, bool invite, bool sdp)
{
	const char *body = sdp ? SDP_CARRIER : "";
	struct sip_msg m;
	struct sip_core core;
	char tag[32] = "";

	parse(&c->got[CARRIER], &m, &core);
	if (invite)
		snprintf(tag, sizeof(tag), ";tag=71235b%u", c->number);
	c->in.n = (size_t)snprintf(
		c->in.p, TEXT_MAX,
		"SIP/2.0 %s\r\nVia: %.*s\r\nFrom: %.*s\r\nTo: %.*s%s\r\nCall-ID: %.*s\r\nCSeq: "
		"%.*s\r\n%s"
		"Server: CarrierGW 7.4\r\n%sContent-Length: %zu\r\n\r\n%s",
		status, STR_FMT(sip_value(&m, SIP_HDR_VIA)), STR_FMT(sip_value(&m, SIP_HDR_FROM)),
		STR_FMT(sip_value(&m, SIP_HDR_TO)), tag, STR_FMT(sip_value(&m, SIP_HDR_CALL_ID)),
		STR_FMT(sip_value(&m, SIP_HDR_CSEQ)),
		invite ? "Contact: <sip:gw7@203.0.113.10:5060;transport=UDP>\r\n"
			 "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, INFO\r\n"
		       : "",
		sdp ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
}

/* ---- steps ---- */

static void expect(struct bulk *b, enum side s, const char *begin)
{
	if (b->sent[s] != b->n) {
		fprintf(stderr, "%u messages to %s instead of %u: ", b->sent[s], addresses[s],
			b->n);
		wrong(begin, NULL);
	}
	for (unsigned i = 0; i < b->n; i++) {
		const struct text *t = &b->call[i].got[s];

		if (t->n < strlen(begin) || memcmp(t->p, begin, strlen(begin)))
			wrong("this came instead", t);
	}
}

static uint64_t step(struct bulk *b, enum side from)
{
	uint64_t ns;

	b->sent[CARRIER] = b->sent[PBX] = 0;
	ns = receive(b, from);
	return ns + serve(b);
}

static uint64_t bye(struct bulk *b)
{
	uint64_t ns;

	for (unsigned i = 0; i < b->n; i++)
		put_again(&b->call[i], "BYE", 2);
	ns = step(b, PBX);
	expect(b, PBX, "SIP/2.0 200");
	expect(b, CARRIER, "BYE ");
	for (unsigned i = 0; i < b->n; i++)
		put_reply(&b->call[i], "200 OK", false, false);
	return ns + step(b, CARRIER);
}

static uint64_t answered(struct bulk *b)
{
	uint64_t ns;

	for (unsigned i = 0; i < b->n; i++)
		put_reply(&b->call[i], "200 OK", true, true);
	ns = step(b, CARRIER);
	expect(b, CARRIER, "ACK ");
	expect(b, PBX, "SIP/2.0 200");
	return ns;
}

uint64_t bulk_step(struct bulk *b, enum bulk_step s)
{
	uint64_t ns = 0;

	switch (s) {
	case BULK_INVITE:
		for (unsigned i = 0; i < b->n; i++) {
			b->call[i].number = 1000000 + b->next_number++;
			put_invite(&b->call[i]);
		}
		ns = step(b, PBX);
		expect(b, CARRIER, "INVITE ");
		break;
	case BULK_RING:
		for (unsigned i = 0; i < b->n; i++)
			put_reply(&b->call[i], "180 Ringing", true, false);
		ns = step(b, CARRIER);
		expect(b, PBX, "SIP/2.0 180");
		break;
	case BULK_ANSWER:
		ns = answered(b);
		break;
	case BULK_ACK:
		for (unsigned i = 0; i < b->n; i++)
			put_again(&b->call[i], "ACK", 1);
		ns = step(b, PBX);
		break;
	case BULK_BYE:
		ns = bye(b);
		break;
	case BULK_STEPS:
		break;
	}
	return ns;
}

uint64_t bulk_wait(struct bulk *b, uint64_t ms)
{
	uint64_t start = cpu_ns();

	loop_advance(b->loop, ms);
	return cpu_ns() - start;
}

size_t bulk_calls(const struct bulk *b)
{
	return calls_count(b->calls);
}

/* ---- life ---- */

static bool build(struct bulk *b)
{
	struct conf_errors errors = { 0 };
	struct sip_network nets[SIDES];

	if (conf_parse("bulk", STR(conf_text), &b->conf, &errors)) {
		conf_errors_print(&errors, "bulk", 2);
		return false;
	}
	conf_errors_free(&errors);
	for (unsigned i = 0; i < SIDES; i++) {
		nets[i] = (struct sip_network){ .name = b->conf->networks[i].name,
						.advertised = b->conf->networks[i].address };
		nets[i].advertised.port = b->conf->networks[i].sip_port;
	}
	b->loop = loop_new_virtual(1);
	b->limits = call_limits_new(b->conf);
	b->media =
		media_shard_new(&(struct media_shard_options){ .loop = b->loop,
							       .conf = b->conf,
							       .transport = { .open = engine_open,
									      .send = engine_take,
									      .close = engine_close,
									      .arg = b },
							       .n_shards = 1 });
	b->trunks = trunks_new(&(struct trunks_options){ .loop = b->loop, .conf = b->conf });
	b->calls = calls_new(&(struct calls_options){ .loop = b->loop,
						      .conf = b->conf,
						      .limits = b->limits,
						      .media = b->media,
						      .trunks = b->trunks });
	b->sip = sip_new(&(struct sip_options){ .loop = b->loop,
						.io = { net_send, b },
						.user = calls_sip_user(b->calls),
						.networks = nets,
						.n_networks = SIDES,
						.n_shards = 1,
						.max_transactions = 1000000 });
	calls_set_sip(b->calls, b->sip);
	return true;
}

struct bulk *bulk_new(unsigned n)
{
	struct bulk *b = calloc(1, sizeof(*b) + n * sizeof(b->call[0]));

	if (!b)
		return NULL;
	b->n = n;
	if (!build(b)) {
		free(b);
		return NULL;
	}
	for (unsigned i = 0; i < 4; i++) { /* the engine says hello */
		loop_advance(b->loop, 5);
		serve(b);
	}
	return b;
}

void bulk_free(struct bulk *b)
{
	calls_free(b->calls);
	sip_free(b->sip);
	trunks_free(b->trunks);
	media_shard_free(b->media);
	call_limits_free(b->limits);
	conf_put(b->conf);
	loop_free(b->loop);
	free(b);
}
