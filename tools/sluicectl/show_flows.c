/* SPDX-License-Identifier: Apache-2.0 */
/* `flows`: a line for each side of each stream. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "read.h"
#include "show.h"
#include "table.h"

enum column {
	CALL,
	SIDE,
	LOCAL,
	SDP,
	SOURCE,
	STATE,
	PACKETS,
	LOSS,
	JITTER,
	RTT,
	MOS,
	DROPPED,
	SRTP,
	AGE,
	FLOW,
	COLUMNS
};

static const char *const heads[COLUMNS] = {
	[CALL] = "CALL",         [SIDE] = "SIDE",   [LOCAL] = "LOCAL",      [SDP] = "SDP",
	[SOURCE] = "SOURCE",     [STATE] = "STATE", [PACKETS] = ">PACKETS", [LOSS] = ">LOSS %",
	[JITTER] = ">JITTER ms", [RTT] = ">RTT ms", [MOS] = ">MOS",         [DROPPED] = ">DROPPED",
	[SRTP] = "SRTP",         [AGE] = ">AGE",    [FLOW] = "FLOW",
};

/* What a narrow terminal does without, the least wanted first. */
static const unsigned char spare[] = { FLOW, SDP, LOCAL, RTT, AGE, DROPPED, SRTP, JITTER, STATE };

/* "AES_CM_128_HMAC_SHA1_80" is too long for a table. */
static const char *short_suite(const char *suite)
{
	static const char *const names[][2] = {
		{ "AES_CM_128_HMAC_SHA1_80", "CM128/80" },
		{ "AES_CM_128_HMAC_SHA1_32", "CM128/32" },
		{ "AES_256_CM_HMAC_SHA1_80", "CM256/80" },
		{ "AES_256_CM_HMAC_SHA1_32", "CM256/32" },
		{ "AEAD_AES_128_GCM", "GCM128" },
		{ "AEAD_AES_256_GCM", "GCM256" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i][0], suite) == 0)
			return names[i][1];
	return *suite ? suite : "-";
}

static const char *tenths(char out[CELL], const json_t *v)
{
	return json_is_real(v) && json_real_value(v) > 0 ? cell(out, "%.1f", json_real_value(v))
							 : "-";
}

static bool has(const char *s, const char *word)
{
	return strcasestr(s, word) != NULL;
}

/* Does the filter's word fit any of what is said of this stream? */
static bool wanted(const json_t *f, const char *word)
{
	const json_t *side;
	size_t i;

	if (has(text(f, "id"), word) || has(text(f, "call"), word) || has(text(f, "codec"), word))
		return true;
	json_array_foreach(at(f, "trunks"), i,
			   side) if (has(json_string_value(side), word)) return true;
	json_array_foreach(at(f, "sides"), i, side)
	{
		const json_t *rtp = at(side, "rtp");

		if (has(text(side, "local"), word) || has(text(side, "sdp"), word) ||
		    has(text(rtp, "source"), word) || has(text(rtp, "state"), word) ||
		    has(text(side, "srtp_in"), word))
			return true;
	}
	return false;
}

void flows_filter(json_t *reply, const char *word)
{
	json_t *left = json_array(), *f;
	size_t i;

	json_array_foreach(json_object_get(reply, "flows"), i, f)
	{
		if (wanted(f, word))
			json_array_append(left, f);
	}
	json_object_set_new(reply, "flows", left);
}

/* The streams of one call stand together; the oldest call first. */
static int by_age(const void *a, const void *b)
{
	const json_t *x = *(const json_t *const *)a, *y = *(const json_t *const *)b;
	long long older = number(y, "age_ms") - number(x, "age_ms");
	int call = strcmp(text(x, "call"), text(y, "call"));

	if (call == 0 || older)
		return older < 0 ? -1 : older > 0;
	return call;
}

static const char *loss_of(char out[CELL], const json_t *side)
{
	long long n = number(at(side, "rtp"), "packets");

	return n ? cell(out, "%.1f", 100 * json_real_value(at(side, "loss"))) : "-";
}

static void show_side(struct text_table *t, const json_t *f, size_t s)
{
	const json_t *side = json_array_get(at(f, "sides"), s), *rtp = at(side, "rtp");
	const char *trunk = json_string_value(json_array_get(at(f, "trunks"), s));
	char packets[CELL], loss[CELL], jitter[CELL], rtt[CELL], mos[CELL], dropped[CELL],
		age[CELL], n[CELL];
	const char *cells[COLUMNS] = {
		[CALL] = s ? "" : text(f, "call"),
		[SIDE] = trunk ? trunk : cell(n, "%zu", s),
		[LOCAL] = text(side, "local"),
		[SDP] = text(side, "sdp"),
		[SOURCE] = text(rtp, "source"),
		[STATE] = json_is_true(at(side, "on_hold")) ? "HOLD" : text(rtp, "state"),
		[PACKETS] = grouped(packets, number(rtp, "packets")),
		[LOSS] = loss_of(loss, side),
		[JITTER] = cell(jitter, "%.1f", json_real_value(at(rtp, "jitter_ms"))),
		[RTT] = tenths(rtt, at(at(side, "rtcp"), "rtt_ms")),
		[MOS] = tenths(mos, at(side, "mos")),
		[DROPPED] = grouped(dropped, number(rtp, "dropped")),
		[SRTP] = short_suite(text(side, "srtp_in")),
		[AGE] = s ? "" : duration(age, number(f, "age_ms") * 1000),
		[FLOW] = s ? "" : text(f, "id"),
	};

	text_table_row(t, cells);
}

static void show_one(struct text_table *t, const json_t *f)
{
	show_side(t, f, 0);
	show_side(t, f, 1);
}

void show_flows(const json_t *reply, struct show *o)
{
	struct text_table *t = text_table_new(COLUMNS, heads);
	size_t n = json_array_size(at(reply, "flows")), i;
	const json_t **list = calloc(n + 1, sizeof(const json_t *)), *f;
	unsigned hidden;

	if (!list)
		return;
	json_array_foreach(at(reply, "flows"), i, f) list[i] = f;
	qsort(list, n, sizeof(const json_t *), by_age);
	for (i = 0; i < n; i++)
		show_one(t, list[i]);
	free(list);
	hidden = text_table_fit(t, o->width, spare, sizeof(spare));
	text_table_print(t, o->word ? "no flow fits" : "no flows");
	if (n && hidden)
		printf("\n%u columns need a wider terminal.\n", hidden);
}
