/* SPDX-License-Identifier: Apache-2.0 */
/* Each row of the tables of causes: the facts that make it hold, what it says, and that it stands first. */
#include <stdlib.h>
#include <string.h>
#include "base/test.h"
#include "media/why.h"

#define WALL 1700000000000000ull

static struct flow_addr addr4(u8 a, u8 b, u8 c, u8 d, u16 port)
{
	return (struct flow_addr){ .ip = { a, b, c, d }, .port = port, .family = 4 };
}

/* A minute of 50 packets/s both ways, and one second between the looks. */
static void flowing(struct why_stream *s, unsigned side)
{
	struct flow_stats *was = &s->before.rtp[side], *now = &s->now.rtp[side];

	*was = (struct flow_stats){ .packets = 2950,
				    .octets = 2950 * 172,
				    .first_us = WALL - 60000000,
				    .last_us = WALL - 1000000,
				    .jitter_us = 500,
				    .state = FLOW_STATE_LOCKED,
				    .source = s->now.flow.side[side].remote };
	*now = *was;
	now->packets = 3000;
	now->octets = 3000 * 172;
	now->last_us = WALL - 10000;
}

static void good(struct why_stream *s)
{
	*s = (struct why_stream){
		.kind = "audio", .codec = "PCMA/8000", .there = true, .us = 1000000, .wall_us = WALL
	};
	s->side[0].name = "pbx";
	s->side[1].name = "carrier";
	s->side[0].direction = s->side[1].direction = "sendrecv";
	s->now.flow.gen = 3;
	s->now.age_ms = 60000;
	for (unsigned side = 0; side < 2; side++) {
		struct flow_side *f = &s->now.flow.side[side];

		f->local = side ? addr4(203, 0, 113, 1, 20000) : addr4(10, 10, 0, 1, 30000);
		f->remote = side ? addr4(203, 0, 113, 10, 4000) : addr4(10, 10, 0, 10, 5000);
		f->sig = f->remote;
		f->sig.port = 0;
		f->n_ptmap = 2;
		f->ptmap[0][0] = 8;
		f->ptmap[1][0] = 101;
		f->rate = 30000;
		flowing(s, side);
	}
}

/* It was there until `ms` ago. */
static void silent(struct why_stream *s, unsigned side, u64 ms)
{
	s->now.rtp[side] = s->before.rtp[side];
	s->now.rtp[side].last_us = s->before.rtp[side].last_us = WALL - ms * 1000;
}

static void nothing(struct why_stream *s, unsigned side)
{
	s->now.rtp[side] = s->before.rtp[side] = (struct flow_stats){ 0 };
}

/* `n` a second of what the side sends is dropped as `why`; `from`: where it comes from. */
static void dropped(struct why_stream *s, unsigned side, const char *why, struct flow_addr from,
		    u8 pt, unsigned n)
{
	struct tlv_frame f = {
		.time_us = WALL - 100000, .side = (u8)side, .len = 200, .n_head = 40, .why = why
	};
	const struct flow_addr *to = &s->now.flow.side[side].local;

	f.head[0] = 0x45;
	memcpy(f.head + 12, from.ip, 4);
	memcpy(f.head + 16, to->ip, 4);
	f.head[20] = (u8)(from.port >> 8);
	f.head[21] = (u8)from.port;
	f.head[28] = 0x80;
	f.head[29] = pt;
	for (unsigned i = 0; i < n; i++)
		why_frame(s, &f);
	s->before.rtp[side].dropped += 1000;
	s->now.rtp[side].dropped = s->before.rtp[side].dropped + n;
}

/* ---- what is done to good facts, besides what the rows say ---- */

static void conflict(struct why_stream *s)
{
	s->now.rtp[1].state = FLOW_STATE_CONFLICT;
}

static void srtp_new_key(struct why_stream *s)
{
	s->now.flow.side[0].in.suite = FLOW_SUITE_AEAD_AES_128_GCM;
	s->now.flow.side[0].in.number = 2;
	silent(s, 0, 12000);
	dropped(s, 0, "srtp_auth", addr4(10, 10, 0, 10, 5000), 8, 50);
	s->now.rtp[0].auth_failed = 612;
}

