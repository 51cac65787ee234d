/* SPDX-License-Identifier: Apache-2.0 */
#include "media/mos.h"

#include <string.h>
#include <strings.h>

/* Equipment impairment and robustness against loss that comes at random: ITU-T G.113 Appendix I, where it has
 * the codec; receivers are taken to conceal losses. */
static const struct {
	const char *name;
	double ie, bpl;
} codecs[] = {
	{ "PCMU", 0, 25.1 }, /* with G.711 Appendix I */
	{ "PCMA", 0, 25.1 },
	{ "G729", 10, 19 },
	{ "G723", 15, 16.1 }, /* 6.3 kbit/s */
	{ "GSM", 20, 10 },    /* full rate; the robustness is that of the enhanced full rate */
	{ "AMR", 5, 10 },     /* 12.2 kbit/s, which is the enhanced full rate */
	{ "G728", 7, 17 },
	{ "G726-32", 7, 17 },
	/* Not there: estimates on the same scale, which ends where a wide band would begin. */
	{ "iLBC", 11, 32 },
	{ "G722", 0, 25.1 },
	{ "opus", 0, 25.1 },
	{ "AMR-WB", 0, 10 },
};

static void find(const char *codec, double *ie, double *bpl)
{
	size_t n = strcspn(codec, "/");

	*ie = codecs[0].ie;
	*bpl = codecs[0].bpl;
	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
		if (strlen(codecs[i].name) != n || strncasecmp(codecs[i].name, codec, n) != 0)
			continue;
		*ie = codecs[i].ie;
		*bpl = codecs[i].bpl;
	}
}

double mos_r(const char *codec, double delay_ms, double loss)
{
	double ie, bpl, percent = loss * 100;
	double id = 0.024 * delay_ms + (delay_ms > 177.3 ? 0.11 * (delay_ms - 177.3) : 0);

	find(codec, &ie, &bpl);
	return 93.2 - id - (ie + (95 - ie) * percent / (percent + bpl));
}

/* G.107 Annex B; its cubic falls below 1 near 0. */
double mos_of_r(double r)
{
	double mos;

	if (r <= 0)
		return 1;
	if (r >= 100)
		return 4.5;
	mos = 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6;
	return mos < 1 ? 1 : mos;
}

/* Sequence numbers cross the relay, so what was lost on the way here is among what the listener misses. */
double mos_loss(const struct mos_path *p)
{
	s64 lost = p->rtp->lost > 0 ? p->rtp->lost : 0, missed = p->rtcp_to->peer_lost;
	double expected = (double)p->rtp->packets + (double)lost;
	double share;

	if (missed > lost)
		lost = missed;
	share = expected > 0 ? (double)lost / expected : 0;
	return share > 1 ? 1 : share;
}

double mos_delay_ms(const struct mos_path *p)
{
	u32 jitter = p->rtp->jitter_us;

	if (p->rtcp_to->peer_jitter_us > jitter)
		jitter = p->rtcp_to->peer_jitter_us;
	/* A buffer that adapts holds about twice the jitter. */
	return (p->rtcp_from->rtt_us / 2.0 + p->rtcp_to->rtt_us / 2.0 + 2.0 * jitter) / 1000 +
	       (p->ptime_ms ? p->ptime_ms : 20);
}

double mos_estimate(const struct mos_path *p)
{
	if (p->rtp->packets < MOS_PACKETS)
		return 0;
	return mos_of_r(mos_r(p->codec ? p->codec : "", mos_delay_ms(p), mos_loss(p)));
}

double mos_of_report(const struct tlv_report *r, unsigned from, const char *codec)
{
	struct mos_path p = { .rtp = &r->rtp[from],
			      .rtcp_from = &r->rtcp[from],
			      .rtcp_to = &r->rtcp[!from],
			      .codec = codec,
			      .ptime_ms = r->flow.side[from].ptime };

	return r->flow.kind == FLOW_KIND_RTP ? mos_estimate(&p) : 0;
}
