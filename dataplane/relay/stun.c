/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* STUN and DTLS on a media port (RFC 7983): for control, where control asked for them, and not too many. */
#include "relay/relay_priv.h"

#define STUN_HEADER   20u
#define STUN_COOKIE   0x2112a442u
#define RECORD_HEADER 13
#define RECORD_TAG    16 /* of the ciphers that DTLS 1.3 has */

#define PUNTS         50 /* a second and flow */
#define PUNTS_STRANGE                                                                              \
	25 /* of those, from sources that are not eligible: they leave room for those that are */

/* RFC 8489 section 5 */
static bool stun_ok(const u8 *p, u32 len)
{
	return len >= STUN_HEADER && !(len % 4) && be16(p + 2) + STUN_HEADER == len &&
	       be32(p + 4) == STUN_COOKIE;
}

/* RFC 9147 section 4, without a connection ID, which nobody negotiated. Its length; 0: it is none. */
static u32 unified_record(const u8 *p, u32 len)
{
	u32 head = 1 + (p[0] & 8 ? 2 : 1) + (p[0] & 4 ? 2 : 0);

	if (p[0] & 0x10 || head + RECORD_TAG > len)
		return 0;
	u32 n = p[0] & 4 ? be16(p + head - 2) : len - head;
	return n >= RECORD_TAG && n <= len - head ? head + n : 0;
}

/* RFC 6347 section 4.1 */
static u32 plain_record(const u8 *p, u32 len)
{
	if (len < RECORD_HEADER || p[0] < 20 || p[0] > 31 || p[1] != 0xfe ||
	    (p[2] != 0xff && p[2] != 0xfd))
		return 0;
	u32 n = be16(p + 11);
	return n && n <= len - RECORD_HEADER ? RECORD_HEADER + n : 0;
}

/* Records to the last octet. */
static bool dtls_ok(const u8 *p, u32 len)
{
	while (len) {
		u32 n = p[0] >> 5 == 1 ? unified_record(p, len) : plain_record(p, len);
		if (!n)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

/* `d`: of the port that it came to. RTCP has an address of its own in the SDP, and follows RTP's lock by address. */
static bool is_eligible(const struct relay_dir *d, const struct relay_dir *rtp,
			const struct flow_addr *from)
{
	const struct flow_side *side = &rtp->rule->side[rtp->side];
	u8 rank = source_rank(side, from);

	if (d->component == RELAY_RTCP &&
	    (ip_eq(from, &rtp->src.lock) ||
	     (ip_eq(from, &side->remote) && from->port == side->remote_rtcp)))
		return true;

	if (rtp->src.lock.family && addr_same(from, &rtp->src.lock))
		return true;
	return rank != SOURCE_NONE && (!rank || !source_is_poisoned(&rtp->src, from));
}

/* relay_dir.punts: when the first of this second came, and how many since in the low 8 bits. The sides may
 * have different owners. */
static bool take_turn(struct relay_dir *rtp, u32 most, u64 now)
{
	u64 *punts = rtp->side && rtp->peer ? &rtp->peer->punts : &rtp->punts;
	u64 was = __atomic_load_n(punts, __ATOMIC_RELAXED), next;

	do {
		bool same = was && relay_since(now, was >> 8) < S;
		if (same && (was & 255) >= most)
			return false;
		next = same ? was + 1 : now << 8 | 1;
	} while (!__atomic_compare_exchange_n(punts, &was, next, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return true;
}

void punt_plan(struct relay_dir *d, struct relay_dir *rtp, const struct relay_packet *pkt,
	       struct relay_plan *plan)
{
	bool stun = pkt->payload[0] < 4, eligible;
	u32 wanted = stun ? FLOW_SIDE_STUN : FLOW_SIDE_DTLS;

	if (!(d->rule->side[d->side].flags & wanted))
		return plan_drop(d, plan, RELAY_DROP_NOT_MEDIA);
	if (stun ? !stun_ok(pkt->payload, pkt->len) : !dtls_ok(pkt->payload, pkt->len))
		return plan_drop(d, plan, RELAY_DROP_PUNT_MALFORMED);
	eligible = is_eligible(d, rtp, &pkt->src);
	if (!eligible && !stun) {
		d->refused = pkt->src;
		return plan_drop(d, plan, RELAY_DROP_UNLEARNED);
	}
	if (!take_turn(rtp, eligible ? PUNTS : PUNTS_STRANGE, pkt->now_us))
		return plan_drop(d, plan, RELAY_DROP_PUNT_RATE);
	plan->action = RELAY_PUNT;
}