static void srtp_never(struct why_stream *s)
{
	srtp_new_key(s);
	nothing(s, 0);
	s->now.rtp[0].auth_failed = 7;
}

static void behind_nat(struct why_stream *s)
{
	s->now.flow.side[0].remote = addr4(192, 168, 1, 5, 5000);
}

/* The ring has nothing of it, the counters do. */
static void unlearned_counted(struct why_stream *s)
{
	s->now.rtp[1].refused = addr4(198, 51, 100, 7, 0);
	s->now.rtp[1].dropped = 50;
}

static void no_rtp_at_all(struct why_stream *s)
{
	s->side[1].seen[0].first = 0;
}

static void no_route(struct why_stream *s)
{
	dropped(s, 0, "neigh_no_route", addr4(10, 10, 0, 10, 5000), 8, 50);
	nothing(s, 1);
}

/* It waited for the neighbour, and is dropped where it would have left. */
static void no_neighbour(struct why_stream *s)
{
	struct tlv_frame f = { .time_us = WALL - 100000,
			       .side = 1,
			       .out = 1,
			       .n_head = 40,
			       .head = { 0x45 },
			       .why = "neigh_wait" };

	why_frame(s, &f);
	nothing(s, 1);
}

static void no_destination(struct why_stream *s)
{
	nothing(s, 0);
	nothing(s, 1);
	s->now.flow.side[1].remote = addr4(192, 168, 7, 7, 4000);
	dropped(s, 0, "rtp_no_destination", addr4(10, 10, 0, 10, 5000), 8, 50);
}

static void no_answer_yet(struct why_stream *s)
{
	no_destination(s);
	s->now.flow.side[1].remote = (struct flow_addr){ 0 };
}

static void refused(struct why_stream *s)
{
	s->before.rtp[0].dropped = s->now.rtp[0].dropped = 17;
	memcpy(s->now.rtp[0].last_drop, "rtp_poisoned", 13);
}

static void refused_now(struct why_stream *s)
{
	s->now.rtp[0].dropped = 40;
}

static void policed(struct why_stream *s)
{
	s->before.rtp[1].policed = 1000;
	s->now.rtp[1].policed = 1150;
	s->now.rtp[1].lost = 1150; /* which is no loss of the network's */
}

static void loss(struct why_stream *s)
{
	s->before.rtp[0].lost = 390;
	s->now.rtp[0].lost = 400;
}

static void peer_loss(struct why_stream *s)
{
	s->now.rtcp[1].packets = 12;
	s->now.rtcp[1].peer_lost = 240;
	s->now.rtcp[1].peer_fraction = 20;
}

static void jitter(struct why_stream *s)
{
	s->now.rtp[0].jitter_us = 45600;
}

static void far_away(struct why_stream *s)
{
	s->now.rtcp[1].rtt_us = 620000;
}

static void hold(struct why_stream *s)
{
	s->now.flow.side[1].flags = FLOW_SIDE_HOLD;
	s->side[1].direction = "recvonly";
	s->side[0].direction = "sendonly";
}

/* ---- and what is odd beside media that flows ---- */

static void replay(struct why_stream *s)
{
	s->now.rtp[1].replayed = 5;
}

static void frozen(struct why_stream *s)
{
	s->now.rtp[1].state = FLOW_STATE_FROZEN;
}

static void ssrcs(struct why_stream *s)
{
	s->now.rtp[0].ssrcs = 6;
}

#define NEVER UINT32_MAX

enum place {
	PBX, /* as their SDP says */
	CARRIER,
	OTHER_PORT, /* of the carrier */
	NAT,        /* before the PBX */
	STRANGER
};

static const struct flow_addr places[] = {
	[PBX] = { .ip = { 10, 10, 0, 10 }, .port = 5000, .family = 4 },
	[CARRIER] = { .ip = { 203, 0, 113, 10 }, .port = 4000, .family = 4 },
	[OTHER_PORT] = { .ip = { 203, 0, 113, 10 }, .port = 4444, .family = 4 },
	[NAT] = { .ip = { 10, 10, 0, 10 }, .port = 61000, .family = 4 },
	[STRANGER] = { .ip = { 198, 51, 100, 7 }, .port = 4000, .family = 4 },
};

