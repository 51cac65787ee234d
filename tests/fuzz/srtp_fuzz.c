/* SPDX-License-Identifier: Apache-2.0 */
/* A flow whose sides have SRTP keys, driven by octets: random packets, packets that the peers really sealed, some of them
 * again or with a bit turned, new keys and the one before, time. They go the whole way, relay_open() to relay_seal(), with
 * OpenSSL as the cipher. What must hold: only what a peer sealed is opened, to what it was before, and once; what is not
 * authentic stays what it was; no index is sealed twice under one key; what is sealed can be opened.
 *
 * Input: two octets of options, then operations. Each begins with an octet: the low 3 bits say what, the high 5 are its
 * argument; some take more octets. */
#include <stdlib.h>
#include <string.h>
#include "crypto/crypto.h"

#define NUMBERS  6
#define KEPT     16
#define USED_MAX 4096
#define ROOM     512
#define MS       1000u

struct packet {
	u8 at[ROOM], clear[ROOM]; /* as it is sent, and before it was sealed */
	u32 len, clear_len;
	u64 index;
	u32 number;
	u8 side, component;
};

struct used { /* indices, so that none is used twice */
	u64 index[USED_MAX];
	u64 what[USED_MAX]; /* SSRC, number, side, direction, RTCP */
	unsigned n;
};

struct world {
	struct flow rule[2];
	unsigned gen;
	struct relay_flow flow;
	struct relay_srtp srtp[4];
	struct crypto *c;
	struct crypto_key *key[2][2][NUMBERS]; /* [side][out][number] */
	u32 number[2], before[2];
	u8 suite[2], mki_len;
	u64 now;
	u64 index[2][2]; /* what a side's peer sends next: RTP, RTCP */
	struct packet kept[KEPT];
	unsigned n_kept;
	struct used used;
};

struct input {
	const u8 *p, *end;
};

static void check(bool ok)
{
	if (!ok)
		abort();
}

static u8 octet(struct input *in)
{
	return in->p < in->end ? *in->p++ : 0;
}

static bool use(struct used *u, u64 what, u64 index)
{
	for (unsigned i = 0; i < u->n; i++)
		if (u->what[i] == what && u->index[i] == index)
			return false;
	if (u->n < USED_MAX) {
		u->what[u->n] = what;
		u->index[u->n++] = index;
	}
	return true;
}

static u64 what_of(const struct relay_crypt *how, u32 number, unsigned side, bool out)
{
	return (u64)how->ssrc << 32 | number << 8 | side << 2 | (unsigned)out << 1 | how->is_rtcp;
}

/* ---- keys ---- */

static void set_crypto(const struct world *w, unsigned side, bool out, u32 number,
		       struct flow_crypto *k)
{
	u8 mark = (u8)(number << 2 | side << 1 | out);
	memset(k, 0, sizeof(*k));
	if (!w->suite[side])
		return;
	k->suite = w->suite[side];
	k->number = number;
	k->mki_len = out ? 0 : w->mki_len;
	memset(k->rtp_key, mark, sizeof(k->rtp_key));
	memset(k->rtcp_key, mark ^ 0x80, sizeof(k->rtcp_key));
	memset(k->rtp_auth, mark + 1, sizeof(k->rtp_auth));
	memset(k->rtcp_auth, mark + 2, sizeof(k->rtcp_auth));
	k->rtp_salt[3] = k->rtcp_salt[7] = mark;
}

static const struct crypto_key *key(struct world *w, unsigned side, bool out, u32 number)
{
	struct crypto_key **k = &w->key[side][out][number % NUMBERS];
	struct flow_crypto from;
	if (!*k) {
		set_crypto(w, side, out, number, &from);
		check(crypto_key_new(w->c, &from, k) == 0);
	}
	return *k;
}

/* ---- the flow ---- */

static struct flow_addr addr(u8 last, u16 port)
{
	return (struct flow_addr){ .ip = { 192, 0, 2, last }, .port = port, .family = 4 };
}

