/* SPDX-License-Identifier: Apache-2.0 */
/* A SIP message as slices of the datagram it came in: one pass finds the lines, everything else is
 * read when asked for. Nothing is copied; the message is valid as long as its buffer is.
 *
 * Grammar: RFC 3261 section 25, RFC 4475 and 5118 for the edges. One file per production: msg.c
 * (message, header names), uri.c, addr.c (name-addr), via.c, cseq.c, param.c, list.c, build.c. Fields that
 * only some messages have: field.h; bodies of several parts: multipart.h.
 * All functions are pure, bounded, never recurse, and take hostile input. */
#ifndef SLUICE_SIP_MSG_H
#define SLUICE_SIP_MSG_H

#include "base/addr.h"
#include "base/buf.h"

/* The scanner reads whole vectors: this many octets after the end must be readable (any content). */
#define SIP_PAD          64
#define SIP_DATAGRAM_MAX 16384
#define SIP_HEADERS_MAX  128
#define SIP_TOKEN_MAX    256 /* Call-ID, tag, branch */

enum sip_method {
	SIP_METHOD_OTHER, /* well-formed token that is none of these */
	SIP_INVITE,
	SIP_ACK,
	SIP_BYE,
	SIP_CANCEL,
	SIP_OPTIONS,
	SIP_REGISTER,
	SIP_PRACK,
	SIP_UPDATE,
	SIP_INFO,
	SIP_REFER,
	SIP_SUBSCRIBE,
	SIP_NOTIFY,
	SIP_MESSAGE,
	SIP_PUBLISH,
	SIP_METHOD_COUNT
};

