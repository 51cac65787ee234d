/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: one YAML file becomes one immutable snapshot, or a list of errors.
 *
 * Every option is one row in schema.c (name, type, range, default, unit, help): the parser, the
 * check, conf/full.yaml and the reference are made from these rows. A snapshot is reference counted
 * (atomically): a call keeps the one it was born with. Everything in it is read-only, so threads
 * share it freely. Strings are NUL-terminated and live as long as the snapshot. */
#ifndef SLUICE_CONF_CONF_H
#define SLUICE_CONF_CONF_H

#include "base/addr.h"

/* What relays media. */
enum conf_media {
	CONF_MEDIA_AUTO, /* of networks: as media.engine; there: what is there */
	CONF_MEDIA_DPDK,
	CONF_MEDIA_KERNEL
};

/* As they are written; NULL behind the last. */
extern const char *const conf_media_words[];

/* Where sluice stands on a network: one address on one interface (or device). */
struct conf_network {
	const char *name;
	const char
		*port; /* interface "eth0", PCI address "0000:01:00.0" or DPDK device "net_..." */
	struct addr address; /* ours, port 0 */
	uint8_t prefix_len;
	struct addr address6; /* ours for SIP and media over IPv6; family 0: none */
	uint8_t prefix_len6;
	struct addr gateway; /* family 0: none */
	struct addr gateway6;
	uint32_t vlan;      /* on a PCI or DPDK device; 0: none */
	struct addr *media; /* further addresses of ours, of either family, for media alone */
	unsigned n_media;
	struct addr public; /* advertised in SIP and SDP instead of `address`; family 0: none */
	uint16_t sip_port;  /* UDP and TCP, 5060 */
	uint16_t tls_port;  /* TLS, 5061; listened on where there is a certificate */
	bool udp, tcp;      /* listened on */
	/* PEM files, NULL: none. Certificate with its chain; key: NULL where it is in that file; ca: who is
	 * trusted, NULL: the system's. */
	const char *certificate, *key, *ca;
	uint16_t media_lo, media_hi; /* UDP ports for RTP and RTCP, inclusive; lo even, hi odd */
	enum conf_media engine;
	uint8_t sip_dscp, media_dscp;
	unsigned index; /* position in conf.networks */
};

enum conf_profile {
	CONF_PROFILE_STATIC, /* a carrier's static-IP trunk */
	CONF_PROFILE_PBX     /* the company's PBX */
};

enum conf_transport {
	CONF_TRANSPORT_AUTO, /* by RFC 3263, and large requests by TCP (RFC 3261 18.1.1) */
	CONF_TRANSPORT_UDP,
	CONF_TRANSPORT_TCP,
	CONF_TRANSPORT_TLS
};

enum conf_algorithm {
	CONF_ALGORITHM_ANY,
	CONF_ALGORITHM_SHA_256, /* or stronger */
	CONF_ALGORITHM_MD5
};

/* A name and a secret. The password stands in a file that only we may read; it is never printed, and wiped
 * with the snapshot. */
struct conf_login {
	const char *user; /* NULL: none */
	const char *password;
	const char *realm; /* NULL: any realm of that neighbour */
	enum conf_algorithm algorithm;
};

/* What is done with an extension of SIP on the legs of a trunk. */
enum conf_extension {
	CONF_EXTENSION_SUPPORT,
	CONF_EXTENSION_REQUIRE,
	CONF_EXTENSION_NEVER
};

enum conf_refresher {
	CONF_REFRESHER_ANY,
	CONF_REFRESHER_US,
	CONF_REFRESHER_THEM
};

/* Who follows a REFER of this trunk, or a 3xx. */
enum conf_follow {
	CONF_FOLLOW_HERE,  /* "here": sluice itself */
	CONF_FOLLOW_PASS,  /* "pass": it goes on to the other side */
	CONF_FOLLOW_REFUSE /* "refuse" */
};

enum conf_dtmf {
	CONF_DTMF_RTP,       /* "rtp": RFC 4733 */
	CONF_DTMF_INFO,      /* "info": INFO with application/dtmf-relay */
	CONF_DTMF_INFO_PLAIN /* "info-dtmf": INFO with application/dtmf */
};

