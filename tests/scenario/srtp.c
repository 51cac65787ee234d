/* SPDX-License-Identifier: Apache-2.0 */
/* Actors with SRTP: a=crypto in what they write and hear, and their packets, by libsrtp2. Words of sdp=: "savp", the
 * suites below (one a=crypto for each, in this order), "lines5" (so many in sluice's), "nocrypto", "rekey" (another key
 * of the actor's), "samekey" and "newkey" (of sluice's, beside the last one that the actor heard), "wrongtag",
 * "halfkey", "param" (a session parameter that must not be ignored). */
#include <stdio.h>
#include <stdlib.h>
#include <srtp2/srtp.h>

#include "media/suite.h"
#include "srtp.h"

#define LINES 8

struct crypto_line {
	uint32_t tag;
	u8 suite;
	char key[SUITE_TEXT_MAX + 1];
};

struct crypto_lines {
	struct crypto_line l[LINES];
	unsigned n;
};

struct end { /* one direction */
	srtp_t s;
	struct crypto_line key;
};

struct dlg_srtp {
	struct crypto_lines said, told;
	char key[FLOW_SUITE_COUNT][SUITE_TEXT_MAX + 1]; /* ours */
	char heard[SUITE_TEXT_MAX + 1];                 /* sluice's first, last time */
	bool same;
	struct end in, out;
	struct dlg_srtp *next; /* all that have to be freed */
};

static const struct {
	const char *word;
	u8 suite;
} words[] = {
	{ "gcm256", FLOW_SUITE_AEAD_AES_256_GCM },
	{ "gcm128", FLOW_SUITE_AEAD_AES_128_GCM },
	{ "cm256", FLOW_SUITE_AES_CM_256_HMAC_SHA1_80 },
	{ "cm80", FLOW_SUITE_AES_CM_128_HMAC_SHA1_80 },
	{ "cm32", FLOW_SUITE_AES_CM_128_HMAC_SHA1_32 },
};

static bool has_word(const char *kind, const char *name)
{
	struct str list = str_of(kind), item;

	while (str_token(&list, '+', &item))
		if (str_eq(item, str_of(name)))
			return true;
	return false;
}

static struct dlg_srtp *srtp_of(struct world *w, struct dlg *d)
{
	if (!d->srtp) {
		d->srtp = arena_alloc(w->arena, sizeof(*d->srtp));
		if (!d->srtp)
			abort();
		d->srtp->next = w->srtp;
		w->srtp = d->srtp;
	}
	return d->srtp;
}

void srtp_end(struct world *w)
{
	for (struct dlg_srtp *s = w->srtp; s; s = s->next) {
		if (s->in.s)
			srtp_dealloc(s->in.s);
		if (s->out.s)
			srtp_dealloc(s->out.s);
	}
	w->srtp = NULL;
}

/* ---- words ---- */

static void make_key(struct world *w, u8 suite, char key[SUITE_TEXT_MAX + 1])
{
	u8 master[SUITE_MASTER_MAX];
	struct buf b;

	w->serial++;
	for (unsigned i = 0; i < sizeof(master); i++)
		master[i] = (u8)(w->serial * 89 + i * 31 + i * i);
	buf_init(&b, key, SUITE_TEXT_MAX);
	suite_put_master(suite, master, &b);
	key[b.n] = 0;
}

/* An answer has the tag of the offer. */
static uint32_t tag_of(const struct dlg_srtp *s, u8 suite, uint32_t *next)
{
	for (unsigned i = 0; i < s->told.n; i++)
		if (s->told.l[i].suite == suite)
			return s->told.l[i].tag;
	return (*next)++;
}

const char *srtp_profile(const char *kind)
{
	return has_word(kind, "savp") ? "RTP/SAVP" : "RTP/AVP";
}

void srtp_write(struct world *w, struct buf *b, struct dlg *d, const char *kind)
{
	struct dlg_srtp *s = srtp_of(w, d);
	uint32_t next = 1;

	s->said.n = 0;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		u8 suite = words[i].suite;
		struct crypto_line *l = &s->said.l[s->said.n];
		if (!has_word(kind, words[i].word))
			continue;
		if (!s->key[suite][0] || has_word(kind, "rekey"))
			make_key(w, suite, s->key[suite]);
		*l = (struct crypto_line){ .tag = tag_of(s, suite, &next), .suite = suite };
		memcpy(l->key, s->key[suite], sizeof(l->key));
		s->said.n++;
		buf_fmt(b, "a=crypto:%u %s inline:%.*s%s\r\n",
			l->tag + (has_word(kind, "wrongtag") ? 20 : 0), suite_name(suite),
			has_word(kind, "halfkey") ? 20 : SUITE_TEXT_MAX, l->key,
			has_word(kind, "param") ? " UNENCRYPTED_SRTP" : "");
	}
}

/* ---- what comes from sluice ---- */

static void read_line(struct world *w, struct crypto_lines *to, struct str line)
{
	struct crypto_line *l = &to->l[to->n];
	struct str tag = STR_NONE, suite = STR_NONE;

	str_token(&line, ' ', &tag);
	str_token(&line, ' ', &suite);
	*l = (struct crypto_line){ .suite = suite_by_name(suite) };
	if (to->n == LINES || str_u32(tag, UINT32_MAX, &l->tag) || !l->suite ||
	    !str_starts(line, STR("inline:")) || line.n - 7 >= sizeof(l->key))
		world_fail(w, "a=crypto that is none: %.*s", STR_FMT(line));
	memcpy(l->key, line.p + 7, line.n - 7);
	for (unsigned i = 0; i < to->n; i++)
		if (to->l[i].tag == l->tag || !strcmp(to->l[i].key, l->key))
			world_fail(w, "a tag or a key twice");
	to->n++;
}

