/* SPDX-License-Identifier: Apache-2.0 */
/* A shard's streams on loopback, and ordinary sockets as their peers. Everything is a real socket on a real loop;
 * time is kept short. */
#ifndef SLUICE_SIP_STREAM_TEST_H
#define SLUICE_SIP_STREAM_TEST_H

#include "base/test.h"
#include "sip/stream_priv.h"

#define OPTIONS_TEXT                                                                               \
	"OPTIONS sip:b@c SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nContent-Length: "        \
	"0\r\n\r\n"
#define OK_TEXT "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nContent-Length: 0\r\n\r\n"

struct box {
	struct loop *loop;
	struct stream *stream;
	struct stream_options o;
	struct stream_listen at;
	struct stream_route route; /* of what is dialled */
	bool no_route;
	struct tls_context *of_peer_0; /* to accept it with; NULL: as others */
	unsigned n, n_garbage, n_broken; /* how often each callback came */
	struct sip_hop from, lost;       /* of the last one */
	unsigned sender;
	int error;
	size_t len;
	char last[512];
	struct str answer; /* sent for each message; empty: none */
	struct str to_garbage;
	bool close_it;    /* instead of answering */
	enum stream_verdict verdict; /* of verify */
	unsigned verified;  /* how often it was asked */
	const struct tls *verified_tls;
};

/* Listens on 127.0.0.1 and some port. 127.0.0.N is neighbour N - 1, everybody else is nobody. `o` may be
 * NULL: the usual bounds. */
void box_open(struct box *b, const struct stream_options *o, struct tls_context *tls);
void box_close(struct box *b);
/* Rounds of the loop for so long. */
void box_run(struct box *b, uint32_t ms);
/* Until *v is `want`; fails after 10 s, as all that waits here. */
void box_until(struct box *b, const unsigned *v, unsigned want);
uint64_t box_counter(const struct box *b, const char *name);
void box_until_counter(struct box *b, const char *name, uint64_t least);
struct conn *box_conn(struct box *b); /* the only one there is */

struct addr loopback(unsigned last, uint16_t port);
/* A peer's socket, not blocking, from 127.0.0.`last`, connected to the box. */
int far_connect(struct box *b, unsigned last);
int far_connect_from(struct box *b, const char *ip);
/* A socket that listens; *at is where. */
int far_listen(struct addr *at, int backlog);
int far_accept(struct box *b, int fd);
void far_say(int fd, struct str text);
/* Exactly this arrives. */
void far_hears(struct box *b, int fd, const char *want);
/* The connection ends, without a further octet. Returns how: 0 or ECONNRESET. */
int far_ends(struct box *b, int fd);
/* The connection still stands, and says nothing. */
void far_is_quiet(int fd);

#endif
