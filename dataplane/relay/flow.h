/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The flow language: what control asks of a relay engine and what the engine tells back.
 *
 * Wire form: generic netlink messages. Each is a struct nlmsghdr, a struct genlmsghdr (cmd: one of
 * enum flow_cmd, version: FLOW_VERSION), then attributes (netlink TLVs: u16 length, u16 type, padded
 * to 4 octets; integers in host order, addresses and nothing else in network order). sluice-dp
 * carries them over a SOCK_SEQPACKET unix socket: one datagram holds one or more messages, at
 * most FLOW_DATAGRAM_MAX octets, and is answered by one datagram with one reply per message that has
 * NLM_F_ACK or is a query, in order, each with the request's nlmsg_seq and FLOW_A_STATUS.
 * No pointers and no raw structs cross. Unknown attributes are ignored; a version that differs in
 * FLOW_VERSION is refused in HELLO with -EPROTO.
 *
 * Verbs:
 *   HELLO      version and epoch in; version, the engine's epoch and capabilities out. Must be first.
 *   SET        idempotent upsert of one flow keyed by id. A generation below the stored one is
 *              -ESTALE; the same generation again is 0 and changes nothing; a higher one replaces
 *              the rule and keeps the directions (what was learned, counters).
 *   DEL        removes a flow; the reply carries the final counters. -ENOENT where there is none.
 *   DUMP       without id: every flow, one message each (NLM_F_MULTI), in as many datagrams as it
 *              takes, ended by NLMSG_DONE carrying FLOW_A_DROPS (all named counters of the engine)
 *              and FLOW_A_PORTS (devices); with id: that flow alone or -ENOENT.
 *   SUBSCRIBE  from now on events are sent to this connection.
 *   DTMF       plays a key to one side of a flow (ID, SIDE, DIGIT, DURATION) as RFC 4733, within the stream that is
 *              relayed to it. Keys queue up. -ENOENT no such flow; -ENOTSUP that side has no DTMF_OUT; -EBUSY the
 *              queue (16) is full.
 *   SEND       sends PAYLOAD as one datagram from our port of COMPONENT on SIDE: to SOURCE and SRC_PORT, or without
 *              them to where that side's media goes. It is how control answers what was punted to it. -ENOENT;
 *              -EHOSTUNREACH: nowhere to send it; -EMSGSIZE: more than FLOW_PAYLOAD_MAX.
 *   TRACE      with id: what the ring of packet heads still has of a flow, oldest first, in messages (NLM_F_MULTI) of
 *              FLOW_A_FRAMEs, ended by NLMSG_DONE. -ENOENT: the flow is not there and the ring has nothing of it.
 *   EVENT      engine to control, nlmsg_seq 0: LATCHED, IDLE, CONFLICT, RESTARTED, ...
 *
 * SRTP (RFC 3711, 6188, 7714). A side with CRYPTO_IN sends SRTP and SRTCP and nothing else is taken from it; to a
 * side with CRYPTO_OUT SRTP and SRTCP is sent. What both sides have is opened and sealed all the same. Keys are
 * session keys: control has derived them. Another NUMBER is another key: its index starts at roll-over counter 0,
 * or with KEEP_ROC goes on where the old key's was; for FLOW_OLD_KEY_MS packets under the key before are taken,
 * too. The same NUMBER is the same key, whatever else changed. Numbers of CRYPTO_OUT rise: only the key right
 * before may come back (a re-INVITE that failed). With one that is older nothing is sealed, for an index would
 * be used twice.
 *
 * DUMP and events never carry keys: a CRYPTO nest in a report has SUITE and NUMBER alone.
 *
 * An engine that was restarted is told what it had said of a flow (events LATCHED and INDEX) by RESUME, in the SET
 * that makes the flow new to it; an engine that has the flow ignores RESUME. A source that is not eligible by the
 * rest of the SET is not resumed.
 *
 * Control owns ids and ports; the engine owns learning, idle timers and counters.
 * This file is freestanding: fixed-width integers only. */
