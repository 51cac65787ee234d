/* SPDX-License-Identifier: Apache-2.0 */
/* What a message is, found without parsing it: method, To tag, and where asked for the Call-ID. It must
 * see what the parser will see, whatever is folded, compact or spaced out: a request in a dialog that is
 * taken for a new call would be shed. So the To is read by the parser's own function; only the lines are
 * found in a shorter way. What no parser accepts may end in any class. */
#include "sip/overload_priv.h"
#include "sip/scan_priv.h"

/* As in msg.c: longer lines are refused. */
#define LINE_MAX_OCTETS 8192

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The field's value when the line at p bears this name of n letters: from behind the colon. */
static const char *value_of(const char *p, const char *e, size_t n)
{
	for (p += n; p < e && is_space(*p); p++) /* a line may be folded before its colon, too */
		;
	return p < e && *p == ':' ? p + 1 : NULL;
}

/* To the end of the line that begins in front of p, folded lines included. */
static struct str value_from(const char *p, const char *e, bool *folded)
{
	const char *start = p;

	for (*folded = false;; *folded = true) {
		p = sip_scan_chr(p, e, '\n');
		if (e - p < 2 || !sip_is_ws(p[1]))
			break;
		p++;
	}
	while (start < p && is_space(*start))
		start++;
	while (p > start && is_space(p[-1]))
		p--;
	return sip_slice(start, p);
}

/* 1: tag, 0: none, negative: nobody can say. */
static int read_tag(struct str to)
{
	struct sip_addr a;

	if (sip_addr_parse(to, &a))
		return -1;
	return a.tag.n > 0;
}

__attribute__((noinline)) static int read_folded_tag(struct str to)
{
	char mem[LINE_MAX_OCTETS];

	if (to.n > sizeof(mem))
		return -1;
	for (size_t i = 0; i < to.n; i++)
		mem[i] = is_space(to.p[i]) ? ' ' : to.p[i];
	return read_tag((struct str){ mem, to.n });
}

/* Most requests that are not in a dialog end in ">" or have no parameter at all. */
static int to_tag(const char *v, const char *e)
{
	bool folded;
	struct str to = value_from(v, e, &folded);

	if (to.n == 0)
		return -1;
	if (to.p[to.n - 1] == '>' || !memchr(to.p, ';', to.n))
		return 0;
	return folded ? read_folded_tag(to) : read_tag(to);
}

struct lines {
	const char *to;      /* value and what follows; NULL: not met yet */
	const char *call_id; /* the same */
};

/* One line. */
static inline void look(const char *p, const char *e, struct lines *l)
{
	char first = (char)(*p | 0x20), second = (char)(p[1] | 0x20);

	if (first == 't' && !l->to)
		l->to = value_of(p, e, second == 'o' ? 2 : 1);
	else if (first == 'i' && !l->call_id)
		l->call_id = value_of(p, e, 1);
	else if (first == 'c' && second == 'a' && !l->call_id && e - p > 7 &&
		 SIP_IS(sip_slice(p, p + 4), "call") && p[4] == '-' &&
		 SIP_IS(sip_slice(p + 5, p + 7), "id"))
		l->call_id = value_of(p, e, 7);
}

/* Every LF of a good message ends a line; the empty line ends the header. */
static void find_lines(const char *p, const char *e, bool call_id, struct lines *l)
{
	for (; p < e; p += SIP_BLOCK) {
		for (uint64_t m = sip_block_eq(p, '\n'); m; m &= m - 1) {
			const char *line = p + __builtin_ctzll(m) + 1;

			if (line >= e || *line == '\r')
				return;
			look(line, e, l);
			if (l->to && (l->call_id || !call_id))
				return;
		}
	}
}

static enum overload_class class_of_method(enum sip_method m)
{
	switch (m) {
	case SIP_INVITE:
		return OVERLOAD_CALL;
	case SIP_OPTIONS:
	case SIP_REGISTER:
		return OVERLOAD_KEEPALIVE;
	case SIP_ACK:
	case SIP_BYE:
	case SIP_CANCEL:
	case SIP_PRACK:
		return OVERLOAD_DIALOG; /* they end work or let it go on, tag or not */
	default:
		return OVERLOAD_REST;
	}
}

