/* SPDX-License-Identifier: Apache-2.0 */
/* The allow-list: header fields that cross from one leg to the other, each with the function that
 * writes it anew. What has no row does not cross: History-Info and Warning name hosts, User-Agent
 * and Server name products, Session-ID, Call-Info and X-* say more than a border should pass; Supported and
 * Require, Replaces and Target-Dialog are about one leg. Refer-To: refer.c. */
#include "policy_priv.h"
#include "sip/field.h"

#define VALUES_MAX 8 /* elements of one list that are passed on */
#define TEXT_MAX   128

/* Writes one element of the field, without its line; nothing: it does not cross. */
typedef void put_element(struct buf *b, struct str element, const struct conf_trunk *to);

/* RFC 3325: a sip URI and a tel URI at most. */
static void put_asserted(struct buf *b, struct str element, const struct conf_trunk *to)
{
	struct sip_addr a;
	struct identity id;

	if (sip_addr_parse(element, &a) || identity_parse(a.uri, &id) || !id.user.n)
		return;
	if (!id.tel) {
		identity_put_name(b, a.display, &id, to);
		return;
	}
	if (id.user.p[0] != '+' || !text_is_token(id.user))
		return; /* a local number means nothing without its context */
	text_put_display(b, a.display);
	buf_lit(b, "<tel:");
	buf_put(b, id.user);
	buf_lit(b, ">");
}

static void put_word_param(struct buf *b, struct str params, const char *name)
{
	struct str val;

	if (sip_param(params, str_of(name), &val) != 1 || !text_is_token(val) || val.n > 32)
		return;
	buf_lit(b, ";");
	buf_put(b, str_of(name));
	buf_lit(b, "=");
	buf_put(b, val);
}

/* RFC 5806 */
static void put_diversion(struct buf *b, struct str element, const struct conf_trunk *to)
{
	static const char *const params[] = { "reason", "counter", "limit", "privacy", "screen" };
	struct sip_addr a;
	struct identity id;

	if (sip_addr_parse(element, &a) || identity_parse(a.uri, &id) || !id.user.n)
		return;
	identity_put_name(b, a.display, &id, to);
	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++)
		put_word_param(b, a.params, params[i]);
}

static bool is_one_of(struct str s, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (str_caseeq(s, str_of(list[i])))
			return true;
	}
	return false;
}

/* RFC 3323, RFC 3325, RFC 7044: separated by ";" */
static void put_privacy(struct buf *b, struct str element, const struct conf_trunk *to)
{
	static const char *const known[] = { "user", "header",   "session", "id",
					     "none", "critical", "history" };
	struct str item;
	size_t mark = b->n;

	(void)to;
	while (str_token(&element, ';', &item)) {
		item = str_trim(item);
		if (!is_one_of(item, known, sizeof(known) / sizeof(known[0])))
			continue;
		if (b->n != mark)
			buf_lit(b, ";");
		buf_put(b, item);
	}
}

/* RFC 5009 */
static void put_early_media(struct buf *b, struct str element, const struct conf_trunk *to)
{
	static const char *const known[] = { "sendrecv", "sendonly", "recvonly",
					     "inactive", "gated",    "supported" };

	(void)to;
	if (is_one_of(element, known, sizeof(known) / sizeof(known[0])))
		buf_put(b, element);
}

/* RFC 7462: names of alerts cross, addresses of sounds do not. */
static void put_alert(struct buf *b, struct str element, const struct conf_trunk *to)
{
	struct sip_addr a;

	(void)to;
	if (sip_addr_parse(element, &a) || a.uri.n > TEXT_MAX || a.uri.n < 10 ||
	    !str_caseeq((struct str){ a.uri.p, 10 }, STR("urn:alert:")))
		return;
	for (size_t i = 10; i < a.uri.n; i++) {
		if (a.uri.p[i] != ':' && !text_is_token((struct str){ a.uri.p + i, 1 }))
			return;
	}
	buf_lit(b, "<");
	buf_put(b, a.uri);
	buf_lit(b, ">");
}

static void put_text(struct buf *b, struct str value, const struct conf_trunk *to)
{
	(void)to;
	if (text_is_clean(value, TEXT_MAX))
		buf_put(b, value);
}

static void put_token(struct buf *b, struct str value, const struct conf_trunk *to)
{
	(void)to;
	if (text_is_token(value) && value.n <= 32)
		buf_put(b, value);
}

/* RFC 3326: protocol and cause; the text is somebody's free speech about his own network. */
static void put_reason(struct buf *b, struct str element, const struct conf_trunk *to)
{
	struct sip_reason r;
	bool sip;

	(void)to;
	if (sip_reason_parse(element, &r) || !r.has_cause)
		return;
	sip = str_caseeq(r.protocol, STR("SIP"));
	if ((!sip && !str_caseeq(r.protocol, STR("Q.850"))) || r.cause > (sip ? 699 : 127))
		return;
	buf_put(b, sip ? STR("SIP") : STR("Q.850"));
	buf_fmt(b, ";cause=%u", r.cause);
}

