/* SPDX-License-Identifier: Apache-2.0 */
/* Writes what the kernel's cipher is compared with: keys and packets, sealed by OpenSSL, and the vectors of the RFCs, as a header
 * for cipher_test.c. The same each time. */
#include <stdio.h>
#include <openssl/hmac.h>
#include "crypto/crypto_test.h"
#include "crypto/vectors_test.h"

#define N_MKI  3
#define N_EACH 24 /* packets of each suite and MKI */

static const u8 mki_lens[N_MKI] = { 0, 4, 129 };

static void put_hex(const u8 *octets, u32 n)
{
	putchar('"');
	for (u32 i = 0; i < n; i++)
		printf("%02x", octets[i]);
	putchar('"');
}

static void put_key(const struct flow_crypto *k)
{
	printf("\t{ %u, %u, ", k->suite, k->mki_len);
	put_hex(k->rtp_key, 32);
	printf(", ");
	put_hex(k->rtp_auth, 20);
	printf(", ");
	put_hex(k->rtp_salt, 14);
	printf(",\n\t  ");
	put_hex(k->rtcp_key, 32);
	printf(", ");
	put_hex(k->rtcp_auth, 20);
	printf(", ");
	put_hex(k->rtcp_salt, 14);
	printf(" },\n");
}

/* key: place in the table of keys. */
static void put_case(unsigned key, const struct relay_crypt *how, const struct packet *clear,
		     const struct packet *sealed)
{
	printf("\t{ %u, { .index = %lluull, .ssrc = 0x%xu, .len = %u, .clear = %u, .is_rtcp = %u, "
	       ".plain = %u },\n\t  ",
	       key, (unsigned long long)how->index, how->ssrc, how->len, how->clear, how->is_rtcp,
	       how->plain);
	put_hex(clear->at, clear->len);
	printf(",\n\t  ");
	put_hex(sealed->at, sealed->len);
	printf(" },\n");
}

/* ---- keys ---- */

static struct flow_crypto random_key(unsigned suite, u8 mki_len)
{
	u64 seed = 4711 + suite;
	u8 master[46];
	fill_random(&seed, master, sizeof(master));
	struct flow_crypto k = session_keys(&suites[suite], master);
	k.mki_len = mki_len;
	return k;
}

static struct flow_crypto rfc_key(u8 suite, const char *octets, const char *salt)
{
	struct flow_crypto k = { .suite = suite };
	from_hex(k.rtp_key, octets);
	from_hex(k.rtcp_key, octets);
	from_hex(k.rtp_salt, salt);
	from_hex(k.rtcp_salt, salt);
	return k;
}

/* ---- packets ---- */

static struct packet make_rtp(u64 *seed, struct relay_crypt *how)
{
	u8 csrcs = test_random(seed) % 4 ? 0 : test_random(seed) % 16;
	u8 words = test_random(seed) % 4 ? 0 : test_random(seed) % 8;
	struct packet p;
	u32 n = 12 + 4u * csrcs;
	fill_random(seed, p.at, sizeof(p.at));
	p.at[0] = (u8)(0x80 | (words ? 0x10 : 0) | csrcs);
	if (words) {
		p.at[n + 2] = 0;
		p.at[n + 3] = words;
		n += 4 + 4u * words;
	}
	p.len = n + (u32)(test_random(seed) % 8 ? test_random(seed) % 400 : test_random(seed) % 9);
	*how = rtp_how(&p, p.len, (u32)test_random(seed));
	return p;
}

static struct packet make_rtcp(u64 *seed, struct relay_crypt *how)
{
	struct packet p;
	fill_random(seed, p.at, sizeof(p.at));
	p.at[0] = 0x80;
	p.at[1] = 200;
	p.len = 8 + 4 * (u32)(test_random(seed) % 40);
	*how = rtcp_how(&p, p.len, (u32)test_random(seed) & 0x7fffffff, false);
	return p;
}

