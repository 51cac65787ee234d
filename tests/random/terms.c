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

static void roll_media(struct buf *b, struct dice *d)
{
	buf_fmt(b, "    codecs-first: %s\n",
		ONE_OF(d, "[]", "[]\n    codecs-drop: [G722]", "[PCMU]", "[opus, PCMA]",
		       "[G729]\n    codecs-drop: [PCMU, opus]"));
	buf_fmt(b, "    ptime: %s\n", ONE_OF(d, "0ms", "0ms", "30ms"));
	buf_fmt(b, "    streams: %s\n",
		ONE_OF(d, "[audio, video, text, fax]", "[audio]", "[audio, video]"));
	buf_fmt(b, "    dtmf: %s\n", ONE_OF(d, "rtp", "info", "info-dtmf"));
}

static void roll_trunk(struct buf *b, struct dice *d, const char *name, const char *where)
{
	buf_fmt(b, "  %s:\n%s", name, where);
	buf_fmt(b, "    ring-timeout: %s\n", ONE_OF(d, "5s", "20s", "60s"));
	buf_fmt(b, "    max-calls: %s\n", ONE_OF(d, "1", "2", "500"));
	buf_fmt(b, "    max-duration: %s\n", ONE_OF(d, "0s", "0s", "0s", "10s", "30s"));
	buf_fmt(b, "    100rel: %s\n", ONE_OF(d, "support", "require", "never"));
	buf_fmt(b, "    session-expires: %s\n",
		ONE_OF(d, "0s", "90s", "120s\n    session-min: 100s", "30m"));
	buf_fmt(b, "    session-refresher: %s\n", ONE_OF(d, "any", "us", "them"));
	buf_fmt(b, "    late-offer: %s\n", ONE_OF(d, "true", "false"));
	buf_fmt(b, "    early-media: %s\n", ONE_OF(d, "true", "true", "false"));
	buf_fmt(b, "    transfer: %s\n", ONE_OF(d, "here", "here", "pass", "refuse"));
	buf_fmt(b, "    redirect: %s\n", ONE_OF(d, "follow", "follow", "pass", "refuse"));
	roll_media(b, d);
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
			     .drain = dice_percent(d, 5),
			     .engine_trouble = dice_percent(d, 10) };
	/* 64*T1 for transactions and dialogs, one after another, Timer C, 30 s for ports, and a
	 * session that nobody refreshes. */
	t->patience_ms = 64000 + 60000 + 35000 + 120000;
	roll_conf(t, d);
}
