/* SPDX-License-Identifier: Apache-2.0 */
/* Header fields that only some messages have, read when somebody asks. Each function takes a value as
 * sip_value() or sip_each_next() gives it and leaves slices of it. All are pure, bounded, never recurse,
 * and take hostile input. They return 0 or -SIP_E_HEADER unless said otherwise; what they fill is zero
 * where the field does not say it. */
#ifndef SLUICE_SIP_FIELD_H
#define SLUICE_SIP_FIELD_H

#include "sip/msg.h"

/* ---- what they are made of ---- */

/* The elements of a comma list field over all its lines, in order. */
struct sip_each {
	const struct sip_msg *m;
	const struct sip_hdr *h; /* the next line */
	struct str rest;         /* of this line */
};

struct sip_each sip_each(const struct sip_msg *m, enum sip_hdr_id id);
bool sip_each_next(struct sip_each *e, struct str *item);

/* A token and parameters: Event, Content-Disposition, Reason, P-Access-Network-Info, ... */
struct sip_word {
	struct str token, params;
};

int sip_word_parse(struct str s, struct sip_word *w);
/* ";name=123" in a list that was read before. 1; 0: not there; -SIP_E_HEADER: no number up to max. */
int sip_param_number(struct str params, struct str name, uint32_t max, uint32_t *out);
/* Expires, Min-Expires, Flow-Timer, RSeq, Max-Breadth: digits and nothing else. */
int sip_number_parse(struct str s, uint32_t *out);
/* Appends the text of a quoted string, without quotes and escapes; other text as it is. */
void sip_put_unquoted(struct buf *b, struct str s);
/* Appends URI text with its escapes resolved. The result may hold any octet. */
void sip_put_unescaped(struct buf *b, struct str s);

/* ---- addresses: contact.c ---- */

#define SIP_CONTACTS_MAX 10

struct sip_contact {
	struct sip_addr addr;
	struct sip_uri uri; /* scheme OTHER: one that we don't read */
	uint32_t expires;   /* 3600 where it is unreadable (RFC 3261 20.10) */
	uint16_t q;         /* thousandths; 1000 when absent */
	bool has_expires;
};

struct sip_contacts {
	struct sip_contact c[SIP_CONTACTS_MAX];
	unsigned n;
	bool star; /* "*", alone: n is 0 */
};

/* All Contacts of a message. 0, -SIP_E_ADDRESS, -SIP_E_URI, -SIP_E_TOO_MANY. */
int sip_contacts_parse(const struct sip_msg *m, struct sip_contacts *out);

struct sip_route {
	struct sip_addr addr;
	struct sip_uri uri; /* sip or sips */
	bool lr;
};

/* One element of Route, Record-Route, Path, Service-Route. 0, -SIP_E_ADDRESS, -SIP_E_URI, -SIP_E_SCHEME. */
int sip_route_parse(struct str s, struct sip_route *r);

struct sip_refer_to {
	struct sip_addr addr;
	struct sip_uri uri;
	struct str method;   /* empty: INVITE */
	struct str replaces; /* of the URI's headers part, escaped; empty: none */
};

/* Refer-To. 0, -SIP_E_ADDRESS, -SIP_E_URI, -SIP_E_SCHEME. */
int sip_refer_to_parse(struct str s, struct sip_refer_to *r);

/* RFC 7044: how the target came about. */
enum sip_history_kind {
	SIP_HISTORY_NONE,
	SIP_HISTORY_RC,
	SIP_HISTORY_MP,
	SIP_HISTORY_NP
};

struct sip_history {
	struct sip_addr addr;
	struct str index; /* "1.2.1" */
	struct str from;  /* the index that rc, mp or np names */
	enum sip_history_kind kind;
};

/* One element of History-Info. 0, -SIP_E_ADDRESS, -SIP_E_HEADER. */
int sip_history_parse(struct str s, struct sip_history *h);

/* ---- subscriptions and dialogs: event.c ---- */

struct sip_event {
	struct str package, id, params;
};

int sip_event_parse(struct str s, struct sip_event *e);

