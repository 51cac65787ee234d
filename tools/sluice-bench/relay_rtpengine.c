/* SPDX-License-Identifier: Apache-2.0 */
/* rtpengine's own control protocol (ng): a cookie and a bencoded dictionary in a datagram. An offer and an answer
 * make a call; several calls are on their way at a time, each asked again after a second without reply. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "bencode.h"
#include "io.h"
#include "netns.h"
#include "relay.h"
#include "sdp.h"

#define AT_ONCE 32
#define AGAIN   1000000000u /* ns */
#define TRIES   3
#define MESSAGE 4096

enum step {
	STEP_OFFER,
	STEP_ANSWER,
	STEP_DELETE,
	STEP_DONE
};

struct job {
	int call; /* -1: free */
	enum step step;
	unsigned tries;
	uint32_t tag; /* of the crypto line that was offered to B */
	uint64_t began, sent;
	struct buf out;
	char mem[MESSAGE];
};

struct ng {
	int fd;
	struct call *calls;
	struct hist *each;
	struct job job[AT_ONCE];
	char in[MESSAGE];
};

static void put_number(struct buf *b, const char *key, const char *prefix, uint64_t v)
{
	char text[40];
	snprintf(text, sizeof(text), "%s%llu", prefix, (unsigned long long)v);
	bencode_pair(b, key, str_of(text));
}

/* All suites but this one are left out, or the answer would have another. */
static void put_suites(struct buf *b, uint8_t suite)
{
	static const char *const all[] = {
		"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AES_256_CM_HMAC_SHA1_80",
		"AES_256_CM_HMAC_SHA1_32", "AEAD_AES_128_GCM",        "AEAD_AES_256_GCM",
		"AES_192_CM_HMAC_SHA1_80", "AES_192_CM_HMAC_SHA1_32", "F8_128_HMAC_SHA1_80",
		"F8_128_HMAC_SHA1_32",     "NULL_HMAC_SHA1_80",       "NULL_HMAC_SHA1_32",
	};
	char no[32];
	bencode_str(b, STR("SDES"));
	buf_lit(b, "l");
	for (unsigned i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (suite && strcmp(all[i], srtp_name(suite)) == 0)
			continue;
		snprintf(no, sizeof(no), "no-%s", all[i]);
		bencode_str(b, str_of(no));
	}
	buf_lit(b, "e");
}

/* Keys sorted, upper case first, as bencode wants it. */
static void write_sdp_command(struct relay *r, struct job *j, const struct call *c)
{
	static const char *const flags[] = { "trust-address", NULL },
				 *const replace[] = { "origin", "session-connection", NULL },
				 *const direction[] = { "in", "out", NULL };
	bool offer = j->step == STEP_OFFER;
	unsigned from = offer ? 0 : 1;
	struct sdp sdp = { c->side[from].ours, c->side[from].tx_key, offer ? 1 : j->tag };
	char mem[1024];
	struct buf text, *b = &j->out;
	buf_init(&text, mem, sizeof(mem));
	sdp_write(&text, &sdp, r->o.ptime);
	bencode_pair(b, "DTLS", STR("off"));
	bencode_pair(b, "ICE", STR("remove"));
	if (offer)
		put_suites(b, r->o.suite[1]);
	put_number(b, "call-id", "bench-", c->flow);
	bencode_pair(b, "command", offer ? STR("offer") : STR("answer"));
	if (offer)
		bencode_list(b, "direction", direction);
	bencode_list(b, "flags", flags);
	put_number(b, "from-tag", "f", c->flow);
	bencode_list(b, "replace", replace);
	bencode_pair(b, "sdp", buf_str(&text));
	if (!offer)
		put_number(b, "to-tag", "t", c->flow);
	bencode_pair(b, "transport-protocol",
		     r->o.suite[offer ? 1 : 0] ? STR("RTP/SAVP") : STR("RTP/AVP"));
}

static void write_command(struct relay *r, struct job *j)
{
	struct ng *g = r->own;
	const struct call *c = &g->calls[j->call];
	struct buf *b = &j->out;
	buf_init(b, j->mem, sizeof(j->mem));
	buf_fmt(b, "%u.%llu.%d d", (unsigned)(j - g->job), (unsigned long long)c->flow,
		(int)j->step);
	if (j->step == STEP_DELETE) {
		put_number(b, "call-id", "bench-", c->flow);
		bencode_pair(b, "command", STR("delete"));
		buf_lit(b, "12:delete-delayi0e");
		put_number(b, "from-tag", "f", c->flow);
	} else {
		write_sdp_command(r, j, c);
	}
	buf_lit(b, "e");
	j->tries = 0;
}

static int send_job(struct ng *g, struct job *j)
{
	j->sent = io_now();
	j->tries++;
	if (!buf_ok(&j->out) || j->tries > TRIES)
		return j->tries > TRIES ? -ETIMEDOUT : -EMSGSIZE;
	return send(g->fd, j->out.p, j->out.n, 0) < 0 ? -errno : 0;
}

/* What the relay tells B after the offer, and A after the answer. */
static int take_sdp(struct relay *r, struct job *j, struct call *c, struct str body)
{
	unsigned to = j->step == STEP_OFFER ? 1 : 0;
	struct str text;
	struct sdp sdp;
	if (bencode_find(body, "sdp", &text) || sdp_read(text, r->o.suite[to], &sdp)) {
		fprintf(stderr, "rtpengine's SDP has no stream of the suite that was asked for\n");
		return -EBADMSG;
	}
	c->side[to].relay = sdp.media;
	c->side[to].rx_key = sdp.key;
	j->tag = sdp.tag;
	return 0;
}

