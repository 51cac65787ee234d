/* SPDX-License-Identifier: Apache-2.0 */
/* Answering challenges: RFC 3261 22.2, 22.3, RFC 7616 3.4, RFC 8760 2.4. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include "sip/auth_priv.h"

#define CNONCE_RANDOM 12
#define CNONCE_LEN    (2 * CNONCE_RANDOM)
/* Challenges in a row, without a success between them: a stale nonce and two that ask for each other. */
#define TRIES_MAX 3

struct auth_state {
	struct auth_challenge challenge; /* slices of text */
	bool proxy;
	uint8_t tries;
	uint32_t nc;    /* answers given to this nonce */
	uint32_t taken; /* what nc was when the challenge came */
	size_t size;
	char cnonce[CNONCE_LEN];
	char text[];
};

void auth_state_free(struct auth_state *a)
{
	if (a)
		OPENSSL_cleanse(a, a->size);
	free(a);
}

/* ---- which challenge ---- */

static bool realm_fits(const struct auth_login *l, struct str raw)
{
	char mem[AUTH_VALUE_MAX];

	return !l->realm || str_caseeq(str_of(l->realm), auth_unescape(raw, mem));
}

static bool can_answer(const struct auth_login *l, const struct auth_challenge *c)
{
	if (l->algorithms && !(l->algorithms & AUTH_BIT(c->algorithm)))
		return false;
	return c->algorithm < AUTH_ALGORITHMS && (!c->has_qop || c->qop_auth || c->qop_auth_int) &&
	       auth_algorithm_usable(c->algorithm);
}

/* Were the user and the password refused? Yes when it comes for the first answer to a nonce, even where
 * a new one is offered: another attempt would be the same again (RFC 3261 22.1). An answer that used
 * a nonce once more may have met a server that has forgotten it. */
static bool refused(const struct auth_state *a, const struct auth_challenge *c)
{
	if (!a || !a->nc || !str_eq(a->challenge.realm, c->realm))
		return false;
	return !c->stale && (a->nc == 1 || str_eq(a->challenge.nonce, c->nonce));
}

/* The enumeration goes from weak to strong; of equals the first one stands for the peer's preference. */
static int choose(const struct auth_state *a, const struct sip_msg *m, const struct auth_login *l,
		  struct auth_challenge *best)
{
	enum sip_hdr_id id =
		m->status == 407 ? SIP_HDR_PROXY_AUTHENTICATE : SIP_HDR_WWW_AUTHENTICATE;
	bool found = false;
	int rc = -ENOTSUP;

	for (const struct sip_hdr *h = sip_hdr_first(m, id); h; h = sip_hdr_next(m, h)) {
		struct auth_challenge c;

		if (auth_challenge_parse(sip_hdr_value(m, h), &c))
			continue;
		if (!realm_fits(l, c.realm) || refused(a, &c)) {
			rc = -EACCES;
		} else if (can_answer(l, &c) && (!found || c.algorithm > best->algorithm)) {
			*best = c;
			found = true;
		}
	}
	return found ? 0 : rc;
}

/* ---- keeping it ---- */

static struct str keep(struct buf *b, struct str s)
{
	struct str kept = { s.p ? b->p + b->n : NULL, s.n };

	buf_put(b, s);
	return kept;
}

static struct auth_state *state_new(const struct auth_challenge *c, struct loop *loop)
{
	size_t text = c->realm.n + c->nonce.n + c->opaque.n;
	struct auth_state *a = calloc(1, sizeof(*a) + text);
	uint8_t r[CNONCE_RANDOM];
	struct buf b;

	if (!a)
		return NULL;
	a->size = sizeof(*a) + text;
	a->challenge = *c;
	a->challenge.domain = STR_NONE;
	buf_init(&b, a->text, text);
	a->challenge.realm = keep(&b, c->realm);
	a->challenge.nonce = keep(&b, c->nonce);
	a->challenge.opaque = keep(&b, c->opaque);
	loop_random(loop, r, sizeof(r));
	buf_init(&b, a->cnonce, sizeof(a->cnonce));
	buf_hex(&b, r, sizeof(r));
	return a;
}

