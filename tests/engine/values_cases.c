/* SPDX-License-Identifier: Apache-2.0 */
/* Values that are refused, attributes that nobody knows, and datagrams that are no flow language. */
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include "suite.h"

/* ---- a flow that makes no sense ---- */

struct bad {
	const char *name;
	void (*make)(struct flow *f);
	u32 caps;
};

#define BAD(fn, what)                                                                              \
	static void fn(struct flow *f)                                                             \
	{                                                                                          \
		what;                                                                              \
	}

BAD(no_id, f->id = 0)
BAD(no_gen, f->gen = 0)
BAD(kind, f->kind = 2)
BAD(no_local, f->side[0].local.family = 0)
BAD(no_local_port, f->side[1].local.port = 0)
BAD(no_remote_port, f->side[0].remote.port = 0)
BAD(no_remote, f->side[0].remote.family = 0)
BAD(families, f->side[0].remote = host(0, 6, PEER, 4000))
BAD(mode, f->side[0].mode = 2)
BAD(ptime, f->side[0].ptime = 0)
BAD(ptime_long, f->side[0].ptime = 241)
BAD(slow_clock, f->side[0].clock = 999)
BAD(fast_clock, f->side[1].clock = 384001)
BAD(dscp, f->side[0].dscp = 64)
BAD(pt_in, f->side[0].ptmap[0][0] = 128)
BAD(pt_out, f->side[0].ptmap[0][1] = 128)
BAD(pt_twice, f->side[0].ptmap[1][0] = f->side[0].ptmap[0][0])
BAD(dtmf_pt, f->side[0].dtmf_in = 128)
BAD(dtmf_0, f->side[0].dtmf_out = 0)
BAD(learn, f->side[0].learn_len = 33)
BAD(acl,
    (f->side[0].n_acl = 1, f->side[0].acl[0] = host(0, 4, PEER, 0), f->side[0].acl[0].len = 33))
BAD(below, f->side[0].local.port = PORT_LOW - 2)
BAD(above, f->side[0].local.port = PORT_HIGH + 1)
BAD(rtcp_above, f->side[1].local_rtcp = PORT_HIGH + 1)
BAD(not_ours, f->side[0].local = host(0, 4, STRANGER, f->side[0].local.port))
BAD(key_0, srtp_keys(&f->side[0].out, 1, 0, 1))

static const struct bad bads[] = {
	{ "id-0", no_id, 0 },
	{ "generation-0", no_gen, 0 },
	{ "kind-2", kind, 0 },
	{ "no-local", no_local, 0 },
	{ "no-local-port", no_local_port, 0 },
	{ "no-remote-port", no_remote_port, 0 },
	{ "no-remote-address", no_remote, 0 },
	{ "two-families", families, 0 },
	{ "mode-2", mode, 0 },
	{ "ptime-0", ptime, 0 },
	{ "ptime-241", ptime_long, 0 },
	{ "clock-999", slow_clock, 0 },
	{ "clock-384001", fast_clock, 0 },
	{ "dscp-64", dscp, 0 },
	{ "payload-type-in-128", pt_in, 0 },
	{ "payload-type-out-128", pt_out, 0 },
	{ "payload-type-twice", pt_twice, 0 },
	{ "dtmf-128", dtmf_pt, 0 },
	{ "dtmf-0", dtmf_0, 0 },
	{ "learn-33", learn, 0 },
	{ "acl-33", acl, 0 },
	{ "port-below-range", below, 0 },
	{ "port-above-range", above, 0 },
	{ "rtcp-port-above-range", rtcp_above, 0 },
	{ "address-not-ours", not_ours, 0 },
	{ "key-number-0", key_0, FLOW_CAP_SRTP },
};

static void bad_value(struct test *t, const void *row)
{
	const struct bad *b = row;
	struct call *c = call_new(t);
	struct flow f = c->f;

	f.gen = 1;
	b->make(&f);
	struct answer a = client_set(c->client, &f);
	CHECK(t, a.status < 0);
	CHECK(t, a.reason[0]);
	CHECK_EQ(t, client_get(c->client, c->f.id).status, -ENOENT);
	/* A flow that is there stays as it is. */
	call_set(c);
	call_talk(c, 3);
	f.gen = f.gen ? 2 : 0;
	CHECK(t, client_set(c->client, &f).status < 0);
	CHECK_EQ(t, call_get(c).report.flow.gen, 1);
	call_talk(c, 3);
}

/* ---- lengths of keys, which the codec does not write wrongly ---- */

struct key_row {
	const char *name;
	u8 suite;
	u16 attr;
	u16 len; /* of that part; 0: it is left out */
};

