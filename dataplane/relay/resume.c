/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* An engine that starts anew goes on where control says the one before was: what is told of a direction for that, and
 * what is taken back. */
#include "relay/relay_priv.h"

bool relay_resume_state(struct relay_dir *d, bool outgoing, struct flow_resume *out)
{
	struct relay_srtp *s = d->srtp;

	*out = (struct flow_resume){ .has = 0 };
	if (!s)
		return false;
	s->tell = 0;
	const struct relay_srtp_key *k = outgoing ? &s->out : &s->in;
	const struct relay_srtp_stream *st = &k->stream[k->last];
	if (k->suite == FLOW_SUITE_NONE)
		return false;
	if (d->component == RELAY_RTCP) {
		out->in_rtcp = (u32)st->index;
		out->out_rtcp = k->rtcp;
		if (outgoing ? k->rtcp != 0 : st->at != 0)
			out->has = outgoing ? FLOW_RESUME_OUT_RTCP : FLOW_RESUME_IN_RTCP;
	} else if (st->at && outgoing) {
		out->out_ssrc = st->ssrc;
		out->out_index = st->index;
		out->out_shift = d->play.seq_add;
		out->has = FLOW_RESUME_OUT;
	} else if (st->at) {
		out->in_ssrc = st->ssrc;
		out->in_index = st->index;
		out->has = FLOW_RESUME_IN;
	}
	return out->has;
}

/* What came since the last INDEX is not known: what is older than the next packet counts as seen. */
static void resume_stream(struct relay_srtp_key *k, u32 ssrc, u64 index, u64 now_us)
{
	struct relay_srtp_stream *st = srtp_add(k, ssrc, index, now_us);

	st->seen[0] = st->seen[1] = ~0ull;
}

/* What the rule tells of both sides, as this direction has them. */
struct told {
	const struct flow_resume *in, *out;
};

static void resume_rtp(struct relay_dir *d, const struct told *t, u64 now_us)
{
	struct relay_srtp *s = d->srtp;

	if (t->in->has & FLOW_RESUME_IN && s->in.suite != FLOW_SUITE_NONE) {
		resume_stream(&s->in, t->in->in_ssrc, t->in->in_index, now_us);
		d->src.ssrc = t->in->in_ssrc;
	}
	if (t->out->has & FLOW_RESUME_OUT && s->out.suite != FLOW_SUITE_NONE) {
		resume_stream(&s->out, t->out->out_ssrc, t->out->out_index, now_us);
		s->out.resumed = 1;
		d->rtp.ssrc =
			t->out->out_ssrc ^ d->rule->side[!d->side].ssrc_mask; /* as it comes in */
		d->play.seq_add = t->out->out_shift;
	}
}

/* SRTCP indices leave out what may have been used since the last INDEX. */
static void resume_rtcp(struct relay_srtp *s, const struct told *t)
{
	if (t->in->has & FLOW_RESUME_IN_RTCP) {
		s->in.rtcp = t->in->in_rtcp;
		s->in.resumed = 1;
	}
	if (t->out->has & FLOW_RESUME_OUT_RTCP)
		s->out.rtcp = t->out->out_rtcp < SRTCP_MAX - FLOW_INDEX_EVERY
				      ? t->out->out_rtcp + FLOW_INDEX_EVERY
				      : SRTCP_MAX;
}

static void resume_source(struct relay_dir *d, const struct flow_resume *in, u64 now_us)
{
	if (!(in->has & FLOW_RESUME_SOURCE))
		return;
	source_resume(&d->src, &d->rule->side[d->side], &in->source, now_us);
	if (d->peer)
		relay_set_to(d->peer, &d->src.out);
}

void relay_dir_resume(struct relay_dir *d, u64 now_us)
{
	const struct flow_side *side = d->rule->side;
	struct told t = { &side[d->side].resume, &side[!d->side].resume };

	srtp_follow(d, now_us);
	if (d->component == RELAY_RTP)
		resume_source(d, t.in, now_us);
	if (!d->srtp)
		return;
	if (d->component == RELAY_RTCP)
		resume_rtcp(d->srtp, &t);
	else if (d->rule->kind == FLOW_KIND_RTP)
		resume_rtp(d, &t, now_us);
}
