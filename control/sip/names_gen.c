/* SPDX-License-Identifier: Apache-2.0 */
/* Runs at build time: prints the hash table over SIP_HEADERS, so that a new header field is one row
 * in msg.h and nothing else. */
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

/* Returns whether the name fits. */
static int print_entry(const struct name *name, unsigned char slot[SIP_NAME_SLOTS], unsigned index)
{
	char padded[SIP_NAME_MAX + 8] = { 0 };
	unsigned n = (unsigned)strlen(name->text), h;

	if (n < 2 || n > SIP_NAME_MAX) {
		fprintf(stderr, "%s: does not fit the table\n", name->text);
		return 0;
	}
	memcpy(padded, name->text, n);
	for (h = sip_name_hash(padded, n); slot[h]; h = (h + 1) % SIP_NAME_SLOTS)
		;
	slot[h] = (unsigned char)(index + 1);
	printf("\t[SIP_HDR_%s] = { %u, {", name->id, n);
	for (unsigned k = 0; k < SIP_NAME_MAX / 8; k++)
		printf(" 0x%016llx,", (unsigned long long)sip_name_word(padded, n, k));
	printf(" } },\n");
	return 1;
}

int main(void)
{
	unsigned char slot[SIP_NAME_SLOTS] = { 0 };

	printf("static const struct sip_name_entry name_entry[] = {\n");
	for (unsigned i = 0; i < COUNT; i++) {
		if (!print_entry(&names[i], slot, i))
			return 1;
	}
	printf("};\nstatic const uint8_t name_slot[SIP_NAME_SLOTS] = {\n");
	for (unsigned h = 0; h < SIP_NAME_SLOTS; h++) {
		if (slot[h])
			printf("\t[%u] = SIP_HDR_%s,\n", h, names[slot[h] - 1].id);
	}
	printf("};\nstatic const uint8_t name_compact[256] = {\n");
	for (unsigned i = 0; i < COUNT; i++) {
		if (names[i].compact)
			printf("\t['%c'] = SIP_HDR_%s, ['%c'] = SIP_HDR_%s,\n", names[i].compact,
			       names[i].id, names[i].compact - 0x20, names[i].id);
	}
	printf("};\n");
	return 0;
}
