/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram: every slice lies inside it, what stands behind it changes nothing, what was accepted
 * is written again and reads back the same. Values are read as what their fields are; every production
 * over any text is the business of the targets uri, via, multipart and sip_field. */
#include "slice.h"

static const char *lo, *hi; /* of the buffer that slices must lie in */

static void inside(struct str s)
{
	check(s.n == 0 || (s.p >= lo && s.p + s.n <= hi));
}

static void check_uri(struct str s)
{
	struct sip_uri u;

	inside(s);
	if (sip_uri_parse(s, &u))
		return;
	inside(u.user);
	inside(u.host);
	inside(u.params);
	inside(u.headers);
}

static void check_addr(struct str s)
{
	struct sip_addr a;

	if (sip_addr_parse(s, &a))
		return;
	inside(a.display);
	inside(a.params);
	inside(a.tag);
	check_uri(a.uri);
}

static void check_via(struct str list)
{
	size_t left = list.n + 1;
	struct sip_via v;

	while (list.n && sip_via_parse(&list, &v) == 0) {
		inside(v.transport);
		inside(v.host);
		inside(v.branch);
		inside(v.received);
		inside(v.params);
		check(list.n < left);
		left = list.n;
	}
}

static void check_addrs(struct str list)
{
	struct str item;

	while (sip_list_next(&list, &item)) {
		inside(item);
		check(item.n);
		check_addr(item);
	}
}

static void check_value(const struct sip_hdr *h, struct str s)
{
	switch (h->id) {
	case SIP_HDR_VIA:
		check_via(s);
		break;
	case SIP_HDR_FROM:
	case SIP_HDR_TO:
	case SIP_HDR_CONTACT:
	case SIP_HDR_ROUTE:
	case SIP_HDR_RECORD_ROUTE:
	case SIP_HDR_P_ASSERTED_IDENTITY:
		check_addrs(s);
		break;
	default:
		break;
	}
}

static void check_core(const struct sip_core *c)
{
	inside(c->via.host);
	inside(c->via.branch);
	inside(c->via.params);
	inside(c->from.uri);
	inside(c->from.tag);
	inside(c->to.uri);
	inside(c->to.tag);
	inside(c->cseq.method_name);
	inside(c->call_id);
	check(c->call_id.n <= SIP_TOKEN_MAX && c->from.tag.n <= SIP_TOKEN_MAX);
}

static void check_fields(const struct sip_msg *m)
{
	unsigned chained = 0, known = 0;

	inside(m->method_name);
	inside(m->ruri);
	inside(m->reason);
	inside(m->body);
	check(m->n_hdr <= SIP_HEADERS_MAX);
	for (unsigned i = 0; i < m->n_hdr; i++) {
		inside(sip_hdr_name(m, &m->hdr[i]));
		inside(sip_hdr_value(m, &m->hdr[i]));
		check(m->hdr[i].name_len > 0 && m->hdr[i].id < SIP_HDR_COUNT);
		known += m->hdr[i].id != SIP_HDR_OTHER;
		check_value(&m->hdr[i], sip_hdr_value(m, &m->hdr[i]));
	}
	for (unsigned i = 0; i < m->n_hdr; i++) {
		enum sip_hdr_id id = m->hdr[i].id;

		if (m->first[id] != i + 1)
			continue;
		for (const struct sip_hdr *h = &m->hdr[i]; h; h = sip_hdr_next(m, h)) {
			check(h->id == id);
			chained++;
		}
	}
	check(chained == known);
	sip_has_token(m, SIP_HDR_SUPPORTED, STR("timer"));
	sip_has_token(m, SIP_HDR_ALLOW, STR("UPDATE"));
}

/* Writes an accepted message again; it must read the same. */
static void check_again(const struct sip_msg *m, const struct sip_core *c)
{
	/* each line can grow by its canonical name and ": " */
	size_t cap = m->len + 40 * (m->n_hdr + 3u) + SIP_PAD;
	char *mem = malloc(cap);
	struct sip_msg m2;
	struct sip_core c2;
	struct buf b;

	check(mem != NULL);
	buf_init(&b, mem, cap - SIP_PAD);
	if (m->status)
		sip_put_status_line(&b, m->status, m->reason);
	else
		sip_put_request_line(&b, m->method_name, m->ruri);
	for (unsigned i = 0; i < m->n_hdr; i++) {
		enum sip_hdr_id id = m->hdr[i].id;

		if (m->first[id] == i + 1 && id != SIP_HDR_CONTENT_TYPE &&
		    id != SIP_HDR_CONTENT_LENGTH)
			sip_put_all(&b, m, id);
	}
	sip_put_body(&b, sip_value(m, SIP_HDR_CONTENT_TYPE), m->body);
	check(buf_ok(&b));
	memset(mem + b.n, 0, SIP_PAD);
	if (b.n <= SIP_DATAGRAM_MAX) {
		check(sip_msg_parse(&m2, mem, b.n) == 0 && sip_msg_core(&m2, &c2) == 0);
		check(m2.method == m->method && m2.status == m->status);
		check(str_eq(m2.body, m->body) && str_eq(c2.call_id, c->call_id));
		check(str_eq(c2.from.tag, c->from.tag) && str_eq(c2.via.branch, c->via.branch));
		check(c2.cseq.num == c->cseq.num && c2.n_via == c->n_via);
	}
	free(mem);
}

static char *copy(const uint8_t *data, size_t size, char pad)
{
	char *mem = malloc(size + SIP_PAD);

	check(mem != NULL);
	memcpy(mem, data, size);
	memset(mem + size, pad, SIP_PAD);
	return mem;
}

static void same_with_other_padding(const uint8_t *data, size_t size, const struct sip_msg *m,
				    int rc)
{
	static const char pads[] = { ' ', '\r', '\n', ':', '\0' };
	char *mem = copy(data, size, pads[size % sizeof(pads)]);
	struct sip_msg m2;

	check(sip_msg_parse(&m2, mem, size) == rc);
	check(m2.len == m->len && m2.n_hdr == m->n_hdr && m2.status == m->status);
	check(memcmp(m2.first, m->first, sizeof(m->first)) == 0);
	check(memcmp(m2.hdr, m->hdr, m->n_hdr * sizeof(m->hdr[0])) == 0);
	free(mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *mem = copy(data, size, 'x');
	struct sip_core c;
	struct sip_msg m;
	int rc, core;

	lo = mem;
	hi = mem + size;
	rc = sip_msg_parse(&m, mem, size);
	core = sip_msg_core(&m, &c);
	check(rc <= 0 && core <= 0 && m.len <= size);
	check_fields(&m);
	check_core(&c);
	same_with_other_padding(data, size, &m, rc);
	if (rc == 0 && core == 0)
		check_again(&m, &c);
	free(mem);
	return 0;
}
