/* SPDX-License-Identifier: Apache-2.0 */
/* SDP as phones and carriers write it, and what must be in sluice's. */
#include <stdlib.h>

#include "scenario.h"
#include "srtp.h"

struct format {
	const char *name;
	uint8_t pt;
	const char *rtpmap;
};

static const struct format formats[] = {
	{ "pcma", 8, "PCMA/8000" },
	{ "pcmu", 0, "PCMU/8000" },
	{ "g722", 9, "G722/8000" },
	{ "g729", 18, "G729/8000" },
	{ "opus", 111, "opus/48000/2" },
	{ "dtmf", 101, "telephone-event/8000" },
	{ "dtmf96", 96, "telephone-event/8000" },
	{ "exotic", 77, "x-nobody/16000" },
};

static const char *const directions[] = { "sendrecv", "sendonly", "recvonly", "inactive" };

static bool has_kind(const char *kind, const char *name)
{
	struct str list = str_of(kind), item;

	while (str_token(&list, '+', &item)) {
		if (str_eq(item, str_of(name)))
			return true;
	}
	return false;
}

static struct dlg_stream *audio_of(struct dlg *d)
{
	for (unsigned i = 0; i < DLG_STREAMS; i++) {
		if (d->stream[i].name && !strcmp(d->stream[i].name, "audio"))
			return &d->stream[i];
	}
	abort(); /* streams_write() has named it */
}

static void know_events(uint8_t *pt, uint32_t *clock, unsigned n, struct str rtpmap)
{
	struct str name;

	str_token(&rtpmap, '/', &name);
	if (*pt || !str_eq(name, STR("telephone-event")))
		return;
	str_u32(rtpmap, UINT32_MAX, clock);
	*pt = (uint8_t)n;
}

static void put_formats(struct buf *b, struct dlg *d, const char *kind)
{
	struct dlg_stream *s = audio_of(d);
	bool any = false;

	s->n_pts = d->hear_pt = 0;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		any |= has_kind(kind, formats[i].name);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		bool usual = !any && (i < 2 || formats[i].pt == 101);

		if (usual || has_kind(kind, formats[i].name))
			s->pts[s->n_pts++] = formats[i].pt;
	}
	for (unsigned i = 0; i < s->n_pts; i++)
		buf_fmt(b, " %u", s->pts[i]);
	buf_lit(b, "\r\n");
	for (unsigned i = 0; i < s->n_pts; i++) {
		for (size_t k = 0; k < sizeof(formats) / sizeof(formats[0]); k++) {
			if (formats[k].pt != s->pts[i])
				continue;
			know_events(&d->hear_pt, &d->hear_clock, s->pts[i],
				    str_of(formats[k].rtpmap));
			buf_fmt(b, "a=rtpmap:%u %s\r\n", formats[k].pt, formats[k].rtpmap);
		}
	}
}

static const char *direction_of(const char *kind)
{
	for (unsigned i = 0; i < 4; i++) {
		if (has_kind(kind, directions[i]))
			return directions[i];
	}
	return has_kind(kind, "hold") ? "sendonly" : NULL;
}

static void put_audio(struct buf *b, struct dlg *d, const char *kind, bool off)
{
	buf_fmt(b, "m=audio %u %s", off ? 0u : audio_of(d)->ours, srtp_profile(kind));
	put_formats(b, d, kind);
	if (!off)
		buf_lit(b, "a=ptime:20\r\n");
	if (direction_of(kind))
		buf_fmt(b, "a=%s\r\n", direction_of(kind));
	if (!off)
		buf_put(b, d->crypto);
}

/* An IPv6 address for who has none: its IPv4 address in the last octets. */
static void become_ip6(struct addr *a)
{
	struct addr six;

	if (a->family == 6 || addr_parse(STR("2001:db8:77::"), &six))
		return;
	memcpy(six.ip + 12, a->ip, 4);
	six.port = a->port;
	*a = six;
}

/* Kinds, joined by "+": names of formats, a direction, "hold" (sendonly), "zero" (c=0.0.0.0, RFC
 * 2543), "move" (another RTP port), "private" (an address that nobody can reach), "bad", "ip6" (c= with IPv6),
 * and the words for m= lines of streams.c; without any of those: audio. Words of srtp.c are for audio.
 */
