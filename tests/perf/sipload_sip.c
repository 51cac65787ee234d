/* SPDX-License-Identifier: Apache-2.0 */
/* As much SIP as a load generator needs: no folding, no quoted tricks, but compact names. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include "sipload.h"

bool text_is(struct text t, const char *s)
{
	return t.n == strlen(s) && memcmp(t.p, s, t.n) == 0;
}

static struct text trim(const char *p, const char *e)
{
	while (p < e && (*p == ' ' || *p == '\t'))
		p++;
	while (e > p && (e[-1] == ' ' || e[-1] == '\t' || e[-1] == '\r'))
		e--;
	return (struct text){ p, (size_t)(e - p) };
}

struct text text_param(struct text v, const char *name)
{
	size_t len = strlen(name);
	const char *e = v.p + v.n;

	for (const char *p = v.p; p && p < e; p++) {
		p = memchr(p, ';', (size_t)(e - p));
		if (!p)
			break;
		if ((size_t)(e - p) > len + 1 && memcmp(p + 1, name, len) == 0 &&
		    p[len + 1] == '=') {
			const char *start = p + len + 2, *end = start;

			while (end < e && *end != ';' && *end != ',' && *end != ' ')
				end++;
			return (struct text){ start, (size_t)(end - start) };
		}
	}
	return (struct text){ 0 };
}

struct text text_uri(struct text v)
{
	const char *open = v.n ? memchr(v.p, '<', v.n) : NULL, *close;

	if (!open)
		return v;
	close = memchr(open, '>', (size_t)(v.p + v.n - open));
	return close ? (struct text){ open + 1, (size_t)(close - open - 1) } : v;
}

static bool named(const char *p, size_t n, const char *name, char compact)
{
	return (n == strlen(name) && strncasecmp(p, name, n) == 0) ||
	       (compact && n == 1 && (*p | 0x20) == compact);
}

static void read_cseq(struct message *m, struct text v)
{
	char *end;

	m->cseq = (uint32_t)strtoul(v.p, &end, 10);
	m->cseq_method = trim(end, v.p + v.n);
}

static void read_field(struct message *m, const char *p, const char *e)
{
	const char *colon = memchr(p, ':', (size_t)(e - p));
	struct text name, v;

	if (!colon)
		return;
	name = trim(p, colon);
	v = trim(colon + 1, e);
	if (named(name.p, name.n, "Via", 'v') && m->n_via < VIAS_MAX)
		m->via[m->n_via++] = v;
	else if (named(name.p, name.n, "From", 'f'))
		m->from = v;
	else if (named(name.p, name.n, "To", 't'))
		m->to = v;
	else if (named(name.p, name.n, "Call-ID", 'i'))
		m->call_id = v;
	else if (named(name.p, name.n, "Contact", 'm'))
		m->contact = v;
	else if (named(name.p, name.n, "CSeq", 0))
		read_cseq(m, v);
	else if (named(name.p, name.n, "Retry-After", 0))
		m->retry_after = v;
}

bool message_read(struct message *m, const char *text, size_t len)
{
	const char *p = text, *e = text + len, *nl;

	memset(m, 0, sizeof(*m));
	nl = memchr(p, '\n', len);
	if (!nl || len < 16)
		return false;
	if (memcmp(p, "SIP/2.0 ", 8) == 0)
		m->status = (unsigned)strtoul(p + 8, NULL, 10);
	else
		m->method = (struct text){ p, strcspn(p, " \r\n") };
	for (p = nl + 1; p < e && *p != '\r' && *p != '\n'; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(e - p));
		if (!nl)
			break;
		read_field(m, p, nl);
	}
	m->to_tag = text_param(m->to, "tag").n > 0;
	return m->call_id.n && m->cseq_method.n && m->n_via && m->status < STATUS_MAX;
}

size_t put_sdp(char *out, size_t max, const char *ip, unsigned port, unsigned version, bool hold)
{
	int n = snprintf(out, max,
			 "v=0\r\no=- 4711 %u IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
			 "m=audio %u RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\n"
			 "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
			 "a=fmtp:101 0-15\r\na=ptime:20\r\na=%s\r\n",
			 version, ip, ip, port, hold ? "sendonly" : "sendrecv");

	return n > 0 && (size_t)n < max ? (size_t)n : 0;
}

static const char *phrase(unsigned status)
{
	switch (status) {
	case 100:
		return "Trying";
	case 180:
		return "Ringing";
	case 200:
		return "OK";
	case 487:
		return "Request Terminated";
	default:
		return "Whatever";
	}
}

size_t put_response(char *out, const struct message *m, unsigned status, const char *tag,
		    const char *contact, const char *body)
{
	size_t body_len = body ? strlen(body) : 0, n;

	n = (size_t)snprintf(out, TEXT_MAX, "SIP/2.0 %u %s\r\n", status, phrase(status));
	for (unsigned i = 0; i < m->n_via && n < TEXT_MAX; i++)
		n += (size_t)snprintf(out + n, TEXT_MAX - n, "Via: %.*s\r\n", (int)m->via[i].n,
				      m->via[i].p);
	if (n < TEXT_MAX)
		n += (size_t)snprintf(
			out + n, TEXT_MAX - n,
			"From: %.*s\r\nTo: %.*s%s%s\r\nCall-ID: %.*s\r\nCSeq: %u %.*s\r\n"
			"Contact: <%s>\r\n%sContent-Length: %zu\r\n\r\n%s",
			(int)m->from.n, m->from.p, (int)m->to.n, m->to.p,
			m->to_tag || !tag ? "" : ";tag=", m->to_tag || !tag ? "" : tag,
			(int)m->call_id.n, m->call_id.p, m->cseq, (int)m->cseq_method.n,
			m->cseq_method.p, contact,
			body_len ? "Content-Type: application/sdp\r\n" : "", body_len,
			body_len ? body : "");
	return n < TEXT_MAX ? n : 0;
}