/* Kinds of streams, as bits. */
enum conf_streams {
	CONF_STREAM_AUDIO = 1 << 0,
	CONF_STREAM_VIDEO = 1 << 1,
	CONF_STREAM_TEXT = 1 << 2,
	CONF_STREAM_FAX = 1 << 3 /* m=image, T.38 over UDPTL */
};

/* SRTP with keys in SDP (RFC 4568), on the legs of a trunk. */
enum conf_srtp {
	CONF_SRTP_OFF, /* RTP/AVP; what wants RTP/SAVP is refused */
	CONF_SRTP_OFFER, /* RTP/AVP with keys beside (RFC 8643), and RTP/SAVP where the other end has it */
	CONF_SRTP_REQUIRE, /* RTP/SAVP; the rest is refused */
	CONF_SRTP_UNSET    /* while the file is read: OFFER on trunks with TLS, else OFF */
};

/* What a new key does to the roll-over counter. */
enum conf_roc {
	CONF_ROC_RESTART,
	CONF_ROC_KEEP
};

enum conf_ssrc {
	CONF_SSRC_KEEP,
	CONF_SSRC_HIDE
};

/* One line of a trunk's `failures`: what a caller of this trunk is told in place of a status. */
struct conf_failure {
	uint16_t status; /* 300-699 of the callee's side, 0: any */
	uint16_t cause;  /* Q.850 in its Reason, 0: any */
	uint16_t becomes;
};

/* A SIP neighbour: identified by the source address of its messages on its network. */
struct conf_trunk {
	const char *name;
	const struct conf_network *on;
	enum conf_profile profile;
	struct addr
		host; /* where requests go: address and port; family 0: host_name is to be resolved */
	const char *host_name; /* without port: a name, or an address literal without brackets */
	uint16_t host_port;    /* 0: not written, so SRV counts */
	enum conf_transport transport;
	struct conf_login login; /* what we answer to its challenges (RFC 3261 22) */
	struct conf_login
		challenge;    /* what it must answer to ours; user NULL: its address is enough */
	const char *tls_name; /* that its certificate must bear; NULL: host_name */
	const char *certificate, *key,
		*ca;          /* PEM files for TLS to it, NULL: those of the network */
	uint32_t failover_ms; /* no response at all from a target: the next one is tried */
	uint32_t max_rate;    /* new calls a second from it; 0: no limit */
	bool oc;              /* overload control of RFC 7339 with it */
	const char *domain;   /* host part of From, To, PAI and request URI toward it; by default
			       host_name. IPv6 in brackets */
	struct prefix
		*sources; /* who is this trunk; the host's address is always the first. Those of
				   a name are found at run time and are not among these */
	unsigned n_sources;
	struct prefix *media; /* where its media may come from besides its SDP (rank 3) */
	unsigned n_media;
	bool nat; /* its media may come from other ports and addresses than its SDP says */
	uint32_t max_calls;      /* at once, both directions */
	uint32_t ring_timeout_s; /* no final answer to an INVITE: CANCEL (Timer C) */
	uint32_t max_duration_s; /* of a call with it, from the answer; 0: none */
	/* Inside a call, on its legs. */
	enum conf_extension rel;    /* "100rel": RFC 3262 */
	uint32_t session_expires_s; /* RFC 4028; 0: no session timer */
	uint32_t session_min_s;
	enum conf_refresher session_refresher;
	bool late_offer; /* INVITEs without SDP may be sent to it; false: an offer of ours is put in */
	bool early_media;              /* its SDP in 18x is passed on */
	enum conf_follow transfer;     /* its REFERs */
	enum conf_follow redirect;     /* its 3xx */
	struct conf_failure *failures; /* the first that fits */
	unsigned n_failures;
	/* Its media. */
	const char *const *
		codecs_first; /* encoding names, NULL ends it: these come first in what it is told */
	const char *const *codecs_drop; /* these it is not told of, nor heard about */
	uint32_t ptime_ms;              /* asked of it; 0: as the other side says */
	uint8_t streams;                /* enum conf_streams: others are refused with port 0 */
	bool multicast; /* c= lines with multicast groups pass as they are; false: refused */
	enum conf_dtmf dtmf;
	enum conf_srtp srtp;
	const char *const *
		srtp_suites; /* names of RFC 4568, 6188, 7714, NULL ends it: offered in this order */
	enum conf_roc srtp_roc;
	enum conf_ssrc ssrc; /* in what it is sent */
	uint32_t policing;   /* of what comes from it: times what was negotiated; 0: no limit */
	unsigned index;
};

