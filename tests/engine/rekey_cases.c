/* SPDX-License-Identifier: Apache-2.0 */
/* Other keys in the middle of a call. */
#include "secure.h"

static const u8 two_suites[] = { FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, FLOW_SUITE_AEAD_AES_128_GCM };

/* The numbers of a new key begin at roll-over counter 0, on both sides of it. */
static void fresh_index(struct secure *s, unsigned side)
{
	s->c->peer[side].index = s->c->peer[side].out.seq;
	s->any[side] = false;
	s->heard[side] = 0;
}

/* Packets under the old key are on their way when the new one comes: each of them is taken. */
static void in_flight(struct test *t, const void *row)
{
	struct secure *s = secure_new(t, *(const u8 *)row, FLOW_SUITE_NONE);
	struct packet old[10];
	struct batch b = { 0 };

	call_set(s->c);
	secure_talk(s, 5);
	for (unsigned i = 0; i < 10; i++)
		old[i].len = secure_write(s, 0, old[i].data, batch_add(&b));
	secure_keys(s, 0, *(const u8 *)row, 0);
	fresh_index(s, 0);
	call_set(s->c);
	for (unsigned i = 0; i < 5; i++)
		secure_put(s, 0, old[i].data, old[i].len);
	secure_send(s, 0, 3, 0, &b); /* they overtake the rest */
	for (unsigned i = 5; i < 10; i++)
		secure_put(s, 0, old[i].data, old[i].len);
	/* In the order in which they were sent. */
	struct batch want = { 0 };
	static const u8 order[] = { 0, 1, 2, 3, 4, 10, 11, 12, 5, 6, 7, 8, 9 };
	for (unsigned i = 0; i < COUNT(order); i++)
		*batch_add(&want) = b.p[order[i]];
	secure_expect(s, 1, &want);
	secure_talk(s, 5);
	/* What was taken under the old key is not taken again. */
	for (unsigned i = 0; i < 10; i++)
		secure_put(s, 0, old[i].data, old[i].len);
	call_settle(s->c, 0, 0, 23, 10);
}

/* Two seconds later nothing is taken under it. */
static void old_ends(struct test *t, const void *row)
{
	struct secure *s = secure_new(t, *(const u8 *)row, FLOW_SUITE_NONE);
	struct packet old[5];

	call_set(s->c);
	secure_talk(s, 5);
	for (unsigned i = 0; i < 5; i++)
		old[i].len = secure_write(s, 0, old[i].data, NULL);
	secure_keys(s, 0, *(const u8 *)row, 0);
	fresh_index(s, 0);
	call_set(s->c);
	nap((FLOW_OLD_KEY_MS + 100) * MS);
	for (unsigned i = 0; i < 5; i++)
		secure_put(s, 0, old[i].data, old[i].len);
	call_settle(s->c, 0, 0, 5, 5);
	secure_talk(s, 5);
}

/* What leaves is under the new key from the first packet on. */
static void outgoing(struct test *t, const void *row)
{
	struct secure *s = secure_new(t, FLOW_SUITE_NONE, *(const u8 *)row);

	call_set(s->c);
	for (unsigned i = 0; i < 10; i++) {
		secure_talk(s, 3);
		secure_reports(s);
		nap(100 * MS); /* reports are few */
		secure_keys(s, 1, *(const u8 *)row, 0);
		fresh_index(s, 1);
		call_set(s->c);
	}
}

struct roc {
	const char *name;
	u32 flags;
	u8 suite;
};

static const struct roc rocs[] = {
	{ "from-0", 0, FLOW_SUITE_AES_CM_128_HMAC_SHA1_80 },
	{ "from-0-gcm", 0, FLOW_SUITE_AEAD_AES_128_GCM },
	{ "kept", FLOW_CRYPTO_KEEP_ROC, FLOW_SUITE_AES_CM_128_HMAC_SHA1_80 },
	{ "kept-gcm", FLOW_CRYPTO_KEEP_ROC, FLOW_SUITE_AEAD_AES_256_GCM },
};

static void roc(struct test *t, const void *row)
{
	const struct roc *r = row;
	struct secure *s = secure_new(t, r->suite, r->suite);

	secure_begin(s, 0, 65530);
	secure_begin(s, 1, 65530);
	call_set(s->c);
	secure_talk(s, 12);
	CHECK_EQ(t, s->heard[1] >> 16, 1);
	for (unsigned side = 0; side < 2; side++) {
		secure_keys(s, side, r->suite, r->flags);
		if (!r->flags)
			fresh_index(s, side);
	}
	call_set(s->c);
	secure_talk(s, 12);
	CHECK_EQ(t, s->heard[1] >> 16, r->flags ? 1 : 0);
	CHECK_EQ(t, call_get(s->c).report.rtp[0].auth_failed, 0);
}

/* Another generation with the same key changes nothing: not the counters of replays, not those of what is sealed. */
static void same_key(struct test *t, const void *row)
{
	struct secure *s = secure_new(t, *(const u8 *)row, *(const u8 *)row);
	struct packet kept;
	struct batch b = { 0 };

	secure_begin(s, 0, 65534);
	call_set(s->c);
	secure_talk(s, 5);
	secure_record(s, 0, &kept, batch_add(&b));
	secure_expect(s, 1, &b);
	for (unsigned i = 0; i < 5; i++) {
		s->c->f.side[1].dscp++;
		s->c->f.idle_ms += 10000;
		call_set(s->c);
		secure_put(s, 0, kept.data, kept.len);
		secure_talk(s, 3);
	}
	secure_reports(s);
	call_settle(s->c, 0, 0, 21, 5);
}