struct str sdp_write(struct world *w, struct dlg *d, const char *kind)
{
	const char *mark = d->actor->mark, *family;
	char mem[4096], crypto[1024], ip[ADDR_STR_MAX];
	struct addr a;
	struct buf b;

	if (has_kind(kind, "bad"))
		return STR("this is not SDP\r\n");
	if (has_kind(kind, "move"))
		d->rtp.port = (uint16_t)(d->rtp.port + 2);
	if (has_kind(kind, "ip6"))
		become_ip6(&d->rtp);
	a = d->rtp;
	a.port = 0;
	addr_print(&a, ip);
	family = a.family == 6 ? "IP6" : "IP4";
	buf_init(&b, crypto, sizeof(crypto));
	srtp_write(w, &b, d, kind);
	d->crypto = buf_str(&b);
	buf_init(&b, mem, sizeof(mem));
	buf_fmt(&b, "v=0\r\no=%s 4711 %u IN %s %s\r\ns=%s\r\n", mark, ++d->sdp_version, family, ip,
		mark);
	buf_fmt(&b, "c=IN %s %s\r\nt=0 0\r\n", family,
		has_kind(kind, "zero")      ? "0.0.0.0"
		: has_kind(kind, "private") ? "192.168.77.7"
					    : ip);
	streams_write(&b, d, kind, put_audio);
	buf_fmt(&b, "a=X-%s:%s\r\n", mark, ip);
	if (!buf_ok(&b))
		world_fail(w, "too much SDP");
	return arena_str(w->arena, buf_str(&b));
}

/* The first line that begins so, without that beginning. */
static struct str find_line(struct str sdp, const char *start)
{
	struct str line;

	while (str_line(&sdp, &line)) {
		if (str_starts(line, str_of(start)))
			return (struct str){ line.p + strlen(start), line.n - strlen(start) };
	}
	return STR_NONE;
}

static void learn_events(struct dlg *d, struct str sdp)
{
	struct str line, n;
	uint32_t pt;

	d->key_pt = 0;
	while (str_line(&sdp, &line)) {
		if (!str_starts(line, STR("a=rtpmap:")))
			continue;
		line = (struct str){ line.p + 9, line.n - 9 };
		str_token(&line, ' ', &n);
		if (!str_u32(n, 127, &pt))
			know_events(&d->key_pt, &d->key_clock, pt, line);
	}
}

void sdp_learn(struct world *w, struct dlg *d, struct str sdp)
{
	streams_learn(w, d, sdp);
	learn_events(d, sdp);
}

static void check_first_format(struct world *w, struct str sdp, unsigned pt)
{
	struct str m = find_line(sdp, "m=audio "), item = STR_NONE;
	uint32_t n;

	for (unsigned i = 0; i < 3; i++)
		str_token(&m, ' ', &item);
	if (str_u32(item, 127, &n) || n != pt)
		world_fail(w, "the first format is not %u in\n%.*s", pt, STR_FMT(sdp));
}

/* A direction, the name of the first format, the family, the m= lines; "zero": our own address is never 0.0.0.0. */
void sdp_check(struct world *w, struct str sdp, const char *kind)
{
	for (unsigned i = 0; i < 4; i++) {
		struct str line = world_fmt(w, "a=%s", directions[i]);
		bool there = find_line(sdp, line.p).p != NULL;
		bool others = find_line(sdp, "a=sendonly").p || find_line(sdp, "a=recvonly").p ||
			      find_line(sdp, "a=inactive").p;

		if (has_kind(kind, directions[i]) && !(there || (i == 0 && !others)))
			world_fail(w, "not %s:\n%.*s", directions[i], STR_FMT(sdp));
	}
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (has_kind(kind, formats[i].name))
			check_first_format(w, sdp, formats[i].pt);
	}
	if (has_kind(kind, "ip6") != (find_line(sdp, "c=IN IP6 ").p != NULL))
		world_fail(w, "c= of the wrong family in\n%.*s", STR_FMT(sdp));
	streams_check(w, sdp, kind);
}