#ifndef SLUICE_RELAY_FLOW_H
#define SLUICE_RELAY_FLOW_H

#include "relay/types.h"

#define FLOW_VERSION      1
#define FLOW_DATAGRAM_MAX 65536
#define FLOW_PTMAP_MAX    16
#define FLOW_ACL_MAX      8
#define FLOW_PAYLOAD_MAX  1500
#define FLOW_HEAD_MAX     96 /* octets of a FRAME */
#define FLOW_OLD_KEY_MS   2000

enum flow_cmd {
	FLOW_CMD_UNSPEC,
	FLOW_CMD_HELLO,
	FLOW_CMD_SET,
	FLOW_CMD_DEL,
	FLOW_CMD_DUMP,
	FLOW_CMD_SUBSCRIBE,
	FLOW_CMD_EVENT,
	FLOW_CMD_DTMF,
	FLOW_CMD_SEND,
	FLOW_CMD_TRACE,
	FLOW_CMD_MAX = FLOW_CMD_TRACE
};

/* Top-level attributes. */
enum flow_attr {
	FLOW_A_UNSPEC,
	FLOW_A_VERSION, /* u32 */
	FLOW_A_EPOCH, /* u64: changes with every start of the engine (or of control, in its HELLO) */
	FLOW_A_CAPS,  /* u32: enum flow_cap bits */
	FLOW_A_STATUS, /* s32: 0 or -errno */
	FLOW_A_REASON, /* string: why STATUS is not 0, for people */
	FLOW_A_ID,     /* u64: top 8 bits: control's shard */
	FLOW_A_GEN,    /* u32: generation, from 1 */
	FLOW_A_IDLE,   /* u32: ms without a packet from either side until IDLE; 0: never */
	FLOW_A_SIDE0,  /* nest of enum flow_side_attr */
	FLOW_A_SIDE1,
	FLOW_A_STATS0, /* nest of enum flow_stats_attr: RTP that came in on side 0 */
	FLOW_A_STATS1,
	FLOW_A_RTCP0, /* the same for RTCP */
	FLOW_A_RTCP1,
	FLOW_A_EVENT, /* u32: enum flow_event */
	FLOW_A_SIDE,  /* u32: 0 or 1, the side that an event is about */
	FLOW_A_DROPS, /* nest: each element FLOW_A_DROP */
	FLOW_A_DROP,  /* nest: FLOW_A_NAME, FLOW_A_COUNT, FLOW_A_WHY (what it means, for people) */
	FLOW_A_NAME,  /* string */
	FLOW_A_COUNT, /* u64 */
	FLOW_A_PORTS, /* nest: each element FLOW_A_PORT */
	FLOW_A_PORT,  /* nest: FLOW_A_NAME (network), FLOW_A_DRIVER, FLOW_A_WHY */
	FLOW_A_DRIVER, /* string: "AF_XDP on eth0 (native)", "AF_PACKET on eth0", "PCI 0000:01:00.0" */
	FLOW_A_WHY,    /* string: why this and nothing faster; may be empty */
	FLOW_A_AGE,    /* u64: ms since the flow was first set */
	FLOW_A_KIND,     /* u8: enum flow_kind; absent: RTP */
	FLOW_A_DIGIT,    /* u8: RFC 4733 event code, 0-15: 0-9 * # A-D */
	FLOW_A_DURATION, /* u32: ms */
	FLOW_A_COMPONENT, /* u8: 0 RTP, 1 RTCP: the port that a punted packet came to, or that SEND sends from */
	FLOW_A_PAYLOAD,  /* octets: of PUNT and SEND */
	FLOW_A_SOURCE,   /* 4 or 16 octets: of PUNT: who sent it; of SEND: where to */
	FLOW_A_SRC_PORT, /* u16 */
	FLOW_A_RESUME, /* nest of enum flow_resume_attr: of INDEX: what control is to keep for RESUME */
	FLOW_A_FRAME, /* nest of enum flow_frame_attr */
	FLOW_A_MAX = FLOW_A_FRAME
};

