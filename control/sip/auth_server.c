/* SPDX-License-Identifier: Apache-2.0 */
/* Challenging, and checking what comes back. Nothing is kept for a challenge: a nonce says when it was made
 * and proves by an HMAC that we made it for this algorithm. Only a nonce that was used with the right
 * password has an entry, which holds the counts that were seen. */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include "base/table.h"
#include "sip/auth_priv.h"
#include "sip/scan_priv.h"

#define LIFE_MS    60000
#define USED_MAX   65536 /* nonces in use; with more, the oldest end early */
#define NC_WINDOW  64    /* counts that may arrive out of order */
#define MAC_LEN    16
#define STAMP_LEN  12 /* 8 octets of time, 4 of a counter */
#define NONCE_LEN  (STAMP_LEN + MAC_LEN)
#define NONCE_HEX  (2 * NONCE_LEN)
#define SECRET_LEN 32

struct used {
	struct table_node node;
	struct used *next; /* in the order of their first use */
	uint64_t minted;
	uint64_t window; /* bit i: the count high - i was seen */
	uint32_t serial, high;
};

struct auth_server {
	struct loop *loop;
	struct table used;
	struct used *oldest, **newest;
	uint64_t floor; /* nonces minted up to this are over: one of them was forgotten early */
	uint32_t serial;
	uint8_t key[SECRET_LEN];
	char dummy[SECRET_LEN]; /* the password of users who do not exist */
	struct str realm;       /* escaped */
	char text[];
};

struct auth_server *auth_server_new(struct loop *loop, const char *realm)
{
	size_t cap = 2 * strlen(realm);
	struct auth_server *a = calloc(1, sizeof(*a) + cap);
	uint64_t key[2];

	if (!a)
		return NULL;
	a->realm = auth_escape(str_of(realm), a->text, cap);
	if (!a->realm.n || a->realm.n > AUTH_VALUE_MAX) {
		free(a);
		errno = EINVAL;
		return NULL;
	}
	if (a->realm.p != a->text) {
		memcpy(a->text, a->realm.p, a->realm.n);
		a->realm.p = a->text;
	}
	a->loop = loop;
	a->newest = &a->oldest;
	loop_random(loop, key, sizeof(key));
	loop_random(loop, a->key, sizeof(a->key));
	loop_random(loop, a->dummy, sizeof(a->dummy));
	loop_random(loop, &a->serial, sizeof(a->serial));
	if (table_init(&a->used, key, 16) < 0) {
		auth_server_free(a);
		errno = ENOMEM;
		return NULL;
	}
	return a;
}

static void forget_oldest(struct auth_server *a)
{
	struct used *u = a->oldest;

	table_del(&a->used, &u->node);
	a->oldest = u->next;
	if (!a->oldest)
		a->newest = &a->oldest;
	free(u);
}

void auth_server_free(struct auth_server *a)
{
	if (!a)
		return;
	while (a->oldest)
		forget_oldest(a);
	table_fini(&a->used);
	OPENSSL_cleanse(a, sizeof(*a));
	free(a);
}

/* ---- nonces ---- */

struct nonce {
	uint64_t minted;
	uint32_t serial;
};

static bool nonce_mac(const struct auth_server *a, const uint8_t stamp[STAMP_LEN],
		      enum auth_algorithm algorithm, uint8_t out[EVP_MAX_MD_SIZE])
{
	uint8_t text[STAMP_LEN + 1];

	memcpy(text, stamp, STAMP_LEN);
	text[STAMP_LEN] = (uint8_t)algorithm;
	return HMAC(EVP_sha256(), a->key, sizeof(a->key), text, sizeof(text), out, NULL) != NULL;
}

static struct str nonce_make(struct auth_server *a, enum auth_algorithm algorithm,
			     char out[NONCE_HEX])
{
	uint8_t raw[STAMP_LEN + EVP_MAX_MD_SIZE];
	uint64_t now = loop_now(a->loop);
	struct buf b;

	a->serial++;
	memcpy(raw, &now, sizeof(now));
	memcpy(raw + sizeof(now), &a->serial, sizeof(a->serial));
	if (!nonce_mac(a, raw, algorithm, raw + STAMP_LEN))
		return STR_NONE;
	buf_init(&b, out, NONCE_HEX);
	buf_hex(&b, raw, NONCE_LEN);
	return buf_str(&b);
}

