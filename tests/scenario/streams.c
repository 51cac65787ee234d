/* SPDX-License-Identifier: Apache-2.0 */
/* m= lines of SDP by words: what actors write, what must be in sluice's, and where packets go. */
#include <stdlib.h>

#include "scenario.h"

#define GROUP_PORT 49170

struct stream_kind {
	const char *word, *kind, *proto, *formats;
	const char *attributes; /* %s: the actor's mark */
	const char *must;       /* a line that sluice's has too while the stream is on */
	bool raw;
};

#define FAX                                                                                        \
	"a=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\na=T38FaxFillBitRemoval:0\r\n"               \
	"a=T38FaxRateManagement:transferredTCF\r\na=T38FaxMaxDatagram: 256\r\n"                    \
	"a=T38FaxUdpEC:t38UDPRedundancy\r\na=T38VendorInfo:%s\r\n"
#define VIDEO                                                                                      \
	"b=AS:512\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e01f\r\n"              \
	"a=rtpmap:98 rtx/90000\r\na=fmtp:98 apt=97\r\na=rtcp-fb:97 nack pli\r\n"                   \
	"a=rtcp-fb:* ccm fir\r\na=content:main\r\na=mid:%s\r\n"
#define SLIDES "a=rtpmap:97 H264/90000\r\na=rtcp-fb:97 nack\r\na=content:slides\r\na=label:%s\r\n"
#define TEXT   "a=rtpmap:99 red/1000\r\na=fmtp:99 98/98/98\r\na=rtpmap:98 t140/1000\r\na=X-own:%s\r\n"

static const struct stream_kind kinds[] = {
	{ "audio", "audio", "RTP/AVP", NULL, NULL, NULL, false },
	{ "t38", "image", "udptl", "t38", FAX, "a=T38FaxUdpEC:t38UDPRedundancy", true },
	{ "video", "video", "RTP/AVPF", "97 98", VIDEO, "a=rtcp-fb:* ccm fir", false },
	{ "slides", "video", "RTP/AVPF", "97", SLIDES, "a=rtcp-fb:97 nack", false },
	{ "text", "text", "RTP/AVP", "99 98", TEXT, "a=fmtp:99 98/98/98", false },
	{ "bfcp", "application", "TCP/BFCP", "*", "a=floorctrl:c-s\r\na=X-own:%s\r\n", NULL, true },
	{ "msrp", "message", "TCP/MSRP", "*", "a=path:msrp://%s:7654/x;tcp\r\n", NULL, true },
	{ "unknown", "x-files", "who/knows", "a b *", "a=X-own:%s\r\n", NULL, true },
	/* what the other side is told of an unknown one */
	{ "nothing", "application", "RTP/AVP", "0", "", NULL, true },
	{ "multicast", "audio", "RTP/AVP", "0", "c=IN IP4 224.2.1.1/127\r\na=X-own:%s\r\n",
	  "c=IN IP4 224.2.1.1/127", false },
};

static const struct stream_kind *kind_named(struct str word)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (str_eq(word, str_of(kinds[i].word)))
			return &kinds[i];
	}
	return NULL;
}

struct wanted { /* an m= line by a word */
	const struct stream_kind *kind;
	bool off;
};

/* The words for m= lines in "pcma+audio+no-video", in their order; none: 0. "video2": two. */
static unsigned read_words(const char *text, struct wanted w[DLG_STREAMS])
{
	struct str list = str_of(text), word;
	unsigned n = 0;

	while (str_token(&list, '+', &word) && n + 1 < DLG_STREAMS) {
		bool off = str_starts(word, STR("no-"));
		struct str name = off ? (struct str){ word.p + 3, word.n - 3 } : word;
		bool two = str_eq(name, STR("video2"));
		const struct stream_kind *k = kind_named(two ? STR("video") : name);

		if (k)
			w[n++] = (struct wanted){ k, off };
		if (two)
			w[n++] = (struct wanted){ kind_named(STR("slides")), off };
	}
	return n;
}

/* ---- what actors write ---- */