/* Header fields that have a meaning somewhere in sluice: id, canonical name, compact form or 0. */
#define SIP_HEADERS(X)                                                                             \
	X(VIA, "Via", 'v')                                                                         \
	X(FROM, "From", 'f')                                                                       \
	X(TO, "To", 't')                                                                           \
	X(CALL_ID, "Call-ID", 'i')                                                                 \
	X(CSEQ, "CSeq", 0)                                                                         \
	X(CONTACT, "Contact", 'm')                                                                 \
	X(MAX_FORWARDS, "Max-Forwards", 0)                                                         \
	X(ROUTE, "Route", 0)                                                                       \
	X(RECORD_ROUTE, "Record-Route", 0)                                                         \
	X(CONTENT_TYPE, "Content-Type", 'c')                                                       \
	X(CONTENT_LENGTH, "Content-Length", 'l')                                                   \
	X(CONTENT_ENCODING, "Content-Encoding", 'e')                                               \
	X(CONTENT_DISPOSITION, "Content-Disposition", 0)                                           \
	X(ALLOW, "Allow", 0)                                                                       \
	X(SUPPORTED, "Supported", 'k')                                                             \
	X(REQUIRE, "Require", 0)                                                                   \
	X(PROXY_REQUIRE, "Proxy-Require", 0)                                                       \
	X(UNSUPPORTED, "Unsupported", 0)                                                           \
	X(ACCEPT, "Accept", 0)                                                                     \
	X(EXPIRES, "Expires", 0)                                                                   \
	X(SESSION_EXPIRES, "Session-Expires", 'x')                                                 \
	X(MIN_SE, "Min-SE", 0)                                                                     \
	X(P_ASSERTED_IDENTITY, "P-Asserted-Identity", 0)                                           \
	X(P_PREFERRED_IDENTITY, "P-Preferred-Identity", 0)                                         \
	X(P_EARLY_MEDIA, "P-Early-Media", 0)                                                       \
	X(PRIVACY, "Privacy", 0)                                                                   \
	X(REMOTE_PARTY_ID, "Remote-Party-ID", 0)                                                   \
	X(DIVERSION, "Diversion", 0)                                                               \
	X(HISTORY_INFO, "History-Info", 0)                                                         \
	X(REASON, "Reason", 0)                                                                     \
	X(RETRY_AFTER, "Retry-After", 0)                                                           \
	X(WARNING, "Warning", 0)                                                                   \
	X(RSEQ, "RSeq", 0)                                                                         \
	X(RACK, "RAck", 0)                                                                         \
	X(REPLACES, "Replaces", 0)                                                                 \
	X(REFER_TO, "Refer-To", 'r')                                                               \
	X(REFERRED_BY, "Referred-By", 'b')                                                         \
	X(EVENT, "Event", 'o')                                                                     \
	X(SUBSCRIPTION_STATE, "Subscription-State", 0)                                             \
	X(AUTHORIZATION, "Authorization", 0)                                                       \
	X(PROXY_AUTHORIZATION, "Proxy-Authorization", 0)                                           \
	X(WWW_AUTHENTICATE, "WWW-Authenticate", 0)                                                 \
	X(PROXY_AUTHENTICATE, "Proxy-Authenticate", 0)                                             \
	X(IDENTITY, "Identity", 'y')                                                               \
	X(SUBJECT, "Subject", 's')                                                                 \
	X(DATE, "Date", 0)                                                                         \
	X(TIMESTAMP, "Timestamp", 0)                                                               \
	X(USER_AGENT, "User-Agent", 0)                                                             \
	X(SERVER, "Server", 0)                                                                     \
	X(ALERT_INFO, "Alert-Info", 0)                                                             \
	X(CALL_INFO, "Call-Info", 0)                                                               \
	X(RESOURCE_PRIORITY, "Resource-Priority", 0)                                               \
	X(GEOLOCATION, "Geolocation", 0)                                                           \
	X(ANSWER_MODE, "Answer-Mode", 0)                                                           \
	X(PRIORITY, "Priority", 0)                                                                 \
	X(SESSION_ID, "Session-ID", 0)                                                             \
	X(MIME_VERSION, "MIME-Version", 0)                                                         \
	X(SIP_ETAG, "SIP-ETag", 0)                                                                 \
	X(SIP_IF_MATCH, "SIP-If-Match", 0)                                                         \
	X(JOIN, "Join", 0)                                                                         \
	X(TARGET_DIALOG, "Target-Dialog", 0)                                                       \
	X(MIN_EXPIRES, "Min-Expires", 0)                                                           \
	X(FLOW_TIMER, "Flow-Timer", 0)                                                             \
	X(PATH, "Path", 0)                                                                         \
	X(SERVICE_ROUTE, "Service-Route", 0)                                                       \
	X(ALLOW_EVENTS, "Allow-Events", 'u')                                                       \
	X(AUTHENTICATION_INFO, "Authentication-Info", 0)                                           \
	X(P_ACCESS_NETWORK_INFO, "P-Access-Network-Info", 0)                                       \
	X(P_CHARGING_VECTOR, "P-Charging-Vector", 0)                                               \
	X(P_CALLED_PARTY_ID, "P-Called-Party-ID", 0)                                               \
	X(P_ASSOCIATED_URI, "P-Associated-URI", 0)                                                 \
	X(USER_TO_USER, "User-to-User", 0)                                                         \
	X(INFO_PACKAGE, "Info-Package", 0)                                                         \
	X(RECV_INFO, "Recv-Info", 0)                                                               \
	X(REFER_SUB, "Refer-Sub", 0)                                                               \
	X(ACCEPT_ENCODING, "Accept-Encoding", 0)                                                   \
	X(ACCEPT_LANGUAGE, "Accept-Language", 0)                                                   \
	X(CONTENT_LANGUAGE, "Content-Language", 0)                                                 \
	X(ACCEPT_CONTACT, "Accept-Contact", 'a')                                                   \
	X(REJECT_CONTACT, "Reject-Contact", 'j')                                                   \
	X(REQUEST_DISPOSITION, "Request-Disposition", 'd')                                         \
	X(MAX_BREADTH, "Max-Breadth", 0)                                                           \
	X(IN_REPLY_TO, "In-Reply-To", 0)                                                           \
	X(REPLY_TO, "Reply-To", 0)                                                                 \
	X(ERROR_INFO, "Error-Info", 0)                                                             \
	X(ORGANIZATION, "Organization", 0)

enum sip_hdr_id {
	SIP_HDR_OTHER,
#define X(id, name, compact) SIP_HDR_##id,
	SIP_HEADERS(X)
#undef X
	SIP_HDR_COUNT
};

#define SIP_HDR_WORDS ((SIP_HDR_COUNT + 63) / 64) /* of a set of ids */

struct sip_hdr {
	uint16_t name, value;         /* offsets into the buffer */
	uint16_t name_len, value_len; /* value without leading and trailing white space */
	uint8_t id;                   /* enum sip_hdr_id */
	uint8_t next; /* 1 + index of the next field with the same known id; 0: last */
};

struct sip_msg {
	const char *buf;
	size_t len;      /* of the message; octets after its body (UDP) do not count */
	uint16_t status; /* 0: a request */
	uint8_t method;  /* of the request line, or of CSeq in a response: enum sip_method */
	uint8_t n_hdr;
	struct str method_name; /* as written */
	struct str ruri;        /* request */
	struct str reason;      /* response */
	struct str body;
	uint64_t repeated
		[SIP_HDR_WORDS];      /* bit of each known id that stands on more than one line */
	uint8_t first[SIP_HDR_COUNT]; /* 1 + index of the first field of each id; 0: absent */
	struct sip_hdr hdr[SIP_HEADERS_MAX];
};

