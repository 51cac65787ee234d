/* SPDX-License-Identifier: Apache-2.0 */
/* Two shards in one process, on one loop. Their mail waits in a list until it is delivered, as that of threads
 * would. */
#ifndef SLUICE_SIP_TRANSPORT_TEST_H
#define SLUICE_SIP_TRANSPORT_TEST_H

#include "sip/stream_test.h"
#include "sip/transport_priv.h"

#define SHARDS   2
#define MAIL_MAX 64

struct two;

struct side {
	struct two *two;
	struct transport *t;
	unsigned n, n_garbage, n_broken;
	struct sip_hop from, lost;
	char last[512];
};

struct letter {
	unsigned to;
	struct transport_mail mail;
	size_t len;
	char text[1024 + SIP_PAD];
};

struct two {
	struct loop *loop;
	struct side side[SHARDS];
	struct transport_network net;
	struct transport_peer peer[2];
	struct letter letter[MAIL_MAX];
	unsigned n_letters;
	bool lose; /* mail */
};

/* Whose it is: To tags name shards. */
#define TO_SHARD(method, shard)                                                                    \
	method " sip:b@c SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\n"                        \
	       "To: <sip:b@c>;tag=0" shard "aaaaaaaaaaaaaaaaaaaa\r\nl: 0\r\n\r\n"

/* Both listen on 127.0.0.1 and one port, by UDP, TCP and, where the caller has filled in net.certificate,
 * TLS. 127.0.0.1-99 and IPv6 is neighbour 0, everybody else is nobody. */
void two_open(struct two *w);
void two_close(struct two *w);
/* Rounds of the loop, and mail, for so long. */
void two_run(struct two *w, uint32_t ms);
void two_until(struct two *w, const unsigned *v, unsigned want);
uint64_t two_counter(struct two *w, unsigned shard, const char *name);
/* A connection to that shard: the kernel chooses, so as often as it takes. */
int two_connect(struct two *w, unsigned shard);
void two_hears(struct two *w, int fd, const char *want);

#endif
