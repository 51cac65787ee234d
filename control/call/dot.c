/* SPDX-License-Identifier: Apache-2.0 */
#include "call/dot.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

#define TEXT_MAX 32768
#define WRAP     22 /* columns of a state's text */
#define MANY     5  /* states: what they have in common goes into a frame */

void dot_noted_edge(struct dot *d, unsigned from, unsigned to, const char *label, const char *note)
{
	if (d->n_edges < DOT_EDGES)
		d->edge[d->n_edges++] =
			(struct dot_edge){ (uint8_t)from, (uint8_t)to, label, note };
}

void dot_edge(struct dot *d, unsigned from, unsigned to, const char *label)
{
	dot_noted_edge(d, from, to, label, NULL);
}

/* ---- what many states have in common ---- */

struct frame {
	uint64_t labels; /* of one state's edges: which of them all have */
	uint64_t states;
	const struct dot_edge *edge[64];
	unsigned n;
};

static bool same(const struct dot_edge *a, const struct dot_edge *b)
{
	return a->to == b->to && a->label == b->label && a->note == b->note;
}

static unsigned has_it(const struct dot *d, const struct dot_edge *e, uint64_t *states)
{
	unsigned n = 0;

	*states = 0;
	for (unsigned i = 0; i < d->n_edges; i++) {
		const struct dot_edge *o = &d->edge[i];

		if (same(o, e) && o->from != DOT_NONE && o->from != o->to) {
			*states |= 1ull << o->from;
			n++;
		}
	}
	return n;
}

/* The edges that at least MANY states have, and the states that have all of them. They go to one state. */
static void find_frame(const struct dot *d, struct frame *f)
{
	*f = (struct frame){ .states = UINT64_MAX };
	for (unsigned i = 0; i < d->n_edges && f->n < 64; i++) {
		const struct dot_edge *e = &d->edge[i];
		bool known = false;
		uint64_t states;

		for (unsigned k = 0; k < f->n; k++)
			known |= same(f->edge[k], e);
		if (known || (f->n && e->to != f->edge[0]->to) || has_it(d, e, &states) < MANY)
			continue;
		f->edge[f->n++] = e;
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

static void put_escaped(struct buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '"' || s[i] == '\\')
			buf_lit(b, "\\");
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
		buf_lit(b, "\\n");
		s += n + 1;
	}
	put_escaped(b, s, strlen(s));
}

static void put_state(struct buf *b, const struct dot *d, unsigned s)
{
	buf_fmt(b, "\t%s [label=\"%s\\n", d->names[s], d->names[s]);
	put_wrapped(b, d->texts[s]);
	buf_lit(b, "\"");
	if (s == d->end)
		buf_lit(b, ", fillcolor=\"#e0e0e0\", peripheries=2");
	else if (s == d->rest)
		buf_lit(b, ", fillcolor=\"#c8e6c0\"");
	buf_lit(b, "];\n");
}

static void put_label(struct buf *b, const struct dot_edge *e)
{
	put_escaped(b, e->label, strlen(e->label));
	if (e->note) {
		buf_lit(b, " (");
		put_escaped(b, e->note, strlen(e->note));
		buf_lit(b, ")");
	}
	buf_lit(b, "\\l");
}

/* One for all edges that go the same way as this, which is the first of them. */
static void put_edge(struct buf *b, const struct dot *d, const struct frame *f, unsigned first)
{
	const struct dot_edge *e = &d->edge[first];

	if (e->from == DOT_NONE) {
		buf_fmt(b, "\tbegin%u [shape=point, width=0.12, style=solid];\n\tbegin%u", first,
			first);
	} else
		buf_put(b, str_of(d->names[e->from]));
	buf_fmt(b, " -> %s [label=\"", d->names[e->to]);
	for (unsigned i = first; i < d->n_edges; i++) {
		const struct dot_edge *o = &d->edge[i];

		if (o->from == e->from && o->to == e->to && !in_frame(f, o))
			put_label(b, o);
		if (e->from == DOT_NONE)
			break;
	}
	buf_lit(b, "\"];\n");
}

static bool is_first(const struct dot *d, const struct frame *f, unsigned at)
{
	const struct dot_edge *e = &d->edge[at];

	if (in_frame(f, e))
		return false;
	for (unsigned i = 0; i < at && e->from != DOT_NONE; i++)
		if (d->edge[i].from == e->from && d->edge[i].to == e->to &&
		    !in_frame(f, &d->edge[i]))
			return false;
	return true;
}

static void put_frame(struct buf *b, const struct dot *d, const struct frame *f)
{
	unsigned last = 0;

	if (!f->n)
		return;
	buf_lit(b, "\tsubgraph cluster_frame "
		   "{\n\t\tstyle=\"rounded,dashed\";\n\t\tcolor=\"#808080\";\n\t\t");
	for (unsigned s = 0; s < d->n_states; s++) {
		if (!(f->states >> s & 1))
			continue;
		buf_fmt(b, "%s; ", d->names[s]);
		last = s;
	}
	buf_fmt(b, "\n\t}\n\t%s -> %s [ltail=cluster_frame, style=dashed, label=\"", d->names[last],
		d->names[f->edge[0]->to]);
	for (unsigned k = 0; k < f->n; k++)
		put_label(b, f->edge[k]);
	buf_lit(b, "\"];\n");
}

static void put_all(struct buf *b, const struct dot *d)
{
	struct frame f;

	find_frame(d, &f);
	buf_fmt(b,
		"// SPDX-License-Identifier: Apache-2.0\ndigraph %s {\n"
		"\tgraph [rankdir=LR, compound=true, fontname=\"Helvetica,Arial,sans-serif\", "
		"fontsize=12,\n"
		"\t\tlabelloc=t, labeljust=l, label=\"%s\"];\n"
		"\tnode [shape=box, style=\"rounded,filled\", fillcolor=\"#eef3fb\", fontsize=11,\n"
		"\t\tfontname=\"Helvetica,Arial,sans-serif\"];\n"
		"\tedge [fontname=\"Helvetica,Arial,sans-serif\", fontsize=10, "
		"color=\"#404040\"];\n",
		d->name, d->title);
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
