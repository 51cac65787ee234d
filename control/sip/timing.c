/* SPDX-License-Identifier: Apache-2.0 */
/* Fields that are about time. */
#include "sip/field.h"
#include "sip/scan_priv.h"

/* Digits in front; what follows is behind white space. NULL: none, or too many. */
static const char *leading_number(struct str s, uint32_t *out)
{
	const char *e = sip_end(s), *p = s.p;

	while (p < e && sip_is_digit(*p))
		p++;
	return sip_scan_number(sip_slice(s.p, p), UINT32_MAX, out) ? NULL : sip_skip_ws(p, e);
}

/* The parameters behind a number, all readable. */
static int params_behind(const char *p, const char *e, struct str *params)
{
	struct str rest, name, val;
	int rc;

	*params = rest = sip_slice(p, e);
	while ((rc = sip_param_next(&rest, &name, &val)) > 0)
		;
	return rc;
}

int sip_session_expires_parse(struct str s, struct sip_session_expires *se)
{
	struct str params, val;
	const char *p;

	memset(se, 0, sizeof(*se));
	p = leading_number(s, &se->seconds);
	if (!p || params_behind(p, sip_end(s), &params))
		return -SIP_E_HEADER;
	if (sip_param(params, STR("refresher"), &val) != 1)
		return 0;
	if (SIP_IS(val, "uac"))
		se->refresher = SIP_REFRESHER_UAC;
	else if (SIP_IS(val, "uas"))
		se->refresher = SIP_REFRESHER_UAS;
	else
		return -SIP_E_HEADER;
	return 0;
}

/* Behind the parenthesis that closes the one at p; comments nest (25.1). NULL: it stays open. */
static const char *comment_end(const char *p, const char *e)
{
	unsigned open = 0;

	for (; p < e; p++) {
		if (*p == '\\' && e - p > 1)
			p++;
		else if (*p == '(')
			open++;
		else if (*p == ')' && --open == 0)
			return p + 1;
	}
	return NULL;
}

int sip_retry_after_parse(struct str s, struct sip_retry_after *r)
{
	const char *e = sip_end(s), *p, *end;
	struct str params;
	int rc;

	memset(r, 0, sizeof(*r));
	p = leading_number(s, &r->seconds);
	if (!p)
		return -SIP_E_HEADER;
	if (p < e && *p == '(') {
		end = comment_end(p, e);
		if (!end)
			return -SIP_E_HEADER;
		r->comment = sip_slice(p, end);
		p = sip_skip_ws(end, e);
	}
	if (params_behind(p, e, &params))
		return -SIP_E_HEADER;
	rc = sip_param_number(params, STR("duration"), UINT32_MAX, &r->duration);
	r->has_duration = rc > 0;
	return rc < 0 ? rc : 0;
}

static int number_at(struct str s, size_t at, size_t n, uint32_t max)
{
	uint32_t v;

	return sip_scan_number((struct str){ s.p + at, n }, max, &v) ? -1 : (int)v;
}

/* Which of the three-letter words in `words` stands at s.p + at; -1: none. */
static int word_at(struct str s, size_t at, const char *words)
{
	for (int i = 0; words[3 * i]; i++) {
		if (!memcmp(s.p + at, words + 3 * (size_t)i, 3))
			return i;
	}
	return -1;
}

/* Days from 1970-01-01; month 0..11. */
static int64_t days(int year, int month, int day)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	int y = month < 2 ? year - 1 : year; /* the last one that had its 29 February */

	return (int64_t)(year - 1970) * 365 + (y / 4 - y / 100 + y / 400) -
	       (1969 / 4 - 1969 / 100 + 1969 / 400) + before[month] + day - 1;
}

/* "Sat, 13 Nov 2010 23:29:00 GMT": 25.1 leaves no freedom at all. */
int sip_date_parse(struct str s, int64_t *seconds)
{
	static const char shape[] = "    , dd mmm yyyy hh:mm:ss GMT";
	int day, month, year, hour, minute, second;

	*seconds = 0;
	if (s.n != sizeof(shape) - 2 || word_at(s, 0, "SunMonTueWedThuFriSat") < 0 ||
	    memcmp(s.p + 3, ", ", 2) || memcmp(s.p + 25, " GMT", 4) || s.p[7] != ' ' ||
	    s.p[11] != ' ' || s.p[16] != ' ' || s.p[19] != ':' || s.p[22] != ':')
		return -SIP_E_HEADER;
	day = number_at(s, 5, 2, 31);
	month = word_at(s, 8, "JanFebMarAprMayJunJulAugSepOctNovDec");
	year = number_at(s, 12, 4, 9999);
	hour = number_at(s, 17, 2, 23);
	minute = number_at(s, 20, 2, 59);
	second = number_at(s, 23, 2, 60);
	if (day < 1 || month < 0 || year < 0 || hour < 0 || minute < 0 || second < 0)
		return -SIP_E_HEADER;
	*seconds = days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	return 0;
}

/* "12.5" in microseconds; digits beyond the sixth behind the point do not count. NULL: none. */
static const char *decimal(const char *p, const char *e, uint64_t *micros)
{
	const char *start = p;
	uint32_t whole, unit = 1000000;

	while (p < e && sip_is_digit(*p))
		p++;
	if (sip_scan_number(sip_slice(start, p), UINT32_MAX, &whole))
		return NULL;
	*micros = (uint64_t)whole * 1000000;
	if (p == e || *p != '.')
		return p;
	for (p++; p < e && sip_is_digit(*p); p++) {
		unit /= 10;
		*micros += (uint64_t)(*p - '0') * unit;
	}
	return p;
}

int sip_timestamp_parse(struct str s, struct sip_timestamp *t)
{
	const char *e = sip_end(s), *p;

	memset(t, 0, sizeof(*t));
	t->value = s;
	p = decimal(s.p, e, &t->micros);
	if (!p || p == e)
		return p ? 0 : -SIP_E_HEADER;
	if (!sip_is_ws(*p))
		return -SIP_E_HEADER;
	return decimal(sip_skip_ws(p, e), e, &t->delay) == e ? 0 : -SIP_E_HEADER;
}
