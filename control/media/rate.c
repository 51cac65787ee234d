/* SPDX-License-Identifier: Apache-2.0 */
/* How much a side may send. The limit is there to stop floods, so it must be above all that an honest side does:
 *
 *   - Any of the codecs that were agreed may be used, so the largest counts.
 *   - Packets may be shorter than what was asked for: 10 ms of sound are counted with, or what was asked for where
 *     that is less. Each packet has 28 octets of IP and UDP, 12 of RTP, up to 16 of header extensions, and up to 20
 *     of SRTP.
 *   - Keys (RFC 4733) may come beside the sound, 50 packets a second, and comfort noise in its place.
 *   - The size of video is what its receiver asks for (b=), with a quarter for headers and repair, and at least
 *     512 kbit/s; where nobody says anything, 8 Mbit/s, twice what a good 1080p call has.
 *   - What a network has held up comes at once: a second of the limit may. With a `policing` of 3 that is three
 *     seconds of sound.
 *
 * What the sides agreed on is multiplied by `policing` of the trunk. */
#include "media/media_priv.h"

#define HEADERS       76u  /* octets of a packet: see above */
#define PACKETS       100u /* a second, of 10 ms */
#define EVENTS        (50u * (HEADERS + 4u))
#define UNKNOWN_AUDIO 32000u /* octets/s: 256 kbit/s */
#define VIDEO         1000000u
#define VIDEO_MIN     64000u
#define TEXT          4000u
#define FAX           40000u /* T.38 with V.34, and all packets three times */
#define RATE_MAX      (UINT32_MAX / 2)

/* Octets a second of payload, at most. */
static const struct {
	const char *name;
	u32 rate;
} codecs[] = {
	{ "PCMU", 8000 },    { "PCMA", 8000 },    { "G722", 8000 },         { "G7221", 6000 },
	{ "G719", 16000 },   { "GSM", 1650 },     { "GSM-EFR", 1550 },      { "G723", 800 },
	{ "G728", 2000 },    { "G729", 1000 },    { "G729D", 800 },         { "G729E", 1475 },
	{ "G726-40", 5000 }, { "G726-32", 4000 }, { "G726-24", 3000 },      { "G726-16", 2000 },
	{ "iLBC", 1900 },    { "AMR", 1700 },     { "AMR-WB", 3200 },       { "EVS", 16000 },
	{ "speex", 5600 },   { "DVI4", 11100 },   { "LPC", 800 },           { "QCELP", 1800 },
	{ "MPA", 48000 },    { "CN", 100 },       { "telephone-event", 0 },
};

/* Sound as it is, sample by sample. */
static u32 linear_rate(const struct codec *c, unsigned channels)
{
	static const struct {
		const char *name;
		u8 octets;
	} widths[] = { { "L8", 1 }, { "L16", 2 }, { "L20", 3 }, { "L24", 3 } };

	for (unsigned i = 0; i < sizeof(widths) / sizeof(widths[0]); i++)
		if (str_caseeq(c->name, str_of(widths[i].name)))
			return c->clock <= 192000
				       ? c->clock * widths[i].octets *
						 (channels && channels <= 8 ? channels : 2)
				       : RATE_MAX;
	return 0;
}

static u32 codec_rate(const struct sdp_format *f)
{
	struct codec c;
	u32 linear;

	if (!codec_of(f, &c))
		return 0;
	for (unsigned i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
		if (str_caseeq(c.name, str_of(codecs[i].name)))
			return codecs[i].rate;
	linear = linear_rate(&c, f->channels);
	return linear ? linear : UNKNOWN_AUDIO;
}

/* Octets a second that it wants at most; 0: it does not say. */
u32 rate_asked(const struct sdp_media *in)
{
	u64 as = in->has_bandwidth & 1u << SDP_AS ? (u64)in->bandwidth[SDP_AS] * 125 : 0;
	u64 tias = in->has_bandwidth & 1u << SDP_TIAS ? in->bandwidth[SDP_TIAS] / 8 : 0;
	u64 rate = as > tias ? as : tias;

	return rate > RATE_MAX ? RATE_MAX : (u32)rate;
}

static u32 sound(const struct sdp_media *in, u8 ptime, u32 asked)
{
	u32 payload = 0, packets = ptime && ptime < 10 ? 1000u / ptime : PACKETS, rate;

	for (unsigned i = 0; i < in->n_formats; i++) {
		u32 r = codec_rate(&in->formats[i]);
		payload = r > payload ? r : payload;
	}
	rate = payload + packets * HEADERS + EVENTS;
	return asked > rate ? asked : rate;
}

static u32 video(u32 asked)
{
	if (!asked)
		return VIDEO;
	if (asked < VIDEO_MIN)
		return VIDEO_MIN;
	return asked + asked / 4;
}

u32 rate_agreed(const struct sdp_media *in, const struct terms *t, u32 asked)
{
	switch (t->kind) {
	case KIND_AUDIO:
		return sound(in,
			     t->ptime[0] < t->ptime[1] && t->ptime[0] ? t->ptime[0] : t->ptime[1],
			     asked);
	case KIND_VIDEO:
		return video(asked);
	case KIND_TEXT:
		return asked > TEXT ? asked : TEXT;
	default:
		return 0;
	}
}

void rate_fill(const struct terms *t, u32 agreed, const struct conf_trunk *trunk,
	       struct flow_side *f)
{
	u64 rate = t->way == WAY_UDPTL ? FAX : agreed;

	rate *= trunk->policing;
	if (!t->on || !rate)
		return;
	f->rate = f->burst = rate > RATE_MAX ? RATE_MAX : (u32)rate;
}
