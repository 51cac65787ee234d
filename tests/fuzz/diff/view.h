/* SPDX-License-Identifier: Apache-2.0 */
/* What a parser takes a datagram for. */
#ifndef SLUICE_FUZZ_VIEW_H
#define SLUICE_FUZZ_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATAGRAM_MAX 8192

enum view_value {
	VIEW_METHOD, /* of a request; the status of a response */
	VIEW_CALL_ID,
	VIEW_FROM_TAG,
	VIEW_TO_TAG,
	VIEW_LENGTH, /* Content-Length, empty when absent */
	VIEW_BODY,
	VIEW_VALUES
};

struct view {
	bool accepted;
	size_t len[VIEW_VALUES];
	char value[VIEW_VALUES][2 * DATAGRAM_MAX];
};

/* The peers run in a process of their own (some of their names are ours too): on its stdin it gets the
 * length of a datagram as a size_t and its octets, and it answers with view_write() for each peer. */
#define PEERS 2 /* libosip2, Sofia-SIP */

static inline void view_clear(struct view *v)
{
	v->accepted = false;
	memset(v->len, 0, sizeof(v->len));
}

static inline void view_set(struct view *v, enum view_value which, const void *p, size_t n)
{
	if (n > sizeof(v->value[which]))
		abort();
	if (n)
		memcpy(v->value[which], p, n);
	v->len[which] = n;
}

static inline void view_text(struct view *v, enum view_value which, const char *text)
{
	view_set(v, which, text, text ? strlen(text) : 0);
}

static inline void view_number(struct view *v, enum view_value which, unsigned long n)
{
	char text[24];

	view_set(v, which, text, (size_t)snprintf(text, sizeof(text), "%lu", n));
}

/* Errors stay with the stream. */
static inline void view_write(const struct view *v, FILE *f)
{
	fwrite(v, offsetof(struct view, value), 1, f);
	for (int i = 0; i < VIEW_VALUES; i++)
		fwrite(v->value[i], 1, v->len[i], f);
}

static inline int view_read(struct view *v, FILE *f)
{
	if (fread(v, offsetof(struct view, value), 1, f) != 1)
		return -1;
	for (int i = 0; i < VIEW_VALUES; i++) {
		if (v->len[i] > sizeof(v->value[i]) ||
		    fread(v->value[i], 1, v->len[i], f) != v->len[i])
			return -1;
	}
	return 0;
}

#endif