static struct flow *set_rule(struct world *w, u32 flags)
{
	struct flow *f = &w->rule[++w->gen & 1];
	memset(f, 0, sizeof(*f));
	f->id = 1;
	f->gen = w->gen;
	for (u8 i = 0; i < 2; i++) {
		struct flow_side *s = &f->side[i];
		*s = (struct flow_side){ .local = addr(1 + i, 20000),
					 .local_rtcp = 20001,
					 .remote = addr(3 + i, 4000),
					 .remote_rtcp = 4001,
					 .sig = addr(3 + i, 0),
					 .clock = 8000,
					 .ptime = 20,
					 .dtmf_in = FLOW_PT_NONE,
					 .dtmf_out = i ? 101 : FLOW_PT_NONE,
					 .n_ptmap = 1,
					 .ptmap = { { 0, 8 } } };
		set_crypto(w, i, false, w->number[i], &s->in);
		set_crypto(w, i, true, w->number[i], &s->out);
		s->in.flags = s->out.flags = flags;
	}
	return f;
}

static void begin(struct world *w, struct input *in)
{
	u8 a = octet(in), b = octet(in);
	memset(w, 0, sizeof(*w));
	w->suite[0] = 1 + a % (FLOW_SUITE_COUNT - 1);
	w->suite[1] = b % FLOW_SUITE_COUNT;
	w->mki_len = b / 8 % 4;
	w->now = 1000000;
	w->c = crypto_new_of(&crypto_evp);
	check(w->c != NULL);
	for (unsigned i = 0; i < 2; i++) {
		w->number[i] = 1;
		w->index[i][0] = a & 0x80 ? 65530 : 100;
	}
	for (unsigned i = 0; i < 4; i++)
		w->flow.dir[i / 2][i % 2].srtp = &w->srtp[i];
	relay_flow_init(&w->flow, set_rule(w, 0));
	for (unsigned i = 0; i < 4; i++)
		check(w->flow.dir[i / 2][i % 2].srtp == &w->srtp[i]);
}

static void end(struct world *w)
{
	for (unsigned i = 0; i < 4 * NUMBERS; i++)
		crypto_key_put(w->key[i / NUMBERS / 2][i / NUMBERS % 2][i % NUMBERS]);
	crypto_free(w->c);
}

/* The next key, or back to the one before, with or without the roll-over counter of this one. */
static void rekey(struct world *w, u8 arg)
{
	unsigned side = arg & 1;
	u32 next = arg & 2 ? w->before[side] : w->number[side] + 1;
	if (next < w->before[side])
		next = w->before[side];
	if (!w->suite[side] || !next || next >= NUMBERS)
		return;
	w->before[side] = w->number[side];
	w->number[side] = next;
	if (!(arg & 4))
		w->index[side][0] &= 0xffff;
	relay_flow_update(&w->flow, set_rule(w, arg & 4 ? FLOW_CRYPTO_KEEP_ROC : 0), w->now);
}

/* ---- what goes out ---- */

/* pkt is what leaves: it is copied to where nothing is behind it but what sealing takes. */
static void send(struct world *w, struct relay_dir *d, const struct relay_packet *pkt,
		 const struct relay_plan *plan)
{
	unsigned to = !d->side;
	struct relay_crypt how;
	check(plan->seal == (w->suite[to] != FLOW_SUITE_NONE));
	if (!plan->seal || !relay_seal(d, pkt, plan, &how))
		return;
	check(use(&w->used, what_of(&how, w->number[to], to, true), how.index));
	u8 *at = malloc(pkt->len + CRYPTO_OVERHEAD_MAX);
	memcpy(at, pkt->payload, pkt->len);
	struct crypto_job job = { key(w, to, true, w->number[to]), &how, at, pkt->len,
				  pkt->len + CRYPTO_OVERHEAD_MAX,  false };
	crypto_seal(w->c, &job, 1);
	check(job.right && job.len > pkt->len && job.len <= pkt->len + CRYPTO_OVERHEAD_MAX);
	how.len = pkt->len;
	crypto_open(w->c, &job, 1);
	check(job.right && !memcmp(at, pkt->payload, pkt->len));
	free(at);
}

static void relay_on(struct world *w, struct relay_dir *d, struct relay_packet *pkt)
{
	struct relay_plan plan = { .flush_slot = SOURCE_NONE };
	relay_plan(d, &w->flow.dir[d->side][RELAY_RTP], pkt, &plan);
	if (plan.action == RELAY_FORWARD || plan.action == RELAY_TAKE)
		relay_commit(d, pkt, &plan);
	if (plan.action == RELAY_FORWARD)
		send(w, d, pkt, &plan);
}