static const struct key_row key_rows[] = {
	{ "short-key", FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, FLOW_CRYPTO_A_RTP_KEY, 15 },
	{ "long-key", FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, FLOW_CRYPTO_A_RTCP_KEY, 32 },
	{ "no-key", FLOW_SUITE_AES_CM_128_HMAC_SHA1_32, FLOW_CRYPTO_A_RTP_KEY, 0 },
	{ "128-for-256", FLOW_SUITE_AEAD_AES_256_GCM, FLOW_CRYPTO_A_RTP_KEY, 16 },
	{ "no-auth", FLOW_SUITE_AES_CM_256_HMAC_SHA1_80, FLOW_CRYPTO_A_RTP_AUTH, 0 },
	{ "short-salt", FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, FLOW_CRYPTO_A_RTP_SALT, 12 },
	{ "unknown-suite", FLOW_SUITE_COUNT, 0, 0 },
	{ "long-salt", FLOW_SUITE_AEAD_AES_128_GCM, FLOW_CRYPTO_A_RTCP_SALT, 14 },
};

static void put_part(struct tlv_out *o, const struct key_row *r, u16 attr, const u8 *p, u16 len)
{
	if (attr == r->attr)
		len = r->len;
	if (len)
		tlv_put(o, attr, p, len);
}

static void put_crypto(struct tlv_out *o, const struct key_row *r, const struct flow_crypto *k)
{
	u16 key = (u16)suite_key_len(k->suite), salt = (u16)suite_salt_len(k->suite);
	u16 auth = suite_aead(k->suite) ? 0 : 20;
	size_t nest = tlv_nest_begin(o, FLOW_SIDE_A_CRYPTO_IN);

	tlv_put_u8(o, FLOW_CRYPTO_A_SUITE, r->suite);
	tlv_put_u32(o, FLOW_CRYPTO_A_NUMBER, 1);
	put_part(o, r, FLOW_CRYPTO_A_RTP_KEY, k->rtp_key, key);
	put_part(o, r, FLOW_CRYPTO_A_RTP_AUTH, k->rtp_auth, auth);
	put_part(o, r, FLOW_CRYPTO_A_RTP_SALT, k->rtp_salt, salt);
	put_part(o, r, FLOW_CRYPTO_A_RTCP_KEY, k->rtcp_key, key);
	put_part(o, r, FLOW_CRYPTO_A_RTCP_AUTH, k->rtcp_auth, auth);
	put_part(o, r, FLOW_CRYPTO_A_RTCP_SALT, k->rtcp_salt, salt);
	tlv_nest_end(o, nest);
}

/* The flow as the codec writes it, and one more attribute inside side 0, which is nested once more. */
static void put_side_with(struct test *t, struct client *k, const struct flow *f,
			  void (*more)(struct tlv_out *o, const void *arg), const void *arg)
{
	u32 mem[2048];
	struct tlv_out o;
	const void *at = mem;
	struct tlv_msg m;

	tlv_out_init(&o, mem, sizeof(mem));
	tlv_begin(&o, FLOW_CMD_SET, 0, 0);
	tlv_put_flow(&o, f);
	tlv_end(&o);
	size_t left = o.n;
	CHECK_EQ(t, tlv_next(&at, &left, &m), 1);
	client_begin(k, FLOW_CMD_SET);
	tlv_put_u64(&k->out, FLOW_A_ID, f->id);
	tlv_put_u32(&k->out, FLOW_A_GEN, f->gen);
	for (int side = 0; side < 2; side++) {
		struct nlattr *in = m.attr[FLOW_A_SIDE0 + side], *a;
		size_t nest = tlv_nest_begin(&k->out, FLOW_A_SIDE0 + side);
		int rest;
		nla_for_each_nested(a, in, rest)
			tlv_put(&k->out, a->nla_type, nla_data(a), (size_t)nla_len(a));
		if (!side)
			more(&k->out, arg);
		tlv_nest_end(&k->out, nest);
	}
	CHECK_EQ(t, tlv_end(&k->out), 0);
}

static void more_crypto(struct tlv_out *o, const void *arg)
{
	const struct key_row *r = arg;
	struct flow_crypto k;

	srtp_keys(&k, r->suite < FLOW_SUITE_COUNT ? r->suite : FLOW_SUITE_AES_CM_128_HMAC_SHA1_80,
		  1, 3);
	put_crypto(o, r, &k);
}

static void bad_key(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	c->f.gen = 1;
	put_side_with(t, c->client, &c->f, more_crypto, row);
	struct answer a = client_ask(c->client);
	CHECK(t, a.status < 0);
	CHECK(t, a.reason[0]);
	CHECK_EQ(t, client_get(c->client, c->f.id).status, -ENOENT);
}

/* ---- attributes that nobody knows ---- */

static void more_unknown(struct tlv_out *o, const void *arg)
{
	tlv_put_u32(o, FLOW_SIDE_A_MAX + 9, 1);
	tlv_put(o, 500, "whatever", 8);
}