int auth_take(struct auth_state **state, const struct sip_msg *m, const struct auth_login *l,
	      struct loop *loop)
{
	struct auth_state *old = *state, *a;
	struct auth_challenge c;
	int rc;

	if (old && old->tries >= TRIES_MAX)
		return -EACCES;
	rc = choose(old, m, l, &c);
	if (rc)
		return rc;
	a = state_new(&c, loop);
	if (!a)
		return -ENOMEM;
	a->proxy = m->status == 407;
	a->tries = (uint8_t)(old ? old->tries + 1 : 1);
	/* The same nonce once more (stale by mistake): its counter goes on. */
	if (old && str_eq(old->challenge.nonce, a->challenge.nonce))
		a->nc = a->taken = old->nc;
	auth_state_free(old);
	*state = a;
	return 0;
}

/* ---- answering ---- */

static struct str qop_of(const struct auth_challenge *c)
{
	return c->qop_auth ? STR("auth") : c->qop_auth_int ? STR("auth-int") : STR_NONE;
}

static struct str put_nc(char mem[AUTH_NC_LEN], uint32_t nc)
{
	uint8_t octets[] = { (uint8_t)(nc >> 24), (uint8_t)(nc >> 16), (uint8_t)(nc >> 8),
			     (uint8_t)nc };
	struct buf b;

	buf_init(&b, mem, AUTH_NC_LEN);
	buf_hex(&b, octets, sizeof(octets));
	return buf_str(&b);
}

/* Scratch memory for the pieces of one answer. */
struct pieces {
	char realm[AUTH_VALUE_MAX], nonce[AUTH_VALUE_MAX];
	char user[2 * AUTH_VALUE_MAX], uri[2 * AUTH_VALUE_MAX];
	char nc[AUTH_NC_LEN], userhash[AUTH_HEX_MAX], response[AUTH_HEX_MAX];
};

static void name_user(const struct auth_state *a, const struct auth_input *in, struct pieces *w,
		      struct auth_credentials *c)
{
	if (a->challenge.userhash) {
		c->userhash = true;
		c->username.n = auth_userhash(in->algorithm, in->user, in->realm, w->userhash);
		c->username.p = w->userhash;
	} else {
		c->username = auth_escape(in->user, w->user, sizeof(w->user));
	}
}

void auth_put(struct auth_state *a, const struct auth_login *l, struct str method, struct str uri,
	      struct str body, struct buf *b)
{
	const struct auth_challenge *ch = &a->challenge;
	struct pieces w;
	struct auth_input in = {
		.algorithm = ch->algorithm,
		.sess = ch->sess,
		.user = str_of(l->user),
		.realm = auth_unescape(ch->realm, w.realm),
		.password = str_of(l->password),
		.nonce = auth_unescape(ch->nonce, w.nonce),
		.qop = qop_of(ch),
		.nc = put_nc(w.nc, ++a->nc),
		.cnonce = { a->cnonce, CNONCE_LEN },
		.method = method,
		.uri = uri,
		.body = body,
	};
	struct auth_credentials c = { .realm = ch->realm,
				      .nonce = ch->nonce,
				      .opaque = ch->opaque,
				      .algorithm = ch->algorithm,
				      .sess = ch->sess,
				      .qop = in.qop };

	if (a->nc - a->taken > 1) /* the answer before this one was good */
		a->tries = 0;
	if (in.qop.n)
		c.nc = in.nc;
	if (in.qop.n || ch->sess)
		c.cnonce = in.cnonce;
	name_user(a, &in, &w, &c);
	c.uri = auth_escape(uri, w.uri, sizeof(w.uri));
	c.response = (struct str){ w.response, auth_digest(&in, w.response) };
	if (c.username.n && c.uri.n && c.response.n)
		auth_credentials_put(b, a->proxy, &c);
	else
		b->full = true;
}
