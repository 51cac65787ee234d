/* SPDX-License-Identifier: Apache-2.0 */
/* RTP and RTCP as the peers write them (RFC 3550, 4585). */
#include "suite.h"

struct packet *batch_add(struct batch *b)
{
	if (b->n == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 64;
		b->p = realloc(b->p, b->cap * sizeof(*b->p));
		if (!b->p)
			abort();
	}
	memset(&b->p[b->n], 0, sizeof(b->p[0]));
	return &b->p[b->n++];
}

void put16(u8 *p, u16 v)
{
	p[0] = (u8)(v >> 8);
	p[1] = (u8)v;
}

void put32(u8 *p, u32 v)
{
	put16(p, (u16)(v >> 16));
	put16(p + 2, (u16)v);
}

u32 get32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

u16 rtp_seq(const u8 *p)
{
	return (u16)(p[2] << 8 | p[3]);
}

u32 rtp_ssrc(const u8 *p)
{
	return get32(p + 8);
}

struct stream stream_new(struct test *t)
{
	return (struct stream){
		.ssrc = test_random(t) | 1, .seq = 100, .step = 160, .size = 160, .pt = 8
	};
}

/* Two packets never have the same payload, so that none can be taken for another. */
u32 rtp_write(u8 *p, const struct stream *s)
{
	p[0] = 0x80;
	p[1] = s->pt;
	put16(p + 2, s->seq);
	put32(p + 4, s->ts);
	put32(p + 8, s->ssrc);
	for (u32 i = 0; i < s->size; i++)
		p[12 + i] = (u8)(i * 7 + s->seq * 31 + s->ssrc);
	return 12u + s->size;
}

void rtp_next(struct stream *s)
{
	s->seq++;
	s->ts += s->step;
}

/* ---- RTCP ---- */

static u32 begin(u8 *p, u8 count, u8 pt, u32 octets, u32 ssrc)
{
	memset(p, 0, octets);
	p[0] = (u8)(0x80 | count);
	p[1] = pt;
	put16(p + 2, (u16)(octets / 4 - 1));
	put32(p + 4, ssrc);
	return octets;
}

static void write_reports(u8 *p, const struct report *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++, p += 24) {
		put32(p, r[i].ssrc);
		put32(p + 4, (u32)r[i].lost & 0xffffff);
		p[4] = r[i].fraction;
		put32(p + 8, r[i].highest);
		put32(p + 12, r[i].jitter);
		put32(p + 16, r[i].lsr);
		put32(p + 20, r[i].dlsr);
	}
}

u32 rtcp_sr(u8 *p, u32 ssrc, u32 ntp, const struct report *r, unsigned n)
{
	u32 len = begin(p, (u8)n, 200, 28 + 24 * n, ssrc);

	put32(p + 8, 0xe5000000u | ntp >> 16);
	put32(p + 12, ntp << 16);
	put32(p + 16, 16000);
	put32(p + 20, 100);
	put32(p + 24, 16000);
	write_reports(p + 28, r, n);
	return len;
}

u32 rtcp_rr(u8 *p, u32 ssrc, const struct report *r, unsigned n)
{
	u32 len = begin(p, (u8)n, 201, 8 + 24 * n, ssrc);

	write_reports(p + 8, r, n);
	return len;
}

u32 rtcp_sdes(u8 *p, u32 ssrc)
{
	u32 len = begin(p, 1, 202, 16, ssrc);

	memcpy(p + 8,
	       "\x01\x05"
	       "a@b.c",
	       7); /* CNAME, and the null that ends it */
	return len;
}

u32 rtcp_bye(u8 *p, u32 ssrc)
{
	return begin(p, 1, 203, 8, ssrc);
}

u32 rtcp_app(u8 *p, u32 ssrc)
{
	u32 len = begin(p, 3, 204, 16, ssrc);

	memcpy(p + 8, "TESTdata", 8);
	return len;
}

u32 rtcp_fb(u8 *p, u8 pt, u8 fmt, u32 ssrc, u32 media, unsigned words)
{
	u32 len = begin(p, fmt, pt, 12 + 4 * words, ssrc);

	put32(p + 8, media);
	for (unsigned i = 0; i < words; i++)
		put32(p + 12 + 4 * i, 0x01020304u * (i + 1));
	return len;
}

/* RFC 3611: a receiver reference time block. */
u32 rtcp_xr(u8 *p, u32 ssrc)
{
	u32 len = begin(p, 0, 207, 20, ssrc);

	p[8] = 4;
	put16(p + 10, 2);
	put32(p + 12, 0x11223344);
	put32(p + 16, 0x55667788);
	return len;
}
