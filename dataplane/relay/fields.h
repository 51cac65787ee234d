/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What each attribute of flow.h may hold: one row for a number, with its place in the struct, what it means to leave it
 * out, its bounds and its name for people; and the checks that rows cannot say. The codec of control and sluice-dp and that of
 * the kernel module are made of it, so that all refuse the same under the same name.
 *
 * A row is X(struct, member, attribute, absent, min, max, name); that of an address X(struct, member, attribute, name).
 * Freestanding. */
#ifndef SLUICE_RELAY_FIELDS_H
#define SLUICE_RELAY_FIELDS_H

#include "relay/flow.h"

#define FIELD_U32   0xffffffffu
#define FIELD_U64   (~0ull)
#define FIELD_INDEX ((1ull << 48) - 1) /* of SRTP */
#define FIELD_SRTCP 0x7fffffffu
#define FIELD_FLAGS                                                                                \
	(FLOW_SIDE_HOLD | FLOW_SIDE_RTCP_MUX | FLOW_SIDE_DTMF_TELL | FLOW_SIDE_DTMF_TAKE |         \
	 FLOW_SIDE_STUN | FLOW_SIDE_DTLS)

/* clang-format off */

/* Telephone-event: a struct that was only zeroed says PCMU, which is refused. */
#define FLOW_SIDE_FIELDS(X)                                                                        \
	X(flow_side, local.port, FLOW_SIDE_A_LOCAL_PORT, 0, 1, 65535, "local_port")                \
	X(flow_side, local_rtcp, FLOW_SIDE_A_LOCAL_RTCP, 0, 0, 65535, "local_rtcp")                \
	X(flow_side, remote.port, FLOW_SIDE_A_REMOTE_PORT, 0, 1, 65535, "remote_port")             \
	X(flow_side, remote_rtcp, FLOW_SIDE_A_REMOTE_RTCP, 0, 0, 65535, "remote_rtcp")             \
	X(flow_side, mode, FLOW_SIDE_A_MODE, FLOW_MODE_STATIC, 0, FLOW_MODE_NAT, "mode")           \
	X(flow_side, flags, FLOW_SIDE_A_FLAGS, 0, 0, FIELD_FLAGS, "flags")                         \
	X(flow_side, learn_len, FLOW_SIDE_A_LEARN_LEN, 0, 0, 128, "learn_len")                     \
	X(flow_side, ptime, FLOW_SIDE_A_PTIME, 20, 1, 240, "ptime")                                \
	X(flow_side, clock, FLOW_SIDE_A_CLOCK, 8000, 1000, 384000, "clock")                        \
	X(flow_side, dscp, FLOW_SIDE_A_DSCP, 0, 0, 63, "dscp")                                     \
	X(flow_side, dtmf_in, FLOW_SIDE_A_DTMF_IN, FLOW_PT_NONE, 1, 127, "dtmf_in")                \
	X(flow_side, dtmf_out, FLOW_SIDE_A_DTMF_OUT, FLOW_PT_NONE, 1, 127, "dtmf_out")             \
	X(flow_side, dtmf_clock, FLOW_SIDE_A_DTMF_CLOCK, 0, 1000, 384000, "dtmf_clock")            \
	X(flow_side, rate, FLOW_SIDE_A_RATE, 0, 0, FIELD_U32, "rate")                              \
	X(flow_side, burst, FLOW_SIDE_A_BURST, 0, 0, FIELD_U32, "burst")                           \
	X(flow_side, ssrc_mask, FLOW_SIDE_A_SSRC_MASK, 0, 0, FIELD_U32, "ssrc_mask")

#define FLOW_SIDE_PLACES(X)                                                                        \
	X(flow_side, local, FLOW_SIDE_A_LOCAL, "local")                                            \
	X(flow_side, remote, FLOW_SIDE_A_REMOTE, "remote")                                         \
	X(flow_side, sig, FLOW_SIDE_A_SIG, "sig")