enum flow_cap {
	FLOW_CAP_IPV4 = 1 << 0,
	FLOW_CAP_IPV6 = 1 << 1,
	FLOW_CAP_SRTP = 1 << 2,
	FLOW_CAP_DTMF = 1 << 3,
	FLOW_CAP_PUNT = 1 << 4, /* STUN and DTLS, and SEND */
	FLOW_CAP_TRACE = 1 << 5,
	FLOW_CAP_RESUME = 1 << 6
};

enum flow_side_attr {
	FLOW_SIDE_A_UNSPEC,
	FLOW_SIDE_A_LOCAL,      /* 4 or 16 octets: our address */
	FLOW_SIDE_A_LOCAL_PORT, /* u16: RTP. RTCP comes in on RTCP_PORT, or here when muxed */
	FLOW_SIDE_A_LOCAL_RTCP, /* u16: 0: muxed or no RTCP */
	FLOW_SIDE_A_REMOTE, /* 4 or 16 octets: the address in the peer's SDP; absent: not known yet */
	FLOW_SIDE_A_REMOTE_PORT, /* u16 */
	FLOW_SIDE_A_REMOTE_RTCP, /* u16 */
	FLOW_SIDE_A_SIG,       /* 4 or 16 octets: source address of the SIP message with that SDP */
	FLOW_SIDE_A_ACL,       /* nest: each element FLOW_SIDE_A_PREFIX */
	FLOW_SIDE_A_PREFIX,    /* 5 or 17 octets: address, prefix length */
	FLOW_SIDE_A_MODE,      /* u8: enum flow_mode */
	FLOW_SIDE_A_FLAGS,     /* u32: enum flow_side_flag */
	FLOW_SIDE_A_LEARN_LEN, /* u8: prefix length that widens `SIG` in mode NAT; 0: exact */
	FLOW_SIDE_A_PTIME,     /* u8: ms, 20 where unknown */
	FLOW_SIDE_A_PTMAP,     /* octet pairs: payload type in (from this side), payload type out */
	FLOW_SIDE_A_CLOCK,     /* u32: RTP clock rate in Hz for jitter, 8000 where unknown */
	FLOW_SIDE_A_DSCP,      /* u8: for packets that leave by this side */
	FLOW_SIDE_A_DTMF_IN, /* u8: payload type of telephone-event in what comes from this side; absent: none */
	FLOW_SIDE_A_DTMF_OUT, /* u8: in what goes to this side */
	FLOW_SIDE_A_DTMF_CLOCK, /* u32: Hz of both, 8000 where absent. Where the sides differ, durations are scaled */
	FLOW_SIDE_A_RATE, /* u32: octets/s that this side may send as RTP, each packet counted with 28 more; 0: no limit */
	FLOW_SIDE_A_BURST, /* u32: octets, so counted, that may come at once */
	FLOW_SIDE_A_SSRC_MASK, /* u32: SSRCs of what leaves by this side are XORed with it, and so are those
				* that RTCP from this side speaks of, back again; 0: kept */
	FLOW_SIDE_A_CRYPTO_IN, /* nest of enum flow_crypto_attr: what comes from this side; absent: RTP */
	FLOW_SIDE_A_CRYPTO_OUT, /* the same: what goes to this side */
	FLOW_SIDE_A_RESUME,     /* nest of enum flow_resume_attr */
	FLOW_SIDE_A_MAX = FLOW_SIDE_A_RESUME
};

