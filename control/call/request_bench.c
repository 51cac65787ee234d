/* SPDX-License-Identifier: Apache-2.0 */
/* CPU time of one request that crosses: OPTIONS from a trunk through core, policy and relay to another, and its
 * answer back; two messages in and two out, without the sockets. What the far end does is in it: it writes its
 * answer from a template. 1,000 requests/s, so 32,000 server transactions are waiting for Timer J. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "call/call.h"

#define REQUESTS 20000
#define ROUNDS   9
#define WARM     40000

static const char conf_text[] = "sluice: 1\n"
				"networks:\n"
				"  outside: { port: eth0, address: 203.0.113.10/24 }\n"
				"  inside: { port: eth1, address: 10.0.0.1/24 }\n"
				"trunks:\n"
				"  carrier: { on: outside, profile: static, host: 203.0.113.80 }\n"
				"  pbx: { on: inside, profile: pbx, host: 10.0.0.20 }\n"
				"calls:\n"
				"  - { from: pbx, to: carrier }\n";

struct bench {
	struct loop *loop;
	struct sip *sip;
	struct sip_hop carrier, pbx;
	size_t len; /* of what carrier has got */
	char got[2048];
	unsigned long asked, answered;
};

static int on_send(void *arg, const struct sip_hop *to, struct str data)
{
	struct bench *b = arg;

	if (addr_ip_eq(&to->addr, &b->pbx.addr)) {
		b->answered += str_starts(data, STR("SIP/2.0 200"));
		return 0;
	}
	if (data.n > sizeof(b->got))
		abort();
	memcpy(b->got, data.p, data.n);
	b->len = data.n;
	return 0;
}

static void receive(struct bench *b, const struct sip_hop *from, struct buf *text)
{
	if (!buf_ok(text))
		abort();
	sip_receive(b->sip, from, text->p, text->n);
}

/* The lines from Via to CSeq stand together but for Max-Forwards, which does no harm. */
static void answer(struct bench *b)
{
	char mem[2048 + SIP_PAD];
	const char *via = memmem(b->got, b->len, "Via:", 4);
	const char *end = memmem(b->got, b->len, "Contact:", 8);
	struct buf text;

	if (!via || !end)
		abort();
	buf_init(&text, mem, sizeof(mem) - SIP_PAD);
	buf_lit(&text, "SIP/2.0 200 OK\r\n");
	buf_add(&text, via, (size_t)(end - via));
	buf_lit(&text, "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS\r\nAccept: application/sdp\r\n"
		       "User-Agent: far/1.0\r\nContent-Length: 0\r\n\r\n");
	receive(b, &b->carrier, &text);
}

static void one(struct bench *b)
{
	char mem[2048 + SIP_PAD];
	struct buf text;

	b->asked++;
	buf_init(&text, mem, sizeof(mem) - SIP_PAD);
	buf_lit(&text, "OPTIONS sip:0301234@10.0.0.1 SIP/2.0\r\n"
		       "Via: SIP/2.0/UDP 10.0.0.20:5060;rport;branch=z9hG4bK776asdhds");
	buf_u64(&text, b->asked);
	buf_lit(&text, "\r\nMax-Forwards: 70\r\n"
		       "From: \"Alice Example\" <sip:+4930100@10.0.0.20>;tag=1928301774\r\n"
		       "To: <sip:0301234@10.0.0.1>\r\nCall-ID: a84b4c76e66710-");
	buf_u64(&text, b->asked);
	buf_lit(&text, "@10.0.0.20\r\nCSeq: 63104 OPTIONS\r\n"
		       "Contact: <sip:+4930100@10.0.0.20>\r\nAccept: application/sdp\r\n"
		       "User-Agent: pbx/1.0\r\nContent-Length: 0\r\n\r\n");
	receive(b, &b->pbx, &text);
	answer(b);
	loop_advance(b->loop, 1);
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

static void measure(struct bench *b)
{
	double us[ROUNDS], start;

	for (unsigned i = 0; i < WARM; i++)
		one(b);
	for (unsigned r = 0; r < ROUNDS; r++) {
		start = cpu();
		for (unsigned i = 0; i < REQUESTS; i++)
			one(b);
		us[r] = (cpu() - start) * 1e6 / REQUESTS;
	}
	qsort(us, ROUNDS, sizeof(us[0]), by_size);
	printf("call.request pass us %.2f (best %.2f)\n", us[ROUNDS / 2], us[0]);
}

static struct sip_hop hop_of(const struct conf *c, unsigned trunk)
{
	return (struct sip_hop){ .network = (uint16_t)c->trunks[trunk].on->index,
				 .addr = c->trunks[trunk].host };
}

int main(void)
{
	static struct bench b;
	struct conf_errors errors = { 0 };
	struct sip_network nets[2];
	struct conf *conf;
	struct calls *calls;
	struct trunks *trunks;

	if (conf_parse("bench", STR(conf_text), &conf, &errors))
		return 1;
	b.loop = loop_new_virtual(1);
	b.carrier = hop_of(conf, 0);
	b.pbx = hop_of(conf, 1);
	for (unsigned i = 0; i < 2; i++) {
		nets[i] = (struct sip_network){ .name = conf->networks[i].name,
						.advertised = conf->networks[i].address };
		nets[i].advertised.port = 5060;
	}
	trunks = trunks_new(&(struct trunks_options){ .loop = b.loop, .conf = conf });
	/* No request of these needs limits or media. */
	calls = calls_new(
		&(struct calls_options){ .loop = b.loop, .conf = conf, .trunks = trunks });
	b.sip = sip_new(&(struct sip_options){ .loop = b.loop,
					       .io = { on_send, &b },
					       .user = calls_sip_user(calls),
					       .networks = nets,
					       .n_networks = 2,
					       .n_shards = 1,
					       .max_transactions = 1000000 });
	calls_set_sip(calls, b.sip);
	measure(&b);
	calls_free(calls);
	sip_free(b.sip);
	trunks_free(trunks);
	conf_put(conf);
	loop_free(b.loop);
	return b.answered != b.asked;
}
