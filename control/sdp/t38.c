/* SPDX-License-Identifier: Apache-2.0 */
/* What T.38 says of itself in SDP: ITU-T T.38 annex D.2.3, and names that gateways write instead. */
#include "sdp/sdp_priv.h"

enum form {
	NUMBER,
	FLAG, /* alone; or, as older ones have it, with 0 or 1 */
	RATE, /* one of names[] */
	CORRECTION
};

static const struct {
	struct str name;
	uint8_t fact, form;
} attributes[] = {
#define X(name, fact, form)                                                                        \
	{                                                                                          \
		{ name, sizeof(name) - 1 }, fact, form                                             \
	}
	/* the first of each is the one that is printed */
	X("T38FaxVersion", SDP_T38_VERSION, NUMBER),
	X("T38MaxBitRate", SDP_T38_BIT_RATE, NUMBER),
	X("T38FaxFillBitRemoval", SDP_T38_FILL_BIT_REMOVAL, FLAG),
	X("T38FaxTranscodingMMR", SDP_T38_MMR, FLAG),
	X("T38FaxTranscodingJBIG", SDP_T38_JBIG, FLAG),
	X("T38FaxRateManagement", SDP_T38_RATE_MANAGEMENT, RATE),
	X("T38FaxMaxBuffer", SDP_T38_MAX_BUFFER, NUMBER),
	X("T38FaxMaxDatagram", SDP_T38_MAX_DATAGRAM, NUMBER),
	X("T38FaxUdpEC", SDP_T38_UDP_EC, CORRECTION),
	X("T38FaxMaxRate", SDP_T38_BIT_RATE, NUMBER),
	X("T38MaxDatagram", SDP_T38_MAX_DATAGRAM, NUMBER),
#undef X
};

static const struct {
	struct str name;
	uint8_t form, value;
} names[] = {
#define X(name, form, value)                                                                       \
	{                                                                                          \
		{ name, sizeof(name) - 1 }, form, value                                            \
	}
	X("localTCF", RATE, 1),
	X("transferredTCF", RATE, 2),
	X("t38UDPNoEC", CORRECTION, 1),
	X("t38UDPFEC", CORRECTION, 2),
	X("t38UDPRedundancy", CORRECTION, 3),
#undef X
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool read_value(unsigned form, struct str v, uint32_t *out)
{
	if (form == NUMBER)
		return str_u32(v, UINT32_MAX, out) == 0;
	if (form == FLAG) {
		*out = 1;
		return !v.n || str_u32(v, 1, out) == 0;
	}
	for (size_t i = 0; i < COUNT(names); i++) {
		if (names[i].form != form || !str_caseeq(v, names[i].name))
			continue;
		*out = names[i].value;
		return true;
	}
	return false;
}

bool sdp_t38_attribute(struct sdp_t38 *t, struct str name, struct str v)
{
	uint32_t value;

	for (size_t i = 0; i < COUNT(attributes); i++) {
		if (!str_caseeq(name, attributes[i].name))
			continue;
		if (read_value(attributes[i].form, str_trim(v), &value)) {
			t->value[attributes[i].fact] = value;
			t->has |= (uint16_t)(1u << attributes[i].fact);
		}
		return true;
	}
	return false;
}

static struct str name_of(unsigned form, uint32_t value)
{
	for (size_t i = 0; i < COUNT(names); i++)
		if (names[i].form == form && names[i].value == value)
			return names[i].name;
	return STR_NONE;
}

static void put_fact(struct buf *b, size_t i, uint32_t value)
{
	struct str text = name_of(attributes[i].form, value);

	if (attributes[i].form != NUMBER && (attributes[i].form == FLAG ? !value : !text.n))
		return;
	buf_lit(b, "a=");
	buf_put(b, attributes[i].name);
	if (attributes[i].form != FLAG)
		buf_lit(b, ":");
	if (attributes[i].form == NUMBER)
		buf_u64(b, value);
	buf_put(b, text);
	buf_lit(b, "\r\n");
}

void sdp_t38_print(const struct sdp_t38 *t, struct buf *b)
{
	unsigned left = t->has;

	for (size_t i = 0; i < COUNT(attributes); i++) {
		unsigned fact = 1u << attributes[i].fact;
		if (left & fact)
			put_fact(b, i, t->value[attributes[i].fact]);
		left &= ~fact;
	}
}