enum flow_crypto_attr {
	FLOW_CRYPTO_A_UNSPEC,
	FLOW_CRYPTO_A_SUITE,  /* u8: enum flow_suite */
	FLOW_CRYPTO_A_NUMBER, /* u32: which key, from 1 */
	FLOW_CRYPTO_A_FLAGS,  /* u32: enum flow_crypto_flag */
	FLOW_CRYPTO_A_MKI_LEN, /* u8: octets of MKI in what comes in; it is not looked at. 0 in CRYPTO_OUT */
	FLOW_CRYPTO_A_RTP_KEY,  /* 16 or 32 octets, as the suite has it: session keys of SRTP */
	FLOW_CRYPTO_A_RTP_AUTH, /* 20 octets; none with AEAD */
	FLOW_CRYPTO_A_RTP_SALT, /* 14 octets; 12 with AEAD */
	FLOW_CRYPTO_A_RTCP_KEY, /* of SRTCP */
	FLOW_CRYPTO_A_RTCP_AUTH,
	FLOW_CRYPTO_A_RTCP_SALT,
	FLOW_CRYPTO_A_MAX = FLOW_CRYPTO_A_RTCP_SALT
};

/* What an engine that starts anew cannot know of one side. Each part is there or not. */
enum flow_resume_attr {
	FLOW_RESUME_A_UNSPEC,
	FLOW_RESUME_A_SOURCE,   /* 4 or 16 octets: learned source */
	FLOW_RESUME_A_SRC_PORT, /* u16 */
	FLOW_RESUME_A_IN_SSRC,  /* u32: of what came from this side, where that is SRTP */
	FLOW_RESUME_A_IN_INDEX, /* u64: RFC 3711 3.3.1, the highest that was authentic */
	FLOW_RESUME_A_IN_RTCP,  /* u32: the highest SRTCP index */
	FLOW_RESUME_A_OUT_SSRC, /* of what went to this side, where that is SRTP */
	FLOW_RESUME_A_OUT_INDEX,
	FLOW_RESUME_A_OUT_RTCP,
	FLOW_RESUME_A_OUT_SHIFT, /* u16: what is added to sequence numbers that go to this side */
	FLOW_RESUME_A_MAX = FLOW_RESUME_A_OUT_SHIFT
};

/* The head of one packet, on the wire as it came in or went out. */
enum flow_frame_attr {
	FLOW_FRAME_A_UNSPEC,
	FLOW_FRAME_A_TIME, /* u64: microseconds since 1970 */
	FLOW_FRAME_A_SIDE, /* u8: 0 or 1 */
	FLOW_FRAME_A_OUT,  /* u8: 0: came in on that side, 1: left by it */
	FLOW_FRAME_A_LEN,  /* u32: octets of the IP packet */
	FLOW_FRAME_A_HEAD, /* its first octets, from the IP header on; of media no more than the RTP header */
	FLOW_FRAME_A_WHY, /* string: the name of the drop; absent: it was relayed */
	FLOW_FRAME_A_MAX = FLOW_FRAME_A_WHY
};

