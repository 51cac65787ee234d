/* SPDX-License-Identifier: Apache-2.0 */
/* Relays that speak the flow language. Ports are ours to choose: each call takes the next even pair, round and
 * round, so that a port rests before it comes again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "flowlink.h"
#include "io.h"
#include "relay.h"

#define DATAGRAMS 4               /* on their way at a time */
#define MESSAGES  32              /* in each: the answer to a DEL is a long one */
#define FLOW_IDS  (0x7fULL << 56) /* of a shard that no sluiced has */
#define PRIVATE                                                                                    \
	{                                                                                          \
		192, 168, 77, 1                                                                    \
	} /* what a telephone behind a NAT tells */

struct round {
	struct relay *r;
	struct call *calls;
	struct hist *each;
	uint64_t sent_at[DATAGRAMS];
	unsigned head, tail, done;
	int status;
	char why[160];
};

static struct flow_addr flow_addr_of(const struct addr *a)
{
	struct flow_addr f = { .port = a->port, .family = a->family };
	memcpy(f.ip, a->ip, sizeof(f.ip));
	return f;
}

static int fill_side(struct flow_side *f, const struct call_side *s, bool nat)
{
	f->local = flow_addr_of(&s->relay);
	f->remote = flow_addr_of(&s->ours);
	f->mode = FLOW_MODE_STATIC;
	f->ptime = 20;
	f->clock = 8000;
	f->dtmf_in = f->dtmf_out = EVENT_TYPE;
	f->n_ptmap = 2;
	f->ptmap[0][0] = f->ptmap[0][1] = PAYLOAD_TYPE;
	f->ptmap[1][0] = f->ptmap[1][1] = EVENT_TYPE;
	if (nat) {
		f->mode = FLOW_MODE_NAT;
		f->sig = f->remote;
		f->sig.port = 0;
		f->remote = (struct flow_addr){ .ip = PRIVATE, .port = 5004, .family = 4 };
	}
	int err = srtp_derive(&s->tx_key, &f->in);
	return err ? err : srtp_derive(&s->rx_key, &f->out);
}

static int fill(struct relay *r, struct call *c, struct flow *f)
{
	unsigned pairs = r->o.ports / 2;
	memset(f, 0, sizeof(*f));
	c->flow = FLOW_IDS | ++r->serial;
	f->id = c->flow;
	f->gen = 1;
	for (unsigned i = 0; i < 2; i++) {
		c->side[i].relay = r->o.media[i];
		c->side[i].relay.port = (uint16_t)(r->o.media[i].port + 2 * (r->serial % pairs));
		int err = fill_side(&f->side[i], &c->side[i], r->o.nat && i == 0);
		if (err)
			return err;
	}
	return 0;
}

static void on_answer(void *arg, const struct tlv_msg *m)
{
	struct round *w = arg;
	int status = (int)tlv_u32(m, FLOW_A_STATUS, 0);
	w->done++;
	if (w->each)
		hist_add(w->each, io_now() - w->sent_at[w->tail % DATAGRAMS]);
	if (!status || w->status)
		return;
	const char *why = tlv_str(m, FLOW_A_REASON);
	w->status = status;
	snprintf(w->why, sizeof(w->why), "%s%s%s", strerror(-status), why ? ": " : "",
		 why ? why : "");
}

/* `put` writes call i's message. Datagrams of many of them, several on their way. */
static int batches(struct round *w, unsigned n, u8 cmd,
		   int (*put)(struct round *, struct call *, struct tlv_out *))
{
	struct flowlink *l = w->r->own;
	unsigned next = 0;
	int rc = 0;
	while (w->done < n && rc >= 0 && !w->status) {
		while (next < n && w->head - w->tail < DATAGRAMS) {
			int full = 0;
			for (unsigned i = 0; i < MESSAGES && next < n && !full;
			     i++, next += !full) {
				struct tlv_out *o = flowlink_begin(l, cmd, next + 2);
				rc = put(w, &w->calls[next], o);
				full = flowlink_end(l);
				if (rc)
					return rc;
			}
			w->sent_at[w->head++ % DATAGRAMS] = io_now();
			rc = flowlink_flush(l);
			if (rc)
				return rc;
		}
		rc = flowlink_answers(l, on_answer, w);
		w->tail++;
	}
	return rc < 0 ? rc : w->status;
}

static int put_set(struct round *w, struct call *c, struct tlv_out *o)
{
	struct flow f;
	int err = fill(w->r, c, &f);
	if (!err)
		tlv_put_flow(o, &f);
	return err;
}

static int put_del(struct round *w, struct call *c, struct tlv_out *o)
{
	(void)w;
	tlv_put_u64(o, FLOW_A_ID, c->flow);
	return 0;
}

static int told(struct round *w, int rc, const char *what)
{
	if (rc)
		fprintf(stderr, "%s: %s\n", what, w->status ? w->why : strerror(-rc));
	return rc;
}

static int sluice_setup(struct relay *r, struct call *calls, unsigned n, struct hist *each)
{
	struct round w = { .r = r, .calls = calls, .each = each };
	if (n > r->o.ports / 2) {
		fprintf(stderr, "%u calls need %u ports of the relay; it has %u\n", n, 2 * n,
			r->o.ports);
		return -ENOSPC;
	}
	return told(&w, batches(&w, n, FLOW_CMD_SET, put_set), "setting up");
}

static int sluice_teardown(struct relay *r, struct call *calls, unsigned n)
{
	struct round w = { .r = r, .calls = calls };
	return told(&w, batches(&w, n, FLOW_CMD_DEL, put_del), "taking down");
}

static int sluice_open(struct relay *r)
{
	struct flowlink *l;
	int err = flowlink_open(&l, r->where);
	if (err)
		return err;
	r->own = l;
	if (!(r->o.suite[0] || r->o.suite[1]) || flowlink_caps(l) & FLOW_CAP_SRTP)
		return 0;
	fprintf(stderr, "%s: this relay does not do SRTP\n", r->where);
	return -ENOTSUP;
}

static void sluice_close(struct relay *r)
{
	flowlink_close(r->own);
}

const struct relay_ops relay_sluice = {
	"sluice",        "PATH     what speaks sluice's flow language at a unix socket",
	sluice_open,     sluice_setup,
	sluice_teardown, sluice_close
};
