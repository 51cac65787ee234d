/* SPDX-License-Identifier: Apache-2.0 */
#include "pcapng.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECTION   0x0a0d0d0a
#define INTERFACE 1
#define PACKET    6
#define MAGIC     0x1a2b3c4d
#define LINK_RAW  101 /* IPv4 or IPv6, as its first octet says */

enum option {
	OPT_END = 0,
	OPT_COMMENT = 1,
	OPT_NAME = 2,    /* of an interface */
	OPT_FLAGS = 2,   /* of a packet */
	OPT_PROGRAM = 4, /* of a section */
	OPT_RESOLUTION = 9
};

/* A block being put together. */
struct block {
	uint8_t p[4096];
	size_t n;
};

static void put(struct block *b, const void *p, size_t n)
{
	if (n > sizeof(b->p) - b->n)
		n = sizeof(b->p) - b->n;
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
}

static void put_u16(struct block *b, unsigned v)
{
	uint16_t x = (uint16_t)v;

	put(b, &x, sizeof(x));
}

static void put_u32(struct block *b, uint32_t v)
{
	put(b, &v, sizeof(v));
}

static void pad(struct block *b)
{
	static const uint8_t zero[4];

	put(b, zero, -b->n & 3);
}

static void put_option(struct block *b, enum option type, const void *p, size_t n)
{
	if (n > 2000)
		n = 2000;
	put_u16(b, type);
	put_u16(b, (unsigned)n);
	put(b, p, n);
	pad(b);
}

static void put_text(struct block *b, enum option type, const char *s)
{
	if (s && *s)
		put_option(b, type, s, strlen(s));
}

/* Type and length come before it, the length again behind it. */
static int write_block(FILE *f, uint32_t type, const struct block *b)
{
	uint32_t length = (uint32_t)b->n + 12, head[2] = { type, length };

	if (fwrite(head, sizeof(head), 1, f) != 1 || fwrite(b->p, b->n, 1, f) != 1 ||
	    fwrite(&length, sizeof(length), 1, f) != 1)
		return -EIO;
	return 0;
}

int pcapng_begin(FILE *f, const char *program, const char *comment)
{
	struct block b = { .n = 0 };

	put_u32(&b, MAGIC);
	put_u16(&b, 1);
	put_u16(&b, 0);
	put_u32(&b, 0xffffffff); /* the length of the section is not known */
	put_u32(&b, 0xffffffff);
	put_text(&b, OPT_PROGRAM, program);
	put_text(&b, OPT_COMMENT, comment);
	put_option(&b, OPT_END, NULL, 0);
	return write_block(f, SECTION, &b);
}

int pcapng_interface(FILE *f, const char *name, uint32_t snap_length)
{
	struct block b = { .n = 0 };
	uint8_t microseconds = 6;

	put_u16(&b, LINK_RAW);
	put_u16(&b, 0);
	put_u32(&b, snap_length);
	put_text(&b, OPT_NAME, name);
	put_option(&b, OPT_RESOLUTION, &microseconds, 1);
	put_option(&b, OPT_END, NULL, 0);
	return write_block(f, INTERFACE, &b);
}

int pcapng_packet(FILE *f, const struct pcapng_packet *p)
{
	struct block b = { .n = 0 };
	uint32_t flags = p->outbound ? 2 : 1;

	put_u32(&b, p->interface);
	put_u32(&b, (uint32_t)(p->time_us >> 32));
	put_u32(&b, (uint32_t)p->time_us);
	put_u32(&b, p->n);
	put_u32(&b, p->length);
	put(&b, p->data, p->n);
	pad(&b);
	put_option(&b, OPT_FLAGS, &flags, sizeof(flags));
	put_text(&b, OPT_COMMENT, p->comment);
	put_option(&b, OPT_END, NULL, 0);
	return write_block(f, PACKET, &b);
}