static void unknown_attributes(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct client *k = c->client;

	c->f.gen = 1;
	put_side_with(t, k, &c->f, more_unknown, NULL);
	CHECK_EQ(t, client_ask(k).status, 0);
	call_talk(c, 5);
	client_begin(k, FLOW_CMD_DUMP);
	tlv_put(&k->out, FLOW_A_MAX + 3, "x", 1);
	tlv_put_u64(&k->out, FLOW_A_ID, c->f.id);
	tlv_put(&k->out, 700, "", 0);
	tlv_end(&k->out);
	struct answer a = client_ask(k);
	CHECK_EQ(t, a.status, 0);
	CHECK_EQ(t, a.report.rtp[0].packets, 5);
}

/* ---- what is no flow language ---- */

struct torn {
	const char *name;
	u32 n;   /* octets that are sent */
	u32 len; /* nlmsg_len */
	u16 attr_len;
	u16 type;
};

static const struct torn torns[] = {
	{ "one-octet", 1, 1, 12, 16 },
	{ "half-a-header", 15, 32, 12, 16 },
	{ "no-attributes-header", 18, 18, 12, 16 },
	{ "length-0", 32, 0, 12, 16 },
	{ "length-too-long", 32, 33, 12, 16 },
	{ "length-huge", 32, 0xffffffff, 12, 16 },
	{ "attribute-too-long", 32, 32, 13, 16 },
	{ "attribute-length-0", 32, 32, 0, 16 },
	{ "attribute-length-3", 32, 32, 3, 16 },
	{ "attribute-size-wrong", 32, 32, 11, 16 },
	{ "control-type", 32, 32, 12, 1 },
	{ "trailing-octets", 35, 32, 12, 16 },
};

/* Such a connection is given up, or the message is refused; nothing else happens. */
static void torn(struct test *t, const void *row)
{
	const struct torn *r = row;
	struct call *c = call_new(t);
	struct client *k = client_open(t);
	u32 mem[16] = { 0 };
	struct nlmsghdr *h = (void *)mem;
	struct genlmsghdr *g = (void *)((u8 *)mem + NLMSG_HDRLEN);
	struct nlattr *a = (void *)((u8 *)mem + NLMSG_HDRLEN + GENL_HDRLEN);

	call_set(c);
	*h = (struct nlmsghdr){ .nlmsg_len = r->len,
				.nlmsg_type = r->type,
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
				.nlmsg_seq = 9 };
	*g = (struct genlmsghdr){ .cmd = FLOW_CMD_DEL, .version = FLOW_VERSION };
	*a = (struct nlattr){ r->attr_len, FLOW_A_ID };
	memcpy(a + 1, &c->f.id, 8);
	CHECK_EQ(t, t->lab->tr.send(t->lab->tr.arg, k->fd, mem, r->n), 0);
	/* A whole message may stand before what is torn, and is carried out; here it may be the one. */
	bool whole = r->n > r->len && r->len == 32;
	if (whole)
		c->f.gen = 0;
	nap(50 * MS);
	if (whole)
		call_set(c);
	CHECK_EQ(t, client_hello(client_plain(t), FLOW_VERSION).status, 0);
	call_talk(c, 5);
}

static void noise(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	u32 mem[256];

	call_set(c);
	for (unsigned i = 0; i < 300; i++) {
		struct client *k = client_plain(t);
		for (unsigned n = 0; n < COUNT(mem); n++)
			mem[n] = test_random(t);
		u32 n = test_random(t) % sizeof(mem) + 1;
		if (i & 1 && n >= 20) { /* a good header before it */
			mem[0] = n;
			mem[1] = 16 | (u32)NLM_F_ACK << 16;
			((u8 *)mem)[16] = (u8)(i % FLOW_CMD_MAX + 1);
		}
		t->lab->tr.send(t->lab->tr.arg, k->fd, mem, n);
		client_close(k);
	}
	call_talk(c, 5);
}

void values_cases(struct list *l)
{
	for (unsigned i = 0; i < COUNT(bads); i++)
		list_add(l, bads[i].caps, 0, bad_value, &bads[i], "values/%s", bads[i].name);
	for (unsigned i = 0; i < COUNT(key_rows); i++)
		list_add(l, FLOW_CAP_SRTP, 0, bad_key, &key_rows[i], "values/%s", key_rows[i].name);
	list_add(l, 0, 0, unknown_attributes, NULL, "values/unknown-attributes");
	for (unsigned i = 0; i < COUNT(torns); i++)
		list_add(l, 0, 0, torn, &torns[i], "values/torn/%s", torns[i].name);
	list_add(l, 0, 0, noise, NULL, "values/noise");
}
