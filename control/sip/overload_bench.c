/* SPDX-License-Identifier: Apache-2.0 */
/* Nanoseconds a message that overload_take() adds while nothing is overloaded, and those of turning away a
 * call when everything is. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "sip/overload_priv.h"

#define VARIANTS 32
#define ROUNDS   31
#define PASSES   500
#define TEXT_MAX 1400

struct bench {
	struct loop *loop;
	struct overload *v;
	char text[VARIANTS][TEXT_MAX + SIP_PAD];
	size_t len[VARIANTS];
	size_t seen;
};

static void on_receive(void *arg, const struct sip_hop *from, char *buf, size_t len)
{
	struct bench *b = arg;

	b->seen += len;
}

static void on_refuse(void *arg, const struct sip_hop *from, char *buf, size_t len, unsigned after)
{
	on_receive(arg, from, buf, len);
}

static bool on_again(void *arg, const char *buf, size_t len)
{
	return false;
}

static void write_one(struct bench *b, unsigned i, const char *method, bool tag)
{
	int n = snprintf(
		b->text[i], TEXT_MAX,
		"%s sip:+4930%07u@sbc.example.net:5060 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 203.0.113.%u:5060;rport;branch=z9hG4bKPj%08x-%08x\r\n"
		"%sFrom: \"Alice Example\" <sip:+4989%u@203.0.113.5>;tag=%08x\r\n"
		"To: <sip:+4930%07u@sbc.example.net>%s\r\nCall-ID: %08x%08x@203.0.113.5\r\n"
		"CSeq: %u %s\r\nContact: <sip:asterisk@203.0.113.5:5060>\r\n"
		"Max-Forwards: 70\r\nUser-Agent: Asterisk PBX 20.5.0\r\n"
		"Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, INFO\r\n"
		"Supported: 100rel, timer, replaces\r\nContent-Type: application/sdp\r\n"
		"Content-Length: 400\r\n\r\n%0400u",
		method, i * 7919, i + 1, i * 2654435761u, i * 40503u,
		i % 3 ? "Max-Breadth: 60\r\n" : "", i * 104729, i * 7919 + 1, i * 7919,
		tag ? ";tag=as5f3b7a21" : "", i * 2246822519u, i * 3266489917u, i + 1, method, i);
	b->len[i] = (size_t)n;
}

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

static void measure(struct bench *b, const char *name)
{
	struct sip_hop from = { .peer = 0 };
	double ns[ROUNDS];

	for (unsigned r = 0; r < ROUNDS; r++) {
		double start = seconds();

		for (unsigned pass = 0; pass < PASSES; pass++) {
			for (unsigned i = 0; i < VARIANTS; i++)
				overload_take(b->v, &from, b->text[i], b->len[i]);
			b->v->straight = b->v->dialogs = 0; /* a round is over */
		}
		ns[r] = (seconds() - start) * 1e9 / (PASSES * VARIANTS);
	}
	qsort(ns, ROUNDS, sizeof(ns[0]), by_value);
	printf("sip.overload %s ns %.1f\n", name, ns[ROUNDS / 2]);
	fprintf(stderr, "# best %.1f, %zu\n", ns[0], b->seen & 0xff);
}

int main(void)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct overload_options o = { .n_peers = 1,
				      .receive = on_receive,
				      .refuse = on_refuse,
				      .again = on_again,
				      .arg = b };
	unsigned i;

	if (!b || !(b->loop = o.loop = loop_new_virtual(1)) || !(b->v = overload_new(&o)))
		return 1;
	/* Calls come with what belongs to them. */
	for (i = 0; i < VARIANTS; i++)
		write_one(b, i, i % 4 == 0 ? "INVITE" : i % 2 ? "ACK" : "BYE", i % 4);
	measure(b, "call_mix");
	for (i = 0; i < VARIANTS; i++)
		write_one(b, i, "INVITE", i % 2);
	measure(b, "invite");
	overload_admit_start(b->v);
	for (i = 0; i < VARIANTS; i++)
		write_one(b, i, "INVITE", false);
	b->v->peers[0].pass = 0;
	b->v->admit.rate = 1;
	measure(b, "turned_away");
	overload_free(b->v);
	loop_free(b->loop);
	free(b);
	return 0;
}
