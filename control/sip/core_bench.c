/* SPDX-License-Identifier: Apache-2.0 */
/* CPU time of the core for one call of a B2BUA, 7 messages in and 7 out: a caller and a callee that
 * talk over a queue in memory do together just that. 1,000 calls/s, so 32,000 transactions of each
 * kind are waiting for their last timer meanwhile. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "sip/sip.h"

#define CALLS  20000
#define ROUNDS 9
#define WARM   40000
#define QUEUE  16

struct packet {
	struct side *to;
	size_t len;
	char mem[2048 + SIP_PAD];
};

struct wire {
	struct packet q[QUEUE];
	unsigned head, tail;
};

struct side {
	struct sip *sip;
	struct wire *wire;
	struct side *peer;
	struct addr addr;
	struct invite *inv;
	unsigned long done;
	size_t memory;
};

static const char sdp[] =
	"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
	"m=audio 20000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\n"
	"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
	"a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

static int put(void *arg, const struct sip_hop *to, struct str data)
{
	struct side *s = arg;
	struct packet *p = &s->wire->q[s->wire->tail++ % QUEUE];

	if (data.n > 2048)
		return -1;
	p->to = s->peer;
	p->len = data.n;
	memcpy(p->mem, data.p, data.n);
	return 0;
}

static int peer_of(void *arg, const struct sip_hop *hop)
{
	return 0;
}

static void *take(void *arg, struct invite *inv, const struct sip_msg *m,
		  const struct sip_core *core, const struct sip_hop *source)
{
	struct invite_reply ringing = { .status = 180 };
	struct invite_reply ok = { .status = 200,
				   .body = { sdp, sizeof(sdp) - 1 },
				   .body_type = STR("application/sdp") };

	invite_reply(inv, &ringing);
	invite_reply(inv, &ok);
	return arg;
}

static void event(void *arg, struct invite *inv, const struct invite_event *e)
{
	struct side *s = arg;

	if (e->type == INVITE_ANSWER) {
		invite_ack(inv, STR_NONE, STR_NONE);
	} else if (e->type == INVITE_ACK) {
		s->memory = invite_memory(inv);
		invite_end(inv, 0, STR_NONE);
	} else if (e->type == INVITE_BYE) {
		s->memory = invite_memory(inv);
		s->done++;
	}
}

static void make(struct side *s, struct loop *l, struct wire *w, struct side *peer, const char *ip)
{
	struct sip_network net = { .name = "n" };
	struct sip_options o = {
		.loop = l,
		.io = { put, s },
		.user = { .peer_of = peer_of, .invite = take, .event = event, .arg = s },
		.networks = &net,
		.n_networks = 1,
		.n_shards = 1,
		.max_transactions = 1000000
	};

	addr_parse(str_of(ip), &s->addr);
	s->addr.port = 5060;
	net.advertised = s->addr;
	s->wire = w;
	s->peer = peer;
	s->sip = sip_new(&o);
	if (!s->sip)
		abort();
}

static void one_call(struct loop *l, struct side *a)
{
	struct sip_hop to = { .addr = a->peer->addr };
	struct invite_params p = {
		.max_forwards = 70,
		.targets = { &to, 1 },
		.ruri = STR("sip:+442079460000@192.0.2.99;user=phone"),
		.from = STR("\"Alice Example\" <sip:+441632960001@192.0.2.1;user=phone>"),
		.to = STR("<sip:+442079460000@192.0.2.99;user=phone>"),
		.contact_user = STR("+441632960001"),
		.headers = STR("P-Asserted-Identity: <sip:+441632960001@192.0.2.1;user=phone>\r\n"
			       "Supported: replaces\r\n"
			       "Date: Sat, 22 Nov 2025 10:00:00 GMT\r\n"
			       "Privacy: none\r\n"),
		.body = { sdp, sizeof(sdp) - 1 },
		.body_type = STR("application/sdp"),
		.arg = a,
	};
	struct wire *w = a->wire;

	if (!invite_send(a->sip, &p))
		abort();
	while (w->head != w->tail) {
		struct packet *q = &w->q[w->head++ % QUEUE];

		sip_receive(q->to->sip, &(struct sip_hop){ .addr = q->to->peer->addr }, q->mem,
			    q->len);
	}
	loop_advance(l, 1);
}

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int main(void)
{
	static struct wire w;
	static struct side a, b;
	struct loop *l = loop_new_virtual(1);
	double us[ROUNDS], start;

	make(&a, l, &w, &b, "192.0.2.1");
	make(&b, l, &w, &a, "192.0.2.99");
	for (unsigned i = 0; i < WARM; i++)
		one_call(l, &a);
	for (unsigned r = 0; r < ROUNDS; r++) {
		start = cpu();
		for (unsigned i = 0; i < CALLS; i++)
			one_call(l, &a);
		us[r] = (cpu() - start) * 1e6 / CALLS;
	}
	qsort(us, ROUNDS, sizeof(us[0]), by_size);
	printf("sip.core call us %.2f (best %.2f)\n", us[ROUNDS / 2], us[0]);
	printf("sip.core leg octets %zu\n", a.memory > b.memory ? a.memory : b.memory);
	if (a.done != WARM + (unsigned long)ROUNDS * CALLS)
		return 1;
	sip_free(a.sip);
	sip_free(b.sip);
	loop_free(l);
	return 0;
}