static int next_step(struct relay *r, struct job *j)
{
	struct ng *g = r->own;
	if (j->step == STEP_OFFER) {
		j->step = STEP_ANSWER;
		write_command(r, j);
		return send_job(g, j);
	}
	if (g->each)
		hist_add(g->each, io_now() - j->began);
	j->call = -1;
	return 1;
}

/* 1: one call more is done; 0: not yet; or -errno. */
static int take_reply(struct relay *r, struct str text)
{
	struct ng *g = r->own;
	struct str cookie = STR_NONE, word, result;
	uint32_t at, step;
	uint64_t flow;
	if (!str_token(&text, ' ', &cookie) || !str_token(&cookie, '.', &word) ||
	    str_u32(word, AT_ONCE - 1, &at) || !str_token(&cookie, '.', &word) ||
	    str_u64(word, &flow) || !str_token(&cookie, '.', &word) ||
	    str_u32(word, STEP_DONE, &step))
		return -EBADMSG;
	struct job *j = &g->job[at];
	if (j->call < 0 || g->calls[j->call].flow != flow || j->step != step)
		return 0; /* answered before: it was asked twice */
	if (bencode_find(text, "result", &result) || !str_eq(result, STR("ok"))) {
		fprintf(stderr, "rtpengine: %.*s\n", STR_FMT(text));
		return -EPROTO;
	}
	int err = j->step == STEP_DELETE ? 0 : take_sdp(r, j, &g->calls[j->call], text);
	return err ? err : next_step(r, j);
}

static int ask_again(struct ng *g)
{
	uint64_t now = io_now();
	int err = 0;
	for (unsigned i = 0; i < AT_ONCE && !err; i++)
		if (g->job[i].call >= 0 && now - g->job[i].sent > AGAIN)
			err = send_job(g, &g->job[i]);
	return err;
}

static int start_jobs(struct relay *r, unsigned n, unsigned *next, enum step step)
{
	struct ng *g = r->own;
	int err = 0;
	for (unsigned i = 0; i < AT_ONCE && *next < n && !err; i++) {
		struct job *j = &g->job[i];
		if (j->call >= 0)
			continue;
		j->call = (int)(*next)++;
		j->step = step;
		j->began = io_now();
		write_command(r, j);
		err = send_job(g, j);
	}
	return err;
}

static int run(struct relay *r, struct call *calls, unsigned n, struct hist *each, enum step step)
{
	struct ng *g = r->own;
	unsigned next = 0, done = 0;
	g->calls = calls;
	g->each = each;
	for (unsigned i = 0; i < AT_ONCE; i++)
		g->job[i].call = -1;
	int rc = 0;
	while (done < n && rc >= 0) {
		struct pollfd p = { .fd = g->fd, .events = POLLIN };
		rc = start_jobs(r, n, &next, step);
		if (!rc && poll(&p, 1, 200) <= 0)
			rc = ask_again(g);
		ssize_t got = rc ? -1 : recv(g->fd, g->in, sizeof(g->in), MSG_DONTWAIT);
		if (got > 0)
			rc = take_reply(r, (struct str){ g->in, (size_t)got });
		else if (!rc && errno != EAGAIN)
			rc = -errno;
		done += rc > 0;
	}
	if (rc < 0)
		fprintf(stderr, "rtpengine at %s: %s\n", r->where, strerror(-rc));
	return rc < 0 ? rc : 0;
}

static int ng_setup(struct relay *r, struct call *calls, unsigned n, struct hist *each)
{
	for (unsigned i = 0; i < n; i++)
		calls[i].flow = (uint64_t)getpid() << 32 | ++r->serial;
	return run(r, calls, n, each, STEP_OFFER);
}

static int ng_teardown(struct relay *r, struct call *calls, unsigned n)
{
	return run(r, calls, n, NULL, STEP_DELETE);
}

/* ADDRESS:PORT */
static int parse_where(const char *where, struct addr *out)
{
	const char *colon = strrchr(where, ':');
	uint32_t port;
	if (!colon || addr_parse((struct str){ where, (size_t)(colon - where) }, out) ||
	    str_u32(str_of(colon + 1), 65535, &port)) {
		fprintf(stderr, "--relay rtpengine=%s: ADDRESS:PORT is what belongs there\n",
			where);
		return -EINVAL;
	}
	out->port = (uint16_t)port;
	return 0;
}

static int ng_open(struct relay *r)
{
	struct sockaddr_storage ss;
	struct addr to;
	int back, err = parse_where(r->where, &to);
	struct ng *g = err ? NULL : calloc(1, sizeof(*g));
	if (!g)
		return err ? err : -ENOMEM;
	r->own = g;
	g->fd = -1;
	err = netns_enter(r->o.netns, &back);
	if (!err) {
		socklen_t n = addr_to_sockaddr(&to, &ss);
		g->fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (g->fd < 0 || connect(g->fd, (struct sockaddr *)&ss, n) < 0)
			err = -errno;
		netns_leave(back);
	}
	if (err)
		fprintf(stderr, "%s: %s\n", r->where, strerror(-err));
	return err;
}

static void ng_close(struct relay *r)
{
	struct ng *g = r->own;
	if (!g)
		return;
	if (g->fd >= 0)
		close(g->fd);
	free(g);
}

const struct relay_ops relay_rtpengine = {
	"rtpengine",
	"ADDRESS:PORT  rtpengine's ng protocol over UDP; its interfaces are named in and out",
	ng_open,
	ng_setup,
	ng_teardown,
	ng_close
};
