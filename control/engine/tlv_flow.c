/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include "engine/tlv_priv.h"

#define ALL_FLAGS                                                                                  \
	(FLOW_SIDE_HOLD | FLOW_SIDE_RTCP_MUX | FLOW_SIDE_DTMF_TELL | FLOW_SIDE_DTMF_TAKE |         \
	 FLOW_SIDE_STUN | FLOW_SIDE_DTLS)

static const struct tlv_field side_fields[] = {
	TLV_FIELD(flow_side, local.port, FLOW_SIDE_A_LOCAL_PORT, 0, 1, 65535, "local_port"),
	TLV_FIELD(flow_side, local_rtcp, FLOW_SIDE_A_LOCAL_RTCP, 0, 0, 65535, "local_rtcp"),
	TLV_FIELD(flow_side, remote.port, FLOW_SIDE_A_REMOTE_PORT, 0, 1, 65535, "remote_port"),
	TLV_FIELD(flow_side, remote_rtcp, FLOW_SIDE_A_REMOTE_RTCP, 0, 0, 65535, "remote_rtcp"),
	TLV_FIELD(flow_side, mode, FLOW_SIDE_A_MODE, FLOW_MODE_STATIC, 0, FLOW_MODE_NAT, "mode"),
	TLV_FIELD(flow_side, flags, FLOW_SIDE_A_FLAGS, 0, 0, ALL_FLAGS, "flags"),
	TLV_FIELD(flow_side, learn_len, FLOW_SIDE_A_LEARN_LEN, 0, 0, 128, "learn_len"),
	TLV_FIELD(flow_side, ptime, FLOW_SIDE_A_PTIME, 20, 1, 240, "ptime"),
	TLV_FIELD(flow_side, clock, FLOW_SIDE_A_CLOCK, 8000, 1000, 384000, "clock"),
	TLV_FIELD(flow_side, dscp, FLOW_SIDE_A_DSCP, 0, 0, 63, "dscp"),
	/* A struct that was only zeroed says PCMU: refused. */
	TLV_FIELD(flow_side, dtmf_in, FLOW_SIDE_A_DTMF_IN, FLOW_PT_NONE, 1, 127, "dtmf_in"),
	TLV_FIELD(flow_side, dtmf_out, FLOW_SIDE_A_DTMF_OUT, FLOW_PT_NONE, 1, 127, "dtmf_out"),
	TLV_FIELD(flow_side, dtmf_clock, FLOW_SIDE_A_DTMF_CLOCK, 0, 1000, 384000, "dtmf_clock"),
	TLV_FIELD(flow_side, rate, FLOW_SIDE_A_RATE, 0, 0, UINT32_MAX, "rate"),
	TLV_FIELD(flow_side, burst, FLOW_SIDE_A_BURST, 0, 0, UINT32_MAX, "burst"),
	TLV_FIELD(flow_side, ssrc_mask, FLOW_SIDE_A_SSRC_MASK, 0, 0, UINT32_MAX, "ssrc_mask"),
};

static const struct tlv_place side_places[] = {
	{ FLOW_SIDE_A_LOCAL, offsetof(struct flow_side, local), "local" },
	{ FLOW_SIDE_A_REMOTE, offsetof(struct flow_side, remote), "remote" },
	{ FLOW_SIDE_A_SIG, offsetof(struct flow_side, sig), "sig" },
};