enum flow_stats_attr {
	FLOW_STATS_A_UNSPEC,
	FLOW_STATS_A_PACKETS, /* u64: forwarded */
	FLOW_STATS_A_OCTETS,  /* u64: UDP payload of those */
	FLOW_STATS_A_DROPPED, /* u64: arrived here and not forwarded */
	FLOW_STATS_A_LOST,    /* s64: RFC 3550 A.3: expected - received; negative with duplicates */
	FLOW_STATS_A_JITTER,  /* u32: RFC 3550 A.8, microseconds */
	FLOW_STATS_A_FIRST, /* u64: microseconds since 1970 of the first packet forwarded; 0: none */
	FLOW_STATS_A_LAST,  /* u64 */
	FLOW_STATS_A_SSRC,  /* u32 */
	FLOW_STATS_A_STATE,    /* u8: enum flow_state */
	FLOW_STATS_A_SOURCE,   /* 4 or 16 octets: learned source; absent: none */
	FLOW_STATS_A_SRC_PORT, /* u16 */
	FLOW_STATS_A_REFUSED, /* 4 or 16 octets: the last source that was not eligible; absent: none */
	FLOW_STATS_A_AUTH_FAILED, /* u64: SRTP whose tag was wrong */
	FLOW_STATS_A_REPLAYED,    /* u64: SRTP that was there before, or is too old */
	FLOW_STATS_A_POLICED,     /* u64: above RATE */
	FLOW_STATS_A_LAST_DROP,   /* string: the name of the last drop; absent: none */
	FLOW_STATS_A_SSRCS,       /* u32: changes of the SSRC */
	/* What RTCP tells, on the RTCP direction of the side that sent it: */
	FLOW_STATS_A_RTT, /* u32: microseconds from here to that side's end and back; 0: not known */
	FLOW_STATS_A_PEER_LOST,     /* s32: packets that it misses of those that were sent to it */
	FLOW_STATS_A_PEER_FRACTION, /* u8: of 256, lately */
	FLOW_STATS_A_PEER_JITTER,   /* u32: microseconds */
	FLOW_STATS_A_MAX = FLOW_STATS_A_PEER_JITTER
};

/* SRTP protection profiles: RFC 3711 (4568), 6188, 7714. */
enum flow_suite {
	FLOW_SUITE_NONE,
	FLOW_SUITE_AES_CM_128_HMAC_SHA1_80,
	FLOW_SUITE_AES_CM_128_HMAC_SHA1_32, /* SRTCP has 80 bits all the same (RFC 4568 6.2.2) */
	FLOW_SUITE_AES_CM_256_HMAC_SHA1_80,
	FLOW_SUITE_AES_CM_256_HMAC_SHA1_32,
	FLOW_SUITE_AEAD_AES_128_GCM,
	FLOW_SUITE_AEAD_AES_256_GCM,
	FLOW_SUITE_COUNT
};

enum flow_crypto_flag {
	FLOW_CRYPTO_KEEP_ROC = 1 << 0
};

/* How a side learns where its media comes from. See source.h for the state machine. */
enum flow_mode {
	FLOW_MODE_STATIC, /* only the SDP's address and port, and sources in the ACL */
	FLOW_MODE_NAT     /* also another port of that address, and the signalling's address */
};

enum flow_side_flag {
	FLOW_SIDE_HOLD =
		1 << 0, /* no media is expected from this side: silence is no reason to rebind */
	FLOW_SIDE_RTCP_MUX = 1 << 1, /* RTCP shares the RTP port, RFC 5761 */
	FLOW_SIDE_DTMF_TELL =
		1 << 2, /* keys that come from this side are told by FLOW_EVENT_DTMF */
	FLOW_SIDE_DTMF_TAKE = 1 << 3, /* and are not relayed */
	FLOW_SIDE_STUN = 1 << 4,      /* STUN that comes from this side is for control (PUNT) */
	FLOW_SIDE_DTLS = 1 << 5       /* and DTLS, from a source that is eligible */
};

#define FLOW_PT_NONE 0xff

enum flow_kind {
	FLOW_KIND_RTP,
	FLOW_KIND_RAW /* datagrams that are not RTP and are passed as they are (UDPTL); no RTCP, no payload types */
};

enum flow_state {
	FLOW_STATE_IDLE,
	FLOW_STATE_PROBE,
	FLOW_STATE_LOCKED_WEAK,
	FLOW_STATE_LOCKED,
	FLOW_STATE_REBIND_OK,
	FLOW_STATE_RELEARN,
	FLOW_STATE_CONFLICT,
	FLOW_STATE_FROZEN,
	FLOW_STATE_COUNT
};

