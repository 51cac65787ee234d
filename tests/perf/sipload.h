/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of sipload share. It is a load generator for SIP over UDP in one thread; nothing of sluice is
 * linked into it, so that a mistake there is not made here too. */
#ifndef SIPLOAD_H
#define SIPLOAD_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MS  1000ull
#define SEC 1000000ull
#define T1  (500 * MS)
#define T2  (4 * SEC)
#define TEXT_MAX 2048

uint64_t now_us(void);
uint64_t random_u64(void);
void die(const char *what);

/* ---- sipload_net.c: one socket, many datagrams a system call ---- */

struct net;
typedef void net_fn(void *arg, const struct sockaddr_in *from, char *text, size_t len);

struct net *net_new(const struct sockaddr_in *local);
/* Room for one datagram of TEXT_MAX octets; net_commit() queues it. */
char *net_room(struct net *n);
void net_commit(struct net *n, const struct sockaddr_in *to, size_t len);
void net_flush(struct net *n);
/* All that is there, at most so many batches. */
void net_receive(struct net *n, net_fn *fn, void *arg);
void net_wait(struct net *n, unsigned us);
uint64_t net_lost(const struct net *n); /* could not be sent */
void net_free(struct net *n);

/* ---- sipload_timer.c: as many timers as one likes of a few lengths ---- */

struct timers;
typedef void timer_fn(void *arg, uint32_t index, uint32_t stamp);

struct timers *timers_new(timer_fn *fn, void *arg);
/* fn(index, stamp) after `us`: stopped by looking at the stamp. */
void timers_add(struct timers *t, uint64_t us, uint32_t index, uint32_t stamp);
void timers_run(struct timers *t, uint64_t now);
void timers_free(struct timers *t);

/* ---- sipload_sip.c ---- */

struct text {
	const char *p;
	size_t n;
};

#define VIAS_MAX 8

struct message {
	unsigned status; /* 0: a request */
	struct text method, via[VIAS_MAX], from, to, call_id, contact, cseq_method, retry_after;
	unsigned n_via;
	uint32_t cseq;
	bool to_tag;
};

bool message_read(struct message *m, const char *text, size_t len);
struct text text_param(struct text value, const char *name); /* ";name=value" */
struct text text_uri(struct text value);                     /* between <> */
bool text_is(struct text t, const char *s);
size_t put_sdp(char *out, size_t max, const char *ip, unsigned port, unsigned version, bool hold);
/* A response to m, with Contact and this body, to room for TEXT_MAX. 0: it does not fit. */
size_t put_response(char *out, const struct message *m, unsigned status, const char *tag,
		    const char *contact, const char *body);

/* ---- the report ---- */

#define STATUS_MAX 700
#define BUCKETS    2048

struct second {
	uint64_t offered, answered, failed, timed_out, abandoned, held_back, late;
	uint64_t dialog_sent, dialog_ok, dialog_failed, retransmitted, received, ended_by_peer;
	uint64_t requests; /* of uas */
	uint32_t refused[STATUS_MAX];
	uint32_t setup[BUCKETS]; /* logarithmic */
};

struct report {
	struct second now, all;
	uint64_t start, next;
	unsigned n;
};

void report_start(struct report *r);
/* Prints a line for each second that is over. `up`: established calls. */
void report_tick(struct report *r, uint64_t now, unsigned up);
void report_setup(struct report *r, uint64_t us);
/* The last line: the sums. `sent_for_s`: how long calls were offered. */
void report_end(struct report *r, double offered_for_s, unsigned up, uint64_t unsent);

/* ---- the two sides ---- */

struct options {
	struct sockaddr_in local, remote;
	char local_ip[INET_ADDRSTRLEN], remote_ip[INET_ADDRSTRLEN];
	struct {
		double rate, seconds;
	} phase[16];
	unsigned n_phases;
	uint64_t call_us; /* from ACK to BYE; UINT64_MAX: never */
	uint64_t stay_us; /* with calls that never end: so long after the last one */
	uint64_t ring_us;
	unsigned abandon_percent;
	uint64_t abandon_us;
	bool hold, oc;
	const char *number;
};

int uac_main(const struct options *o, volatile int *stop);
int uas_main(const struct options *o, volatile int *stop);

#endif
