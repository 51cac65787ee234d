/* SPDX-License-Identifier: Apache-2.0 */
/* A value, read as every header field of field.h: what is accepted lies inside it and keeps its
 * promises. */
#include "sip/field.h"
#include "slice.h"

static void check_pieces(struct str s)
{
	struct str rest = s, name, val, item;
	size_t left = s.n + 1;
	struct sip_cseq c;

	while (sip_param_next(&rest, &name, &val) > 0) {
		WITHIN(s, name, val);
		check(name.n && rest.n < left);
		left = rest.n;
	}
	rest = s;
	while (sip_list_next(&rest, &item)) {
		within(s, item);
		check(item.n);
	}
	if (sip_cseq_parse(s, &c) == 0) {
		within(s, c.method_name);
		check(c.num <= INT32_MAX && c.method_name.n);
	}
}

static void check_addresses(struct str s)
{
	struct sip_addr a;
	struct sip_route r;
	struct sip_refer_to t;
	struct sip_history h;

	if (sip_addr_parse(s, &a) == 0) {
		WITHIN(s, a.display, a.uri, a.params, a.tag);
		check(a.uri.n && a.tag.n <= SIP_TOKEN_MAX);
	}
	if (sip_route_parse(s, &r) == 0) {
		within(s, r.addr.params);
		check(r.addr.bracketed && r.uri.host.n);
	}
	if (sip_refer_to_parse(s, &t) == 0) {
		WITHIN(s, t.method, t.replaces);
		check(t.uri.scheme != SIP_SCHEME_OTHER);
	}
	if (sip_history_parse(s, &h) == 0) {
		WITHIN(s, h.index, h.from);
		check(h.index.n && (h.kind != SIP_HISTORY_NONE) == (h.from.n != 0));
	}
}

static void check_dialogs(struct str s)
{
	struct sip_event e;
	struct sip_sub_state st;
	struct sip_replaces r;
	struct sip_rack k;

	if (sip_event_parse(s, &e) == 0) {
		WITHIN(s, e.package, e.id, e.params);
		check(e.package.n);
	}
	if (sip_sub_state_parse(s, &st) == 0) {
		WITHIN(s, st.name, st.reason);
		check(st.name.n);
	}
	if (sip_replaces_parse(s, &r) == 0) {
		WITHIN(s, r.call_id, r.to_tag, r.from_tag);
		check(r.call_id.n && r.to_tag.n && r.from_tag.n && r.call_id.n <= SIP_TOKEN_MAX);
	}
	if (sip_rack_parse(s, &k) == 0) {
		within(s, k.method_name);
		check(k.method_name.n && k.cseq <= INT32_MAX);
	}
}

static void check_times(struct str s)
{
	struct sip_session_expires se;
	struct sip_retry_after ra;
	struct sip_timestamp t;
	int64_t seconds;
	uint32_t n;

	sip_session_expires_parse(s, &se);
	sip_number_parse(s, &n);
	if (sip_retry_after_parse(s, &ra) == 0 && ra.comment.n) {
		within(s, ra.comment);
		check(*ra.comment.p == '(' && ra.comment.p[ra.comment.n - 1] == ')');
	}
	if (sip_timestamp_parse(s, &t) == 0)
		within(s, t.value);
	if (sip_date_parse(s, &seconds) == 0)
		check(seconds >= -62200000000 && seconds < 253402400000);
}

static void check_reasons(struct str s)
{
	struct sip_reason r;
	struct sip_warning w;
	struct sip_uui u;

	if (sip_reason_parse(s, &r) == 0) {
		WITHIN(s, r.protocol, r.text);
		check(r.protocol.n);
	}
	if (sip_warning_parse(s, &w) == 0) {
		WITHIN(s, w.agent, w.text);
		check(w.agent.n && w.text.n >= 2 && w.code <= 999);
	}
	if (sip_uui_parse(s, &u) == 0) {
		WITHIN(s, u.data, u.encoding, u.purpose, u.content);
		check(u.data.n);
	}
}

static void check_bodies(struct str s)
{
	struct sip_media_type m;
	struct sip_disposition d;
	struct sip_word w;

	if (sip_media_type_parse(s, &m) == 0) {
		WITHIN(s, m.type, m.subtype, m.params);
		check(m.type.n && m.subtype.n);
	}
	if (sip_disposition_parse(s, &d) == 0)
		within(s, d.type);
	if (sip_word_parse(s, &w) == 0) {
		WITHIN(s, w.token, w.params);
		check(w.token.n);
	}
	sip_mime_version_ok(s);
}

/* A quoted string says what was put into it. */
static void check_quotes(struct str s)
{
	char quoted[1024], text[1024];
	struct buf q, t;

	if (s.n > sizeof(text) / 2 - 2 || memchr(s.p, '\r', s.n) || memchr(s.p, '\n', s.n))
		return;
	buf_init(&q, quoted, sizeof(quoted));
	buf_init(&t, text, sizeof(text));
	sip_put_quoted(&q, s);
	sip_put_unquoted(&t, buf_str(&q));
	check(buf_ok(&q) && buf_ok(&t) && str_eq(buf_str(&t), s));
	t.n = 0;
	sip_put_unquoted(&t, s);
	check(buf_ok(&t) && t.n <= s.n);
}

/* The same value in a message, on two lines. */
static void check_lists(struct str s)
{
	struct sip_msg m = { .buf = s.p, .len = s.n, .n_hdr = 2 };
	struct sip_contacts c;

	if (s.n > UINT16_MAX)
		return;
	m.hdr[0] = (struct sip_hdr){ .value_len = (uint16_t)(s.n / 2), .next = 2 };
	m.hdr[1] = (struct sip_hdr){ .value = (uint16_t)(s.n / 2),
				     .value_len = (uint16_t)(s.n - s.n / 2) };
	m.first[SIP_HDR_CONTACT] = m.first[SIP_HDR_PRIVACY] = 1;
	sip_privacy(&m);
	if (sip_contacts_parse(&m, &c))
		return;
	check(c.n <= SIP_CONTACTS_MAX && !(c.star && c.n));
	for (unsigned i = 0; i < c.n; i++) {
		within(s, c.c[i].addr.uri);
		check(c.c[i].q <= 1000);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = bare(data, size);

	check_pieces(s);
	check_addresses(s);
	check_dialogs(s);
	check_times(s);
	check_reasons(s);
	check_bodies(s);
	check_quotes(s);
	check_lists(s);
	release(s);
	return 0;
}
