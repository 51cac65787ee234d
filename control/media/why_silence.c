/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves a side in silence: a condition over the facts of one direction, and what to say of it, nearest to the
 * cause first. */
#include <string.h>
#include "media/suite.h"
#include "media/why_priv.h"

#define YOUNG_MS 2000 /* a stream that is new may be silent */

typedef unsigned long long ull;

static bool same_ip(const struct flow_addr *a, const struct flow_addr *b)
{
	return a->family && a->family == b->family && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* ---- sources ---- */

static bool conflict(const struct why_dir *d)
{
	return d->rtp->state == FLOW_STATE_CONFLICT;
}

static void say_conflict(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	const struct why_seen *w = why_saw(d, "rtp_conflict");
	char a[ADDR_STR_MAX];

	buf_fmt(b, "Two sources claim to be %s, and nothing tells which one is: neither is relayed",
		d->from->name);
	if (w)
		buf_fmt(b, " (one is %s)", why_addr(&w->from, a));
	buf_fmt(b, "; ");
	why_put_dropped(d, b);
	buf_fmt(b, ".");
	buf_fmt(fix,
		"New SDP from %s with another port ends it; `media-from` on its trunk says which "
		"addresses are right.",
		d->from->name);
}

static bool unlearned(const struct why_dir *d)
{
	return !d->flows && (why_refused(d) || (d->rtp->refused.family && d->dropped_pps > 0));
}

static void say_unlearned(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	const struct why_seen *w = why_refused(d);
	const struct flow_addr *from = w ? &w->from : &d->rtp->refused;
	char a[ADDR_STR_MAX], s[ADDR_STR_MAX], ip[ADDR_STR_MAX];

	buf_fmt(b, "%s sends from %s, but its SDP said %s: not taken. ", d->from->name,
		why_addr(from, a), why_addr(&d->in->remote, s));
	why_put_dropped(d, b);
	buf_fmt(b, ".");
	why_ip(from, ip);
	if (d->in->mode == FLOW_MODE_STATIC &&
	    (same_ip(from, &d->in->remote) || same_ip(from, &d->in->sig)))
		buf_fmt(fix,
			"It seems to be behind a NAT: `nat: true` on trunk %s takes media from "
			"where its SIP comes from.",
			d->from->name);
	else
		buf_fmt(fix, "If its media does come from there: `media-from: [%s]` on trunk %s.",
			ip, d->from->name);
}

static const struct why_seen *elsewhere(const struct why_dir *d)
{
	const struct why_seen *w = why_sees(d, "rtp_other_source");

	return w ? w : why_sees(d, "rtp_candidate");
}

static bool moved(const struct why_dir *d)
{
	return !d->flows && d->rtp->source.family && elsewhere(d);
}

static void say_moved(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	char a[ADDR_STR_MAX], s[ADDR_STR_MAX];

	buf_fmt(b,
		"%s sends from %s now, but its media was learned from %s, and nothing has proven "
		"that it moved. ",
		d->from->name, why_addr(&elsewhere(d)->from, a), why_addr(&d->rtp->source, s));
	why_put_dropped(d, b);
	buf_fmt(b, ".");
	buf_fmt(fix, "A re-INVITE from %s with its new address opens the learning again.",
		d->from->name);
}

static bool unproven(const struct why_dir *d)
{
	return !d->flows && !d->rtp->source.family && elsewhere(d);
}

static void say_unproven(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	char a[ADDR_STR_MAX];

	buf_fmt(b,
		"Packets come from %s, which may be %s, but they do not prove it: five in a row "
		"are wanted, one SSRC, at most 200 ms apart. ",
		why_addr(&elsewhere(d)->from, a), d->from->name);
	why_put_dropped(d, b);
	buf_fmt(b, ".");
}

/* ---- SRTP ---- */

static bool unauthentic(const struct why_dir *d)
{
	return d->rtp->auth_failed && d->in->in.suite != FLOW_SUITE_NONE &&
	       (!d->flows || d->rtp->auth_failed > d->rtp_was->auth_failed);
}

static void say_unauthentic(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	char ago[16];

	buf_fmt(b, "SRTP from %s fails authentication: %llu packets (%s, key %u, generation %u). ",
		d->from->name, (ull)d->rtp->auth_failed, suite_name(d->in->in.suite),
		(unsigned)d->in->in.number, (unsigned)d->s->now.flow.gen);
	if (!d->rtp->packets)
		buf_fmt(b, "Not one was right.");
	else if (d->flows)
		buf_fmt(b, "Others are right: %.0f packets/s pass.", d->pps);
	else
		buf_fmt(b, "The last right one came %s ago, after %llu.", why_ago(d->quiet_ms, ago),
			(ull)d->rtp->packets);
	buf_fmt(fix, "It encrypts with another key than that of its last a=crypto line, counts its "
		     "packets on from another place (ROC: `srtp-roc`), or sends plain RTP.");
}

/* ---- what it sends ---- */

static bool payload_type(const struct why_dir *d)
{
	return !d->flows && why_sees(d, "rtp_payload_type");
}

static void put_payload_types(const struct flow_side *s, struct buf *b)
{
	for (unsigned i = 0; i < s->n_ptmap; i++)
		buf_fmt(b, "%s%u", i ? ", " : "", (unsigned)s->ptmap[i][0]);
	if (!s->n_ptmap)
		buf_fmt(b, "none");
}

void why_say_payload_type(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	buf_fmt(b, "%s sends payload type %u, which was not negotiated (agreed are ", d->from->name,
		(unsigned)why_sees(d, "rtp_payload_type")->pt & 127);
	put_payload_types(d->in, b);
	buf_fmt(b, "): ");
	why_put_dropped(d, b);
	buf_fmt(b, ".");
	buf_fmt(fix, "It uses a codec that the last answer did not have; `codecs-drop` on its "
		     "trunk keeps one from being offered.");
}

/* RFC 7983: STUN and DTLS. */
static bool is_handshake(const struct why_seen *w)
{
	return strcmp(w->name, "not_media") == 0 && w->first < 64;
}

static const struct why_seen *garbage(const struct why_dir *d)
{
	static const char *const names[] = { "not_media", "rtp_version", "rtp_short" };

	for (unsigned i = 0; i < 3; i++)
		if (why_sees(d, names[i]))
			return why_sees(d, names[i]);
	return NULL;
}

static bool not_rtp(const struct why_dir *d)
{
	return !d->flows && garbage(d) && !is_handshake(garbage(d));
}

static void say_not_rtp(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	char a[ADDR_STR_MAX];

	buf_fmt(b, "What comes from %s (%s) is no RTP (%s). ", d->from->name,
		why_addr(&garbage(d)->from, a), garbage(d)->name);
	why_put_dropped(d, b);
	buf_fmt(b, ".");
}

static bool stun(const struct why_dir *d)
{
	return !d->flows && garbage(d) && is_handshake(garbage(d));
}

static void say_stun(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	buf_fmt(b,
		"%s sends STUN or DTLS, which was not negotiated, and may be waiting for an answer "
		"before it sends media.",
		d->from->name);
	buf_fmt(fix, "Switch ICE and DTLS-SRTP off there.");
}

static bool early(const struct why_dir *d)
{
	return !d->flows && why_sees(d, "rtp_not_ready");
}

static void say_early(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	buf_fmt(b,
		"%s sends already, but its SDP is not known yet: no answer of it was committed. ",
		d->from->name);
	why_put_dropped(d, b);
	buf_fmt(b, ".");
}

static bool ssrc(const struct why_dir *d)
{
	return why_sees(d, "rtp_ssrc") && !d->flows;
}

static void say_ssrc(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	buf_fmt(b,
		"%s changes its SSRC all the time (more than 5 times a minute): what follows is "
		"refused. ",
		d->from->name);
	why_put_dropped(d, b);
	buf_fmt(b, ".");
}

/* ---- the way on ---- */

static bool no_destination(const struct why_dir *d)
{
	return why_sees(d, "rtp_no_destination");
}

static void say_no_destination(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	char a[ADDR_STR_MAX];

	if (!d->out->remote.family)
		buf_fmt(b, "The media of %s has nowhere to go: %s has not said yet where it is.",
			d->from->name, d->to->name);
	else
		buf_fmt(b,
			"The media of %s has nowhere to go: %s said %s, which is not where its SIP "
			"comes from, and has sent nothing yet that shows its place. %llu packets "
			"were dropped.",
			d->from->name, d->to->name, why_addr(&d->out->remote, a),
			(ull)d->rtp->dropped);
	buf_fmt(fix,
		"%s has to send first, as behind a NAT; or `media-from` on its trunk has to name "
		"that address.",
		d->to->name);
}

static const struct why_seen *unreachable(const struct why_dir *d)
{
	const struct why_seen *w = why_sees(d, "neigh_no_route");

	return w ? w : why_sees(d, "neigh_wait");
}

static bool no_route(const struct why_dir *d)
{
	return unreachable(d);
}

static void say_no_route(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	const struct flow_addr *to = d->s->now.rtp[!d->side].source.family
					     ? &d->s->now.rtp[!d->side].source
					     : &d->out->remote;
	char a[ADDR_STR_MAX], ip[ADDR_STR_MAX];
	bool route = why_sees(d, "neigh_no_route");

	if (route)
		buf_fmt(b,
			"There is no route to %s, where %s wants its media: what %s sends is "
			"dropped.",
			why_addr(to, a), d->to->name, d->from->name);
	else
		buf_fmt(b,
			"Nobody on the network answers for %s, where %s wants its media: what %s "
			"sends is dropped.",
			why_addr(to, a), d->to->name, d->from->name);
	if (route)
		buf_fmt(fix, "`ip route get %s` on this host; `gateway` of the network.",
			why_ip(to, ip));
	else
		buf_fmt(fix, "`ip neigh show %s` on this host; is it on, and on this network?",
			why_ip(to, ip));
}

static bool too_long(const struct why_dir *d)
{
	return why_sees(d, "tx_mtu");
}

static void say_too_long(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	buf_fmt(b, "Packets of %s are longer than the device towards %s sends (MTU).",
		d->from->name, d->to->name);
}

/* ---- silence ---- */

static bool silent(const struct why_dir *d)
{
	return !d->flows && !d->dropped_pps;
}

static bool never(const struct why_dir *d)
{
	return silent(d) && !why_on_hold(d) && !d->rtp->packets && !d->rtp->dropped &&
	       d->s->now.age_ms >= YOUNG_MS;
}

static void say_never(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	char a[ADDR_STR_MAX], s[ADDR_STR_MAX], age[16];

	buf_fmt(b,
		"%s never sent: not one packet has come to %s in the %s that this stream exists.",
		d->from->name, why_addr(&d->in->local, a), why_ago(d->s->now.age_ms, age));
	buf_fmt(fix,
		"Either it does not send (its SDP said %s), or a firewall or route between it and "
		"us eats its packets.",
		why_addr(&d->in->remote, s));
}

static bool stopped(const struct why_dir *d)
{
	return silent(d) && !why_on_hold(d) && d->rtp->packets;
}

static void say_stopped(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	char a[ADDR_STR_MAX], ago[16];

	buf_fmt(b,
		"%s stopped sending %s ago: %llu packets came from %s until then, and nothing "
		"since.",
		d->from->name, why_ago(d->quiet_ms, ago), (ull)d->rtp->packets,
		why_addr(&d->rtp->source, a));
	if (d->rtp->lost * 50 > (s64)d->rtp->packets)
		buf_fmt(b, " %lld were lost on the way.", (long long)d->rtp->lost);
}

/* Whatever the reason. */
static bool refused(const struct why_dir *d)
{
	return !d->told && !d->flows &&
	       (d->dropped_pps > 0 || (!d->rtp->packets && d->rtp->dropped));
}

static void say_refused(const struct why_dir *d, struct buf *b, struct buf *fix)
{
	if (d->dropped_pps > 0)
		buf_fmt(b, "All that comes from %s is dropped: ", d->from->name);
	else
		buf_fmt(b, "Nothing comes from %s now, and what came before was dropped: ",
			d->from->name);
	why_put_dropped(d, b);
	if (*d->rtp->last_drop)
		buf_fmt(b, "; the last one as %s", d->rtp->last_drop);
	buf_fmt(b, ".");
	buf_fmt(fix, "`sluicectl pcap` has their heads; `sluicectl drops` explains the names.");
}

const struct why_row why_silence[] = {
	{ "conflict", WHY_BROKEN, conflict, say_conflict },
	{ "srtp", WHY_BROKEN, unauthentic, say_unauthentic },
	{ "payload-type", WHY_BROKEN, payload_type, why_say_payload_type },
	{ "unlearned", WHY_BROKEN, unlearned, say_unlearned },
	{ "moved", WHY_BROKEN, moved, say_moved },
	{ "unproven", WHY_BROKEN, unproven, say_unproven },
	{ "ssrc", WHY_BROKEN, ssrc, say_ssrc },
	{ "early", WHY_BROKEN, early, say_early },
	{ "not-rtp", WHY_BROKEN, not_rtp, say_not_rtp },
	{ "stun", WHY_BROKEN, stun, say_stun },
	{ "no-route", WHY_BROKEN, no_route, say_no_route },
	{ "no-destination", WHY_BROKEN, no_destination, say_no_destination },
	{ "mtu", WHY_BROKEN, too_long, say_too_long },
	{ "stopped", WHY_BROKEN, stopped, say_stopped },
	{ "never", WHY_BROKEN, never, say_never },
	{ "refused", WHY_BROKEN, refused, say_refused },
	{ 0 },
};