#define FLOW_STATS_FIELDS(X)                                                                       \
	X(flow_stats, packets, FLOW_STATS_A_PACKETS, 0, 0, FIELD_U64, "packets")                   \
	X(flow_stats, octets, FLOW_STATS_A_OCTETS, 0, 0, FIELD_U64, "octets")                      \
	X(flow_stats, dropped, FLOW_STATS_A_DROPPED, 0, 0, FIELD_U64, "dropped")                   \
	X(flow_stats, lost, FLOW_STATS_A_LOST, 0, 0, FIELD_U64, "lost")                            \
	X(flow_stats, jitter_us, FLOW_STATS_A_JITTER, 0, 0, FIELD_U32, "jitter")                   \
	X(flow_stats, first_us, FLOW_STATS_A_FIRST, 0, 0, FIELD_U64, "first")                      \
	X(flow_stats, last_us, FLOW_STATS_A_LAST, 0, 0, FIELD_U64, "last")                         \
	X(flow_stats, ssrc, FLOW_STATS_A_SSRC, 0, 0, FIELD_U32, "ssrc")                            \
	X(flow_stats, state, FLOW_STATS_A_STATE, 0, 0, FLOW_STATE_COUNT - 1, "state")              \
	X(flow_stats, source.port, FLOW_STATS_A_SRC_PORT, 0, 0, 65535, "source_port")              \
	X(flow_stats, auth_failed, FLOW_STATS_A_AUTH_FAILED, 0, 0, FIELD_U64, "auth_failed")       \
	X(flow_stats, replayed, FLOW_STATS_A_REPLAYED, 0, 0, FIELD_U64, "replayed")                \
	X(flow_stats, policed, FLOW_STATS_A_POLICED, 0, 0, FIELD_U64, "policed")                   \
	X(flow_stats, ssrcs, FLOW_STATS_A_SSRCS, 0, 0, FIELD_U32, "ssrcs")                         \
	X(flow_stats, rtt_us, FLOW_STATS_A_RTT, 0, 0, FIELD_U32, "rtt")                            \
	X(flow_stats, peer_lost, FLOW_STATS_A_PEER_LOST, 0, 0, FIELD_U32, "peer_lost")             \
	X(flow_stats, peer_fraction, FLOW_STATS_A_PEER_FRACTION, 0, 0, 255, "peer_fraction")       \
	X(flow_stats, peer_jitter_us, FLOW_STATS_A_PEER_JITTER, 0, 0, FIELD_U32, "peer_jitter")

#define FLOW_STATS_PLACES(X)                                                                       \
	X(flow_stats, source, FLOW_STATS_A_SOURCE, "source")                                       \
	X(flow_stats, refused, FLOW_STATS_A_REFUSED, "refused")

#define FLOW_CRYPTO_FIELDS(X)                                                                      \
	X(flow_crypto, suite, FLOW_CRYPTO_A_SUITE, 0, 1, FLOW_SUITE_COUNT - 1, "suite")            \
	X(flow_crypto, number, FLOW_CRYPTO_A_NUMBER, 0, 1, FIELD_U32, "key_number")                \
	X(flow_crypto, flags, FLOW_CRYPTO_A_FLAGS, 0, 0, FLOW_CRYPTO_KEEP_ROC, "crypto_flags")     \
	X(flow_crypto, mki_len, FLOW_CRYPTO_A_MKI_LEN, 0, 0, 128, "mki_len")

/* X(member, attribute, which, name): as long as flow_part_size() says. */
#define FLOW_CRYPTO_PARTS(X)                                                                       \
	X(rtp_key, FLOW_CRYPTO_A_RTP_KEY, FLOW_PART_KEY, "rtp_key")                                \
	X(rtp_auth, FLOW_CRYPTO_A_RTP_AUTH, FLOW_PART_AUTH, "rtp_auth")                            \
	X(rtp_salt, FLOW_CRYPTO_A_RTP_SALT, FLOW_PART_SALT, "rtp_salt")                            \
	X(rtcp_key, FLOW_CRYPTO_A_RTCP_KEY, FLOW_PART_KEY, "rtcp_key")                             \
	X(rtcp_auth, FLOW_CRYPTO_A_RTCP_AUTH, FLOW_PART_AUTH, "rtcp_auth")                         \
	X(rtcp_salt, FLOW_CRYPTO_A_RTCP_SALT, FLOW_PART_SALT, "rtcp_salt")

/* A part of RESUME is there when its first attribute is. */
#define FLOW_RESUME_IN_FIELDS(X)                                                                   \
	X(flow_resume, in_ssrc, FLOW_RESUME_A_IN_SSRC, 0, 0, FIELD_U32, "in_ssrc")                 \
	X(flow_resume, in_index, FLOW_RESUME_A_IN_INDEX, 0, 0, FIELD_INDEX, "in_index")

#define FLOW_RESUME_OUT_FIELDS(X)                                                                  \
	X(flow_resume, out_ssrc, FLOW_RESUME_A_OUT_SSRC, 0, 0, FIELD_U32, "out_ssrc")              \
	X(flow_resume, out_index, FLOW_RESUME_A_OUT_INDEX, 0, 0, FIELD_INDEX, "out_index")         \
	X(flow_resume, out_shift, FLOW_RESUME_A_OUT_SHIFT, 0, 0, 65535, "out_shift")

#define FLOW_RESUME_RTCP_FIELDS(X)                                                                 \
	X(flow_resume, in_rtcp, FLOW_RESUME_A_IN_RTCP, 0, 0, FIELD_SRTCP, "in_rtcp")               \
	X(flow_resume, out_rtcp, FLOW_RESUME_A_OUT_RTCP, 0, 0, FIELD_SRTCP, "out_rtcp")

/* clang-format on */

/* ---- rows as data ---- */

struct flow_field {
	u16 attr, off;
	u8 size; /* 1, 2, 4, 8 */
	u32 absent;
	u64 min, max;
	const char *why;
};

struct flow_place { /* of a struct flow_addr without its port */
	u16 attr, off;
	const char *why;
};