/* The number of seconds alone. */
static void put_retry_after(struct buf *b, struct str value, const struct conf_trunk *to)
{
	struct str digits = value;
	uint32_t n;

	(void)to;
	for (digits.n = 0;
	     digits.n < value.n && value.p[digits.n] >= '0' && value.p[digits.n] <= '9';)
		digits.n++;
	if (!str_u32(digits, 86400, &n))
		buf_u64(b, n);
}

static void put_number(struct buf *b, struct str value, const struct conf_trunk *to)
{
	uint32_t n;

	(void)to;
	if (sip_number_parse(value, &n) == 0)
		buf_u64(b, n);
}

/* An opaque name that its maker gave it. */
static void put_name(struct buf *b, struct str value, const struct conf_trunk *to)
{
	(void)to;
	if (text_is_token(value) && value.n <= TEXT_MAX)
		buf_put(b, value);
}

/* RFC 1123 and nothing behind it. */
static void put_date(struct buf *b, struct str value, const struct conf_trunk *to)
{
	int64_t seconds;

	(void)to;
	if (sip_date_parse(value, &seconds) == 0)
		buf_put(b, value);
}

/* The types that could come through here; parameters say nothing that matters. */
static void put_accept(struct buf *b, struct str element, const struct conf_trunk *to)
{
	struct str type = STR_NONE;

	(void)to;
	str_token(&element, ';', &type);
	type = str_trim(type);
	if (body_type_known(type))
		buf_put(b, type);
}

static void put_disposition(struct buf *b, struct str value, const struct conf_trunk *to)
{
	struct sip_word w;

	(void)to;
	if (sip_word_parse(value, &w) || w.token.n > 32)
		return;
	buf_put(b, w.token);
	put_word_param(b, w.params, "handling");
}

/* RFC 6665 8.2.3 */
static void put_sub_state(struct buf *b, struct str value, const struct conf_trunk *to)
{
	struct sip_sub_state st;

	(void)to;
	if (sip_sub_state_parse(value, &st) || st.name.n > 32)
		return;
	buf_put(b, st.name);
	if (st.has_expires)
		buf_fmt(b, ";expires=%u", st.expires);
	if (st.reason.n && text_is_token(st.reason) && st.reason.n <= 32) {
		buf_lit(b, ";reason=");
		buf_put(b, st.reason);
	}
	if (st.has_retry_after)
		buf_fmt(b, ";retry-after=%u", st.retry_after);
}

/* RFC 3892: who asks for it, by his name on the other side; without the token in the body that "cid" names. */
static void put_referrer(struct buf *b, struct str value, const struct conf_trunk *to)
{
	struct sip_addr a;
	struct identity id;

	if (!sip_addr_parse(value, &a) && !identity_parse(a.uri, &id) && id.user.n)
		identity_put_name(b, a.display, &id, to);
}

static void put_refer_sub(struct buf *b, struct str value, const struct conf_trunk *to)
{
	struct sip_word w;

	(void)to;
	if (sip_word_parse(value, &w) == 0 &&
	    (str_caseeq(w.token, STR("true")) || str_caseeq(w.token, STR("false"))))
		buf_put(b, w.token);
}

enum shape {
	SINGLE,   /* the value as a whole */
	LIST,     /* elements separated by commas */
	PERSON,   /* a single value that Privacy takes away */
	IDENTITY, /* a list that Privacy takes away */
};

/* Requests that name who asks. */
#define CROSS_WHO                                                                                  \
	(CROSS_INVITE | CROSS_OPTIONS | CROSS_MESSAGE | CROSS_NOTIFY | CROSS_PUBLISH |             \
	 CROSS_REFER | CROSS_SUBSCRIBE)

