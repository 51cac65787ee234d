/* SPDX-License-Identifier: Apache-2.0 */
#include "call/dot.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

#define TEXT_MAX 32768
#define WRAP     22 /* columns of a state's text */

struct dot_edge *dot_edge(struct dot *d, unsigned from, unsigned to, const char *label)
{
	struct dot_edge *e = &d->edge[d->n_edges];

	if (d->n_edges < DOT_EDGES - 1) /* the last one is for what is too much */
		d->n_edges++;
	*e = (struct dot_edge){ .from = (uint8_t)from, .to = (uint8_t)to, .label = label };
	return e;
}

/* ---- what many states have in common ---- */

#define FRAME_EDGES 32

struct frame {
	uint64_t states;
	const struct dot_edge *edge[FRAME_EDGES]; /* one of each kind that all of them have */
	unsigned n;
};

static bool same(const struct dot_edge *a, const struct dot_edge *b)
{
	return a->to == b->to && a->label == b->label && a->note == b->note;
}

static uint64_t who_has(const struct dot *d, const struct dot_edge *e)
{
	uint64_t states = 0;

	for (unsigned i = 0; i < d->n_edges; i++)
		if (same(&d->edge[i], e) && d->edge[i].from != DOT_NONE && e->from != e->to)
			states |= 1ull << d->edge[i].from;
	return states;
}

/* The edges that so many states have, and the states that have all of them. */
static void find_frame(const struct dot *d, struct frame *f)
{
	*f = (struct frame){ .states = UINT64_MAX };
	for (unsigned i = 0; i < d->n_edges && f->n < FRAME_EDGES && d->many; i++) {
		uint64_t states = who_has(d, &d->edge[i]);
		bool known = false;

		for (unsigned k = 0; k < f->n; k++)
			known |= same(f->edge[k], &d->edge[i]);
		if (known || __builtin_popcountll(states) < d->many)
			continue;
		f->edge[f->n++] = &d->edge[i];
		f->states &= states;
	}
	if (!f->n)
		f->states = 0;
}

static bool in_frame(const struct frame *f, const struct dot_edge *e)
{
	if (e->from == DOT_NONE || !(f->states >> e->from & 1))
		return false;
	for (unsigned k = 0; k < f->n; k++)
		if (same(f->edge[k], e))
			return true;
	return false;
}

/* ---- text ---- */

/* For HTML-like labels of graphviz. */
static void put_escaped(struct buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '<')
			buf_lit(b, "&lt;");
		else if (s[i] == '>')
			buf_lit(b, "&gt;");
		else if (s[i] == '&')
			buf_lit(b, "&amp;");
		else
			buf_put(b, (struct str){ s + i, 1 });
	}
}

/* In lines of about the same length. */
static void put_wrapped(struct buf *b, const char *s)
{
	while (strlen(s) > WRAP) {
		size_t n = WRAP;

		while (n > 1 && s[n] != ' ')
			n--;
		if (n == 1)
			break;
		put_escaped(b, s, n);
		buf_lit(b, "<br/>");
		s += n + 1;
	}
	put_escaped(b, s, strlen(s));
}

static void put_label(struct buf *b, const struct dot_edge *e)
{
	put_escaped(b, e->label, strlen(e->label));
	if (e->note) {
		buf_lit(b, " (");
		put_escaped(b, e->note, strlen(e->note));
		buf_lit(b, ")");
	}
	buf_lit(b, "<br align=\"left\"/>");
}

/* What does not lead away stands in small letters. */
static void put_stays(struct buf *b, const struct dot *d, unsigned s)
{
	const char *before =
		"<br/><font point-size=\"9\" color=\"#505050\">stays:<br align=\"left\"/>";

	for (unsigned i = 0; i < d->n_edges; i++) {
		if (d->edge[i].from != s || d->edge[i].to != s)
			continue;
		buf_put(b, str_of(before));
		put_label(b, &d->edge[i]);
		before = "";
	}
	if (!*before)
		buf_lit(b, "</font>");
}

static void put_state(struct buf *b, const struct dot *d, unsigned s)
{
	buf_fmt(b, "\t%s [label=<<b>%s</b><br/>", d->names[s], d->names[s]);
	put_wrapped(b, d->texts[s]);
	put_stays(b, d, s);
	buf_lit(b, ">");
	if (s == d->end)
		buf_lit(b, ", fillcolor=\"#e0e0e0\", peripheries=2");
	else if (s == d->rest)
		buf_lit(b, ", fillcolor=\"#c8e6c0\"");
	buf_lit(b, "];\n");
}

/* Are they drawn as one? */
static bool together(const struct dot_edge *a, const struct dot_edge *b)
{
	return a->from == b->from && a->to == b->to && a->back == b->back && a->from != DOT_NONE;
}