enum sip_sub {
	SIP_SUB_OTHER,
	SIP_SUB_ACTIVE,
	SIP_SUB_PENDING,
	SIP_SUB_TERMINATED
};

struct sip_sub_state {
	enum sip_sub state;
	struct str name, reason;
	uint32_t expires, retry_after;
	bool has_expires, has_retry_after;
};

int sip_sub_state_parse(struct str s, struct sip_sub_state *st);

/* Replaces (RFC 3891) and Join (RFC 3911). Tags are named from the side of who receives it: to_tag is his. */
struct sip_replaces {
	struct str call_id, to_tag, from_tag;
	bool early_only;
};

int sip_replaces_parse(struct str s, struct sip_replaces *r);

struct sip_rack {
	uint32_t rseq, cseq;
	enum sip_method method;
	struct str method_name;
};

int sip_rack_parse(struct str s, struct sip_rack *r);

/* ---- times: timing.c ---- */

enum sip_refresher {
	SIP_REFRESHER_NONE,
	SIP_REFRESHER_UAC,
	SIP_REFRESHER_UAS
};

struct sip_session_expires {
	uint32_t seconds;
	enum sip_refresher refresher;
};

/* Session-Expires, and Min-SE, which has no refresher (RFC 4028). */
int sip_session_expires_parse(struct str s, struct sip_session_expires *se);

struct sip_retry_after {
	uint32_t seconds, duration;
	bool has_duration;
	struct str comment; /* with its outer parentheses */
};

int sip_retry_after_parse(struct str s, struct sip_retry_after *r);
/* RFC 1123 date, GMT, as seconds since 1970. */
int sip_date_parse(struct str s, int64_t *seconds);

struct sip_timestamp {
	struct str value; /* to be sent back as it is */
	uint64_t micros, delay;
};

int sip_timestamp_parse(struct str s, struct sip_timestamp *t);

/* ---- what was said: reason.c ---- */

struct sip_reason {
	struct str protocol, text; /* text with its quotes */
	uint32_t cause;
	bool has_cause;
};

/* One element of Reason (RFC 3326). */
int sip_reason_parse(struct str s, struct sip_reason *r);

struct sip_warning {
	unsigned code;
	struct str agent, text; /* text with its quotes */
};

/* One element of Warning. */
int sip_warning_parse(struct str s, struct sip_warning *w);

enum sip_privacy {
	SIP_PRIVACY_NONE = 1 << 0, /* the word "none" */
	SIP_PRIVACY_USER = 1 << 1,
	SIP_PRIVACY_HEADER = 1 << 2,
	SIP_PRIVACY_SESSION = 1 << 3,
	SIP_PRIVACY_ID = 1 << 4,
	SIP_PRIVACY_HISTORY = 1 << 5,
	SIP_PRIVACY_CRITICAL = 1 << 6,
	SIP_PRIVACY_OTHER = 1 << 7
};

/* Privacy of all lines together, a set of enum sip_privacy (RFC 3323, 3325, 7044); what cannot be read is
 * OTHER. 0: the field is not there. */
unsigned sip_privacy(const struct sip_msg *m);

/* One element of User-to-User (RFC 7433); data with its quotes where it has some. */
struct sip_uui {
	struct str data, encoding, purpose, content;
};

int sip_uui_parse(struct str s, struct sip_uui *u);

/* ---- bodies: media_type.c ---- */

/* Content-Type, and an element of Accept, where type and subtype may be "*". */
struct sip_media_type {
	struct str type, subtype, params;
};

int sip_media_type_parse(struct str s, struct sip_media_type *t);
/* Is it this one? `name` is "application/sdp". */
bool sip_media_type_is(const struct sip_media_type *t, const char *name);

struct sip_disposition {
	struct str type;
	bool optional; /* handling=optional; what says nothing is required (RFC 3261 20.11) */
};

int sip_disposition_parse(struct str s, struct sip_disposition *d);
/* MIME-Version: is it 1.0? */
bool sip_mime_version_ok(struct str s);

#endif
