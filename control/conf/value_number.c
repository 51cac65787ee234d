/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, ports, DSCPs, durations. */
#include <errno.h>
#include <stdio.h>
#include "value_priv.h"

#define MEDIA_PORTS_MIN 100

static bool in_range(const struct value *v, uint64_t n)
{
	return (n >= v->o->min && n <= v->o->max) || (n == 0 && v->o->zero);
}

void bind_number(struct value *v)
{
	const char *zero = v->o->zero ? ", or 0" : "";
	uint64_t n = UINT64_MAX;
	int rc = str_u64(v->s, &n);

	if (rc == -EINVAL) {
		BAD(v, QUOTED " is not a number", TEXT(v->s));
		FIX(v, "Write a whole number from %u to %u%s.", v->o->min, v->o->max, zero);
	} else if (!in_range(v, n)) {
		BAD(v, "%.*s is out of range", STR_FMT(v->s));
		FIX(v, "Write a number from %u to %u%s.", v->o->min, v->o->max, zero);
	} else if (v->o->type == OPTION_PORT || v->o->type == OPTION_CODE) {
		*(uint16_t *)value_field(v) = (uint16_t)n;
	} else {
		*(uint32_t *)value_field(v) = (uint32_t)n;
	}
}

/* "10000-32767" */
void bind_ports(struct value *v)
{
	struct str rest = v->s, lo_text = STR_NONE;
	uint32_t lo = 0, hi = 0;
	bool good;

	good = str_token(&rest, '-', &lo_text) && !str_u32(str_trim(lo_text), 65535, &lo) &&
	       !str_u32(str_trim(rest), 65535, &hi);
	if (!good) {
		BAD(v, QUOTED " is not a range of ports", TEXT(v->s));
		FIX(v, "Write the first and the last, like %s.", v->o->def);
	} else if (lo < v->o->min) {
		BAD(v, "port %u is reserved for the system", lo);
		FIX(v, "Begin at %u or higher.", v->o->min);
	} else if (lo % 2 != 0 || hi % 2 != 1) {
		BAD(v, "RTP and RTCP take pairs of an even and an odd port, and %u-%u cuts one", lo,
		    hi);
		FIX(v, "Write %u-%u.", lo & ~1u, hi | 1u);
	} else if (hi < lo || hi - lo + 1 < MEDIA_PORTS_MIN) {
		BAD(v, "%u-%u has fewer than %d ports", lo, hi, MEDIA_PORTS_MIN);
		FIX(v, "A call takes two. Without this line the range is %s.", v->o->def);
	} else {
		*(uint16_t *)value_field(v) = (uint16_t)lo;
		*(uint16_t *)value_second(v) = (uint16_t)hi;
	}
}

/* RFC 2474 4.2.2.2, RFC 2597 6, RFC 3246: -1 where the name is none. */
static int dscp_by_name(struct str s)
{
	const char *p = s.p;

	if (str_caseeq(s, STR("ef")))
		return 46;
	if (s.n == 3 && str_caseeq((struct str){ p, 2 }, STR("cs")) && p[2] >= '0' && p[2] <= '7')
		return (p[2] - '0') * 8;
	if (s.n == 4 && str_caseeq((struct str){ p, 2 }, STR("af")) && p[2] >= '1' && p[2] <= '4' &&
	    p[3] >= '1' && p[3] <= '3')
		return (p[2] - '0') * 8 + (p[3] - '0') * 2;
	return -1;
}

void bind_dscp(struct value *v)
{
	int dscp = dscp_by_name(v->s);
	uint32_t n;

	if (dscp >= 0) {
		*(uint8_t *)value_field(v) = (uint8_t)dscp;
	} else if (str_u32(v->s, v->o->max, &n) == 0) {
		*(uint8_t *)value_field(v) = (uint8_t)n;
	} else {
		BAD(v, QUOTED " is not a DSCP", TEXT(v->s));
		FIX(v, "Write cs0 to cs7, af11 to af43, ef, or a number from 0 to %u.", v->o->max);
	}
}

static const struct unit {
	const char *name;
	uint32_t ms;
} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };

/* "500ms", "4s", "2m", "1h". 0, -EINVAL, or -ERANGE where it is more than 2^64 ms. */
static int parse_duration(struct str s, uint64_t *ms)
{
	size_t digits = 0;
	uint64_t n;
	int rc;

	while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
		digits++;
	rc = str_u64((struct str){ s.p, digits }, &n);
	if (rc)
		return rc;
	s.p += digits;
	s.n -= digits;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (str_eq(s, str_of(units[i].name)))
			return __builtin_mul_overflow(n, units[i].ms, ms) ? -ERANGE : 0;
	return -EINVAL;
}

/* In the largest unit that shows it whole. */
static const char *show_duration(uint64_t ms, char out[32])
{
	size_t i = sizeof(units) / sizeof(units[0]) - 1;

	while (i && ms % units[i].ms)
		i--;
	snprintf(out, 32, "%ju%s", (uintmax_t)(ms / units[i].ms), units[i].name);
	return out;
}

void bind_duration(struct value *v)
{
	uint32_t unit = v->o->type == OPTION_MS ? 1 : 1000;
	const char *zero = v->o->zero ? ", or 0s" : "";
	char lo[32], hi[32];
	uint64_t ms = UINT64_MAX, n;
	int rc = parse_duration(v->s, &ms);

	show_duration((uint64_t)v->o->min * unit, lo);
	show_duration((uint64_t)v->o->max * unit, hi);
	if (rc == -EINVAL && str_u64(v->s, &n) == 0) {
		BAD(v, QUOTED " has no unit", TEXT(v->s));
		FIX(v, "Write %.*sms, %.*ss, %.*sm or %.*sh.", STR_FMT(v->s), STR_FMT(v->s),
		    STR_FMT(v->s), STR_FMT(v->s));
	} else if (rc == -EINVAL) {
		BAD(v, QUOTED " is not a duration", TEXT(v->s));
		FIX(v, "Write a number and a unit (ms, s, m, h), like %s.", v->o->def);
	} else if (rc || !in_range(v, ms / unit) || (ms && ms < unit)) {
		BAD(v, "%.*s is out of range", STR_FMT(v->s));
		FIX(v, "Write a duration from %s to %s%s.", lo, hi, zero);
	} else if (v->o->step && ms / unit % v->o->step) {
		show_duration((uint64_t)v->o->step * unit, lo);
		BAD(v, "%.*s is not a multiple of %s", STR_FMT(v->s), lo);
		FIX(v, "Write %s, for example.", v->o->example);
	} else if (ms % unit) {
		BAD(v, "%.*s is not a whole number of seconds", STR_FMT(v->s));
		FIX(v, "Write %jus.", (uintmax_t)(ms / unit));
	} else {
		*(uint32_t *)value_field(v) = (uint32_t)(ms / unit);
	}
}
