/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: RFC 4733 events of the engine, by digit. */
#include <errno.h>
#include "media/media_priv.h"

static const char digits[] = "0123456789*#ABCD";

char key_digit(u8 event)
{
	return event < sizeof(digits) - 1 ? digits[event] : 0;
}

static int key_event(char digit)
{
	const char *at =
		digit ? strchr(digits, digit >= 'a' && digit <= 'd' ? digit - 32 : digit) : NULL;

	return at ? (int)(at - digits) : -EINVAL;
}

int media_dtmf(struct media *m, unsigned leg, char digit, uint32_t duration_ms)
{
	int event = key_event(digit);
	struct map room;

	if (event < 0)
		return -EINVAL;
	if (leg == MEDIA_THIRD && !media_has_third(m))
		return -ENOTSUP;
	unsigned side = leg == MEDIA_THIRD ? m->third->replaces : leg;
	for (struct stream *s = m->streams; s; s = s->next) {
		const struct map *map = stream_map(s, &room);
		if (!s->id || !stream_terms(s)->on || stream_leg(s, side) != leg || !map ||
		    map->dtmf_out[side] == FLOW_PT_NONE)
			continue;
		return engine_dtmf(m->ms->engine, s->id, side, (u8)event, duration_ms);
	}
	return -ENOTSUP;
}