/* Is it one of ours, for this algorithm, and young enough? */
static bool nonce_fresh(const struct auth_server *a, struct str s, enum auth_algorithm algorithm,
			struct nonce *n)
{
	uint8_t raw[NONCE_LEN], mac[EVP_MAX_MD_SIZE];
	uint64_t now = loop_now(a->loop);

	if (s.n != NONCE_HEX)
		return false;
	for (size_t i = 0; i < NONCE_LEN; i++) {
		int hi = sip_hex(s.p[2 * i]), lo = sip_hex(s.p[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		raw[i] = (uint8_t)(hi << 4 | lo);
	}
	if (!nonce_mac(a, raw, algorithm, mac) || CRYPTO_memcmp(mac, raw + STAMP_LEN, MAC_LEN))
		return false;
	memcpy(&n->minted, raw, sizeof(n->minted));
	memcpy(&n->serial, raw + sizeof(n->minted), sizeof(n->serial));
	return n->minted > a->floor && now - n->minted < LIFE_MS;
}

/* ---- counts ---- */

static bool is_nonce(const struct table_node *node, const void *key)
{
	const struct used *u = (const struct used *)node;
	const struct nonce *n = key;

	return u->serial == n->serial && u->minted == n->minted;
}

/* A few at a time, so that no request pays for all of a minute. */
static void forget_expired(struct auth_server *a)
{
	uint64_t now = loop_now(a->loop);

	for (int i = 0; i < 4 && a->oldest && now - a->oldest->minted >= LIFE_MS; i++)
		forget_oldest(a);
	if (a->used.count >= USED_MAX) {
		if (a->oldest->minted > a->floor)
			a->floor = a->oldest->minted;
		forget_oldest(a);
	}
}

static struct used *use(struct auth_server *a, const struct nonce *n, bool *first)
{
	uint64_t hash = table_hash(&a->used, &n->serial, sizeof(n->serial));
	struct used *u = (struct used *)table_find(&a->used, hash, is_nonce, n);

	*first = !u;
	if (u)
		return u;
	forget_expired(a);
	u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	u->minted = n->minted;
	u->serial = n->serial;
	table_add(&a->used, &u->node, hash);
	*a->newest = u;
	a->newest = &u->next;
	return u;
}

/* Like the replay window of RFC 4303 3.4.3. */
static bool count_once(struct used *u, uint32_t nc)
{
	uint32_t ahead = nc - u->high, behind = u->high - nc;

	if (nc > u->high) {
		u->window = ahead < NC_WINDOW ? u->window << ahead | 1 : 1;
		u->high = nc;
		return true;
	}
	if (nc == 0 || behind >= NC_WINDOW || u->window >> behind & 1)
		return false;
	u->window |= 1ull << behind;
	return true;
}

static uint32_t read_nc(struct str s)
{
	uint32_t nc = 0;

	for (size_t i = 0; i < s.n; i++)
		nc = nc << 4 | (uint32_t)sip_hex(s.p[i]);
	return nc;
}

/* Without qop there is no count: such an answer is good once for each nonce. */
static enum auth_verdict check_count(struct auth_server *a, const struct auth_credentials *c,
				     const struct nonce *n)
{
	bool first;
	struct used *u = use(a, n, &first);

	if (!u)
		return AUTH_STALE;
	if (c->qop.n)
		return count_once(u, read_nc(c->nc)) ? AUTH_OK : AUTH_BAD;
	u->high = UINT32_MAX;
	u->window = UINT64_MAX;
	return first ? AUTH_OK : AUTH_STALE;
}

/* ---- checking ---- */

/* The first for our realm that can be read: one message is one attempt. */
static bool find_ours(const struct auth_server *a, const struct sip_msg *m, bool proxy,
		      struct auth_credentials *c)
{
	enum sip_hdr_id id = proxy ? SIP_HDR_PROXY_AUTHORIZATION : SIP_HDR_AUTHORIZATION;

	for (const struct sip_hdr *h = sip_hdr_first(m, id); h; h = sip_hdr_next(m, h))
		if (auth_credentials_parse(sip_hdr_value(m, h), c) == 0 &&
		    c->algorithm < AUTH_ALGORITHMS && str_eq(c->realm, a->realm))
			return true;
	return false;
}

static bool same_uri(struct str uri, struct str ruri)
{
	struct sip_uri a, b;

	if (str_eq(uri, ruri))
		return true;
	return sip_uri_parse(uri, &a) == 0 && sip_uri_parse(ruri, &b) == 0 && sip_uri_equal(&a, &b);
}

static bool same_response(struct str response, const char *expected, size_t n)
{
	char lower[AUTH_HEX_MAX];

	if (response.n != n || n == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		lower[i] = (char)(response.p[i] | 0x20); /* digits have this bit already */
	return CRYPTO_memcmp(lower, expected, n) == 0;
}

/* We do not offer `userhash`, so a hashed name is nobody's. */
static bool check_response(const struct auth_server *a, const struct sip_msg *m,
			   const struct auth_credentials *c,
			   const char *(*password_of)(void *arg, struct str user), void *arg)
{
	char user[AUTH_VALUE_MAX], realm[AUTH_VALUE_MAX], uri[AUTH_VALUE_MAX];
	char nonce[AUTH_VALUE_MAX], cnonce[AUTH_VALUE_MAX], expected[AUTH_HEX_MAX];
	struct auth_input in = {
		.algorithm = c->algorithm,
		.sess = c->sess,
		.user = auth_unescape(c->username, user),
		.realm = auth_unescape(c->realm, realm),
		.nonce = auth_unescape(c->nonce, nonce),
		.cnonce = auth_unescape(c->cnonce, cnonce),
		.nc = c->nc,
		.qop = c->qop,
		.method = m->method_name,
		.uri = auth_unescape(c->uri, uri),
		.body = m->body,
	};
	const char *password = c->userhash ? NULL : password_of(arg, in.user);
	bool known = password != NULL, same, right;

	in.password = known ? str_of(password) : (struct str){ a->dummy, sizeof(a->dummy) };
	same = same_uri(in.uri, m->ruri);
	right = same_response(c->response, expected, auth_digest(&in, expected));
	OPENSSL_cleanse(expected, sizeof(expected));
	return known & same & right;
}

enum auth_verdict auth_check(struct auth_server *a, const struct sip_msg *m, bool proxy,
			     const char *(*password_of)(void *arg, struct str user), void *arg)
{
	struct auth_credentials c;
	struct nonce n;
	bool right, fresh;

	if (!find_ours(a, m, proxy, &c))
		return AUTH_NONE;
	right = check_response(a, m, &c, password_of, arg);
	fresh = nonce_fresh(a, c.nonce, c.algorithm, &n);
	if (!right)
		return AUTH_BAD;
	return fresh ? check_count(a, &c, &n) : AUTH_STALE;
}

static void put_challenge(struct auth_server *a, enum auth_algorithm algorithm, bool proxy,
			  bool stale, struct buf *b)
{
	char nonce[NONCE_HEX];
	struct auth_challenge c = { .realm = a->realm,
				    .nonce = nonce_make(a, algorithm, nonce),
				    .algorithm = algorithm,
				    .stale = stale,
				    .qop_auth = true };

	if (c.nonce.n)
		auth_challenge_put(b, proxy, &c);
}

void auth_put_challenge(struct auth_server *a, bool proxy, bool stale, unsigned algorithms,
			struct buf *b)
{
	if (!algorithms)
		algorithms = AUTH_BIT(AUTH_SHA256) | AUTH_BIT(AUTH_MD5);
	for (int i = AUTH_ALGORITHMS - 1; i >= 0; i--)
		if (algorithms & AUTH_BIT(i))
			put_challenge(a, (enum auth_algorithm)i, proxy, stale, b);
}
