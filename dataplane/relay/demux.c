/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#include "relay/relay_priv.h"

/* RFC 7983 section 7 by the first octet, RFC 5761 section 4 by the second: RTCP packet types
 * 192..223 are the RTP payload types 64..95 with the marker, which RTP must not use. */
enum demux_class relay_demux(const u8 *p, u32 len)
{
	if (!len)
		return DEMUX_OTHER;
	if (p[0] >= 128 && p[0] <= 191)
		return len > 1 && p[1] >= 192 && p[1] <= 223 ? DEMUX_RTCP : DEMUX_RTP;
	if (p[0] <= 3)
		return DEMUX_STUN;
	if (p[0] >= 20 && p[0] <= 63)
		return DEMUX_DTLS;
	return DEMUX_OTHER;
}