/* A re-INVITE that failed: the key before comes back, and its numbers go on. */
static void comes_back(struct test *t, const void *row)
{
	u8 suite = *(const u8 *)row;
	struct secure *s = secure_new(t, suite, suite);
	struct flow_side first[2];
	struct packet kept;
	struct batch b = { 0 };

	call_set(s->c);
	secure_talk(s, 5);
	secure_record(s, 0, &kept, batch_add(&b));
	secure_expect(s, 1, &b);
	struct secure before = *s;
	memcpy(first, s->c->f.side, sizeof(first));
	secure_keys(s, 0, suite, 0);
	secure_keys(s, 1, suite, 0);
	call_set(s->c);
	memcpy(s->c->f.side, first, sizeof(first));
	memcpy(s->heard, before.heard, sizeof(s->heard));
	call_set(s->c);
	secure_put(s, 0, kept.data, kept.len);
	call_settle(s->c, 0, 0, 6, 1);
	secure_talk(s, 5);
}

/* A key that is older than that: nothing is sealed with it, for its numbers are forgotten. */
static void older_comes_back(struct test *t, const void *row)
{
	struct secure *s = secure_new(t, FLOW_SUITE_NONE, *(const u8 *)row);

	call_set(s->c);
	secure_relay(s, 0, 5);
	struct flow_crypto first = s->c->f.side[1].out;
	for (unsigned i = 0; i < 3; i++) {
		secure_keys(s, 1, *(const u8 *)row, 0);
		fresh_index(s, 1);
		call_set(s->c);
		secure_relay(s, 0, 3);
	}
	s->c->f.side[1].out = first;
	call_set(s->c);
	secure_send(s, 0, 5, MS, NULL);
	sock_quiet(t, s->c->peer[1].rtp, 50 * MS);
	secure_keys(s, 1, *(const u8 *)row, 0);
	s->c->f.side[1].out.number = s->c->f.side[1].in.number += 10;
	fresh_index(s, 1);
	call_set(s->c);
	secure_relay(s, 0, 3);
}

struct change {
	const char *name;
	u8 from, to;
};

static const struct change changes[] = {
	{ "suite", FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, FLOW_SUITE_AEAD_AES_256_GCM },
	{ "longer-key", FLOW_SUITE_AES_CM_128_HMAC_SHA1_32, FLOW_SUITE_AES_CM_256_HMAC_SHA1_80 },
	{ "shorter-tag", FLOW_SUITE_AEAD_AES_128_GCM, FLOW_SUITE_AES_CM_128_HMAC_SHA1_32 },
	{ "to-srtp", FLOW_SUITE_NONE, FLOW_SUITE_AES_CM_128_HMAC_SHA1_80 },
	{ "to-srtp-gcm", FLOW_SUITE_NONE, FLOW_SUITE_AEAD_AES_128_GCM },
};

static void change(struct test *t, const void *row)
{
	const struct change *r = row;
	struct secure *s = secure_new(t, r->from, FLOW_SUITE_NONE);

	call_set(s->c);
	secure_talk(s, 5);
	secure_keys(s, 0, r->to, 0);
	fresh_index(s, 0);
	call_set(s->c);
	secure_talk(s, 5);
	secure_reports(s);
	struct answer a = call_settle(s->c, 0, 0, 10, 0);
	CHECK_EQ(t, a.report.flow.side[0].in.suite, r->to);
	CHECK_EQ(t, a.report.rtp[0].lost, 0);
	if (r->from)
		return;
	call_send(s->c, 0, 5, 0, NULL); /* plain RTP is not taken any more */
	call_settle(s->c, 0, 0, 10, 5);
}

/* Control takes the keys away: then, and only then, it is RTP again. */
static void no_more_srtp(struct test *t, const void *row)
{
	struct secure *s = secure_new(t, *(const u8 *)row, FLOW_SUITE_NONE);

	call_set(s->c);
	secure_talk(s, 5);
	memset(&s->c->f.side[0].in, 0, sizeof(struct flow_crypto));
	memset(&s->c->f.side[0].out, 0, sizeof(struct flow_crypto));
	call_set(s->c);
	secure_talk(s, 5);
}

void rekey_cases(struct list *l)
{
	for (unsigned i = 0; i < COUNT(two_suites); i++) {
		const char *name = suite_name(two_suites[i]);
		const u8 *row = &two_suites[i];
		list_add(l, FLOW_CAP_SRTP, 0, in_flight, row, "rekey/in-flight/%s", name);
		list_add(l, FLOW_CAP_SRTP, CASE_SLOW, old_ends, row, "rekey/old-ends/%s", name);
		list_add(l, FLOW_CAP_SRTP, CASE_SLOW, outgoing, row, "rekey/outgoing/%s", name);
		list_add(l, FLOW_CAP_SRTP, 0, same_key, row, "rekey/same-key/%s", name);
		list_add(l, FLOW_CAP_SRTP, 0, comes_back, row, "rekey/comes-back/%s", name);
		list_add(l, FLOW_CAP_SRTP, 0, older_comes_back, row, "rekey/older-comes-back/%s",
			 name);
		list_add(l, FLOW_CAP_SRTP, 0, no_more_srtp, row, "rekey/no-more-srtp/%s", name);
	}
	for (unsigned i = 0; i < COUNT(rocs); i++)
		list_add(l, FLOW_CAP_SRTP, 0, roc, &rocs[i], "rekey/roll-over/%s", rocs[i].name);
	for (unsigned i = 0; i < COUNT(changes); i++)
		list_add(l, FLOW_CAP_SRTP, 0, change, &changes[i], "rekey/change/%s",
			 changes[i].name);
}