static const struct tlv_field stats_fields[] = {
	TLV_FIELD(flow_stats, packets, FLOW_STATS_A_PACKETS, 0, 0, UINT64_MAX, "packets"),
	TLV_FIELD(flow_stats, octets, FLOW_STATS_A_OCTETS, 0, 0, UINT64_MAX, "octets"),
	TLV_FIELD(flow_stats, dropped, FLOW_STATS_A_DROPPED, 0, 0, UINT64_MAX, "dropped"),
	TLV_FIELD(flow_stats, lost, FLOW_STATS_A_LOST, 0, 0, UINT64_MAX, "lost"),
	TLV_FIELD(flow_stats, jitter_us, FLOW_STATS_A_JITTER, 0, 0, UINT32_MAX, "jitter"),
	TLV_FIELD(flow_stats, first_us, FLOW_STATS_A_FIRST, 0, 0, UINT64_MAX, "first"),
	TLV_FIELD(flow_stats, last_us, FLOW_STATS_A_LAST, 0, 0, UINT64_MAX, "last"),
	TLV_FIELD(flow_stats, ssrc, FLOW_STATS_A_SSRC, 0, 0, UINT32_MAX, "ssrc"),
	TLV_FIELD(flow_stats, state, FLOW_STATS_A_STATE, 0, 0, FLOW_STATE_COUNT - 1, "state"),
	TLV_FIELD(flow_stats, source.port, FLOW_STATS_A_SRC_PORT, 0, 0, 65535, "source_port"),
	TLV_FIELD(flow_stats, auth_failed, FLOW_STATS_A_AUTH_FAILED, 0, 0, UINT64_MAX,
		  "auth_failed"),
	TLV_FIELD(flow_stats, replayed, FLOW_STATS_A_REPLAYED, 0, 0, UINT64_MAX, "replayed"),
	TLV_FIELD(flow_stats, policed, FLOW_STATS_A_POLICED, 0, 0, UINT64_MAX, "policed"),
	TLV_FIELD(flow_stats, ssrcs, FLOW_STATS_A_SSRCS, 0, 0, UINT32_MAX, "ssrcs"),
	TLV_FIELD(flow_stats, rtt_us, FLOW_STATS_A_RTT, 0, 0, UINT32_MAX, "rtt"),
	TLV_FIELD(flow_stats, peer_lost, FLOW_STATS_A_PEER_LOST, 0, 0, UINT32_MAX, "peer_lost"),
	TLV_FIELD(flow_stats, peer_fraction, FLOW_STATS_A_PEER_FRACTION, 0, 0, 255,
		  "peer_fraction"),
	TLV_FIELD(flow_stats, peer_jitter_us, FLOW_STATS_A_PEER_JITTER, 0, 0, UINT32_MAX,
		  "peer_jitter"),
};

static const struct tlv_place stats_places[] = {
	{ FLOW_STATS_A_SOURCE, offsetof(struct flow_stats, source), "source" },
	{ FLOW_STATS_A_REFUSED, offsetof(struct flow_stats, refused), "refused" },
};

static void put_acl(struct tlv_out *o, const struct flow_side *s)
{
	if (!s->n_acl)
		return;
	size_t nest = tlv_nest_begin(o, FLOW_SIDE_A_ACL);
	for (unsigned i = 0; i < s->n_acl; i++) {
		size_t n = tlv_addr_len(&s->acl[i]);
		u8 prefix[17];
		memcpy(prefix, s->acl[i].ip, n);
		prefix[n] = s->acl[i].len;
		tlv_put(o, FLOW_SIDE_A_PREFIX, prefix, n + 1);
	}
	tlv_nest_end(o, nest);
}

static void put_side(struct tlv_out *o, int type, const struct flow_side *s, bool secrets)
{
	size_t nest = tlv_nest_begin(o, type);

	tlv_put_fields(o, s, side_fields, COUNT(side_fields));
	tlv_put_places(o, s, side_places, COUNT(side_places));
	put_acl(o, s);
	if (s->n_ptmap)
		tlv_put(o, FLOW_SIDE_A_PTMAP, s->ptmap, (size_t)s->n_ptmap * 2);
	tlv_put_crypto(o, FLOW_SIDE_A_CRYPTO_IN, &s->in, secrets);
	tlv_put_crypto(o, FLOW_SIDE_A_CRYPTO_OUT, &s->out, secrets);
	if (secrets)
		tlv_put_resume(o, FLOW_SIDE_A_RESUME, &s->resume);
	tlv_nest_end(o, nest);
}

