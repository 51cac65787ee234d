/* SPDX-License-Identifier: Apache-2.0 */
#include <rte_cycles.h>
#include "engine/tlv.h"
#include "stats.h"

static const struct {
	const char *name, *text;
} own[] = {
#define X(id, name, text) { name, text },
	DP_DROPS(X)
#undef X
};

static const struct {
	const char *name, *text;
	size_t at;
} counters[] = {
#define X(name, text) { "work." #name, text, offsetof(struct dp_stats, name) },
	DP_COUNTERS(X)
#undef X
};

const char *dp_drop_name(unsigned drop)
{
	return drop < RELAY_DROP_COUNT ? relay_drop_name(drop) : own[drop - RELAY_DROP_COUNT].name;
}

const char *dp_drop_text(unsigned drop)
{
	return drop < RELAY_DROP_COUNT ? relay_drop_text(drop) : own[drop - RELAY_DROP_COUNT].text;
}

void stats_put(struct tlv_out *o, const struct dp_stats *s)
{
	size_t nest = tlv_nest_begin(o, FLOW_A_DROPS);
	for (unsigned i = 0; i < DP_DROP_COUNT; i++)
		tlv_put_drop(o, dp_drop_name(i), s->drop[i], dp_drop_text(i));
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		tlv_put_drop(o, counters[i].name, *(const u64 *)((const char *)s + counters[i].at),
			     counters[i].text);
	tlv_put_drop(o, "work.tsc_hz", rte_get_tsc_hz(), "TSC cycles a second");
	tlv_nest_end(o, nest);
}
