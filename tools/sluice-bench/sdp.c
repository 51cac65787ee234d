/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/evp.h>
#include "sdp.h"

void sdp_write(struct buf *b, const struct sdp *s, unsigned ptime)
{
	char family = s->media.family == 6 ? '6' : '4';
	buf_fmt(b, "v=0\r\no=- 1 1 IN IP%c ", family);
	addr_put_sdp(b, &s->media);
	buf_fmt(b, "\r\ns=-\r\nc=IN IP%c ", family);
	addr_put_sdp(b, &s->media);
	buf_fmt(b, "\r\nt=0 0\r\nm=audio %u RTP/%s 0 101\r\n", s->media.port,
		s->key.suite ? "SAVP" : "AVP");
	buf_fmt(b,
		"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
		"a=ptime:%u\r\n",
		ptime);
	if (s->key.suite) {
		uint8_t text[2 * SRTP_MASTER_MAX];
		size_t n = srtp_key_len(s->key.suite) + srtp_salt_len(s->key.suite);
		EVP_EncodeBlock(text, s->key.octets, (int)n);
		buf_fmt(b, "a=crypto:%u %s inline:%s\r\n", s->tag, srtp_name(s->key.suite),
			(char *)text);
	}
	buf_lit(b, "a=sendrecv\r\n");
}

int sdp_read_key(struct str text, uint8_t suite, struct srtp_master *out)
{
	uint8_t in[68], raw[sizeof(in)];
	size_t wanted = srtp_key_len(suite) + srtp_salt_len(suite), full = (wanted + 2) / 3 * 4;
	while (text.n && text.p[text.n - 1] == '=')
		text.n--;
	if (text.n != (wanted * 8 + 5) / 6)
		return -EBADMSG;
	memset(in, '=', full);
	memcpy(in, text.p, text.n);
	if (EVP_DecodeBlock(raw, in, (int)full) < (int)wanted)
		return -EBADMSG;
	out->suite = suite;
	memcpy(out->octets, raw, wanted);
	return 0;
}

/* "1 SUITE inline:KEY|lifetime|..." */
static bool crypto(struct str line, uint8_t want, struct sdp *out)
{
	struct str tag, name, key, text;
	uint8_t suite;
	if (!str_token(&line, ' ', &tag) || !str_token(&line, ' ', &name) ||
	    !str_token(&line, ' ', &key) || srtp_find(name, &suite) || suite != want ||
	    !str_starts(key, STR("inline:")) || str_u32(tag, 999999999, &out->tag))
		return false;
	key.p += 7;
	key.n -= 7;
	return str_token(&key, '|', &text) && sdp_read_key(text, suite, &out->key) == 0;
}

static void take_line(struct str line, uint8_t want, struct sdp *out)
{
	struct str word;
	uint32_t port;
	if (str_starts(line, STR("c=IN IP"))) {
		line.p += 9;
		line.n -= line.n < 9 ? line.n : 9;
		uint16_t keep = out->media.port;
		addr_parse(line, &out->media);
		out->media.port = keep;
	} else if (str_starts(line, STR("m=audio ")) && !out->media.port) {
		line.p += 8;
		line.n -= 8;
		if (str_token(&line, ' ', &word) && !str_u32(word, 65535, &port))
			out->media.port = (uint16_t)port;
	} else if (want && !out->key.suite && str_starts(line, STR("a=crypto:"))) {
		line.p += 9;
		line.n -= 9;
		crypto(line, want, out);
	}
}

int sdp_read(struct str text, uint8_t want, struct sdp *out)
{
	struct str line;
	memset(out, 0, sizeof(*out));
	while (str_line(&text, &line))
		take_line(line, want, out);
	return out->media.family && out->media.port && out->key.suite == want ? 0 : -EBADMSG;
}