static void put_flow(struct tlv_out *o, const struct flow *f, bool secrets)
{
	tlv_put_u64(o, FLOW_A_ID, f->id);
	tlv_put_u32(o, FLOW_A_GEN, f->gen);
	tlv_put_u32(o, FLOW_A_IDLE, f->idle_ms);
	if (f->kind != FLOW_KIND_RTP)
		tlv_put_u8(o, FLOW_A_KIND, f->kind);
	put_side(o, FLOW_A_SIDE0, &f->side[0], secrets);
	put_side(o, FLOW_A_SIDE1, &f->side[1], secrets);
}

void tlv_put_flow(struct tlv_out *o, const struct flow *f)
{
	put_flow(o, f, true);
}

void tlv_put_stats(struct tlv_out *o, int type, const struct flow_stats *s)
{
	size_t nest = tlv_nest_begin(o, type);

	tlv_put_fields(o, s, stats_fields, COUNT(stats_fields));
	tlv_put_places(o, s, stats_places, COUNT(stats_places));
	if (s->last_drop[0])
		tlv_put_str(o, FLOW_STATS_A_LAST_DROP, s->last_drop);
	tlv_nest_end(o, nest);
}

void tlv_put_report(struct tlv_out *o, const struct tlv_report *r)
{
	put_flow(o, &r->flow, false);
	for (int i = 0; i < 2; i++) {
		tlv_put_stats(o, FLOW_A_STATS0 + i, &r->rtp[i]);
		tlv_put_stats(o, FLOW_A_RTCP0 + i, &r->rtcp[i]);
	}
	tlv_put_u64(o, FLOW_A_AGE, r->age_ms);
}

static int get_prefix(struct flow_addr *a, const struct nlattr *at)
{
	size_t n = (size_t)nla_len(at);
	const u8 *p = nla_data(at);

	if (nla_type(at) != FLOW_SIDE_A_PREFIX || !n || tlv_get_addr(a, p, n - 1) < 0)
		return -EINVAL;
	a->len = p[n - 1];
	return a->len <= (n - 1) * 8 ? 0 : -EINVAL;
}

static int get_acl(struct nlattr *nest, struct flow_side *s, const char **why)
{
	struct nlattr *at;
	int left;

	if (!nest)
		return 0;
	if (!tlv_nest_ok(nest))
		return tlv_bad(why, "acl");
	nla_for_each_nested(at, nest, left)
	{
		if (s->n_acl == FLOW_ACL_MAX || get_prefix(&s->acl[s->n_acl], at) < 0)
			return tlv_bad(why, "acl");
		s->n_acl++;
	}
	return 0;
}

static int get_ptmap(const struct nlattr *a, struct flow_side *s, const char **why)
{
	u8 seen[128] = { 0 };

	if (!a)
		return 0;
	size_t n = (size_t)nla_len(a);
	const u8 *p = nla_data(a);
	if (n % 2 || n > sizeof(s->ptmap))
		return tlv_bad(why, "ptmap");
	for (size_t i = 0; i < n; i += 2)
		if (p[i] > 127 || p[i + 1] > 127 || seen[p[i]]++)
			return tlv_bad(why, "ptmap");
	memcpy(s->ptmap, p, n);
	s->n_ptmap = (u8)(n / 2);
	return 0;
}

/* What rows cannot say: fields that depend on each other. */
static int check_side(const struct flow_side *s, const char **why)
{
	if (!s->local.family)
		return tlv_bad(why, "local");
	if (!s->local.port)
		return tlv_bad(why, "local_port");
	if (s->remote.family && s->remote.family != s->local.family)
		return tlv_bad(why, "remote");
	if (!s->remote.family != !s->remote.port)
		return tlv_bad(why, "remote_port");
	if (s->sig.family == 4 && s->learn_len > 32)
		return tlv_bad(why, "learn_len");
	if (s->out.mki_len)
		return tlv_bad(why, "crypto_out");
	return 0;
}