/* Why a message was refused, and with what status. An answer needs a request whose topmost Via, From, To,
 * Call-ID and CSeq were found. */
#define SIP_ERRORS(X)                                                                              \
	X(EMPTY, 0, "nothing but line ends (keepalive)")                                           \
	X(START_LINE, 400, "Malformed Start Line")                                                 \
	X(VERSION, 505, "Version Not Supported")                                                   \
	X(HEADER, 400, "Malformed Header Field")                                                   \
	X(CONTROL, 400, "Control Octet in Header")                                                 \
	X(NO_END, 400, "No Empty Line after Headers")                                              \
	X(TOO_MANY, 400, "Too Many Header Fields")                                                 \
	X(TOO_LARGE, 513, "Message Too Large")                                                     \
	X(LENGTH, 400, "Bad Content-Length")                                                       \
	X(MISSING, 400, "Mandatory Header Field Missing")                                          \
	X(DUPLICATE, 400, "Single-Value Header Field Repeated")                                    \
	X(CSEQ, 400, "Bad CSeq")                                                                   \
	X(VIA, 400, "Bad Via")                                                                     \
	X(ADDRESS, 400, "Bad Address Header Field")                                                \
	X(URI, 400, "Bad Request-URI")                                                             \
	X(SCHEME, 416, "Unsupported URI Scheme")                                                   \
	X(MAX_FORWARDS, 400, "Bad Max-Forwards")                                                   \
	X(BODY, 400, "Malformed Multipart Body")

enum sip_error {
	SIP_OK = 0,
#define X(id, status, text) SIP_E_##id,
	SIP_ERRORS(X)
#undef X
};
/* sip_msg_parse() and friends return -SIP_E_X. */
unsigned sip_error_status(int err); /* 400, 505, ...; 0: drop without a reply */
const char *sip_error_text(int err);

/* Finds the start line, the header fields and the body. `buf` must be writable (folded lines are
 * unfolded in place) with SIP_PAD readable octets after `len`. Leading CRLFs are skipped (RFC 3261
 * 7.5); on a datagram, octets after Content-Length are cut off, a Content-Length beyond the datagram is
 * an error, none means "to the end" (18.3). 0 or the first -SIP_E_*; on an error m holds what could be
 * found all the same (bad lines are left out), enough for sip_msg_core() and for an answer. */
int sip_msg_parse(struct sip_msg *m, char *buf, size_t len);

/* The rest of what RFC 3261 demands of any message before anything is done with it: mandatory fields
 * there, once, and readable. Fills what every layer needs. 0 or -SIP_E_*; on an error c holds what could
 * be read, the rest is zero. */
struct sip_core;
int sip_msg_core(const struct sip_msg *m, struct sip_core *c);
static inline struct str sip_hdr_value(const struct sip_msg *m, const struct sip_hdr *h)
{
	return (struct str){ m->buf + h->value, h->value_len };
}

static inline struct str sip_hdr_name(const struct sip_msg *m, const struct sip_hdr *h)
{
	return (struct str){ m->buf + h->name, h->name_len };
}

/* First field of an id and the ones after it; NULL: none. */
static inline const struct sip_hdr *sip_hdr_first(const struct sip_msg *m, enum sip_hdr_id id)
{
	return m->first[id] ? &m->hdr[m->first[id] - 1] : NULL;
}

static inline const struct sip_hdr *sip_hdr_next(const struct sip_msg *m, const struct sip_hdr *h)
{
	return h->next ? &m->hdr[h->next - 1] : NULL;
}

/* Does the field stand on more than one line? */
static inline bool sip_hdr_repeated(const struct sip_msg *m, enum sip_hdr_id id)
{
	return m->repeated[id / 64] >> id % 64 & 1;
}

/* Value of the first field of an id, or STR_NONE. */
static inline struct str sip_value(const struct sip_msg *m, enum sip_hdr_id id)
{
	const struct sip_hdr *h = sip_hdr_first(m, id);
	return h ? sip_hdr_value(m, h) : STR_NONE;
}

/* Does a comma list field (Supported, Require, Allow, ...) hold this token, in any of its lines? */
bool sip_has_token(const struct sip_msg *m, enum sip_hdr_id id, struct str token);
/* Takes the next element off a comma list, minding quotes, <> and escapes; false at the end. */
bool sip_list_next(struct str *list, struct str *item);

const char *sip_method_name(enum sip_method m);  /* NULL for OTHER */
enum sip_method sip_method_of(struct str name);  /* case counts: RFC 3261 7.1 */
const char *sip_header_name(enum sip_hdr_id id); /* canonical */
const char *sip_reason_phrase(unsigned status);  /* RFC 3261 21 and registered ones; "" unknown */

