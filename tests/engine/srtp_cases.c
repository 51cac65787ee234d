/* SPDX-License-Identifier: Apache-2.0 */
/* SRTP and SRTCP: the peers' own against the vectors of the RFCs, and then the engine against the peers. */
#include "secure.h"

/* ---- the peers' SRTP ---- */

static u32 unhex(const char *hex, u8 *out)
{
	u32 n = 0;

	for (; hex[0] && hex[1]; hex += 2, n++) {
		char two[3] = { hex[0], hex[1], 0 };
		out[n] = (u8)strtoul(two, NULL, 16);
	}
	return n;
}

static bool is_hex(const u8 *p, u32 n, const char *hex)
{
	u8 want[200];

	return unhex(hex, want) == n && !memcmp(p, want, n);
}

/* RFC 3711 B.3, RFC 6188 7.2 */
static void vectors_keys(struct test *t, const void *row)
{
	struct flow_crypto k = { .suite = FLOW_SUITE_AES_CM_128_HMAC_SHA1_80 };
	u8 master[32], salt[14];

	unhex("E1F97A0D3E018BE0D64FA32C06DE4139", master);
	unhex("0EC675AD498AFEEBB6960B3AABE6", salt);
	srtp_derive(&k, master, salt);
	CHECK(t, is_hex(k.rtp_key, 16, "C61E7A93744F39EE10734AFE3FF7A087"));
	CHECK(t, is_hex(k.rtp_salt, 14, "30CBBC08863D8C85D49DB34A9AE1"));
	CHECK(t, is_hex(k.rtp_auth, 20, "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
	k.suite = FLOW_SUITE_AES_CM_256_HMAC_SHA1_80;
	unhex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6", master);
	unhex("3b04803de51ee7c96423ab5b78d2", salt);
	srtp_derive(&k, master, salt);
	CHECK(t, is_hex(k.rtp_key, 32,
			"5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4"));
	CHECK(t, is_hex(k.rtp_salt, 14, "fa31791685ca444a9e07c6c64e93"));
	CHECK(t, is_hex(k.rtp_auth, 20, "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"));
}

/* RFC 3711 B.2: what zeros become, SSRC and index being 0. */
static void vectors_cm(struct test *t, const void *row)
{
	struct flow_crypto k = { .suite = FLOW_SUITE_AES_CM_128_HMAC_SHA1_80 };
	u8 p[200] = { 0x80 };

	unhex("2B7E151628AED2A6ABF7158809CF4F3C", k.rtp_key);
	unhex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD", k.rtp_salt);
	CHECK_EQ(t, srtp_seal(&k, p, 12 + 48, 0, p, 0), 12 + 48 + 10);
	CHECK(t, is_hex(p + 12, 48,
			"E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB"
			"41E95B3BB0A2E8DD477901E4FCA894C0"));
}

/* RFC 7714 16.1.1, 16.2.1 */
static void vectors_gcm(struct test *t, const void *row)
{
	struct flow_crypto k = { .suite = FLOW_SUITE_AEAD_AES_128_GCM };
	static const char plain[] =
		"8040f17b8041f8d35501a0b2"
		"47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573";
	u8 p[200];

	for (u8 i = 0; i < 32; i++)
		k.rtp_key[i] = i;
	unhex("517569642070726f2071756f", k.rtp_salt);
	u32 n = unhex(plain, p);
	n = srtp_seal(&k, p, n, 0xf17b, p, 0);
	CHECK(t,
	      is_hex(p + 12, n - 12,
		     "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833"
		     "899d7f27beb16a9152cf765ee4390cce"));
	CHECK_EQ(t, srtp_open(&k, p, n, 0xf17b), n - 16);
	k.suite = FLOW_SUITE_AEAD_AES_256_GCM;
	n = unhex(plain, p);
	n = srtp_seal(&k, p, n, 0xf17b, p, 0);
	CHECK(t,
	      is_hex(p + 12, n - 12,
		     "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b"
		     "7aa3db36dfffd6b0f9bb7878d7a76c13"));
}

/* ---- every suite, every way ---- */

struct way {
	char name[64];
	u8 suite[2];
};

static void way(struct test *t, const void *row)
{
	const struct way *w = row;
	struct secure *s = secure_new(t, w->suite[0], w->suite[1]);

	call_set(s->c);
	secure_talk(s, 20);
	for (unsigned i = 0; i < 2; i++)
		secure_reports(s);
	secure_talk(s, 20);
	struct answer a = call_settle(s->c, 0, 0, 40, 0);
	CHECK_EQ(t, a.report.rtp[0].auth_failed, 0);
	CHECK_EQ(t, a.report.rtp[0].lost, 0);
	CHECK_EQ(t, a.report.rtp[0].state, FLOW_STATE_LOCKED);
	CHECK_EQ(t, a.report.rtcp[1].packets, 2);
}

/* A report says which suite and which key, and no octet of any key is in it. */
static void no_keys(struct test *t, const void *row)
{
	struct secure *s =
		secure_new(t, FLOW_SUITE_AES_CM_256_HMAC_SHA1_80, FLOW_SUITE_AEAD_AES_128_GCM);
	const struct flow_side *f = s->c->f.side;

	call_set(s->c);
	secure_talk(s, 3);
	struct answer a = call_get(s->c);
	CHECK_EQ(t, a.report.flow.side[0].in.suite, FLOW_SUITE_AES_CM_256_HMAC_SHA1_80);
	CHECK_EQ(t, a.report.flow.side[1].out.suite, FLOW_SUITE_AEAD_AES_128_GCM);
	CHECK_EQ(t, a.report.flow.side[1].out.number, 1);
	for (unsigned i = 0; i < 2; i++) {
		const u8 *part[] = { f[i].in.rtp_key,   f[i].in.rtp_salt,  f[i].in.rtcp_key,
				     f[i].in.rtcp_salt, f[i].out.rtp_key,  f[i].out.rtp_salt,
				     f[i].out.rtcp_key, f[i].out.rtcp_salt };
		for (unsigned k = 0; k < COUNT(part); k++)
			CHECK(t, !memmem(s->c->client->in, s->c->client->n, part[k], 8));
	}
}

/* ---- lengths, headers ---- */

struct size_row {
	u8 suite;
	u16 size;
};

static const struct size_row sizes[] = {
	{ FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, 0 },  { FLOW_SUITE_AES_CM_128_HMAC_SHA1_32, 1 },
	{ FLOW_SUITE_AES_CM_256_HMAC_SHA1_80, 15 }, { FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, 16 },
	{ FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, 17 }, { FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, 1440 },
	{ FLOW_SUITE_AEAD_AES_128_GCM, 0 },         { FLOW_SUITE_AEAD_AES_256_GCM, 1 },
	{ FLOW_SUITE_AEAD_AES_128_GCM, 33 },        { FLOW_SUITE_AEAD_AES_256_GCM, 1440 },
};

static void size(struct test *t, const void *row)
{
	const struct size_row *r = row;
	struct secure *s = secure_new(t, r->suite, FLOW_SUITE_NONE);

	s->c->peer[0].out.size = s->c->peer[1].out.size = r->size;
	call_set(s->c);
	secure_talk(s, 5);
}

/* CSRCs, an extension and padding: the header stays clear and is authenticated. */
static void header(struct test *t, const void *row)
{
	static const u8 head[] = { 0xb2, 8, 0, 1, 0, 0, 0,    1,    0, 0, 0, 77, 1, 2,
				   3,    4, 5, 6, 7, 8, 0xbe, 0xde, 0, 1, 9, 9,  9, 9 };
	u8 suite = *(const u8 *)row, p[200];
	struct secure *s = secure_new(t, suite, suite);

	call_set(s->c);
	for (u16 i = 1; i <= 5; i++) {
		struct batch b = { 0 };
		struct packet *plain = batch_add(&b);
		memcpy(plain->data, head, sizeof(head));
		memset(plain->data + sizeof(head), 0x33, 44);
		plain->len = sizeof(head) + 44;
		plain->data[plain->len - 1] = 4; /* of padding */
		put16(plain->data + 2, i);
		memcpy(p, plain->data, plain->len);
		u32 n = srtp_seal(&s->c->f.side[0].in, p, plain->len, i, p, 0);
		secure_put(s, 0, p, n);
		secure_expect(s, 1, &b);
	}
}

static void types(struct test *t, const void *row)
{
	struct secure *s =
		secure_new(t, FLOW_SUITE_AEAD_AES_128_GCM, FLOW_SUITE_AES_CM_128_HMAC_SHA1_80);
	struct batch b = { 0 };

	s->c->f.side[0].ptmap[1][1] = 96;
	s->c->f.side[1].ssrc_mask = 0x01020304;
	call_set(s->c);
	secure_send(s, 0, 10, MS, &b);
	for (unsigned i = 0; i < b.n; i++) {
		b.p[i].data[1] = 96;
		b.p[i].data[8] ^= 1, b.p[i].data[9] ^= 2, b.p[i].data[10] ^= 3,
			b.p[i].data[11] ^= 4;
	}
	secure_expect(s, 1, &b);
}

static void muxed(struct test *t, const void *row)
{
	u8 suite = *(const u8 *)row;
	struct secure *s = secure_new(t, suite, suite);

	for (unsigned side = 0; side < 2; side++) {
		s->c->f.side[side].flags = FLOW_SIDE_RTCP_MUX;
		s->c->f.side[side].local_rtcp = s->c->f.side[side].remote_rtcp = 0;
	}
	call_set(s->c);
	secure_talk(s, 5);
	secure_reports(s);
	secure_talk(s, 5);
	secure_reports(s);
}

/* ---- indices ---- */

static void wrap(struct test *t, const void *row)
{
	u8 suite = *(const u8 *)row;
	struct secure *s = secure_new(t, suite, suite % (FLOW_SUITE_COUNT - 1) + 1);

	secure_begin(s, 0, 65526);
	secure_begin(s, 1, 65530);
	call_set(s->c);
	secure_talk(s, 20);
	CHECK_EQ(t, s->heard[1] >> 16, 1);
	CHECK_EQ(t, s->heard[0] >> 16, 1);
	for (unsigned i = 0; i < 24; i++) { /* once more round, in strides */
		s->c->peer[0].out.seq += 2900;
		secure_relay(s, 0, 1);
	}
	CHECK_EQ(t, s->heard[1] >> 16, 2);
	CHECK_EQ(t, call_get(s->c).report.rtp[0].auth_failed, 0);
}

/* The order in which the packets that were sealed are sent; 0 ends it. Those left out are lost. */
struct order {
	const char *name;
	u16 first;
	u8 at[20];
};

static const struct order orders[] = {
	{ "losses", 100, { 1, 2, 5, 6, 9, 19, 20 } },
	{ "reordered", 100, { 2, 1, 4, 3, 8, 5, 6, 7, 10, 9 } },
	{ "reordered-round-the-wrap", 65530, { 1, 2, 8, 5, 6, 3, 4, 7, 10, 9, 12, 11 } },
	{ "lost-round-the-wrap", 65530, { 1, 2, 14, 15 } },
	{ "late-round-the-wrap", 65533, { 1, 5, 6, 7, 8, 9, 10, 2, 3, 4 } },
};

static void order(struct test *t, const void *row)
{
	const struct order *o = row;
	struct secure *s =
		secure_new(t, FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, FLOW_SUITE_AEAD_AES_128_GCM);
	struct packet sealed[21], plain[21];
	struct batch b = { 0 };

	secure_begin(s, 0, o->first);
	call_set(s->c);
	for (unsigned i = 1; i <= 20; i++)
		sealed[i].len = secure_write(s, 0, sealed[i].data, &plain[i]);
	for (unsigned i = 0; i < 20 && o->at[i]; i++) {
		nap(i == 1 ? 30 * MS : 0); /* the first one begins the stream */
		secure_put(s, 0, sealed[o->at[i]].data, sealed[o->at[i]].len);
		*batch_add(&b) = plain[o->at[i]];
	}
	secure_expect(s, 1, &b);
	CHECK_EQ(t, call_get(s->c).report.rtp[0].auth_failed, 0);
	secure_talk(s, 3);
}

/* A source that starts its numbers anew: whoever gets its stream sealed can still open all of it. */
static void jump(struct test *t, const void *row)
{
	struct secure *s = secure_new(t, FLOW_SUITE_NONE, *(const u8 *)row);
	u16 first = 0;

	call_set(s->c);
	secure_relay(s, 0, 5);
	for (unsigned i = 0; i < 20; i++) {
		struct packet p = { .len = 0 };
		if (i % 7 == 0)
			secure_begin(s, 0, (u16)test_random(t));
		secure_send(s, 0, 1, 2 * MS, NULL);
		if (!sock_recv(s->c->peer[1].rtp, &p, 300 * MS))
			continue; /* a few may be lost where the numbers change */
		first++;
		u64 index = secure_estimate(s, 1, rtp_seq(p.data));
		CHECK_EQ(t, srtp_open(&s->c->f.side[1].out, p.data, p.len, index), 172);
		s->heard[1] = index > s->heard[1] ? index : s->heard[1];
	}
	CHECK_RANGE(t, first, 14, 20);
}

/* ---- MKI ---- */

struct mki_row {
	u8 suite, len;
};

static const struct mki_row mkis[] = {
	{ FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, 1 },
	{ FLOW_SUITE_AES_CM_128_HMAC_SHA1_32, 4 },
	{ FLOW_SUITE_AEAD_AES_128_GCM, 4 },
	{ FLOW_SUITE_AEAD_AES_256_GCM, 128 },
};

static void mki(struct test *t, const void *row)
{
	const struct mki_row *r = row;
	struct secure *s = secure_new(t, FLOW_SUITE_NONE, FLOW_SUITE_NONE);

	s->mki_len[0] = r->len;
	secure_keys(s, 0, r->suite, 0);
	call_set(s->c);
	/* srtp_open() of the receiving peer wants none: what goes out has none. */
	secure_talk(s, 10);
	CHECK_EQ(t, call_get(s->c).report.rtp[0].auth_failed, 0);
}

/* ---- what is told ---- */

static void index_event(struct test *t, const void *row)
{
	struct secure *s =
		secure_new(t, FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, FLOW_SUITE_AEAD_AES_128_GCM);
	struct flow_resume in = { 0 }, out = { 0 };

	call_set(s->c);
	secure_relay(s, 0, 10);
	for (unsigned i = 0; i < 4 && !(in.has && out.has); i++) {
		struct event *e = client_expect(s->c->client, FLOW_EVENT_INDEX, s->c->f.id);
		if (e->e.side == 0 && e->e.resume.has & FLOW_RESUME_IN)
			in = e->e.resume;
		if (e->e.side == 1 && e->e.resume.has & FLOW_RESUME_OUT)
			out = e->e.resume;
	}
	CHECK(t, in.has && out.has);
	CHECK_EQ(t, in.in_ssrc, s->c->peer[0].out.ssrc);
	CHECK_RANGE(t, in.in_index, s->c->peer[0].index - 9, s->c->peer[0].index);
	CHECK_EQ(t, out.out_ssrc, s->c->peer[0].out.ssrc);
	CHECK_RANGE(t, out.out_index, s->c->peer[0].index - 9, s->c->peer[0].index);
}

static const u8 all_suites[FLOW_SUITE_COUNT - 1] = { 1, 2, 3, 4, 5, 6 };

static void add_ways(struct list *l)
{
	static const char *const kinds[] = { "to-rtp", "from-rtp", "to-srtp" };

	for (unsigned i = 0; i < COUNT(all_suites); i++) {
		for (unsigned k = 0; k < COUNT(kinds); k++) {
			struct way *w = calloc(1, sizeof(*w)); /* lives as long as the list */
			if (!w)
				abort();
			w->suite[0] = k == 1 ? FLOW_SUITE_NONE : all_suites[i];
			w->suite[1] = k == 0   ? FLOW_SUITE_NONE
				      : k == 1 ? all_suites[i]
					       : all_suites[(i + 3) % 6];
			list_add(l, FLOW_CAP_SRTP, 0, way, w, "srtp/%s/%s",
				 suite_name(all_suites[i]), kinds[k]);
		}
		list_add(l, FLOW_CAP_SRTP, 0, wrap, &all_suites[i], "srtp/%s/wrap",
			 suite_name(all_suites[i]));
	}
}

void srtp_cases(struct list *l)
{
	list_add(l, 0, 0, vectors_keys, NULL, "srtp/peers/key-derivation");
	list_add(l, 0, 0, vectors_cm, NULL, "srtp/peers/counter-mode");
	list_add(l, 0, 0, vectors_gcm, NULL, "srtp/peers/gcm");
	add_ways(l);
	for (unsigned i = 0; i < COUNT(sizes); i++)
		list_add(l, FLOW_CAP_SRTP, 0, size, &sizes[i], "srtp/size/%u/%s", sizes[i].size,
			 suite_name(sizes[i].suite));
	for (unsigned i = 0; i < COUNT(all_suites); i += 4)
		list_add(l, FLOW_CAP_SRTP, 0, header, &all_suites[i], "srtp/header/%s",
			 suite_name(all_suites[i]));
	for (unsigned i = 0; i < COUNT(all_suites); i += 4)
		list_add(l, FLOW_CAP_SRTP, 0, muxed, &all_suites[i], "srtp/mux/%s",
			 suite_name(all_suites[i]));
	for (unsigned i = 0; i < COUNT(orders); i++)
		list_add(l, FLOW_CAP_SRTP, 0, order, &orders[i], "srtp/order/%s", orders[i].name);
	for (unsigned i = 0; i < COUNT(all_suites); i += 4)
		list_add(l, FLOW_CAP_SRTP, 0, jump, &all_suites[i], "srtp/jump/%s",
			 suite_name(all_suites[i]));
	for (unsigned i = 0; i < COUNT(mkis); i++)
		list_add(l, FLOW_CAP_SRTP, 0, mki, &mkis[i], "srtp/mki/%u/%s", mkis[i].len,
			 suite_name(mkis[i].suite));
	list_add(l, FLOW_CAP_SRTP, 0, types, NULL, "srtp/type-and-mask");
	list_add(l, FLOW_CAP_SRTP, 0, no_keys, NULL, "srtp/no-keys-in-reports");
	list_add(l, FLOW_CAP_SRTP, 0, index_event, NULL, "srtp/index-event");
}