static const struct {
	void (*make)(struct why_stream *s); /* NULL: silent_ms and drop say all */
	const char *cause;
	u8 weight, from;
	const char *text, *fix; /* parts of it */
	u32 silent_ms;
	const char *drop; /* so is dropped what the side sends; NULL: nothing is */
	enum place place;
	u8 pt, n; /* n a second */
} rows[] = {
	{ conflict, "conflict", WHY_BROKEN, 1, "(one is 198.51.100.7:4000); 50 packets/s",
	  "media-from", 5000, "rtp_conflict", STRANGER, 8, 50 },
	{ srtp_new_key, "srtp", WHY_BROKEN, 0,
	  "SRTP from pbx fails authentication: 612 packets (AEAD_AES_128_GCM, key 2, generation "
	  "3). The last right one came 12 s ago, after 2950.",
	  "a=crypto" },
	{ srtp_never, "srtp", WHY_BROKEN, 0,
	  "7 packets (AEAD_AES_128_GCM, key 2, generation 3). Not one", "" },
	{ NULL, "payload-type", WHY_BROKEN, 0,
	  "pbx sends payload type 96, which was not negotiated (agreed are 8, 101): 50 packets/s "
	  "are dropped now, 1050 were in all.",
	  "codecs-drop", 5000, "rtp_payload_type", PBX, 0x80 | 96, 50 },
	{ NULL, "unlearned", WHY_BROKEN, 1,
	  "carrier sends from 198.51.100.7:4000, but its SDP said 203.0.113.10:4000: not taken. 50 "
	  "packets/s",
	  "`media-from: [198.51.100.7]` on trunk carrier", NEVER, "rtp_unlearned", STRANGER, 8,
	  50 },
	{ behind_nat, "unlearned", WHY_BROKEN, 0,
	  "from 10.10.0.10:61000, but its SDP said 192.168.1.5:5000", "`nat: true` on trunk pbx",
	  NEVER, "rtp_unlearned", NAT, 8, 50 },
	{ unlearned_counted, "unlearned", WHY_BROKEN, 1,
	  "from 198.51.100.7, but its SDP said 203.0.113.10", "media-from", NEVER },
	{ NULL, "moved", WHY_BROKEN, 1,
	  "sends from 203.0.113.10:4444 now, but its media was learned from 203.0.113.10:4000",
	  "re-INVITE", 5000, "rtp_other_source", OTHER_PORT, 8, 50 },
	{ NULL, "unproven", WHY_BROKEN, 1, "from 203.0.113.10:4444, which may be carrier", "",
	  NEVER, "rtp_candidate", OTHER_PORT, 8, 2 },
	{ NULL, "ssrc", WHY_BROKEN, 0, "more than 5 times a minute", "", 3000, "rtp_ssrc", PBX, 8,
	  50 },
	{ NULL, "early", WHY_BROKEN, 1, "its SDP is not known yet", "", NEVER, "rtp_not_ready",
	  CARRIER, 8, 50 },
	{ NULL, "not-rtp", WHY_BROKEN, 1,
	  "(203.0.113.10:4000) is no RTP (rtp_version). 50 packets/s", "", NEVER, "rtp_version",
	  CARRIER, 8, 50 },
	{ no_rtp_at_all, "stun", WHY_BROKEN, 1, "carrier sends STUN or DTLS", "ICE", NEVER,
	  "not_media", CARRIER, 1, 3 },
	{ no_route, "no-route", WHY_BROKEN, 0,
	  "no route to 203.0.113.10:4000, where carrier wants its media",
	  "ip route get 203.0.113.10`" },
	{ no_neighbour, "no-route", WHY_BROKEN, 0,
	  "Nobody on the network answers for 203.0.113.10:4000", "ip neigh show 203.0.113.10`" },
	{ no_destination, "no-destination", WHY_BROKEN, 0,
	  "carrier said 192.168.7.7:4000, which is not where", "carrier has to send first" },
	{ no_answer_yet, "no-destination", WHY_BROKEN, 0, "carrier has not said yet where it is",
	  "" },
	{ NULL, "mtu", WHY_BROKEN, 0,
	  "Packets of pbx are longer than the device towards carrier sends", "", 0, "tx_mtu", PBX,
	  8, 5 },
	{ NULL, "stopped", WHY_BROKEN, 1,
	  "carrier stopped sending 12 s ago: 2950 packets came from 203.0.113.10:4000", "", 12000 },
	{ NULL, "never", WHY_BROKEN, 0,
	  "pbx never sent: not one packet has come to 10.10.0.1:30000 in the 60 s",
	  "(its SDP said 10.10.0.10:5000)", NEVER },
	{ refused, "refused", WHY_BROKEN, 0,
	  "was dropped: 17 packets were dropped in all; the last one as rtp_poisoned.", "pcap",
	  NEVER },
	{ refused_now, "refused", WHY_BROKEN, 0, "All that comes from pbx is dropped: 40 packets/s",
	  "", 3000 },
	{ policed, "policed", WHY_BAD, 1,
	  "200 packets/s, 1.3 times what is let through (30000 octets/s). 150 packets/s are "
	  "dropped, 1150",
	  "" },
	{ loss, "loss", WHY_BAD, 0,
	  "Loss of 11.8 % on the way from pbx to here: 400 of 3400 packets; 16.7 % in the last 1.0 "
	  "s.",
	  "" },
	{ peer_loss, "peer-loss", WHY_BAD, 0,
	  "carrier reports a loss of 7.8 % of what it is sent (240 packets", "" },
	{ jitter, "jitter", WHY_BAD, 0, "jitter 45.6 ms here", "" },
	{ far_away, "delay", WHY_BAD, 1, "620 ms from here to carrier and back", "" },
	{ hold, "hold", WHY_ODD, 1, "from carrier: it said recvonly, pbx said sendonly", "",
	  60000 },
};