static void read_pts(struct dlg_stream *s, const char *formats)
{
	struct str list = str_of(formats), id;
	uint32_t pt;

	s->n_pts = 0;
	while (str_token(&list, ' ', &id)) {
		if (!str_u32(id, 127, &pt))
			s->pts[s->n_pts++] = (uint8_t)pt;
	}
}

static void write_line(struct buf *b, struct dlg *d, const struct wanted *w, struct dlg_stream *s,
		       unsigned i)
{
	const struct stream_kind *k = w->kind;
	bool group = !strcmp(k->word, "multicast");

	s->ours = (uint16_t)(d->rtp.port + i * DLG_STREAM_STEP);
	buf_fmt(b, "m=%s %u %s %s\r\n", k->kind,
		w->off  ? 0u
		: group ? GROUP_PORT
			: s->ours,
		k->proto, k->formats);
	if (!k->raw)
		read_pts(s, k->formats);
	if (!w->off)
		buf_fmt(b, k->attributes, d->actor->mark);
}

void streams_write(struct buf *b, struct dlg *d, const char *kind,
		   void (*audio)(struct buf *b, struct dlg *d, const char *kind, bool off))
{
	struct wanted w[DLG_STREAMS];
	unsigned n = read_words(kind, w);

	if (!n)
		w[n++] = (struct wanted){ .kind = &kinds[0] };
	for (unsigned i = 0; i < n; i++) {
		d->stream[i].name = w[i].kind->word;
		if (w[i].kind == &kinds[0]) {
			d->stream[i].ours = (uint16_t)(d->rtp.port + i * DLG_STREAM_STEP);
			audio(b, d, kind, w[i].off);
		} else {
			write_line(b, d, &w[i], &d->stream[i], i);
		}
	}
}

/* ---- what comes from sluice ---- */

static bool next_line(struct str *sdp, const char *start, struct str *rest)
{
	struct str line;

	while (str_line(sdp, &line)) {
		if (!str_starts(line, str_of(start)))
			continue;
		*rest = (struct str){ line.p + strlen(start), line.n - strlen(start) };
		return true;
	}
	return false;
}

static void check_line(struct world *w, struct str sdp, struct str m, const struct wanted *want)
{
	const struct stream_kind *k = want->kind;
	struct str kind = STR_NONE, port = STR_NONE, proto = STR_NONE, line, rest = sdp;
	uint32_t n = 0;

	str_token(&m, ' ', &kind);
	str_token(&m, ' ', &port);
	str_token(&m, ' ', &proto);
	if (!str_eq(kind, str_of(k->kind)) || !str_eq(proto, str_of(k->proto)) ||
	    str_u32(port, 65535, &n) || (n == 0) != want->off)
		world_fail(w, "no %s%s in its place in\n%.*s", want->off ? "refused " : "", k->word,
			   STR_FMT(sdp));
	if (k->raw && !str_eq(m, str_of(k->formats)))
		world_fail(w, "%.*s are not the formats of %s", STR_FMT(m), k->word);
	if (!strcmp(k->word, "multicast") && !want->off && n != GROUP_PORT)
		world_fail(w, "the port of a multicast stream was changed");
	if (k->must && !want->off && !next_line(&rest, k->must, &line))
		world_fail(w, "no %s in\n%.*s", k->must, STR_FMT(sdp));
}

void streams_check(struct world *w, struct str sdp, const char *kind)
{
	struct wanted want[DLG_STREAMS];
	unsigned n = read_words(kind, want), i = 0;
	struct str rest = sdp, m;

	while (n && next_line(&rest, "m=", &m)) {
		if (i == n)
			world_fail(w, "more m= lines than %u in\n%.*s", n, STR_FMT(sdp));
		check_line(w, sdp, m, &want[i++]);
	}
	if (i < n)
		world_fail(w, "less m= lines than %u in\n%.*s", n, STR_FMT(sdp));
}

static bool is_address(struct str l, struct addr *a)
{
	if (!str_starts(l, STR("c=IN IP")) || l.n < 9)
		return false;
	if (addr_parse((struct str){ l.p + 9, l.n - 9 }, a))
		a->family = 0; /* a group */
	return true;
}