static void ticks(struct world *w)
{
	for (unsigned side = 0; side < 2; side++) {
		struct relay_dir *d = &w->flow.dir[side][RELAY_RTP];
		struct relay_plan plan = { .flush_slot = SOURCE_NONE };
		if (!relay_ticking(d))
			continue;
		relay_tick(d, w->now, &plan);
		struct relay_packet pkt = { .payload = d->play.packet,
					    .len = RELAY_MADE,
					    .now_us = w->now };
		if (plan.action == RELAY_FORWARD)
			send(w, d, &pkt, &plan);
	}
}

/* ---- what comes in ---- */

static bool open_it(struct world *w, struct relay_dir *d, struct relay_packet *pkt,
		    struct relay_crypt *how, bool *again)
{
	u8 was[ROOM];
	u32 len = pkt->len, number = how->old ? w->before[d->side] : w->number[d->side];
	if (!number) /* what an engine does that has no key before */
		number = w->number[d->side];
	struct crypto_job job = { .key = key(w, d->side, false, number),
				  .how = how,
				  .octets = pkt->payload,
				  .len = len };
	memcpy(was, pkt->payload, len);
	crypto_open(w->c, &job, 1);
	if (!job.right)
		check(!memcmp(was, pkt->payload, len));
	bool opened = relay_opened(d, pkt, how, job.right, again);
	check(!opened || (job.right && pkt->authentic && pkt->len == how->len));
	if (opened)
		check(use(&w->used, what_of(how, number, d->side, false), how->index));
	return opened;
}

/* from: who sealed it; NULL: nobody did. */
static void deliver(struct world *w, unsigned side, unsigned component, const u8 *data, u32 len,
		    const struct packet *from)
{
	struct relay_dir *d = &w->flow.dir[side][component];
	u8 *at = malloc(len ? len : 1);
	struct relay_packet pkt = { .payload = at,
				    .len = len,
				    .src = addr(3 + (u8)side, (u16)(4000 + component)),
				    .now_us = w->now };
	struct relay_crypt how;
	bool again = false;
	memcpy(at, data, len);
	enum relay_action action = RELAY_PUNT;
	if (relay_is_secure(d))
		action = relay_open(d, &w->flow.dir[side][RELAY_RTP], &pkt, &how);
	if (action == RELAY_FORWARD) {
		bool opened = open_it(w, d, &pkt, &how, &again);
		if (!opened && again) {
			check(how.old);
			opened = open_it(w, d, &pkt, &how, &again);
			check(!again);
		}
		check(!opened ||
		      (from && pkt.len == from->clear_len && !memcmp(at, from->clear, pkt.len)));
		if (opened)
			relay_on(w, d, &pkt);
	} else if (action == RELAY_PUNT) {
		relay_on(w, d, &pkt);
	}
	free(at);
}

/* ---- the peers ---- */

static u32 write_rtp(const struct world *w, u8 *p, u64 index, u32 ssrc, u8 arg)
{
	u32 n = 12;
	memset(p, 0, ROOM);
	p[0] = 0x80;
	p[2] = (u8)(index >> 8);
	p[3] = (u8)index;
	p[6] = (u8)(index >> 3);
	p[7] = (u8)(index << 5);
	p[11] = (u8)ssrc;
	if (arg & 1) {
		p[0] |= 2;
		n += 8;
	}
	if (arg & 2) {
		p[0] |= 0x10;
		p[n + 3] = 1;
		n += 8;
	}
	memset(p + n, (int)w->now, arg * 3);
	return n + arg * 3u;
}

static u32 write_rtcp(u8 *p, u32 ssrc, u8 arg)
{
	u32 n = 8 + 24 * (arg & 1);
	memset(p, 0, ROOM);
	p[0] = 0x80 | (arg & 1);
	p[1] = 201;
	p[3] = (u8)(n / 4 - 1);
	p[7] = (u8)ssrc;
	return n;
}

/* What is behind the MKI. */
static u32 tail_of(const struct packet *p, u8 suite)
{
	bool is_32 = suite == FLOW_SUITE_AES_CM_128_HMAC_SHA1_32 ||
		     suite == FLOW_SUITE_AES_CM_256_HMAC_SHA1_32;
	if (suite >= FLOW_SUITE_AEAD_AES_128_GCM)
		return 0;
	return is_32 && p->component == RELAY_RTP ? 4 : 10;
}

/* The peer has MKI where it says so, which our sealing never has. */
static void insert_mki(struct packet *p, u8 suite, u8 mki_len)
{
	u32 tail = tail_of(p, suite);
	u8 *behind = p->at + p->len - tail;
	memmove(behind + mki_len, behind, tail);
	memset(behind, 0x77, mki_len);
	p->len += mki_len;
}

