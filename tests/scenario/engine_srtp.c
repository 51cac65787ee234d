/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "crypto/crypto.h"
#include "engine_srtp.h"

struct side_keys {
	struct crypto_key *in, *before, *out;
	u32 in_number, out_number;
};

struct entry_srtp {
	struct crypto *c;
	struct side_keys side[2];
	struct relay_srtp dir[4];
};

bool engine_srtp_is_there(void)
{
	return true;
}

static struct crypto_key *expand(struct crypto *c, const struct flow_crypto *k)
{
	struct crypto_key *key = NULL;

	if (k->suite && crypto_key_new(c, k, &key))
		abort();
	return key;
}

static void take_side(struct entry_srtp *s, unsigned side, const struct flow_side *f)
{
	struct side_keys *k = &s->side[side];

	if (f->in.suite && f->in.number != k->in_number) {
		crypto_key_put(k->before);
		k->before = k->in;
		k->in = expand(s->c, &f->in);
		k->in_number = f->in.number;
	}
	if (f->out.suite && f->out.number != k->out_number) {
		crypto_key_put(k->out);
		k->out = expand(s->c, &f->out);
		k->out_number = f->out.number;
	}
}

/* Before the directions hear of the rule. */
void engine_srtp_rule(struct entry *e)
{
	const struct flow_side *f = e->rule->side;

	if (!e->srtp) {
		if (!f[0].in.suite && !f[1].in.suite)
			return;
		e->srtp = calloc(1, sizeof(*e->srtp));
		if (!e->srtp || !(e->srtp->c = crypto_new_of(&crypto_evp)))
			abort();
		for (unsigned i = 0; i < 4; i++)
			e->side[i / 2].dir[i % 2].srtp = &e->srtp->dir[i];
	}
	for (unsigned side = 0; side < 2; side++)
		take_side(e->srtp, side, &f[side]);
}

void engine_srtp_free(struct entry *e)
{
	if (!e->srtp)
		return;
	for (unsigned side = 0; side < 2; side++) {
		crypto_key_put(e->srtp->side[side].in);
		crypto_key_put(e->srtp->side[side].before);
		crypto_key_put(e->srtp->side[side].out);
	}
	crypto_free(e->srtp->c);
	free(e->srtp);
}

bool engine_srtp_open(struct entry *e, struct relay_dir *d, struct relay_dir *rtp,
		      struct relay_packet *pkt)
{
	struct relay_crypt how;
	bool again;

	if (!relay_is_secure(d))
		return true;
	switch (relay_open(d, rtp, pkt, &how)) {
	case RELAY_FORWARD:
		break;
	case RELAY_PUNT:
		return true;
	default:
		return false;
	}
	do {
		const struct side_keys *k = &e->srtp->side[d->side];
		struct crypto_job j = { .key = how.old ? k->before : k->in,
					.how = &how,
					.octets = pkt->payload,
					.len = pkt->len };
		again = false;
		crypto_open(e->srtp->c, &j, 1);
		if (relay_opened(d, pkt, &how, j.right, &again))
			return true;
	} while (again);
	return false;
}

bool engine_srtp_seal(struct entry *e, struct relay_dir *d, struct relay_packet *pkt,
		      const struct relay_plan *plan)
{
	struct relay_crypt how;
	struct crypto_job j;

	if (!plan->seal)
		return true;
	if (!relay_seal(d, pkt, plan, &how))
		return false;
	j = (struct crypto_job){ .key = e->srtp->side[!d->side].out,
				 .how = &how,
				 .octets = pkt->payload,
				 .len = pkt->len,
				 .room = pkt->len + CRYPTO_OVERHEAD_MAX };
	crypto_seal(e->srtp->c, &j, 1);
	pkt->len = j.len;
	return j.right;
}
