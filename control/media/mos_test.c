/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include "base/test.h"
#include "media/mos.h"

static void near(double a, double b, double within)
{
	if (a < b - within || a > b + within)
		fail_msg("%f is not %f", a, b);
}

/* G.107 Table B.1: the limits of user satisfaction. */
static void of_a_rating(void **state)
{
	static const struct {
		double r, mos;
	} rows[] = { { 90, 4.34 }, { 80, 4.03 },   { 70, 3.60 }, { 60, 3.10 }, { 50, 2.58 },
		     { 0, 1 },     { 93.2, 4.41 }, { -20, 1 },   { 120, 4.5 }, { 3, 1 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		near(mos_of_r(rows[i].r), rows[i].mos, 0.0065);
	for (double r = 0; r < 120; r += 0.25)
		assert_true(mos_of_r(r) <= mos_of_r(r + 0.25));
}

/* G.113 Appendix I: what a codec costs, and its robustness. G.114: what delay costs. */
static void of_codec_delay_and_loss(void **state)
{
	static const struct {
		const char *codec;
		double delay, loss, r;
	} rows[] = {
		{ "PCMA/8000", 0, 0, 93.2 },     { "G729/8000", 0, 0, 83.2 },
		{ "G723", 0, 0, 78.2 },          { "gsm/8000", 0, 0, 73.2 },
		{ "AMR/8000", 0, 0, 88.2 },      { "AMR-WB/16000", 0, 0, 93.2 }, /* not AMR */
		{ "what/8000", 0, 0, 93.2 },     { "", 0, 0, 93.2 },
		{ "PCMU/8000", 100, 0, 90.8 },   { "PCMU/8000", 150, 0, 89.6 },
		{ "PCMU/8000", 400, 0, 59.1 },   { "PCMU/8000", 0, 0.01, 89.56 },
		{ "PCMU/8000", 0, 0.05, 77.42 }, { "G729/8000", 0, 0.02, 75.1 },
		{ "G729/8000", 0, 1, 11.8 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		near(mos_r(rows[i].codec, rows[i].delay, rows[i].loss), rows[i].r, 0.1);
}

static void of_a_path(void **state)
{
	struct flow_stats rtp = { .packets = 900, .lost = 100, .jitter_us = 5000 };
	struct flow_stats from = { .rtt_us = 40000 }, to = { .rtt_us = 60000 };
	struct mos_path p = { &rtp, &from, &to, "PCMA/8000", 20 };

	near(mos_loss(&p), 0.1, 1e-9);
	near(mos_delay_ms(&p), 20 + 30 + 10 + 20, 1e-9);
	to.peer_lost = 50; /* fewer than were lost before they came here: nothing new */
	near(mos_loss(&p), 0.1, 1e-9);
	to.peer_lost = 300;
	near(mos_loss(&p), 0.3, 1e-9);
	to.peer_lost = 30000;
	near(mos_loss(&p), 1, 1e-9);
	to.peer_jitter_us = 50000;
	p.ptime_ms = 0;
	near(mos_delay_ms(&p), 20 + 30 + 100 + 20, 1e-9);
	rtp.lost = -7; /* duplicates */
	to = (struct flow_stats){ 0 };
	near(mos_loss(&p), 0, 1e-9);
	near(mos_estimate(&p), 4.37, 0.03);
	rtp.packets = MOS_PACKETS - 1;
	near(mos_estimate(&p), 0, 1e-9);
	rtp.packets = MOS_PACKETS;
	p.codec = NULL;
	assert_true(mos_estimate(&p) > 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_a_rating),
		cmocka_unit_test(of_codec_delay_and_loss),
		cmocka_unit_test(of_a_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