/* The MKI is not authenticated, and nobody looks at it. */
static bool in_mki(const struct world *w, const struct packet *p, u32 at)
{
	u32 end = p->len - tail_of(p, w->suite[p->side]);
	return at < end && at >= end - w->mki_len;
}

static struct packet *peer_packet(struct world *w, u8 arg, unsigned component, u64 index)
{
	unsigned side = arg & 1;
	struct packet *p = &w->kept[w->n_kept++ % KEPT];
	u32 ssrc = 1 + (arg >> 1 & 1);
	*p = (struct packet){ .index = index, .side = (u8)side, .component = (u8)component };
	p->number = arg & 16 && w->before[side] ? w->before[side] : w->number[side];
	p->clear_len = component == RELAY_RTP ? write_rtp(w, p->clear, index, ssrc, arg >> 2)
					      : write_rtcp(p->clear, ssrc, arg >> 2);
	memcpy(p->at, p->clear, p->clear_len);
	p->len = p->clear_len;
	if (!w->suite[side])
		return p;
	struct relay_crypt how = {
		.index = index, .ssrc = ssrc, .clear = 8, .is_rtcp = component == RELAY_RTCP
	};
	if (component == RELAY_RTP)
		how.clear = (u16)(12 + (arg & 4 ? 8 : 0) + (arg & 8 ? 8 : 0));
	struct crypto_job job = {
		key(w, side, false, p->number), &how, p->at, p->len, ROOM, false
	};
	crypto_seal(w->c, &job, 1);
	check(job.right);
	p->len = job.len;
	insert_mki(p, w->suite[side], w->mki_len);
	return p;
}

static u64 next_index(struct world *w, struct input *in, u8 arg, unsigned component)
{
	u64 *at = &w->index[arg & 1][component];
	u64 step = octet(in), max = component == RELAY_RTP ? (1ull << 48) - 1 : 0x7fffffff;
	if (step & 0x80)
		return *at > (step & 0x7f) ? *at - (step & 0x7f) : *at; /* late */
	*at += step & 0x40 ? (step & 0x3f) << 10 : (step & 0x3f) + 1;
	if (*at > max)
		*at = max;
	return *at;
}

static void sealed(struct world *w, struct input *in, u8 arg, unsigned component, bool turn)
{
	struct packet *p = peer_packet(w, arg, component, next_index(w, in, arg, component));
	const struct packet *from = p;
	if (turn) {
		u32 at = octet(in) % p->len;
		p->at[at] ^= (u8)(1 << (octet(in) & 7));
		from = in_mki(w, p, at) ? p : NULL;
	}
	deliver(w, p->side, component, p->at, p->len, from);
	if (turn)
		p->len = 0;
}

static void replay(struct world *w, u8 arg)
{
	const struct packet *p = &w->kept[arg % KEPT];
	if (p->len)
		deliver(w, p->side, p->component, p->at, p->len, p);
}

static void raw(struct world *w, struct input *in, u8 arg)
{
	size_t left = (size_t)(in->end - in->p), n = octet(in);
	n = n < left ? n : left ? left - 1 : 0;
	deliver(w, arg & 1, arg >> 1 & 1, in->p, (u32)n, NULL);
	in->p += n;
}

static void operation(struct world *w, struct input *in)
{
	u8 op = octet(in), arg = op >> 3;
	switch (op & 7) {
	case 0:
	case 1:
		sealed(w, in, arg, RELAY_RTP, false);
		break;
	case 2:
		sealed(w, in, arg, RELAY_RTCP, false);
		break;
	case 3:
		sealed(w, in, arg, arg >> 1 & 1, true);
		break;
	case 4:
		replay(w, arg);
		break;
	case 5:
		raw(w, in, arg);
		break;
	case 6:
		rekey(w, arg);
		break;
	default:
		if (arg == 31)
			relay_dtmf(&w->flow.dir[0][RELAY_RTP], 5, 0, w->now);
		w->now += arg < 16 ? 20 * MS : arg * 100 * MS;
		ticks(w);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w; /* too large for the stack; made anew for each input */
	struct input in = { data, data + size };
	begin(&w, &in);
	for (unsigned i = 0; i < 400 && in.p < in.end; i++) {
		operation(&w, &in);
		w.now += MS;
	}
	end(&w);
	return 0;
}