void overload_scan(const char *buf, size_t len, bool call_id, struct overload_scan *out)
{
	const char *p = buf, *e = buf + len, *sp;
	struct lines l = { 0 };
	bool folded;
	int tag;

	out->ruri = out->call_id = STR_NONE;
	while (p < e && (*p == '\r' || *p == '\n'))
		p++;
	out->class = OVERLOAD_DIALOG;
	if (e - p >= 4 && p[3] == '/' && SIP_IS(sip_slice(p, p + 3), "sip"))
		return;
	sp = sip_scan_chr(p, e, ' ');
	out->class = sp < e ? class_of_method(sip_method_of(sip_slice(p, sp))) : OVERLOAD_REST;
	if (sp == e || (out->class == OVERLOAD_DIALOG && !call_id))
		return;
	find_lines(sp, e, call_id, &l);
	tag = l.to ? to_tag(l.to, e) : -1;
	if (tag && out->class != OVERLOAD_DIALOG)
		out->class = tag > 0 ? OVERLOAD_DIALOG : OVERLOAD_REST;
	if (call_id) {
		out->ruri = sip_slice(sp + 1, sip_scan_chr(sp + 1, e, ' '));
		if (l.call_id)
			out->call_id = value_from(l.call_id, e, &folded);
	}
}

enum overload_class overload_class_of(const struct overload *v, const char *buf, size_t len)
{
	struct overload_scan s;

	overload_scan(buf, len, false, &s);
	return s.class;
}

/* ---- emergency numbers ---- */

/* The octet at *p, an escaped one too; *p goes behind it. */
static char next_octet(const char **p, const char *e)
{
	const char *q = *p;

	if (*q == '%' && e - q > 2 && sip_hex(q[1]) >= 0 && sip_hex(q[2]) >= 0) {
		*p = q + 3;
		return (char)(sip_hex(q[1]) << 4 | sip_hex(q[2]));
	}
	*p = q + 1;
	return *q;
}

/* Of RFC 3966, and the space that people write. */
static bool is_separator(char c)
{
	return c == '-' || c == '.' || c == '(' || c == ')' || c == ' ';
}

size_t overload_number(struct str s, char out[NUMBER_MAX])
{
	const char *p = s.p, *e = sip_end(s);
	bool plus = false;
	size_t n = 0;

	while (p < e) {
		char c = next_octet(&p, e);

		if (c == ';' || c == ':')
			break;
		if (is_separator(c))
			continue;
		if (c == '+' && n == 0 && !plus) {
			plus = true;
			continue;
		}
		if ((!sip_is_digit(c) && c != '*' && c != '#') || n == NUMBER_MAX)
			return 0;
		out[n++] = c;
	}
	if (!plus && n > 4 && out[0] == '0' && out[1] == '0') { /* "00" is dialled for "+" */
		n -= 2;
		memmove(out, out + 2, n);
	}
	return n;
}

static bool is_known_number(const struct overload *v, struct str user)
{
	char number[NUMBER_MAX];
	size_t n = overload_number(user, number);

	for (unsigned i = 0; i < v->n_emergency && n; i++)
		if (v->emergency_len[i] == n && memcmp(v->emergency[i], number, n) == 0)
			return true;
	return false;
}

bool overload_is_emergency(const struct overload *v, struct str ruri)
{
	const struct str sos = STR("urn:service:sos");
	const char *colon = ruri.n ? memchr(ruri.p, ':', ruri.n) : NULL, *at;
	struct str scheme, rest;

	if (!colon)
		return false;
	if (ruri.n >= sos.n && str_caseeq((struct str){ ruri.p, sos.n }, sos))
		return ruri.n == sos.n || ruri.p[sos.n] == '.'; /* and its sub-services, RFC 5031 */
	scheme = sip_slice(ruri.p, colon);
	rest = sip_slice(colon + 1, sip_end(ruri));
	if (SIP_IS(scheme, "tel"))
		return is_known_number(v, rest);
	if (!SIP_IS(scheme, "sip") && !SIP_IS(scheme, "sips"))
		return false;
	at = rest.n ? memchr(rest.p, '@', rest.n) : NULL;
	return at && is_known_number(v, sip_slice(rest.p, at));
}