static void put_style(struct buf *b, const struct dot *d, const struct dot_edge *e)
{
	if (e->back)
		buf_lit(b, ", color=\"#c09080\", fontcolor=\"#904830\"");
	/* Where nothing ends, the states stand in the order of the way to rest. */
	if (d->end == DOT_NONE && (e->back || e->from == d->rest))
		buf_lit(b, ", constraint=false");
}

/* One for all edges that go the same way as this, which is the first of them. */
static void put_edge(struct buf *b, const struct dot *d, const struct frame *f, unsigned first)
{
	const struct dot_edge *e = &d->edge[first];

	if (e->from == DOT_NONE)
		buf_fmt(b, "\tbegin%u [shape=point, width=0.1, fillcolor=black];\n\tbegin%u", first,
			first);
	else
		buf_fmt(b, "\t%s", d->names[e->from]);
	buf_fmt(b, " -> %s [label=<", d->names[e->to]);
	put_label(b, e);
	for (unsigned i = first + 1; i < d->n_edges; i++)
		if (together(&d->edge[i], e) && !in_frame(f, &d->edge[i]))
			put_label(b, &d->edge[i]);
	buf_lit(b, ">");
	put_style(b, d, e);
	buf_lit(b, "];\n");
}

static bool is_first(const struct dot *d, const struct frame *f, unsigned at)
{
	const struct dot_edge *e = &d->edge[at];

	if (in_frame(f, e) || e->from == e->to)
		return false;
	for (unsigned i = 0; i < at; i++)
		if (together(&d->edge[i], e) && !in_frame(f, &d->edge[i]))
			return false;
	return true;
}

/* From the frame to one state. */
static void put_common(struct buf *b, const struct dot *d, const struct frame *f, unsigned from,
		       unsigned to)
{
	const struct dot_edge *one = NULL;

	for (unsigned k = 0; k < f->n; k++) {
		if (f->edge[k]->to != to)
			continue;
		if (!one)
			buf_fmt(b, "\t%s -> %s [ltail=cluster_frame, label=<", d->names[from],
				d->names[to]);
		one = f->edge[k];
		put_label(b, one);
	}
	if (!one)
		return;
	buf_lit(b, ">");
	put_style(b, d, one);
	buf_lit(b, "];\n");
}

static void put_frame(struct buf *b, const struct dot *d, const struct frame *f)
{
	unsigned last = 0;

	if (!f->n)
		return;
	buf_lit(b, "\tsubgraph cluster_frame {\n\t\tstyle=\"rounded,dashed\"; color=\"#808080\"; "
		   "label=\"\";\n\t\t");
	for (unsigned s = 0; s < d->n_states; s++) {
		if (!(f->states >> s & 1))
			continue;
		buf_fmt(b, "%s; ", d->names[s]);
		last = s;
	}
	buf_lit(b, "\n\t}\n");
	for (unsigned s = 0; s < d->n_states; s++)
		put_common(b, d, f, last, s);
}

static void put_all(struct buf *b, const struct dot *d)
{
	struct frame f;

	find_frame(d, &f);
	buf_fmt(b,
		"// SPDX-License-Identifier: Apache-2.0\ndigraph %s {\n"
		"\tgraph [rankdir=LR, compound=true, labelloc=t, labeljust=l, fontsize=14,\n"
		"\t\tfontname=\"Helvetica,Arial,sans-serif\", label=<",
		d->name);
	put_escaped(b, d->title, strlen(d->title));
	buf_lit(b,
		">];\n"
		"\tnode [shape=box, style=\"rounded,filled\", fillcolor=\"#eef3fb\", fontsize=11,\n"
		"\t\tfontname=\"Helvetica,Arial,sans-serif\"];\n"
		"\tedge [fontname=\"Helvetica,Arial,sans-serif\", fontsize=10, "
		"color=\"#404040\"];\n");
	for (unsigned s = 0; s < d->n_states; s++)
		put_state(b, d, s);
	put_frame(b, d, &f);
	for (unsigned i = 0; i < d->n_edges; i++)
		if (is_first(d, &f, i))
			put_edge(b, d, &f, i);
}

/* FNV-1a: it only has to tell one table from another. */
static uint64_t hash_of(struct str s)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (uint8_t)s.p[i]) * 0x100000001b3;
	return h;
}

uint64_t dot_hash(const struct dot *d)
{
	char mem[TEXT_MAX];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	put_all(&b, d);
	return hash_of(buf_str(&b));
}

void dot_write(const struct dot *d, int fd)
{
	char mem[TEXT_MAX];
	struct str text;
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	put_all(&b, d);
	text = buf_str(&b);
	dprintf(fd, "%.*s\tgraph [comment=\"table %016" PRIx64 "\"];\n}\n", (int)text.n, text.p,
		hash_of(text));
}