/* ---- productions ---- */

enum sip_scheme {
	SIP_SCHEME_OTHER,
	SIP_SCHEME_SIP,
	SIP_SCHEME_SIPS,
	SIP_SCHEME_TEL,
	SIP_SCHEME_URN /* of sip_urn_parse() and of sip_core.ruri only */
};

struct sip_uri {
	enum sip_scheme scheme;
	struct str user; /* as escaped in the URI, without password; here stand a tel: number, and
			      * "sos.fire" of urn:service:sos.fire */
	struct str password;
	struct str host;    /* IPv6 with its brackets */
	uint16_t port;      /* 0: not given */
	struct str params;  /* ";name=value;..." or empty */
	struct str headers; /* "?name=value&..." or empty */
};

int sip_uri_parse(struct str s, struct sip_uri *u); /* 0, -SIP_E_URI, -SIP_E_SCHEME */
/* urn:service:... (RFC 5031). Apart from the others, for it has no host: who doesn't ask does not get it. 0,
 * -SIP_E_SCHEME: it is something else, -SIP_E_URI. */
int sip_urn_parse(struct str s, struct sip_uri *u);
/* RFC 3261 19.1.4; tel: RFC 3966 4; urn: RFC 5031. */
bool sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b);
/* urn:service:sos or one below it: an emergency call. */
bool sip_uri_is_sos(const struct sip_uri *u);
/* ?name=value of the headers part, still escaped. */
bool sip_uri_header(const struct sip_uri *u, struct str name, struct str *val);
/* The URI's host as an address: 0, or -EINVAL where it is a name. The port is put in too (or 5060). */
int sip_uri_addr(const struct sip_uri *u, struct addr *out);

/* name-addr or addr-spec with header parameters: From, To, Contact, Route, PAI, ... */
struct sip_addr {
	struct str display; /* as written, with its quotes; may be empty */
	struct str uri;     /* without <> */
	struct str params;  /* header parameters ";tag=..." */
	struct str tag;
	bool bracketed; /* RFC 3261 20.10: without <> a ; belongs to the header */
};

int sip_addr_parse(struct str s, struct sip_addr *a); /* one element; 0 or -SIP_E_ADDRESS */

/* Looks for ;name in a parameter list. 1: found (val empty without "="), 0: not, -SIP_E_HEADER. */
int sip_param(struct str params, struct str name, struct str *val);
/* Takes the next parameter off *rest. 1; 0 at the end; -SIP_E_HEADER. val->p is NULL without "=". */
int sip_param_next(struct str *rest, struct str *name, struct str *val);

struct sip_via {
	struct str transport; /* "UDP" */
	struct str host;      /* IPv6 with brackets */
	struct str branch, received, params;
	uint16_t port;  /* 0: not given */
	uint16_t rport; /* value, 0: none */
	bool has_rport;
};

/* Takes the first element off *list. 0 or -SIP_E_VIA. */
int sip_via_parse(struct str *list, struct sip_via *v);

struct sip_cseq {
	uint32_t num; /* < 2^31 */
	enum sip_method method;
	struct str method_name;
};

int sip_cseq_parse(struct str s, struct sip_cseq *c);

/* What every layer reads from every message. */
struct sip_core {
	struct sip_via via; /* topmost */
	struct sip_addr from, to;
	struct sip_cseq cseq;
	struct sip_uri ruri; /* of a request */
	struct str call_id;
	unsigned n_via;       /* over all lines and commas */
	uint8_t max_forwards; /* 70 when absent */
};

/* ---- writing ---- */

/* Appends one line at a time; see buf.h for what happens when it does not fit. */
void sip_put_request_line(struct buf *b, struct str method, struct str ruri);
void sip_put_status_line(struct buf *b, unsigned status,
			 struct str reason); /* reason empty: the usual */
void sip_put_header(struct buf *b, enum sip_hdr_id id, struct str value);     /* value: one line */
void sip_put_all(struct buf *b, const struct sip_msg *m, enum sip_hdr_id id); /* each line of m */
void sip_put_number(struct buf *b, enum sip_hdr_id id, uint32_t n);
/* Text as a quoted string: octets that need it are escaped, CR and LF become SP. */
void sip_put_quoted(struct buf *b, struct str text);
/* Octets as the user part of a URI: what may not stand there is escaped, "%" too. */
void sip_put_user(struct buf *b, struct str octets);
/* Content-Type (unless the body is empty), Content-Length, empty line, body. Ends the message. */
void sip_put_body(struct buf *b, struct str type, struct str body);

#endif