static const struct {
	void (*make)(struct why_stream *s);
	const char *cause;
	u8 from;
	const char *text;
	const char *drop;
	enum place place;
	u8 pt, n;
} odd[] = {
	{ NULL, "stranger", 1, "Somebody else, 198.51.100.7:4000, sends to the port of carrier too",
	  "rtp_unlearned", STRANGER, 8, 50 },
	{ NULL, "payload-type-too", 0, "pbx sends payload type 13", "rtp_payload_type", PBX, 13,
	  2 },
	{ replay, "replay", 1, "5 so far" },
	{ frozen, "frozen", 1, "only 203.0.113.10:4000 counts" },
	{ ssrcs, "ssrcs", 0, "6 times" },
};

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in: %s", part, text);
}

static void make_row(struct why_stream *s, size_t i)
{
	good(s);
	if (rows[i].silent_ms == NEVER)
		nothing(s, rows[i].from);
	else if (rows[i].silent_ms)
		silent(s, rows[i].from, rows[i].silent_ms);
	if (rows[i].drop)
		dropped(s, rows[i].from, rows[i].drop, places[rows[i].place], rows[i].pt,
			rows[i].n);
	if (rows[i].make)
		rows[i].make(s);
}

static void each_row_stands_first(void **state)
{
	struct why_line line[WHY_LINES];
	struct why_stream s;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make_row(&s, i);
		unsigned n = why_explain(&s, line);
		assert_true(n >= 1);
		assert_string_equal(line[0].cause, rows[i].cause);
		assert_int_equal(line[0].weight, rows[i].weight);
		assert_int_equal(line[0].from, rows[i].from);
		has(line[0].text, rows[i].text);
		has(line[0].fix, rows[i].fix);
		for (unsigned k = 0; k < n; k++) {
			assert_string_not_equal(line[k].cause, "fine");
			/* Whole sentences: nothing was cut off. */
			assert_int_equal(line[k].text[strlen(line[k].text) - 1], '.');
			assert_true(!k || line[k].weight >= line[k - 1].weight);
		}
	}
}

