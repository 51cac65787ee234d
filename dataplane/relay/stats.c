/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What a direction tells of itself. */
#include "relay/relay_priv.h"

const char *relay_drop_name(enum relay_drop d)
{
	static const char *const names[] = {
#define X(id, name, text) name,
		RELAY_DROPS(X)
#undef X
	};
	return (unsigned)d < RELAY_DROP_COUNT ? names[d] : "?";
}

const char *relay_drop_text(enum relay_drop d)
{
	static const char *const texts[] = {
#define X(id, name, text) text,
		RELAY_DROPS(X)
#undef X
	};
	return (unsigned)d < RELAY_DROP_COUNT ? texts[d] : "?";
}

static void stats_rtp(const struct relay_dir *d, struct flow_stats *out)
{
	u32 clock = d->rule->side[d->side].clock;

	out->lost = rtp_lost(&d->rtp);
	out->ssrc = d->rtp.ssrc;
	out->ssrcs = d->ssrcs;
	if (clock)
		out->jitter_us = (u32)((u64)d->rtp.jitter_q4 * (S / 16) / clock);
}

static void stats_rtcp(const struct relay_dir *d, struct flow_stats *out)
{
	out->rtt_us = d->view.rtt_us;
	out->peer_lost = d->view.lost;
	out->peer_fraction = d->view.fraction;
	out->peer_jitter_us = d->view.jitter_us;
}

static void stats_drops(const struct relay_dir *d, struct flow_stats *out)
{
	const char *name = d->last_drop ? relay_drop_name((enum relay_drop)(d->last_drop - 1)) : "";

	out->dropped = d->dropped;
	out->policed = d->policed;
	for (unsigned i = 0; name[i] && i + 1 < sizeof(out->last_drop); i++)
		out->last_drop[i] = name[i];
}

static void stats_source(const struct relay_dir *d, struct flow_stats *out)
{
	out->state = d->src.state;
	out->source = d->src.lock;
	out->refused = d->refused;
	out->refused.port = 0;
	out->refused.len = 0;
}

void relay_stats(const struct relay_dir *d, s64 wall_minus_now_us, struct flow_stats *out)
{
	__builtin_memset(out, 0, sizeof(*out));
	out->packets = relay_packets(d);
	out->octets = relay_octets(d);
	if (d->srtp) {
		out->auth_failed = d->srtp->auth_failed;
		out->replayed = d->srtp->replayed;
	}
	if (out->packets) {
		out->first_us = d->first_us + (u64)wall_minus_now_us;
		out->last_us = d->last_us + (u64)wall_minus_now_us;
	}
	stats_rtp(d, out);
	stats_rtcp(d, out);
	stats_source(d, out);
	stats_drops(d, out);
}
