/* SPDX-License-Identifier: Apache-2.0 */
/* Session descriptions (RFC 8866, 4566): text to facts and facts to text. The parser copies
 * nothing: slices point into the text. Neither side allocates, recurses, or reads outside what it
 * was given.
 *
 * What is kept are the facts that a media relay needs. Everything else in the text (s=, i=, u=,
 * a=candidate, unknown attributes...) is skipped, and so can't come out of sdp_print(). Pure
 * functions, thread-safe. */
#ifndef SLUICE_SDP_SDP_H
#define SLUICE_SDP_SDP_H

#include "base/addr.h"

#define SDP_SIZE_MAX    16384
#define SDP_MEDIA_MAX   16  /* m= lines */
#define SDP_ATTRS_MAX   128 /* a= lines of the session, and of each m= line */
#define SDP_FORMATS_MAX 128 /* of all m= lines together */
#define SDP_FB_MAX      96  /* a=rtcp-fb of all m= lines together; what is over is skipped */
#define SDP_CRYPTO_MAX  64  /* a=crypto of all m= lines together; what is over is skipped */
#define SDP_TEXT_MAX    512 /* octets of one copied value */
#define SDP_PT_NONE     0xff

/* Of the one who wrote the description; bits, so that "and" is what both can do. */
enum sdp_dir {
	SDP_INACTIVE = 0,
	SDP_SENDONLY = 1,
	SDP_RECVONLY = 2,
	SDP_SENDRECV = 3
};

struct sdp_format {
	struct str id;    /* as in the m= line */
	struct str name;  /* of a=rtpmap; n 0: none */
	struct str fmtp;  /* n 0: none */
	uint32_t clock;   /* Hz, 0 without rtpmap */
	uint8_t channels; /* 0: not said */
	uint8_t pt;       /* SDP_PT_NONE: not a payload type */
};

struct sdp_fb {           /* RFC 4585 4.2 */
	struct str value; /* "nack pli" */
	uint8_t pt;       /* SDP_PT_NONE: all ("*") */
};

/* RFC 4568. A line that cannot be used, for its form or for a session parameter that must not be ignored, is not
 * there. The key is a secret: a slice of the text, and not printed where it is empty. */
struct sdp_crypto {
	uint32_t tag;
	struct str suite;  /* a token, known or not */
	struct str key;    /* base64 of master key and salt; n 0: left out */
	uint64_t lifetime; /* packets, 0: not said */
	struct str mki;    /* its value, decimal; n 0: none */
	uint8_t mki_len;   /* octets of it in packets */
	uint8_t window;    /* WSH, 0: not said */
};

enum sdp_bandwidth {
	SDP_AS,
	SDP_TIAS,
	SDP_RS,
	SDP_RR,
	SDP_BANDWIDTHS
};

/* Of T.38 (ITU-T T.38 annex D). Values that have names are numbered, and one that nobody knows is not there. */
enum sdp_t38_fact {
	SDP_T38_VERSION,
	SDP_T38_BIT_RATE,
	SDP_T38_FILL_BIT_REMOVAL, /* 0 or 1, as the next two */
	SDP_T38_MMR,
	SDP_T38_JBIG,
	SDP_T38_RATE_MANAGEMENT, /* 1: local, 2: transferred */
	SDP_T38_MAX_BUFFER,
	SDP_T38_MAX_DATAGRAM,
	SDP_T38_UDP_EC, /* 1: none, 2: FEC, 3: redundancy */
	SDP_T38_FACTS
};

struct sdp_t38 {
	uint32_t value[SDP_T38_FACTS];
	uint16_t has; /* bits 1 << enum sdp_t38_fact */
};

struct sdp_group {  /* of c= with a multicast group, RFC 8866 5.7 */
	uint16_t n; /* addresses, the first is the one that is written; 0 or 1: one */
	uint8_t ttl;
	bool has_ttl; /* IPv4 alone */
};

struct sdp_media {
	struct str kind;  /* "audio" */
	struct str proto; /* "RTP/AVP" */
	struct addr addr; /* of c=, its own or the session's; family 0: none, where port is 0 */
	struct sdp_group group; /* where sdp_is_group(&addr) */
	struct addr rtcp; /* a=rtcp (RFC 3605): port 0: not there; family 0: address as `addr` */
	struct sdp_format *formats; /* into struct sdp, in the order of the m= line */
	struct sdp_fb *fb;
	struct sdp_crypto *crypto;
	uint32_t bandwidth[SDP_BANDWIDTHS];
	struct sdp_t38 t38;
	uint16_t port;    /* 0: refused, or not wanted any more */
	uint16_t n_ports; /* 1 unless the m= line says "port/n" */
	uint8_t n_formats, n_fb, n_crypto;
	uint8_t has_bandwidth;   /* bits 1 << enum sdp_bandwidth */
	uint8_t dir;             /* enum sdp_dir */
	uint8_t ptime, maxptime; /* ms, 0: not said or senseless */
	bool rtcp_mux;
};

struct sdp {
	uint64_t id, version; /* of o=; 0 where it is missing or no number */
	struct addr origin;   /* address of o=; when printing also the session's c= */
	struct sdp_media media[SDP_MEDIA_MAX];
	unsigned n_media;
	struct sdp_format formats[SDP_FORMATS_MAX];
	struct sdp_fb fb[SDP_FB_MAX];
	struct sdp_crypto crypto[SDP_CRYPTO_MAX];
	unsigned n_formats, n_fb, n_crypto;
	bool keyless; /* when printing: keys are left out */
};

/* 0, or -EBADMSG with *why (may be NULL) a literal for people. Tolerated: LF alone, missing o=, s=
 * and t=, lines in another order, lines that mean nothing. Not tolerated: NUL, a first line other
 * than v=0, ports, payload types and clock rates that are no numbers in their range, a stream
 * without an IP address, more than the limits above.
 * *out refers to itself: don't copy it. */
int sdp_parse(struct str text, struct sdp *out, const char **why);

/* Appends a description written from scratch; check buf_ok(b). Values that are not made of safe
 * characters are left out: sdp_is_safe(). Fills nothing in: port 0, formats and order are as given.
 */
void sdp_print(const struct sdp *s, struct buf *b);

/* The next m= line of a description being built, with the pools' next places; NULL: no room. */
struct sdp_media *sdp_add_media(struct sdp *s);
/* Of the m= line added last. NULL: no room. */
struct sdp_format *sdp_add_format(struct sdp *s);
struct sdp_fb *sdp_add_fb(struct sdp *s);
struct sdp_crypto *sdp_add_crypto(struct sdp *s);

bool sdp_is_rtp(struct str proto);  /* RTP/AVP, AVPF, SAVP or SAVPF */
bool sdp_is_savp(struct str proto); /* RTP/SAVP or RTP/SAVPF */
bool sdp_is_avpf(struct str proto); /* RTP/AVPF or RTP/SAVPF */

/* Letters, digits, space and -_.+*=;,:%|~/ only, at most SDP_TEXT_MAX, not empty. */
bool sdp_is_safe(struct str s);
/* A token of RFC 8866, here without quotes, '`', braces and the like; at most 64 octets. */
bool sdp_is_token(struct str s);
bool sdp_is_group(const struct addr *a);  /* a multicast group */
const char *sdp_dir_name(enum sdp_dir d); /* "sendrecv" */
/* The same seen from the other end: who is sent to receives. */
static inline enum sdp_dir sdp_dir_reverse(enum sdp_dir d)
{
	return (enum sdp_dir)((d & 1) << 1 | (d & 2) >> 1);
}

#endif