static const struct {
	uint8_t id; /* enum sip_hdr_id */
	uint8_t shape;
	uint32_t where;
	put_element *put;
} allowed[] = {
	{ SIP_HDR_P_ASSERTED_IDENTITY, IDENTITY, CROSS_WHO | CROSS_1XX | CROSS_2XX | CROSS_SESSION,
	  put_asserted },
	{ SIP_HDR_PRIVACY, SINGLE, CROSS_WHO | CROSS_1XX | CROSS_2XX | CROSS_SESSION, put_privacy },
	{ SIP_HDR_DIVERSION, IDENTITY, CROSS_INVITE | CROSS_FAIL, put_diversion },
	{ SIP_HDR_SUBJECT, SINGLE, CROSS_INVITE | CROSS_MESSAGE, put_text },
	{ SIP_HDR_PRIORITY, SINGLE, CROSS_INVITE | CROSS_MESSAGE | CROSS_SUBSCRIBE, put_token },
	{ SIP_HDR_ALERT_INFO, LIST, CROSS_INVITE | CROSS_1XX, put_alert },
	{ SIP_HDR_P_EARLY_MEDIA, LIST, CROSS_INVITE | CROSS_1XX, put_early_media },
	{ SIP_HDR_REASON, LIST, CROSS_1XX | CROSS_FAIL | CROSS_END | CROSS_OTHER_FAIL, put_reason },
	{ SIP_HDR_RETRY_AFTER, SINGLE, CROSS_FAIL | CROSS_OTHER_FAIL, put_retry_after },
	{ SIP_HDR_ACCEPT, LIST,
	  CROSS_OPTIONS | CROSS_SUBSCRIBE | CROSS_OPTIONS_2XX | CROSS_OTHER_FAIL, put_accept },
	{ SIP_HDR_ALLOW_EVENTS, LIST,
	  CROSS_OPTIONS | CROSS_SUBSCRIBE | CROSS_NOTIFY | CROSS_OPTIONS_2XX | CROSS_SUBSCRIBE_2XX |
		  CROSS_OTHER_FAIL,
	  put_token },
	{ SIP_HDR_EXPIRES, SINGLE,
	  CROSS_MESSAGE | CROSS_PUBLISH | CROSS_SUBSCRIBE | CROSS_PUBLISH_2XX | CROSS_SUBSCRIBE_2XX,
	  put_number },
	{ SIP_HDR_MIN_EXPIRES, SINGLE, CROSS_OTHER_FAIL, put_number },
	{ SIP_HDR_SIP_IF_MATCH, SINGLE, CROSS_PUBLISH, put_name },
	{ SIP_HDR_SIP_ETAG, SINGLE, CROSS_PUBLISH_2XX, put_name },
	{ SIP_HDR_SUBSCRIPTION_STATE, SINGLE, CROSS_NOTIFY, put_sub_state },
	{ SIP_HDR_REFERRED_BY, PERSON, CROSS_REFER | CROSS_TRANSFER, put_referrer },
	{ SIP_HDR_REFER_SUB, SINGLE, CROSS_REFER | CROSS_REFER_2XX, put_refer_sub },
	{ SIP_HDR_DATE, SINGLE, CROSS_MESSAGE, put_date },
	{ SIP_HDR_RECV_INFO, LIST, CROSS_INVITE | CROSS_2XX, put_token },
	{ SIP_HDR_INFO_PACKAGE, SINGLE, CROSS_INFO, put_token },
	{ SIP_HDR_CONTENT_DISPOSITION, SINGLE,
	  CROSS_INFO | CROSS_MESSAGE | CROSS_NOTIFY | CROSS_PUBLISH, put_disposition },
};

/* RFC 3261 20.33 and 21: where it means something. */
static bool may_retry_after(unsigned status)
{
	return status == 404 || status == 480 || status == 486 || status == 500 || status == 503 ||
	       status == 600 || status == 603;
}

/* All values of one field on one line; no line when none crosses. */
static void cross_field(struct buf *b, const struct sip_msg *m, size_t row,
			const struct conf_trunk *to)
{
	unsigned written = 0;
	size_t line = b->n;

	buf_put(b, str_of(sip_header_name(allowed[row].id)));
	buf_lit(b, ": ");
	for (const struct sip_hdr *h = sip_hdr_first(m, allowed[row].id); h;
	     h = sip_hdr_next(m, h)) {
		struct str list = sip_hdr_value(m, h), item;

		while (written < VALUES_MAX) {
			size_t before = b->n, start;

			if (allowed[row].shape == SINGLE || allowed[row].shape == PERSON) {
				item = list;
				list = STR_NONE;
				if (!item.n || written)
					break;
			} else if (!sip_list_next(&list, &item)) {
				break;
			}
			if (written)
				buf_lit(b, ", ");
			start = b->n;
			allowed[row].put(b, item, to);
			if (b->n == start)
				b->n = before;
			else
				written++;
		}
	}
	if (!b->full && !written)
		b->n = line;
	else
		buf_lit(b, "\r\n");
}

void header_cross(struct buf *b, const struct sip_msg *m, enum crossing where, unsigned status,
		  const struct conf_trunk *to)
{
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		if (!(allowed[i].where & where) || !sip_hdr_first(m, allowed[i].id))
			continue;
		if (allowed[i].shape >= PERSON &&
		    ((where & CROSS_NAMELESS) || identity_is_kept_back(m, to)))
			continue;
		if (allowed[i].id == SIP_HDR_RETRY_AFTER && !may_retry_after(status))
			continue;
		if (allowed[i].id == SIP_HDR_DIVERSION && status >= 400)
			continue; /* RFC 5806 4: of responses in 3xx only */
		cross_field(b, m, i, to);
	}
}
