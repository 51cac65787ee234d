/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of requests other than INVITE: which types cross in which request. What a type can say about hosts is
 * written anew where its grammar is small (message/sipfrag, application/simple-message-summary); the others
 * cross as they are, so they are only those that people write to each other, or that say nothing of
 * networks. Presence documents name people by addresses of their own, which nothing here may change.
 * Bodies of several parts do not cross. */
#include <stdlib.h>

#include "policy_priv.h"

/* Writes the body; false: it is not what its type says. NULL in the table: as it is. */
typedef bool put_body(struct buf *b, struct str body, const struct conf_trunk *to);

/* RFC 3420: of the response that is reported only its status is anybody's business. */
static bool put_sipfrag(struct buf *b, struct str body, const struct conf_trunk *to)
{
	struct str line, word;
	uint32_t status;

	(void)to;
	if (!str_line(&body, &line) || !str_token(&line, ' ', &word) ||
	    !str_eq(word, STR("SIP/2.0")) || !str_token(&line, ' ', &word) || word.n != 3 ||
	    str_u32(word, 699, &status) || status < 100)
		return false;
	buf_fmt(b, "SIP/2.0 %u %s\r\n", status, sip_reason_phrase(status));
	return true;
}

/* "2/8 (0/2)", "yes" */
static bool is_count(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && c != '/' && c != '(' &&
		    c != ')' && c != ' ')
			return false;
	}
	return s.n && s.n <= 64;
}

static void put_account(struct buf *b, struct str uri, const struct conf_trunk *to)
{
	struct identity id;

	if (identity_parse(uri, &id) || !id.user.n)
		return;
	buf_lit(b, "Message-Account: ");
	identity_put(b, &id, to);
	buf_lit(b, "\r\n");
}

/* RFC 3842 5.2, without what it may say of single messages. */
static bool put_summary(struct buf *b, struct str body, const struct conf_trunk *to)
{
	static const char *const counts[] = { "Messages-Waiting",   "Voice-Message",
					      "Fax-Message",        "Pager-Message",
					      "Multimedia-Message", "Text-Message" };
	size_t start = b->n;
	struct str line, name;

	while (str_line(&body, &line) && line.n) {
		if (!str_token(&line, ':', &name))
			continue;
		name = str_trim(name);
		line = str_trim(line);
		if (str_caseeq(name, STR("Message-Account")))
			put_account(b, line, to);
		for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
			if (!str_caseeq(name, str_of(counts[i])) || !is_count(line))
				continue;
			buf_put(b, str_of(counts[i]));
			buf_lit(b, ": ");
			buf_put(b, line);
			buf_lit(b, "\r\n");
		}
	}
	return b->n != start;
}

#define IN(method) (1u << SIP_##method)

static const struct {
	const char *type; /* "text/" and the like stand for all that begin so */
	unsigned methods;
	put_body *put;
} types[] = {
	{ "text/", IN(MESSAGE), NULL },
	{ "text/plain", IN(INFO), NULL },
	{ "message/cpim", IN(MESSAGE), NULL },
	{ "application/im-iscomposing+xml", IN(MESSAGE), NULL },
	{ "application/dtmf-relay", IN(INFO), NULL },
	{ "application/dtmf", IN(INFO), NULL },
	{ "application/media_control+xml", IN(INFO), NULL },
	{ "application/pidf+xml", IN(NOTIFY) | IN(PUBLISH), NULL },
	{ "application/simple-message-summary", IN(NOTIFY) | IN(PUBLISH), put_summary },
	{ "message/sipfrag", IN(NOTIFY), put_sipfrag },
};

#define N_TYPES (sizeof(types) / sizeof(types[0]))

static bool is_type(struct str type, const char *row)
{
	struct str want = str_of(row);

	if (want.p[want.n - 1] != '/')
		return str_caseeq(type, want);
	return type.n > want.n && str_caseeq((struct str){ type.p, want.n }, want) &&
	       text_is_token((struct str){ type.p + want.n, type.n - want.n });
}

bool body_type_known(struct str type)
{
	size_t i = 0;

	while (i < N_TYPES && !is_type(type, types[i].type))
		i++;
	return i < N_TYPES || str_caseeq(type, STR("application/sdp"));
}

/* "type/subtype", and the set of characters of a text. */
static void put_type(struct buf *b, struct str type, struct str params)
{
	struct str charset;

	buf_put(b, type);
	if (sip_param(params, STR("charset"), &charset) == 1 && text_is_token(charset) &&
	    charset.n <= 32) {
		buf_lit(b, ";charset=");
		buf_put(b, charset);
	}
}

static bool is_coded(const struct sip_msg *m)
{
	struct str encoding = sip_value(m, SIP_HDR_CONTENT_ENCODING);

	return encoding.n && !str_caseeq(encoding, STR("identity"));
}

unsigned body_cross(const struct sip_msg *m, const struct conf_trunk *to, struct buf *mem,
		    struct policy_request *out)
{
	struct str value = sip_value(m, SIP_HDR_CONTENT_TYPE), type = value, params = STR_NONE;
	const char *semicolon = value.n ? memchr(value.p, ';', value.n) : NULL;
	size_t i = 0, mark = mem->n;

	if (!m->body.n)
		return 0;
	if (semicolon) {
		type.n = (size_t)(semicolon - value.p);
		params = (struct str){ semicolon, value.n - type.n };
	}
	type = str_trim(type);
	while (i < N_TYPES &&
	       (!(types[i].methods & 1u << m->method) || !is_type(type, types[i].type)))
		i++;
	if (i == N_TYPES || is_coded(m) || type.n > 64)
		return 415;
	put_type(mem, type, params);
	out->body_type = written(mem, mark);
	out->body = m->body;
	if (!types[i].put)
		return 0;
	mark = mem->n;
	if (!types[i].put(mem, m->body, to))
		return 400;
	out->body = written(mem, mark);
	return 0;
}

static void put_accept(struct buf *b, enum sip_method method)
{
	unsigned n = 0;

	buf_lit(b, "Accept: ");
	for (size_t i = 0; i < N_TYPES; i++) {
		struct str type = str_of(types[i].type);

		if (!(types[i].methods & 1u << method))
			continue;
		if (n++)
			buf_lit(b, ", ");
		buf_put(b, type);
		if (type.p[type.n - 1] == '/')
			buf_lit(b, "*");
	}
	buf_lit(b, "\r\n");
}

struct str policy_refusal(enum sip_method method, unsigned status, struct buf *mem)
{
	size_t mark = mem->n;

	if (status == 415)
		put_accept(mem, method);
	else if (status == 489)
		buf_lit(mem, "Allow-Events: message-summary, presence, refer\r\n");
	return buf_ok(mem) ? written(mem, mark) : STR_NONE;
}
