/* SPDX-License-Identifier: Apache-2.0 */
/* Each seed has a configuration and a network of its own. */
#include "random.h"

static const char *one_of(struct dice *d, const char *const *values, unsigned n)
{
	return values[dice_below(d, n)];
}

#define ONE_OF(d, ...)                                                                             \
	one_of(d, (const char *const[]){ __VA_ARGS__ },                                            \
	       sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void roll_trunk(struct buf *b, struct dice *d, const char *name, const char *where)
{
	buf_fmt(b, "  %s:\n%s", name, where);
	buf_fmt(b, "    ring-timeout: %s\n", ONE_OF(d, "5s", "20s", "60s"));
	buf_fmt(b, "    max-calls: %s\n", ONE_OF(d, "1", "2", "500"));
}

static void roll_conf(struct terms *t, struct dice *d)
{
	struct buf b;

	buf_init(&b, t->conf, sizeof(t->conf) - 1);
	buf_lit(&b, "sluice: 1\n"
		    "networks:\n"
		    "  outside: { port: eth0, address: 203.0.113.10/24 }\n"
		    "  inside: { port: eth1, address: 10.0.0.1/24 }\n"
		    "trunks:\n");
	roll_trunk(&b, d, "carrier",
		   "    on: outside\n    profile: static\n"
		   "    host: 203.0.113.80\n    sources: [203.0.113.81]\n");
	roll_trunk(&b, d, "pbx", "    on: inside\n    profile: pbx\n    host: 10.0.0.20\n");
	roll_trunk(&b, d, "desk", "    on: inside\n    profile: pbx\n    host: 10.0.0.30\n");
	buf_lit(&b, "calls:\n"
		    "  - { from: pbx, to: carrier }\n"
		    "  - { from: desk, to: carrier }\n");
	buf_fmt(&b, "  - { from: carrier, to: %s }\n", ONE_OF(d, "pbx", "desk"));
	buf_fmt(&b, "media: { silence: %s, hold-silence: %s }\n", ONE_OF(d, "10s", "1m", "1h"),
		ONE_OF(d, "20s", "1h"));
}

void terms_roll(struct terms *t, struct dice *d)
{
	static const uint8_t losses[] = { 0, 1, 10, 30 };

	*t = (struct terms){ .loss = losses[dice_below(d, 4)],
			     .copies = losses[dice_below(d, 3)],
			     .delay_ms = dice_below(d, 100),
			     .jitter_ms = dice_percent(d, 50) ? 0 : dice_below(d, 300),
			     .laggards = losses[dice_below(d, 3)],
			     .play_ms = 1000 + dice_below(d, 60000),
			     .calls = 1 + dice_below(d, 3),
			     .dead = dice_percent(d, 20) ? 100 : 0,
			     .forks = dice_percent(d, 30),
			     .engine_trouble = dice_percent(d, 10) };
	/* 64*T1 for transactions and dialogs, one after another, Timer C, and 30 s for ports. */
	t->patience_ms = 64000 + 60000 + 35000;
	roll_conf(t, d);
}