/* Of its first m= line, which is audio. */
static void read_lines(struct world *w, struct str sdp, struct crypto_lines *to, struct str *proto)
{
	struct str line, word = STR_NONE;
	unsigned m = 0;

	to->n = 0;
	*proto = STR_NONE;
	while (str_line(&sdp, &line)) {
		if (str_starts(line, STR("m=")) && m++ == 0) {
			str_token(&line, ' ', &word);
			str_token(&line, ' ', &word);
			str_token(&line, ' ', proto);
		}
		if (m == 1 && str_starts(line, STR("a=crypto:")))
			read_line(w, to, (struct str){ line.p + 9, line.n - 9 });
	}
}

static bool has_suite(const struct crypto_lines *l, u8 suite)
{
	for (unsigned i = 0; i < l->n; i++)
		if (l->l[i].suite == suite)
			return true;
	return false;
}

void srtp_learn(struct world *w, struct dlg *d, struct str sdp)
{
	struct dlg_srtp *s = srtp_of(w, d);
	struct str proto;

	read_lines(w, sdp, &s->told, &proto);
	if (!s->told.n)
		return;
	s->same = !strcmp(s->heard, s->told.l[0].key);
	memcpy(s->heard, s->told.l[0].key, sizeof(s->heard));
}

/* After srtp_learn(). */
void srtp_check(struct world *w, struct dlg *d, struct str sdp, const char *kind)
{
	struct dlg_srtp *s = srtp_of(w, d);
	struct crypto_lines l;
	struct str proto;
	char n[16];
	bool asked = has_word(kind, "savp") || has_word(kind, "nocrypto");

	read_lines(w, sdp, &l, &proto);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		bool want = has_word(kind, words[i].word);
		asked |= want;
		if (want && !has_suite(&l, words[i].suite))
			world_fail(w, "no %s in\n%.*s", words[i].word, STR_FMT(sdp));
	}
	if (has_word(kind, "nocrypto") && l.n)
		world_fail(w, "a=crypto in\n%.*s", STR_FMT(sdp));
	if (asked && !str_eq(proto, str_of(srtp_profile(kind))))
		world_fail(w, "not %s:\n%.*s", srtp_profile(kind), STR_FMT(sdp));
	for (unsigned i = 1; i < LINES; i++) {
		snprintf(n, sizeof(n), "lines%u", i);
		if (has_word(kind, n) && l.n != i)
			world_fail(w, "not %u lines of a=crypto in\n%.*s", i, STR_FMT(sdp));
	}
	if (has_word(kind, "samekey") && !s->same)
		world_fail(w, "another key of sluice's");
	if (has_word(kind, "newkey") && s->same)
		world_fail(w, "the same key of sluice's");
}

/* ---- packets ---- */

/* The line that both have; an answer has one only. */
static const struct crypto_line *in_use(const struct crypto_lines *of,
					const struct crypto_lines *other)
{
	for (unsigned i = 0; i < of->n; i++)
		if (has_suite(other, of->l[i].suite) && (of->n == 1 || other->n == 1))
			return &of->l[i];
	return NULL;
}

static void set_policy(srtp_policy_t *p, u8 suite)
{
	switch (suite) {
	case FLOW_SUITE_AEAD_AES_256_GCM:
		srtp_crypto_policy_set_aes_gcm_256_16_auth(&p->rtp);
		break;
	case FLOW_SUITE_AEAD_AES_128_GCM:
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&p->rtp);
		break;
	case FLOW_SUITE_AES_CM_256_HMAC_SHA1_80:
		srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&p->rtp);
		break;
	case FLOW_SUITE_AES_CM_128_HMAC_SHA1_32:
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&p->rtp);
		break;
	default:
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&p->rtp);
		break;
	}
	p->rtcp = p->rtp;
}

/* It tests all its ciphers each time that it is called: once is enough. */
static void init_once(void)
{
	static bool done;

	if (!done && srtp_init() != srtp_err_status_ok)
		abort();
	done = true;
}

static void begin(struct end *e, const struct crypto_line *key, bool out)
{
	u8 master[SUITE_MASTER_MAX];
	srtp_policy_t p = { .ssrc = { .type = out ? ssrc_any_outbound : ssrc_any_inbound },
			    .key = master };

	if (e->s && !strcmp(e->key.key, key->key))
		return;
	if (e->s)
		srtp_dealloc(e->s);
	e->key = *key;
	set_policy(&p, key->suite);
	init_once();
	if (suite_read_master(key->suite, str_of(key->key), master) ||
	    srtp_create(&e->s, &p) != srtp_err_status_ok)
		abort();
}

size_t srtp_seal(struct dlg *d, uint8_t *p, size_t n)
{
	struct dlg_srtp *s = d->srtp;
	const struct crypto_line *key = s ? in_use(&s->said, &s->told) : NULL;
	int len = (int)n;

	if (!key)
		return n;
	begin(&s->out, key, true);
	if (srtp_protect(s->out.s, p, &len) != srtp_err_status_ok)
		abort();
	return (size_t)len;
}

size_t srtp_open(struct dlg *d, uint8_t *p, size_t n)
{
	struct dlg_srtp *s = d->srtp;
	const struct crypto_line *key = s ? in_use(&s->told, &s->said) : NULL;
	int len = (int)n;

	if (!key)
		return n;
	begin(&s->in, key, false);
	return srtp_unprotect(s->in.s, p, &len) == srtp_err_status_ok ? (size_t)len : 0;
}