/* As RFC 3711 3.4 has it where the E bit is 0; of AEAD the vectors of RFC 7714 have it. */
static void seal_plain(const struct flow_crypto *k, struct packet *p, struct relay_crypt *how)
{
	u8 tag[20];
	how->plain = 1;
	for (unsigned i = 0; i < 4; i++)
		p->at[p->len++] = (u8)(how->index >> (24 - 8 * i));
	HMAC(EVP_sha1(), k->rtcp_auth, 20, p->at, p->len, tag, NULL);
	memcpy(p->at + p->len, tag, 10);
	p->len += 10;
}

static void insert_mki(struct packet *p, const struct suite *s, bool rtcp, u8 mki_len)
{
	u32 behind = s->salt == 12 ? 0 : rtcp ? s->rtcp_tag : s->tag;
	memmove(p->at + p->len - behind + mki_len, p->at + p->len - behind, behind);
	memset(p->at + p->len - behind, 0xa5, mki_len);
	p->len += mki_len;
}

static void random_cases(struct crypto *c, unsigned suite, unsigned mki)
{
	struct flow_crypto k = random_key(suite, mki_lens[mki]);
	u64 seed = 1 + suite * 100 + mki;
	struct crypto_key *key;
	assert_int_equal(crypto_key_new(c, &k, &key), 0);
	for (unsigned i = 0; i < N_EACH; i++) {
		struct relay_crypt how;
		struct packet p = i % 3 ? make_rtp(&seed, &how) : make_rtcp(&seed, &how), out = p;
		if (i % 6 == 0 && suites[suite].salt == 14)
			seal_plain(&k, &out, &how);
		else
			assert_true(seal_one(c, key, &out, &how));
		insert_mki(&out, &suites[suite], how.is_rtcp, k.mki_len);
		put_case(suite * N_MKI + mki, &how, &p, &out);
	}
	crypto_key_put(key);
}

/* ---- vectors ---- */

static void rfc_cases(unsigned from)
{
	for (unsigned i = 0; i < sizeof(aeads) / sizeof(aeads[0]); i++) {
		struct packet clear = packet_of(aeads[i].rtcp ? RTCP : RTP),
			      sealed = packet_of(aeads[i].sealed);
		struct relay_crypt how =
			aeads[i].rtcp ? rtcp_how(&clear, clear.len, 0x5d4, aeads[i].plain)
				      : rtp_how(&clear, clear.len, 0);
		put_case(from + i, &how, &clear, &sealed);
	}
}

/* Of these the RFCs have the key stream alone: that is what zeros become. The tag is not theirs and is not here. */
static void stream_cases(unsigned from)
{
	for (unsigned i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		struct packet clear = { .at = { 0x80 }, .len = 12 + 48 }, sealed = clear;
		struct relay_crypt how = rtp_how(&clear, clear.len, 0);
		from_hex(sealed.at + 12, streams[i].stream);
		put_case(from + i, &how, &clear, &sealed);
	}
}

int main(void)
{
	struct crypto *c = crypto_new_of(&crypto_evp);
	unsigned n = N_SUITES * N_MKI;
	printf("static const struct key_text key_texts[] = {\n");
	for (unsigned i = 0; i < n; i++) {
		struct flow_crypto k = random_key(i / N_MKI, mki_lens[i % N_MKI]);
		put_key(&k);
	}
	for (unsigned i = 0; i < sizeof(aeads) / sizeof(aeads[0]); i++) {
		struct flow_crypto k = rfc_key(aeads[i].suite, aeads[i].key, GCM_SALT);
		put_key(&k);
	}
	for (unsigned i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		struct flow_crypto k = rfc_key(streams[i].suite, streams[i].key, CM_SALT);
		put_key(&k);
	}
	printf("};\n\nstatic const struct case_text case_texts[] = {\n");
	for (unsigned i = 0; i < n; i++)
		random_cases(c, i / N_MKI, i % N_MKI);
	rfc_cases(n);
	printf("};\n\nstatic const struct case_text stream_texts[] = {\n");
	stream_cases(n + sizeof(aeads) / sizeof(aeads[0]));
	printf("};\n");
	crypto_free(c);
	return 0;
}