static int get_side(struct nlattr *nest, struct flow_side *s, bool secrets, const char **why)
{
	struct nlattr *tb[FLOW_SIDE_A_MAX + 1];
	int rc;

	*why = "side";
	if (!nest || tlv_parse_nest(tb, FLOW_SIDE_A_MAX, nest) < 0)
		return -EINVAL;
	rc = tlv_get_fields(tb, s, side_fields, COUNT(side_fields), why);
	if (!rc)
		rc = tlv_get_places(tb, s, side_places, COUNT(side_places), why);
	if (!rc)
		rc = get_acl(tb[FLOW_SIDE_A_ACL], s, why);
	if (!rc)
		rc = get_ptmap(tb[FLOW_SIDE_A_PTMAP], s, why);
	if (!rc)
		rc = tlv_get_crypto(tb[FLOW_SIDE_A_CRYPTO_IN], &s->in, secrets, why);
	if (!rc)
		rc = tlv_get_crypto(tb[FLOW_SIDE_A_CRYPTO_OUT], &s->out, secrets, why);
	if (!rc && secrets)
		rc = tlv_get_resume(tb[FLOW_SIDE_A_RESUME], &s->resume, why);
	if (!s->dtmf_clock)
		s->dtmf_clock = 8000;
	return rc ? rc : check_side(s, why);
}

static int get_flow(const struct tlv_msg *m, struct flow *f, bool secrets, const char **why)
{
	memset(f, 0, sizeof(*f));
	f->id = tlv_u64(m, FLOW_A_ID, 0);
	f->gen = tlv_u32(m, FLOW_A_GEN, 0);
	f->idle_ms = tlv_u32(m, FLOW_A_IDLE, 0);
	if (!f->id)
		return tlv_bad(why, "id");
	if (!f->gen)
		return tlv_bad(why, "gen");
	f->kind = tlv_u8(m, FLOW_A_KIND, FLOW_KIND_RTP);
	if (f->kind > FLOW_KIND_RAW)
		return tlv_bad(why, "kind");
	int rc = get_side(m->attr[FLOW_A_SIDE0], &f->side[0], secrets, why);
	return rc ? rc : get_side(m->attr[FLOW_A_SIDE1], &f->side[1], secrets, why);
}

int tlv_get_flow(const struct tlv_msg *m, struct flow *f, const char **why)
{
	return get_flow(m, f, true, why);
}

static int get_name(const struct nlattr *a, char *to, size_t size, const char **why)
{
	if (!a)
		return 0;
	size_t n = (size_t)nla_len(a);
	if (!n || n > size || strnlen(nla_data(a), n) != n - 1)
		return tlv_bad(why, "last_drop");
	memcpy(to, nla_data(a), n);
	return 0;
}

int tlv_get_stats(struct nlattr *nest, struct flow_stats *s, const char **why)
{
	struct nlattr *tb[FLOW_STATS_A_MAX + 1];

	if (!nest)
		return 0;
	if (tlv_parse_nest(tb, FLOW_STATS_A_MAX, nest) < 0)
		return tlv_bad(why, "stats");
	int rc = tlv_get_fields(tb, s, stats_fields, COUNT(stats_fields), why);
	if (!rc)
		rc = get_name(tb[FLOW_STATS_A_LAST_DROP], s->last_drop, sizeof(s->last_drop), why);
	return rc ? rc : tlv_get_places(tb, s, stats_places, COUNT(stats_places), why);
}

int tlv_get_report(const struct tlv_msg *m, struct tlv_report *r, const char **why)
{
	memset(r, 0, sizeof(*r));
	int rc = get_flow(m, &r->flow, false, why);
	for (int i = 0; i < 2 && !rc; i++) {
		rc = tlv_get_stats(m->attr[FLOW_A_STATS0 + i], &r->rtp[i], why);
		if (!rc)
			rc = tlv_get_stats(m->attr[FLOW_A_RTCP0 + i], &r->rtcp[i], why);
	}
	r->age_ms = tlv_u64(m, FLOW_A_AGE, 0);
	return rc;
}
