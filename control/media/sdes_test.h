/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of SRTP: a world whose engine has it, lines of SDP, and keys. */
#ifndef SLUICE_MEDIA_SDES_TEST_H
#define SLUICE_MEDIA_SDES_TEST_H

#include "media/sdes_priv.h"
#include "media/world.h"

#define CM80                  "AES_CM_128_HMAC_SHA1_80"
#define CM32                  "AES_CM_128_HMAC_SHA1_32"
#define GCM                   "AEAD_AES_128_GCM"
#define GCM2                  "AEAD_AES_256_GCM"
#define K1                    "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
#define K2                    "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC"
#define K3                    "Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0ND"
#define G1                    "R0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHRw=="
#define LINE(tag, suite, key) "a=crypto:" tag " " suite " inline:" key "\r\n"

#define A_AVP                 A_HEAD "m=audio 4000 RTP/AVP 8\r\n"
#define A_SAVP                A_HEAD "m=audio 4000 RTP/SAVP 8\r\n"
#define B_AVP                 B_HEAD "m=audio 6000 RTP/AVP 8\r\n"
#define B_SAVP                B_HEAD "m=audio 6000 RTP/SAVP 8\r\n"

#define OFF                   CONF_SRTP_OFF
#define MAY                   CONF_SRTP_OFFER
#define MUST                  CONF_SRTP_REQUIRE
#define S80                   FLOW_SUITE_AES_CM_128_HMAC_SHA1_80

static inline struct world *srtp_world(enum conf_srtp a, enum conf_srtp b)
{
	struct world *w = world_new(NULL, NULL);

	w->peer.caps |= FLOW_CAP_SRTP;
	peer_disconnect(&w->peer);
	run(w, 300);
	assert_true(engine_caps(w->ms->engine) & FLOW_CAP_SRTP);
	rules(w, 0)->srtp = a;
	rules(w, 1)->srtp = b;
	return w;
}

static inline const struct sdp_crypto *crypto_of(struct world *w, unsigned i)
{
	const struct sdp_media *l = line_of(w, 0);

	assert_true(i < l->n_crypto);
	return &l->crypto[i];
}

/* The key of line i of what came out last. */
static inline char *key_out(struct world *w, unsigned i, char text[SUITE_TEXT_MAX + 1])
{
	const struct sdp_crypto *c = crypto_of(w, i);

	memcpy(text, c->key.p, c->key.n);
	text[c->key.n] = 0;
	return text;
}

static inline void expect_key(const struct flow_crypto *c, u8 suite, const char *text)
{
	u8 master[SUITE_MASTER_MAX];
	struct flow_crypto want = { .suite = suite };

	assert_int_equal(c->suite, suite);
	if (!suite)
		return;
	assert_int_equal(suite_read_master(suite, str_of(text), master), 0);
	assert_int_equal(suite_derive(suite, master, &want), 0);
	assert_memory_equal(c->rtp_key, want.rtp_key, sizeof(want.rtp_key));
	assert_memory_equal(c->rtp_auth, want.rtp_auth, sizeof(want.rtp_auth));
	assert_memory_equal(c->rtp_salt, want.rtp_salt, sizeof(want.rtp_salt));
	assert_memory_equal(c->rtcp_key, want.rtcp_key, sizeof(want.rtcp_key));
	assert_memory_equal(c->rtcp_salt, want.rtcp_salt, sizeof(want.rtcp_salt));
}

#endif
