/* SPDX-License-Identifier: Apache-2.0 */
/* The command `why`: two looks at the flows of a call, a second apart, and the heads of what was dropped; then
 * media/why.h says what that means. */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include "ctl/ctl_priv.h"
#include "media/mos.h"
#include "media/why.h"

#define BETWEEN_MS    1000
#define SIDE_NAME_MAX 64

struct look;

struct looked {
	struct look *look;
	struct why_stream s;
	u64 id;
	char codec[32];
};

struct look {
	struct ctl_part *part;
	struct timer timer;
	struct timespec first;
	bool second;
	char name[2][SIDE_NAME_MAX]; /* the call may end meanwhile */
	unsigned waiting, n;
	struct looked stream[];
};

static void look(struct look *l);

/* ---- what comes of it ---- */

static json_t *view_line(const struct why_stream *s, const struct why_line *l)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s}", "cause", l->cause, "weight",
			 why_weight_name(l->weight), "from",
			 l->from < 2 ? s->side[l->from].name : "", "text", l->text, "fix", l->fix);
}

static json_t *view_mos(const struct looked *k, unsigned side)
{
	double mos = k->s.there ? mos_of_report(&k->s.now, side, k->codec) : 0;

	return mos > 0 ? json_real(mos) : json_null();
}

static json_t *view_stream(const struct looked *k)
{
	struct why_line line[WHY_LINES];
	unsigned n = why_explain(&k->s, line);
	json_t *lines = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(lines, view_line(&k->s, &line[i]));
	return json_pack("{s:s,s:s,s:o,s:[s,s],s:[s,s],s:[o,o],s:o}", "kind", k->s.kind, "codec",
			 k->codec, "flow", view_id(k->id), "sides", k->s.side[0].name,
			 k->s.side[1].name, "directions", k->s.side[0].direction,
			 k->s.side[1].direction, "mos", view_mos(k, 0), view_mos(k, 1), "lines",
			 lines);
}

static void conclude(struct look *l)
{
	struct ctl_part *part = l->part;
	json_t *streams = json_object_get(part->result, "streams");

	for (unsigned i = 0; i < l->n && !part->error; i++)
		json_array_append_new(streams, view_stream(&l->stream[i]));
	free(l);
	ctl_part_done(part);
}

/* ---- looking ---- */

static u64 wall_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (u64)t.tv_sec * 1000000 + (u64)t.tv_nsec / 1000;
}

static void answered(struct look *l)
{
	if (--l->waiting)
		return;
	if (l->second || !l->n || l->part->error) {
		conclude(l);
		return;
	}
	l->second = true;
	timer_start(l->part->shard->loop, &l->timer, BETWEEN_MS);
}

static void again(void *arg)
{
	look(arg);
}

static void got_flow(void *arg, int status, const struct tlv_report *r)
{
	struct looked *k = arg;

	if (status && status != -ENOENT)
		k->look->part->error = "the data plane did not answer";
	k->s.there = r != NULL;
	if (r && k->look->second) {
		k->s.now = *r;
		k->s.us = wall_us() - k->s.us;
	} else if (r) {
		k->s.before = *r;
		k->s.us = wall_us();
	}
	answered(k->look);
}

static void got_frame(void *arg, const struct tlv_frame *f)
{
	struct looked *k = arg;

	why_frame(&k->s, f);
}

static void got_frames(void *arg, int status)
{
	struct looked *k = arg;

	if (status && status != -ENOENT && status != -EOPNOTSUPP)
		k->look->part->error = "the data plane did not answer";
	answered(k->look);
}

static void look(struct look *l)
{
	struct engine *e = media_engine(l->part->shard->media);

	l->waiting = 1;
	for (unsigned i = 0; i < l->n; i++) {
		struct looked *k = &l->stream[i];
		struct engine_trace t = { .frame = got_frame, .done = got_frames, .arg = k };

		k->s.wall_us = wall_us();
		if (engine_get(e, k->id, got_flow, k) < 0)
			l->part->error = engine_cause(e);
		else
			l->waiting++;
		if (l->second && !l->part->error && engine_caps(e) & FLOW_CAP_TRACE &&
		    engine_trace(e, k->id, &t) == 0)
			l->waiting++;
	}
	answered(l);
}

/* ---- the call ---- */

/* Two legs on one trunk are told apart by what they do. */
static void name_sides(struct look *l, const struct call_info *c)
{
	static const char *const roles[] = { "caller", "callee" };
	bool same = strcmp(c->leg[0].trunk, c->leg[1].trunk) == 0;

	for (unsigned leg = 0; leg < 2; leg++)
		snprintf(l->name[leg], SIDE_NAME_MAX, "%s%s%s", c->leg[leg].trunk, same ? "/" : "",
			 same ? roles[leg] : "");
}

static void describe(struct look *l, const struct call_info *c)
{
	struct media_leg_info m[2][CTL_STREAMS];

	l->n = c->media ? media_info(c->media, 0, m[0], CTL_STREAMS) : 0;
	if (l->n)
		media_info(c->media, 1, m[1], CTL_STREAMS);
	for (unsigned i = 0; i < l->n; i++) {
		struct looked *k = &l->stream[i];

		k->look = l;
		k->id = m[0][i].flow_id;
		k->s.kind = m[0][i].kind;
		k->s.codec = k->codec;
		snprintf(k->codec, sizeof(k->codec), "%s", m[0][i].codec ? m[0][i].codec : "");
		for (unsigned side = 0; side < 2; side++) {
			k->s.side[side].name = l->name[side];
			k->s.side[side].direction = m[side][i].direction;
		}
	}
}

void ctl_why_gather(struct ctl_part *part)
{
	struct call_info c;
	struct look *l;

	if (!calls_find(part->shard->calls, part->call_id, &c) ||
	    !(l = calloc(1, sizeof(*l) + CTL_STREAMS * sizeof(l->stream[0])))) {
		ctl_part_done(part);
		return;
	}
	l->part = part;
	timer_init(&l->timer, again, l);
	name_sides(l, &c);
	describe(l, &c);
	part->result =
		json_pack("{s:o,s:s,s:[]}", "id", view_id(c.id), "state", c.state, "streams");
	look(l);
}