enum flow_part_of {
	FLOW_PART_KEY,
	FLOW_PART_AUTH,
	FLOW_PART_SALT
};

struct flow_part { /* of a struct flow_crypto */
	u16 attr, off;
	enum flow_part_of of;
	const char *why;
};

#define FLOW_FIELD_ROW(type, member, attr, absent, min, max, why)                                  \
	{                                                                                          \
		attr,                                                                              \
		offsetof(struct type, member),                                                     \
		sizeof(((struct type *)0)->member),                                                \
		absent,                                                                            \
		min,                                                                               \
		max,                                                                               \
		why                                                                                \
	},
#define FLOW_PLACE_ROW(type, member, attr, why) { attr, offsetof(struct type, member), why },
#define FLOW_PART_ROW(member, attr, of, why)                                                       \
	{ attr, offsetof(struct flow_crypto, member), of, why },

/* ---- one value ---- */

/* At p, which is aligned to 4 at least where `size` is 4 or less. */
static inline u64 flow_number_load(const void *p, u8 size)
{
	u64 v = 0;

	switch (size) {
	case 1:
		return *(const u8 *)p;
	case 2:
		return *(const u16 *)p;
	case 4:
		return *(const u32 *)p;
	default:
		__builtin_memcpy(&v, p, sizeof(v));
		return v;
	}
}

static inline void flow_number_store(void *p, u8 size, u64 v)
{
	switch (size) {
	case 1:
		*(u8 *)p = (u8)v;
		break;
	case 2:
		*(u16 *)p = (u16)v;
		break;
	case 4:
		*(u32 *)p = (u32)v;
		break;
	default:
		__builtin_memcpy(p, &v, sizeof(v));
	}
}

/* Octets of its address: 4 or 16. */
static inline unsigned flow_addr_len(const struct flow_addr *a)
{
	return a->family == 6 ? 16 : 4;
}

/* The address of n octets at p. The port stays. False: it is none. */
static inline bool flow_addr_take(struct flow_addr *a, const void *p, unsigned n)
{
	if (n != 4 && n != 16)
		return false;
	__builtin_memset(a->ip, 0, sizeof(a->ip));
	__builtin_memcpy(a->ip, p, n);
	a->family = n == 4 ? 4 : 6;
	return true;
}

/* Address and prefix length, n octets. */
static inline bool flow_prefix_take(struct flow_addr *a, const u8 *p, unsigned n)
{
	if (!n || !flow_addr_take(a, p, n - 1))
		return false;
	a->len = p[n - 1];
	return a->len <= (n - 1) * 8;
}

static inline bool flow_ptmap_take(struct flow_side *s, const u8 *p, unsigned n)
{
	u64 seen[2] = { 0, 0 };

	if (n % 2 || n > sizeof(s->ptmap))
		return false;
	for (unsigned i = 0; i < n; i += 2) {
		u64 bit = 1ull << p[i] % 64;
		if (p[i] > 127 || p[i + 1] > 127 || seen[p[i] / 64] & bit)
			return false;
		seen[p[i] / 64] |= bit;
	}
	__builtin_memcpy(s->ptmap, p, n);
	s->n_ptmap = (u8)(n / 2);
	return true;
}

/* Octets of a part of the keys of a suite, which is a known one or FLOW_SUITE_NONE. */
static inline unsigned flow_part_size(u8 suite, enum flow_part_of of)
{
	static const u8 sizes[FLOW_SUITE_COUNT][3] = {
		[FLOW_SUITE_AES_CM_128_HMAC_SHA1_80] = { 16, 20, 14 },
		[FLOW_SUITE_AES_CM_128_HMAC_SHA1_32] = { 16, 20, 14 },
		[FLOW_SUITE_AES_CM_256_HMAC_SHA1_80] = { 32, 20, 14 },
		[FLOW_SUITE_AES_CM_256_HMAC_SHA1_32] = { 32, 20, 14 },
		[FLOW_SUITE_AEAD_AES_128_GCM] = { 16, 0, 12 },
		[FLOW_SUITE_AEAD_AES_256_GCM] = { 32, 0, 12 },
	};

	return sizes[suite][of];
}

/* Fields that depend on each other. The name of what is wrong; NULL: nothing. */
static inline const char *flow_side_wrong(const struct flow_side *s)
{
	if (!s->local.family)
		return "local";
	if (!s->local.port)
		return "local_port";
	if (s->remote.family && s->remote.family != s->local.family)
		return "remote";
	if (!s->remote.family != !s->remote.port)
		return "remote_port";
	if (s->sig.family == 4 && s->learn_len > 32)
		return "learn_len";
	if (s->out.mki_len)
		return "crypto_out";
	return (const char *)0;
}

/* The same of a flow without its sides. */
static inline const char *flow_head_wrong(const struct flow *f)
{
	if (!f->id)
		return "id";
	if (!f->gen)
		return "gen";
	return f->kind > FLOW_KIND_RAW ? "kind" : (const char *)0;
}

#endif
