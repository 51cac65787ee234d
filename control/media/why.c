/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include "media/why_priv.h"

#define QUIET_MS 1000 /* speech that pauses so long is no stream any more */

/* ---- packet heads ---- */

struct head {
	struct flow_addr from, to;
	u8 first, pt;
};

static u16 be16(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}

static bool read_head(const struct tlv_frame *f, struct head *h)
{
	const u8 *p = f->head;
	unsigned family = p[0] >> 4, ip = family == 6 ? 40 : (p[0] & 15) * 4u;
	unsigned len = family == 6 ? 16 : 4, at = family == 6 ? 8 : 12;

	*h = (struct head){ 0 };
	if ((family != 4 && family != 6) || ip < 20 || f->n_head < ip + 10)
		return false;
	h->from.family = h->to.family = (u8)family;
	memcpy(h->from.ip, p + at, len);
	memcpy(h->to.ip, p + at + len, len);
	h->from.port = be16(p + ip);
	h->to.port = be16(p + ip + 2);
	h->first = p[ip + 8];
	h->pt = p[ip + 9];
	return true;
}

static struct why_seen *seen_of(struct why_side *s, const char *name)
{
	struct why_seen *w;

	for (unsigned i = 0; i < s->n_seen; i++)
		if (strcmp(s->seen[i].name, name) == 0)
			return &s->seen[i];
	if (s->n_seen == WHY_SEEN)
		return NULL;
	w = &s->seen[s->n_seen++];
	*w = (struct why_seen){ 0 };
	snprintf(w->name, sizeof(w->name), "%s", name);
	return w;
}

void why_frame(struct why_stream *s, const struct tlv_frame *f)
{
	struct why_seen *w;
	struct head h;

	if (!f->why || !read_head(f, &h))
		return;
	/* What could not leave by a side is the other one's media. */
	w = seen_of(&s->side[f->side ^ f->out], f->why);
	if (!w)
		return;
	w->n++;
	w->lately += f->time_us + WHY_NOW_MS * 1000ull >= s->wall_us;
	if (!w->first_us)
		w->first_us = f->time_us;
	w->last_us = f->time_us;
	w->from = h.from;
	w->to = h.to;
	w->first = h.first;
	w->pt = h.pt;
}

/* ---- for the rows ---- */

const struct why_seen *why_saw(const struct why_dir *d, const char *name)
{
	for (unsigned i = 0; i < d->from->n_seen; i++)
		if (strcmp(d->from->seen[i].name, name) == 0)
			return &d->from->seen[i];
	return NULL;
}

const struct why_seen *why_sees(const struct why_dir *d, const char *name)
{
	const struct why_seen *w = why_saw(d, name);

	return w && w->lately ? w : NULL;
}

const char *why_addr(const struct flow_addr *f, char text[ADDR_STR_MAX])
{
	struct addr a = { .port = f->port, .family = f->family };

	memcpy(a.ip, f->ip, sizeof(a.ip));
	return f->family ? addr_print(&a, text) : "nowhere";
}

const char *why_ip(const struct flow_addr *f, char text[ADDR_STR_MAX])
{
	struct flow_addr a = *f;

	a.port = 0;
	return why_addr(&a, text);
}

const char *why_ago(u64 ms, char text[16])
{
	if (ms < 10000)
		snprintf(text, 16, "%u.%u s", (unsigned)(ms / 1000), (unsigned)(ms / 100 % 10));
	else if (ms < 120000)
		snprintf(text, 16, "%u s", (unsigned)(ms / 1000));
	else
		snprintf(text, 16, "%u min", (unsigned)(ms / 60000 < 100000 ? ms / 60000 : 99999));
	return text;
}

const char *why_weight_name(enum why_weight w)
{
	static const char *const names[] = { "broken", "bad", "odd", "fine" };

	return names[w];
}

const struct why_seen *why_refused(const struct why_dir *d)
{
	const struct why_seen *w = why_sees(d, "rtp_unlearned");

	return w ? w : why_sees(d, "rtp_poisoned");
}

void why_put_dropped(const struct why_dir *d, struct buf *b)
{
	if (d->dropped_pps >= 1)
		buf_fmt(b, "%.0f packets/s are dropped now, %llu were in all", d->dropped_pps,
			(unsigned long long)d->rtp->dropped);
	else
		buf_fmt(b, "%llu packets were dropped in all", (unsigned long long)d->rtp->dropped);
}