/* The second of a kind has the second word for it. Multicast is audio, but nobody sends there by us. */
static const struct stream_kind *kind_told(const struct dlg *d, const struct dlg_stream *s,
					   struct str kind)
{
	const struct stream_kind *found = NULL;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		bool used = false;

		if (!str_eq(kind, str_of(kinds[i].kind)) || !strcmp(kinds[i].word, "multicast"))
			continue;
		for (const struct dlg_stream *x = d->stream; x < s; x++)
			used |= x->told == kinds[i].word;
		found = &kinds[i];
		if (!used)
			break;
	}
	return found;
}

static void learn_line(struct world *w, const struct dlg *d, struct dlg_stream *s, struct str m)
{
	const struct stream_kind *k;
	struct str word = STR_NONE;
	uint32_t port = 0, pt;

	str_token(&m, ' ', &word);
	k = kind_told(d, s, word);
	s->told = k ? k->word : "";
	s->raw = k && k->raw;
	str_token(&m, ' ', &word);
	if (str_u32(word, 65535, &port))
		world_fail(w, "SDP with a bad port");
	str_token(&m, ' ', &word);
	if (!m.n)
		world_fail(w, "SDP without formats");
	s->n_rpts = 0;
	while (s->n_rpts < sizeof(s->rpts) && str_token(&m, ' ', &word) && !str_u32(word, 127, &pt))
		s->rpts[s->n_rpts++] = (uint8_t)pt;
	s->remote.port = (uint16_t)port;
}

void streams_learn(struct world *w, struct dlg *d, struct str sdp)
{
	struct addr session = { 0 }, a;
	struct dlg_stream *s = NULL;
	unsigned n = 0;
	struct str l;

	memcpy(d->before, d->stream, sizeof(d->before));
	d->n_before = d->n_told;
	while (str_line(&sdp, &l)) {
		bool is_c = is_address(l, &a);

		if (is_c && !s)
			session = a;
		if (is_c && s) {
			a.port = s->remote.port;
			s->remote = a;
		}
		if (!str_starts(l, STR("m=")))
			continue;
		if (n == DLG_STREAMS)
			world_fail(w, "too many m= lines");
		s = &d->stream[n++];
		s->remote = session;
		learn_line(w, d, s, (struct str){ l.p + 2, l.n - 2 });
	}
	d->n_told = n;
	if (!n)
		world_fail(w, "SDP without a c= that can be used, or without m=");
}

void streams_forget(struct dlg *d)
{
	memcpy(d->stream, d->before, sizeof(d->stream));
	d->n_told = d->n_before;
}

/* ---- where packets go ---- */

/* "rtp" is the audio stream, "udptl" that of T.38; others by their word. NULL: there is none. */
struct dlg_stream *streams_named(struct dlg *d, const char *name)
{
	if (!strcmp(name, "rtp"))
		name = "audio";
	if (!strcmp(name, "udptl"))
		name = "t38";
	for (unsigned i = 0; i < d->n_told; i++) {
		struct dlg_stream *s = &d->stream[i];
		if (!strcmp(s->told, name) && s->remote.family && s->remote.port)
			return s;
	}
	return NULL;
}

bool streams_is_name(const char *word)
{
	return !strcmp(word, "rtp") || !strcmp(word, "udptl") || kind_named(str_of(word));
}

struct dlg *streams_at(struct world *w, const struct addr *a, struct dlg_stream **s)
{
	for (struct actor *x = w->actors; x; x = x->next) {
		for (struct dlg *d = x->dlgs; d; d = d->next) {
			unsigned i = (uint16_t)(a->port - d->rtp.port) / DLG_STREAM_STEP;

			if (!addr_ip_eq(&d->rtp, a) || i >= DLG_STREAMS ||
			    a->port != (uint16_t)(d->rtp.port + i * DLG_STREAM_STEP))
				continue;
			*s = &d->stream[i];
			return d;
		}
	}
	return NULL;
}