enum flow_event {
	FLOW_EVENT_UNSPEC,
	FLOW_EVENT_LATCHED,   /* side, SOURCE: a source was learned */
	FLOW_EVENT_IDLE,      /* neither side sent for FLOW_A_IDLE ms; said again after as long */
	FLOW_EVENT_CONFLICT,  /* side: two sources claim one stream; nothing is relayed from it */
	FLOW_EVENT_RESTARTED, /* the engine lost its flows; set them again */
	FLOW_EVENT_DTMF,      /* side, DIGIT, DURATION: a key was pressed; once, when it is over */
	FLOW_EVENT_PUNT, /* side, COMPONENT, SOURCE, PAYLOAD: a packet for control; at most 50 a second and flow */
	FLOW_EVENT_INDEX, /* side, RESUME: parts of it that changed: SRTP indices, with the first packet, a change
			   * of SSRC or key or shift, and at least every FLOW_INDEX_EVERY packets */
	FLOW_EVENT_FLOOD /* side: it sends above RATE; at most once in 10 s */
};

#define FLOW_INDEX_EVERY 4096

struct flow_addr { /* port in host order; family 0: none */
	u8 ip[16];
	u16 port;
	u8 family; /* 0, 4, 6 */
	u8 len;    /* as a prefix: its length */
};

/* Key material: wiped by whoever is done with it. suite FLOW_SUITE_NONE: RTP. */
struct flow_crypto {
	u32 number;
	u32 flags; /* enum flow_crypto_flag */
	u8 suite;  /* enum flow_suite */
	u8 mki_len;
	u8 rtp_key[32], rtp_auth[20], rtp_salt[14];
	u8 rtcp_key[32], rtcp_auth[20], rtcp_salt[14];
};

enum flow_resume_part {
	FLOW_RESUME_SOURCE = 1 << 0,
	FLOW_RESUME_IN = 1 << 1,  /* in_ssrc, in_index */
	FLOW_RESUME_OUT = 1 << 2, /* out_ssrc, out_index, out_shift */
	FLOW_RESUME_IN_RTCP = 1 << 3,
	FLOW_RESUME_OUT_RTCP = 1 << 4
};

struct flow_resume {
	struct flow_addr source;
	u64 in_index, out_index;
	u32 in_ssrc, out_ssrc, in_rtcp, out_rtcp;
	u16 out_shift;
	u8 has; /* enum flow_resume_part */
};

struct flow_side {
	struct flow_addr local;  /* RTP */
	struct flow_addr remote; /* RTP address of the peer's SDP; family 0: not known yet */
	u16 local_rtcp;          /* port; 0: muxed or none */
	u16 remote_rtcp;
	struct flow_addr sig; /* port 0 */
	struct flow_addr acl[FLOW_ACL_MAX];
	u32 clock;
	u32 flags; /* enum flow_side_flag */
	u8 n_acl;
	u8 mode; /* enum flow_mode */
	u8 learn_len;
	u8 ptime;
	u8 dscp;
	u8 dtmf_in, dtmf_out; /* payload types; FLOW_PT_NONE: none */
	u32 dtmf_clock;       /* 0: 8000 */
	u32 rate, burst;      /* octets/s, octets */
	u32 ssrc_mask;
	u8 n_ptmap;
	u8 ptmap[FLOW_PTMAP_MAX]
		[2]; /* in, out; what is not listed is not negotiated and is dropped */
	struct flow_crypto in, out;
	struct flow_resume resume;
};

struct flow {
	u64 id;
	u32 gen;
	u32 idle_ms;
	u8 kind; /* enum flow_kind */
	struct flow_side side[2];
};

struct flow_stats {
	u64 packets, octets, dropped;
	s64 lost;
	u64 first_us, last_us;
	u32 jitter_us;
	u32 ssrc;
	u8 state; /* enum flow_state */
	struct flow_addr source, refused;
	u64 auth_failed, replayed, policed;
	u32 ssrcs;
	u32 rtt_us, peer_jitter_us;
	s32 peer_lost;
	u8 peer_fraction;
	char last_drop[24]; /* its name; "": none */
};

#endif
