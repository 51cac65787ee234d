/* SPDX-License-Identifier: Apache-2.0 */
/* What was said about a call: Reason, Warning, Privacy, User-to-User. */
#include "sip/field.h"
#include "sip/scan_priv.h"

int sip_reason_parse(struct str s, struct sip_reason *r)
{
	struct sip_word w;
	int rc;

	memset(r, 0, sizeof(*r));
	if (sip_word_parse(s, &w))
		return -SIP_E_HEADER;
	r->protocol = w.token;
	sip_param(w.params, STR("text"), &r->text);
	rc = sip_param_number(w.params, STR("cause"), UINT32_MAX, &r->cause);
	r->has_cause = rc > 0;
	return rc < 0 ? rc : 0;
}

/* 20.43: three digits, one space, agent, one space, quoted text. */
int sip_warning_parse(struct str s, struct sip_warning *w)
{
	const char *e = sip_end(s), *p, *start;
	uint32_t code;

	memset(w, 0, sizeof(*w));
	if (s.n < 8 || sip_scan_number(sip_slice(s.p, s.p + 3), 999, &code) || !sip_is_ws(s.p[3]))
		return -SIP_E_HEADER;
	w->code = code;
	start = p = sip_skip_ws(s.p + 3, e);
	while (p < e && (uint8_t)(*p - 0x21) <= 0x7e - 0x21 && *p != '"')
		p++;
	w->agent = sip_slice(start, p);
	start = sip_skip_ws(p, e);
	if (!w->agent.n || start == p || start == e || *start != '"')
		return -SIP_E_HEADER;
	w->text = sip_slice(start, e);
	return sip_skip_quoted(start, e) == e ? 0 : -SIP_E_HEADER;
}

static unsigned privacy_of(struct str word)
{
	static const struct {
		struct str word;
		enum sip_privacy bit;
	} words[] = {
		{ STR("none"), SIP_PRIVACY_NONE },
		{ STR("user"), SIP_PRIVACY_USER },
		{ STR("header"), SIP_PRIVACY_HEADER },
		{ STR("session"), SIP_PRIVACY_SESSION },
		{ STR("id"), SIP_PRIVACY_ID },
		{ STR("history"), SIP_PRIVACY_HISTORY },
		{ STR("critical"), SIP_PRIVACY_CRITICAL },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (str_caseeq(word, words[i].word))
			return words[i].bit;
	}
	return SIP_PRIVACY_OTHER;
}

/* The words of a line are separated by ";", of several lines by "," too. */
unsigned sip_privacy(const struct sip_msg *m)
{
	struct sip_each e = sip_each(m, SIP_HDR_PRIVACY);
	unsigned set = m->first[SIP_HDR_PRIVACY] ? SIP_PRIVACY_OTHER : 0;
	struct str item, word;
	bool any = false;

	while (sip_each_next(&e, &item)) {
		while (str_token(&item, ';', &word)) {
			set = (any ? set : 0) | privacy_of(str_trim(word));
			any = true;
		}
	}
	return set;
}

int sip_uui_parse(struct str s, struct sip_uui *u)
{
	const char *e = sip_end(s), *p = s.p;
	struct sip_word w;

	memset(u, 0, sizeof(*u));
	if (p < e && *p == '"') {
		p = sip_skip_quoted(p, e);
		if (!p)
			return -SIP_E_HEADER;
		u->data = sip_slice(s.p, p);
		p = sip_skip_ws(p, e);
		w.params = sip_slice(p, e);
		for (struct str rest = w.params, name, val; rest.n;) {
			if (sip_param_next(&rest, &name, &val) != 1)
				return -SIP_E_HEADER;
		}
	} else {
		if (sip_word_parse(s, &w))
			return -SIP_E_HEADER;
		u->data = w.token;
	}
	sip_param(w.params, STR("encoding"), &u->encoding);
	sip_param(w.params, STR("purpose"), &u->purpose);
	sip_param(w.params, STR("content"), &u->content);
	return 0;
}
