/* SPDX-License-Identifier: Apache-2.0 */
/* Runs at build time: prints the perfect hash table over SIP_HEADERS, so that a new header field is
 * one row in msg.h and nothing else. Words are printed as this machine's, so it is the tests
 * (names_test) that tell whether a foreign machine got a table of the wrong byte order. */
#include <stdio.h>
#include "sip/hash_priv.h"
#include "sip/msg.h"

struct name {
	const char *id, *text;
	char compact;
};

static const struct name names[] = {
#define X(id, name, compact) { #id, name, compact },
	SIP_HEADERS(X)
#undef X
};

#define COUNT (sizeof(names) / sizeof(names[0]))

struct table {
	struct sip_name_key key[COUNT];
	unsigned char slot[SIP_NAME_SLOTS]; /* 1 + index into names */
	uint64_t multiplier;
};

static int make_keys(struct table *t)
{
	for (unsigned i = 0; i < COUNT; i++) {
		char padded[SIP_NAME_MAX] = { 0 };
		size_t n = strlen(names[i].text);

		if (n < 2 || n > SIP_NAME_MAX) {
			fprintf(stderr, "%s: does not fit the table\n", names[i].text);
			return -1;
		}
		memcpy(padded, names[i].text, n);
		sip_name_key(&t->key[i], padded, (unsigned)n);
	}
	return 0;
}

static int fits(struct table *t)
{
	memset(t->slot, 0, sizeof(t->slot));
	for (unsigned i = 0; i < COUNT; i++) {
		unsigned h = sip_name_hash(&t->key[i], t->multiplier);

		if (t->slot[h])
			return 0;
		t->slot[h] = (unsigned char)(i + 1);
	}
	return 1;
}

static int find_multiplier(struct table *t)
{
	t->multiplier = 0x9e3779b97f4a7c15;
	for (unsigned tries = 0; tries < 10000000; tries++) {
		if (fits(t))
			return 0;
		t->multiplier = t->multiplier * 0xd1342543de82ef95 + 2;
	}
	fprintf(stderr, "no perfect hash for %zu names in %d slots\n", COUNT, SIP_NAME_SLOTS);
	return -1;
}

static void print(const struct table *t)
{
	printf("#define NAME_MULTIPLIER 0x%016llxull\n", (unsigned long long)t->multiplier);
	printf("static const struct sip_name_key name_key[] = {\n");
	for (unsigned i = 0; i < COUNT; i++) {
		printf("\t[SIP_HDR_%s] = { {", names[i].id);
		for (unsigned k = 0; k < SIP_NAME_MAX / 8; k++)
			printf(" 0x%016llx,", (unsigned long long)t->key[i].word[k]);
		printf(" }, %llu },\n", (unsigned long long)t->key[i].len);
	}
	printf("};\nstatic const uint8_t name_slot[SIP_NAME_SLOTS] = {\n");
	for (unsigned h = 0; h < SIP_NAME_SLOTS; h++) {
		if (t->slot[h])
			printf("\t[%u] = SIP_HDR_%s,\n", h, names[t->slot[h] - 1].id);
	}
	printf("};\nstatic const uint8_t name_compact[256] = {\n");
	for (unsigned i = 0; i < COUNT; i++) {
		if (names[i].compact)
			printf("\t['%c'] = SIP_HDR_%s, ['%c'] = SIP_HDR_%s,\n", names[i].compact,
			       names[i].id, names[i].compact - 0x20, names[i].id);
	}
	printf("};\n");
}

int main(void)
{
	struct table t;

	if (make_keys(&t) || find_multiplier(&t))
		return 1;
	print(&t);
	return 0;
}
