/* SPDX-License-Identifier: Apache-2.0 */
/* What spoils the sound of media that flows, and what is merely worth knowing. */
#include "media/why_priv.h"

#define LOSS_SHARE 0.02
#define JITTER_US  40000
#define RTT_US     300000
#define SSRCS      5

typedef unsigned long long ull;

/* ---- how it sounds ---- */

static bool policed(const struct why_dir *d)
{
	return d->rtp->policed > d->rtp_was->policed;
}

static void say_policed(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	double dropped = (double)(d->rtp->policed - d->rtp_was->policed) * 1e6 /
			 (double)(d->s->us ? d->s->us : 1);
	double size = d->rtp->packets ? (double)d->rtp->octets / (double)d->rtp->packets + 28 : 200;
	double offered = (d->pps + dropped) * size;

	buf_fmt(b,
		"%s sends more than it negotiated: %.0f packets/s, %.1f times what is let through "
		"(%u octets/s). %.0f packets/s are dropped, %llu were in all.",
		d->from->name, d->pps + dropped, d->in->rate ? offered / d->in->rate : 0,
		(unsigned)d->in->rate, dropped, (ull)d->rtp->policed);
}

/* Without what was policed: that is no loss of the network's. */
static double lost_of(const struct why_dir *d)
{
	double lost = (double)d->rtp->lost - (double)d->rtp->policed;

	return lost > 0 ? lost : 0;
}

static double expected_of(const struct why_dir *d)
{
	double n = (double)d->rtp->packets + (d->rtp->lost > 0 ? (double)d->rtp->lost : 0);

	return n > 0 ? n : 1;
}

static double share_lost(const struct why_dir *d)
{
	return lost_of(d) / expected_of(d);
}

static bool loss(const struct why_dir *d)
{
	return share_lost(d) >= LOSS_SHARE && lost_of(d) >= 5;
}

static void say_loss(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	double now = (double)(d->rtp->lost - d->rtp_was->lost);
	double came = (double)(d->rtp->packets - d->rtp_was->packets);

	buf_fmt(b, "Loss of %.1f %% on the way from %s to here: %.0f of %.0f packets",
		100 * share_lost(d), d->from->name, lost_of(d), expected_of(d));
	if (came + now > 0)
		buf_fmt(b, "; %.1f %% in the last %.1f s", now > 0 ? 100 * now / (came + now) : 0,
			(double)d->s->us / 1e6);
	buf_fmt(b, ".");
}

/* Of what is sent on, beyond what was lost before it came here. */
static double share_missed(const struct why_dir *d)
{
	double total = ((double)d->heard->peer_lost - lost_of(d) - (double)d->rtp->policed) /
		       expected_of(d);
	double lately = d->heard->peer_fraction / 256.0 - (double)d->rtp->lost / expected_of(d);

	return total > lately ? total : lately;
}

static bool missed(const struct why_dir *d)
{
	return d->heard->packets && share_missed(d) >= LOSS_SHARE;
}

static void say_missed(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	buf_fmt(b,
		"%s reports a loss of %.1f %% of what it is sent (%d packets in all); on the way "
		"from %s to here it was %.1f %%: the rest is lost between here and %s.",
		d->to->name, 100 * d->heard->peer_fraction / 256.0, (int)d->heard->peer_lost,
		d->from->name, 100 * share_lost(d), d->to->name);
}

static bool jitter(const struct why_dir *d)
{
	return d->rtp->jitter_us >= JITTER_US || d->heard->peer_jitter_us >= JITTER_US;
}

static void say_jitter(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	buf_fmt(b, "The media of %s comes unevenly: jitter %.1f ms here", d->from->name,
		d->rtp->jitter_us / 1000.0);
	if (d->heard->peer_jitter_us)
		buf_fmt(b, ", %.1f ms as %s reports", d->heard->peer_jitter_us / 1000.0,
			d->to->name);
	buf_fmt(b, ". Some of it is dropped by the receiver's buffer.");
}

static bool far_away(const struct why_dir *d)
{
	return d->rtcp->rtt_us >= RTT_US;
}

static void say_far_away(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	buf_fmt(b, "It is %u ms from here to %s and back: people will talk at the same time.",
		(unsigned)(d->rtcp->rtt_us / 1000), d->from->name);
}

/* ---- worth knowing ---- */

static bool stranger(const struct why_dir *d)
{
	return d->flows && why_refused(d);
}

static void say_stranger(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	char a[ADDR_STR_MAX], s[ADDR_STR_MAX];

	buf_fmt(b,
		"Somebody else, %s, sends to the port of %s too; the media comes from %s and "
		"flows. The stranger is refused: ",
		why_addr(&why_refused(d)->from, a), d->from->name, why_addr(&d->rtp->source, s));
	why_put_dropped(d, b);
	buf_fmt(b, ".");
}

static bool replayed(const struct why_dir *d)
{
	return d->rtp->replayed > d->rtp_was->replayed;
}

static void say_replayed(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	buf_fmt(b, "SRTP packets from %s come more than once, or far too late: %llu so far.",
		d->from->name, (ull)d->rtp->replayed);
}

static bool payload_type_too(const struct why_dir *d)
{
	return d->flows && why_sees(d, "rtp_payload_type");
}

static bool hold(const struct why_dir *d)
{
	return why_on_hold(d) && !d->flows;
}

static void say_hold(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	buf_fmt(b, "No media is expected from %s: it said %s", d->from->name,
		*d->from->direction ? d->from->direction : "nothing yet");
	if (*d->to->direction)
		buf_fmt(b, ", %s said %s", d->to->name, d->to->direction);
	buf_fmt(b, ". The call is on hold, or not answered yet.");
}

static bool frozen(const struct why_dir *d)
{
	return d->rtp->state == FLOW_STATE_FROZEN;
}

static void say_frozen(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	char a[ADDR_STR_MAX];

	buf_fmt(b,
		"The media of %s moved to another port more than three times in a minute: from now "
		"on only %s counts, until new SDP comes.",
		d->from->name, why_addr(&d->rtp->source, a));
}

static bool ssrcs(const struct why_dir *d)
{
	return d->rtp->ssrcs >= SSRCS;
}

static void say_ssrcs(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	buf_fmt(b, "%s has changed its SSRC %u times.", d->from->name, (unsigned)d->rtp->ssrcs);
}

const struct why_row why_sound[] = {
	{ "policed", WHY_BAD, policed, say_policed },
	{ "loss", WHY_BAD, loss, say_loss },
	{ "peer-loss", WHY_BAD, missed, say_missed },
	{ "jitter", WHY_BAD, jitter, say_jitter },
	{ "delay", WHY_BAD, far_away, say_far_away },
	{ "hold", WHY_ODD, hold, say_hold },
	{ "stranger", WHY_ODD, stranger, say_stranger },
	{ "payload-type-too", WHY_ODD, payload_type_too, why_say_payload_type },
	{ "replay", WHY_ODD, replayed, say_replayed },
	{ "frozen", WHY_ODD, frozen, say_frozen },
	{ "ssrcs", WHY_ODD, ssrcs, say_ssrcs },
	{ 0 },
};