bool why_on_hold(const struct why_dir *d)
{
	return d->in->flags & FLOW_SIDE_HOLD;
}

/* ---- asking the rows ---- */

static double rate(u64 now, u64 before, u64 us)
{
	return us && now > before ? (double)(now - before) * 1e6 / (double)us : 0;
}

static void direction(const struct why_stream *s, unsigned from, struct why_dir *d)
{
	const struct flow_stats *rtp = &s->now.rtp[from], *was = &s->before.rtp[from];

	*d = (struct why_dir){ .s = s,
			       .side = from,
			       .from = &s->side[from],
			       .to = &s->side[!from],
			       .in = &s->now.flow.side[from],
			       .out = &s->now.flow.side[!from],
			       .rtp = rtp,
			       .rtp_was = was,
			       .rtcp = &s->now.rtcp[from],
			       .heard = &s->now.rtcp[!from] };
	d->pps = rate(rtp->packets, was->packets, s->us);
	d->dropped_pps = rate(rtp->dropped, was->dropped, s->us);
	if (rtp->last_us && s->wall_us > rtp->last_us)
		d->quiet_ms = (s->wall_us - rtp->last_us) / 1000;
	d->flows = rtp->packets && (d->pps > 0 || d->quiet_ms < QUIET_MS);
}

static void say(const struct why_row *row, const struct why_dir *d, struct why_line *l)
{
	struct buf text, fix;

	*l = (struct why_line){ .cause = row->cause, .weight = row->weight, .from = (u8)d->side };
	buf_init(&text, l->text, sizeof(l->text) - 1);
	buf_init(&fix, l->fix, sizeof(l->fix) - 1);
	row->say(d, &text, &fix);
	l->text[text.n] = 0;
	l->fix[fix.n] = 0;
}

static unsigned missing(const struct why_stream *s, struct why_line *l)
{
	*l = (struct why_line){ .cause = "no-flow", .weight = WHY_BROKEN, .from = 2 };
	snprintf(l->text, sizeof(l->text),
		 "The data plane does not have this stream: nothing of it is relayed.");
	snprintf(l->fix, sizeof(l->fix),
		 "`sluicectl status` says whether there is a media engine; the logs say why it "
		 "refused.");
	return 1;
}

static unsigned fine(const struct why_stream *s, const struct why_dir d[2], struct why_line *l)
{
	char age[16];

	*l = (struct why_line){ .cause = "fine", .weight = WHY_FINE, .from = 2 };
	if (d[0].flows && d[1].flows) {
		snprintf(l->text, sizeof(l->text),
			 "Everything looks right: both directions flow, %.0f packets/s from %s and "
			 "%.0f from %s.",
			 d[0].pps, s->side[0].name, d[1].pps, s->side[1].name);
		return 1;
	}
	l->cause = "young";
	l->weight = WHY_ODD;
	snprintf(l->text, sizeof(l->text),
		 "This stream is %s old, and its media may be on its way: ask again.",
		 why_ago(s->now.age_ms, age));
	return 1;
}

static unsigned ask(const struct why_row *row, struct why_dir d[2], struct why_line *out,
		    unsigned n)
{
	for (; row->cause; row++)
		for (unsigned side = 0; side < 2 && n < WHY_LINES - 1; side++)
			if (row->holds(&d[side])) {
				say(row, &d[side], &out[n++]);
				d[side].told |= row->weight == WHY_BROKEN;
			}
	return n;
}

unsigned why_explain(const struct why_stream *s, struct why_line out[WHY_LINES])
{
	struct why_dir d[2];
	unsigned n;

	if (!s->there)
		return missing(s, out);
	direction(s, 0, &d[0]);
	direction(s, 1, &d[1]);
	n = ask(why_silence, d, out, 0);
	n = ask(why_sound, d, out, n);
	if (n && out[0].weight <= WHY_BAD)
		return n;
	if (n && !(d[0].flows && d[1].flows))
		return n;
	memmove(out + 1, out, n * sizeof(*out));
	return fine(s, d, out) + n;
}