static void what_is_odd_comes_after_what_is_well(void **state)
{
	struct why_line line[WHY_LINES];
	struct why_stream s;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		good(&s);
		if (odd[i].drop)
			dropped(&s, odd[i].from, odd[i].drop, places[odd[i].place], odd[i].pt,
				odd[i].n);
		if (odd[i].make)
			odd[i].make(&s);
		assert_int_equal(why_explain(&s, line), 2);
		assert_string_equal(line[0].cause, "fine");
		assert_string_equal(line[1].cause, odd[i].cause);
		assert_int_equal(line[1].weight, WHY_ODD);
		assert_int_equal(line[1].from, odd[i].from);
		has(line[1].text, odd[i].text);
	}
}

static void all_is_well(void **state)
{
	struct why_line line[WHY_LINES];
	struct why_stream s;

	good(&s);
	assert_int_equal(why_explain(&s, line), 1);
	assert_string_equal(line[0].cause, "fine");
	assert_int_equal(line[0].from, 2);
	has(line[0].text, "50 packets/s from pbx and 50 from carrier");
	s.there = false;
	assert_int_equal(why_explain(&s, line), 1);
	assert_string_equal(line[0].cause, "no-flow");
	assert_int_equal(line[0].weight, WHY_BROKEN);
}

/* What was dropped long ago, loss that RTCP tells once more, a stream that just began. */
static void what_is_no_cause(void **state)
{
	struct why_line line[WHY_LINES];
	struct why_stream s;

	good(&s);
	s.wall_us += 3600000000ull;
	dropped(&s, 0, "rtp_payload_type", addr4(10, 10, 0, 10, 5000), 96, 50);
	s.wall_us -= 3600000000ull;
	s.now.rtp[0].dropped = s.before.rtp[0].dropped;
	assert_int_equal(why_explain(&s, line), 1);
	assert_string_equal(line[0].cause, "fine");

	good(&s);
	loss(&s);
	s.now.rtcp[1].packets = 1;
	s.now.rtcp[1].peer_lost = 410; /* ten more than had not come here */
	s.now.rtcp[1].peer_fraction = 30;
	assert_int_equal(why_explain(&s, line), 1);
	assert_string_equal(line[0].cause, "loss");

	good(&s);
	policed(&s);
	assert_int_equal(why_explain(&s, line), 1); /* and no loss */

	good(&s);
	nothing(&s, 0);
	s.now.age_ms = 1000;
	assert_int_equal(why_explain(&s, line), 1);
	assert_string_equal(line[0].cause, "young");
	has(line[0].text, "1.0 s old");
}

/* Heads that are cut, of another protocol, of more kinds than are told apart. */
static void odd_heads(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" };
	struct tlv_frame f = { .time_us = WALL, .why = "rtp_short", .head = { 0x45 } };
	struct why_stream s;

	good(&s);
	for (f.n_head = 0; f.n_head < 30; f.n_head++)
		why_frame(&s, &f);
	assert_int_equal(s.side[0].n_seen, 0);
	why_frame(&s, &f);
	assert_int_equal(s.side[0].n_seen, 1);
	f.head[0] = 0x4f; /* options that are not there */
	why_frame(&s, &f);
	assert_int_equal(s.side[0].seen[0].n, 1);
	f.head[0] = 0x60;
	f.n_head = 60;
	f.head[8] = 0x20;
	f.head[41] = 7;
	why_frame(&s, &f);
	assert_int_equal(s.side[0].seen[0].from.family, 6);
	assert_int_equal(s.side[0].seen[0].from.port, 7);
	for (unsigned i = 0; i < 10; i++) {
		f.why = names[i];
		why_frame(&s, &f);
	}
	assert_int_equal(s.side[0].n_seen, WHY_SEEN);
	f.why = NULL;
	f.side = 1;
	why_frame(&s, &f);
	assert_int_equal(s.side[1].n_seen, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_stands_first),
		cmocka_unit_test(what_is_odd_comes_after_what_is_well),
		cmocka_unit_test(all_is_well),
		cmocka_unit_test(what_is_no_cause),
		cmocka_unit_test(odd_heads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