/* One line of `calls:`. The first whose `from` fits and has room is taken. */
struct conf_route {
	const struct conf_trunk *from, *to;
	uint32_t at_most; /* calls at once by this line; UINT32_MAX: no limit */
	unsigned line;    /* in the file, for people */
	unsigned index;
};

enum conf_engine {
	CONF_ENGINE_AUTO, /* AF_XDP where it works, else AF_PACKET */
	CONF_ENGINE_XDP,
	CONF_ENGINE_PACKET
};

struct conf {
	const char *file;
	struct conf_network *networks;
	unsigned n_networks;
	struct conf_trunk *trunks;
	unsigned n_trunks;
	struct conf_route *routes;
	unsigned n_routes;
	struct {
		uint32_t t1_ms, t2_ms, t4_ms; /* RFC 3261 17.1.1.1 */
		uint32_t shards;              /* 0: one for each two cores, at least one */
		struct addr *dns;             /* servers, port 0: 53; none: the system's */
		unsigned n_dns;
		uint32_t connections; /* streams at once, on each shard */
		uint32_t connections_per_source;
		const char *const
			*emergency; /* numbers that are never refused for load; NULL ends it */
	} sip;
	struct {
		enum conf_media engine; /* conf_media_of() knows what the networks say, too */
		enum conf_engine device;
		uint32_t workers;        /* threads of sluice-dp that relay, 1..8 */
		uint32_t max_flows;      /* in sluice-dp at once */
		uint32_t silence_s;      /* both directions silent: the call ends; 0: never */
		uint32_t hold_silence_s; /* the same while a side holds */
		uint32_t policing;       /* of trunks that say nothing else */
	} media;
	struct {
		const char *user;      /* to run as after start; "" stays root */
		const char *control;   /* unix socket of sluicectl */
		const char *engine;    /* unix socket of sluice-dp */
		const char *log_level; /* error warn notice info debug */
	} process;
};

/* One thing wrong with the file, for a person: "FILE:LINE:COL: KEY: WHAT. FIX". */
struct conf_error {
	unsigned line, column; /* from 1; 0: the file as a whole */
	char *key;             /* "trunks.carrier.host" */
	char *what;
	char *fix;
};

struct conf_errors {
	struct conf_error *e;
	size_t n;
};

/* Reads and validates everything: all errors of the file come in one run. On 0, *out has one
 * reference and is the caller's. On -EINVAL, *errors has at least one entry; on -ENOENT and the
 * like too. The caller frees *errors in each case. Any thread. */
int conf_load(const char *file, struct conf **out, struct conf_errors *errors);
/* The same for who needs no passwords: their files are not opened, and the path of the file stands in
 * place of each password. */
int conf_load_without_secrets(const char *file, struct conf **out, struct conf_errors *errors);
/* The same from memory, without secrets too: opens no file. `name` stands for it in messages. */
int conf_parse(const char *name, struct str text, struct conf **out, struct conf_errors *errors);
struct conf *conf_get(struct conf *c);
void conf_put(struct conf *c); /* NULL is allowed */
void conf_errors_free(struct conf_errors *errors);
/* All errors, one line each, sorted by place, as the command line shows them. */
void conf_errors_print(const struct conf_errors *errors, const char *file, int fd);

/* The whole language as a commented YAML file, made from schema.c (conf/full.yaml). 0 or -errno. */
int conf_print_full(int fd);

/* What is allowed, but hardly meant: each in a sentence for a person. */
void conf_warn(const struct conf *c, void (*say)(void *arg, const char *text), void *arg);

/* The engine that all networks agree on; AUTO: whichever is there. */
enum conf_media conf_media_of(const struct conf *c);

/* The trunk that a message from `src` on `network` belongs to, longest prefix first; NULL: nobody.
 */
const struct conf_trunk *conf_trunk_of(const struct conf *c, unsigned network,
				       const struct addr *src);

#endif
