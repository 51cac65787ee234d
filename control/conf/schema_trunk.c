/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a trunk. */
#include "conf_priv.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define HOUR     3600u
#define DAY      86400u

#define FIELD(f) .offset = offsetof(struct conf_login, f)

static const char *const algorithm_words[] = {
	[CONF_ALGORITHM_ANY] = "any",
	[CONF_ALGORITHM_SHA_256] = "sha-256",
	[CONF_ALGORITHM_MD5] = "md5",
	NULL,
};

static const struct option login_options[] = {
	{ .name = "user",
	  .type = OPTION_USERNAME,
	  FIELD(user),
	  .required = true,
	  .example = "acme",
	  .help = "The name." },
	{ .name = "password",
	  .type = OPTION_PASSWORD,
	  FIELD(password),
	  .required = true,
	  .example = "file:/etc/sluice/carrier.password",
	  .help = "The first line of a file that only sluice can read (chmod 600)." },
	{ .name = "realm",
	  .type = OPTION_TEXT,
	  FIELD(realm),
	  .example = "carrier.example",
	  .help = "Only this realm. Without it, any; in `challenge`, the address of sluice." },
	{ .name = "algorithm",
	  .type = OPTION_CHOICE,
	  FIELD(algorithm),
	  .words = algorithm_words,
	  .def = "any",
	  .help = "Only this one. any: SHA-256, and MD5 for who knows no better." },
};

static const struct option_list login_map = { login_options, COUNT(login_options) };

#undef FIELD
#define FIELD(f) .offset = offsetof(struct conf_failure, f)

static const struct option failure_options[] = {
	{ .name = "status",
	  .type = OPTION_CODE,
	  FIELD(status),
	  .min = 300,
	  .max = 699,
	  .example = "503",
	  .help = "Only this status of the called side, 300 to 699." },
	{ .name = "cause",
	  .type = OPTION_CODE,
	  FIELD(cause),
	  .min = 1,
	  .max = 127,
	  .example = "34",
	  .help = "Only with this cause of Q.850 in its Reason, 1 to 127." },
	{ .name = "becomes",
	  .type = OPTION_CODE,
	  FIELD(becomes),
	  .min = 400,
	  .max = 699,
	  .required = true,
	  .example = "480",
	  .help = "What the caller is told, 400 to 699." },
};

static const struct option_list failure_map = { failure_options, COUNT(failure_options),
						sizeof(struct conf_failure) };

#undef FIELD
#define FIELD(f)  .offset = offsetof(struct conf_trunk, f)
#define SECOND(f) .second = offsetof(struct conf_trunk, f)

static const char *const profile_words[] = {
	[CONF_PROFILE_STATIC] = "static",
	[CONF_PROFILE_PBX] = "pbx",
	NULL,
};

static const char *const trunk_transport_words[] = {
	[CONF_TRANSPORT_AUTO] = "auto",
	[CONF_TRANSPORT_UDP] = "udp",
	[CONF_TRANSPORT_TCP] = "tcp",
	[CONF_TRANSPORT_TLS] = "tls",
	NULL,
};

static const char *const extension_words[] = {
	[CONF_EXTENSION_SUPPORT] = "support",
	[CONF_EXTENSION_REQUIRE] = "require",
	[CONF_EXTENSION_NEVER] = "never",
	NULL,
};

static const char *const refresher_words[] = {
	[CONF_REFRESHER_ANY] = "any",
	[CONF_REFRESHER_US] = "us",
	[CONF_REFRESHER_THEM] = "them",
	NULL,
};

static const char *const transfer_words[] = {
	[CONF_FOLLOW_HERE] = "here",
	[CONF_FOLLOW_PASS] = "pass",
	[CONF_FOLLOW_REFUSE] = "refuse",
	NULL,
};

static const char *const redirect_words[] = {
	[CONF_FOLLOW_HERE] = "follow",
	[CONF_FOLLOW_PASS] = "pass",
	[CONF_FOLLOW_REFUSE] = "refuse",
	NULL,
};

static const char *const dtmf_words[] = {
	[CONF_DTMF_RTP] = "rtp",
	[CONF_DTMF_INFO] = "info",
	[CONF_DTMF_INFO_PLAIN] = "info-dtmf",
	NULL,
};

/* Bit i of enum conf_streams. */
static const char *const stream_words[] = { "audio", "video", "text", "fax", NULL };

static const char *const srtp_words[] = {
	[CONF_SRTP_OFF] = "off",
	[CONF_SRTP_OFFER] = "offer",
	[CONF_SRTP_REQUIRE] = "require",
	NULL,
};

/* In the order in which they are offered where the file says nothing. An answerer takes the first that it knows, so the
 * best stand first: AES-GCM is both the strongest and the cheapest for us. Carriers whose only suite is
 * AES_CM_128_HMAC_SHA1_80 pass over the others; who reads the first line alone needs that one first, by this option.
 * Last come short tags, which nobody should have to take. */
static const char *const suite_words[] = {
	"AEAD_AES_256_GCM",
	"AEAD_AES_128_GCM",
	"AES_256_CM_HMAC_SHA1_80",
	"AES_CM_128_HMAC_SHA1_80",
	"AES_CM_128_HMAC_SHA1_32",
	"AES_256_CM_HMAC_SHA1_32",
	NULL,
};

static const char *const roc_words[] = {
	[CONF_ROC_RESTART] = "restart",
	[CONF_ROC_KEEP] = "keep",
	NULL,
};

static const char *const ssrc_words[] = {
	[CONF_SSRC_KEEP] = "keep",
	[CONF_SSRC_HIDE] = "hide",
	NULL,
};

static const struct option trunk_rows[] = {
	{ .name = "on",
	  .type = OPTION_NETWORK,
	  FIELD(on),
	  .required = true,
	  .example = "outside",
	  .example2 = "inside",
	  .help = "The network that the trunk is on." },
	{ .name = "profile",
	  .type = OPTION_CHOICE,
	  FIELD(profile),
	  .words = profile_words,
	  .required = true,
	  .example = "static",
	  .example2 = "pbx",
	  .help = "What it is: a carrier that knows us by our address (static), or the company's "
		  "PBX\n"
		  "(pbx)." },
	{ .name = "host",
	  .type = OPTION_HOST,
	  FIELD(host),
	  .required = true,
	  .example = "203.0.113.20",
	  .example2 = "10.0.0.20",
	  .help = "Where its SIP goes: an address or a name, and a port where it is another than "
		  "5060\n"
		  "(TLS: 5061). A name without a port is looked up as RFC 3263 says (NAPTR, SRV). "
		  "An\n"
		  "IPv6 address with a port stands in brackets: \"[2001:db8::20]:5070\"." },
	{ .name = "transport",
	  .type = OPTION_CHOICE,
	  FIELD(transport),
	  .words = trunk_transport_words,
	  .def = "auto",
	  .help = "How its SIP goes. auto: as DNS says of a name, UDP to an address, and TCP where "
		  "a\n"
		  "request is too large for UDP." },
	{ .name = "domain",
	  .type = OPTION_DOMAIN,
	  FIELD(domain),
	  .example = "sip.carrier.example",
	  .help = "The host part of From, To and of the request URI toward it. Without it, that "
		  "of\n"
		  "`host`." },
	{ .name = "login",
	  .type = OPTION_MAP,
	  FIELD(login),
	  .map = &login_map,
	  .example = "{ user: acme, password: file:/etc/sluice/carrier.password }",
	  .help = "What sluice answers to its challenges (401, 407)." },
	{ .name = "challenge",
	  .type = OPTION_MAP,
	  FIELD(challenge),
	  .map = &login_map,
	  .example = "{ user: carrier, password: file:/etc/sluice/us.password }",
	  .help = "What it must answer when sluice challenges it. Without it, its address is "
		  "enough." },
	{ .name = "tls-name",
	  .type = OPTION_TLS_NAME,
	  FIELD(tls_name),
	  .example = "sip.carrier.example",
	  .help = "What its certificate must name. Without it, the name or address in `host`." },
	{ .name = "certificate",
	  .type = OPTION_FILE,
	  FIELD(certificate),
	  .example = "/etc/sluice/carrier.pem",
	  .help = "The certificate that sluice shows it: a PEM file. Without it, that of the "
		  "network." },
	{ .name = "key",
	  .type = OPTION_FILE,
	  FIELD(key),
	  .example = "/etc/sluice/carrier.key",
	  .help = "Its private key: a PEM file. Without this option it is in that of "
		  "`certificate`." },
	{ .name = "ca",
	  .type = OPTION_FILE,
	  FIELD(ca),
	  .example = "/etc/sluice/carrier-ca.pem",
	  .help = "Who must have signed its certificate: a PEM file. Without it, as on the "
		  "network." },
	{ .name = "sources",
	  .type = OPTION_PREFIXES,
	  FIELD(sources),
	  SECOND(n_sources),
	  .max = 256,
	  .example = "[203.0.113.64/28, 198.51.100.9]",
	  .help = "Other addresses that its SIP comes from. Those of `host` always count." },
	{ .name = "media-from",
	  .type = OPTION_PREFIXES,
	  FIELD(media),
	  SECOND(n_media),
	  .max = 256,
	  .example = "[198.51.100.0/24]",
	  .help = "Addresses that its media may come from besides those in its SDP." },
	{ .name = "nat",
	  .type = OPTION_BOOL,
	  FIELD(nat),
	  .def = "false",
	  .help = "It is behind a NAT: its media may come from other addresses and ports than its "
		  "SDP\n"
		  "says." },
	{ .name = "max-calls",
	  .type = OPTION_NUMBER,
	  FIELD(max_calls),
	  .min = 1,
	  .max = 1000000,
	  .def = "500",
	  .help = "Calls at once, both directions." },
	{ .name = "max-rate",
	  .type = OPTION_NUMBER,
	  FIELD(max_rate),
	  .min = 1,
	  .max = 1000000,
	  .zero = true,
	  .def = "200",
	  .help = "New calls a second from it; more are refused with 503. 0: no limit." },
	{ .name = "overload-control",
	  .type = OPTION_BOOL,
	  FIELD(oc),
	  .def = "true",
	  .help = "Tell it how much it may send, and do as it tells (RFC 7339), if it does so "
		  "too." },
	{ .name = "failover",
	  .type = OPTION_MS,
	  FIELD(failover_ms),
	  .min = 500,
	  .max = 32000,
	  .def = "5s",
	  .help = "When there is no answer at all for so long, the next address of `host` is "
		  "tried." },
	{ .name = "ring-timeout",
	  .type = OPTION_SECONDS,
	  FIELD(ring_timeout_s),
	  .min = 5,
	  .max = HOUR,
	  .def = "180s",
	  .help = "A call that nobody answers for so long is cancelled." },
	{ .name = "max-duration",
	  .type = OPTION_SECONDS,
	  FIELD(max_duration_s),
	  .min = 10,
	  .max = 7 * DAY,
	  .zero = true,
	  .def = "0s",
	  .help = "A call with it ends so long after its answer. 0s: no limit." },
	{ .name = "100rel",
	  .type = OPTION_CHOICE,
	  FIELD(rel),
	  .words = extension_words,
	  .def = "support",
	  .help = "Provisional responses that are confirmed (RFC 3262, PRACK), on its side of a "
		  "call:\n"
		  "offered (support), demanded, so that there is no call without (require), or "
		  "never." },
	{ .name = "session-expires",
	  .type = OPTION_SECONDS,
	  FIELD(session_expires_s),
	  .min = 90,
	  .max = DAY,
	  .zero = true,
	  .def = "30m",
	  .help = "Each call is confirmed within this time, or it ends (RFC 4028). 0s: no "
		  "session\n"
		  "timer." },
	{ .name = "session-min",
	  .type = OPTION_SECONDS,
	  FIELD(session_min_s),
	  .min = 90,
	  .max = DAY,
	  .def = "90s",
	  .help = "The shortest such time that is taken from it (Min-SE); less is refused with "
		  "422." },
	{ .name = "session-refresher",
	  .type = OPTION_CHOICE,
	  FIELD(session_refresher),
	  .words = refresher_words,
	  .def = "any",
	  .help = "Who confirms the call. any: as the other side wishes." },
	{ .name = "late-offer",
	  .type = OPTION_BOOL,
	  FIELD(late_offer),
	  .def = "true",
	  .help = "INVITEs without SDP are sent to it. false: sluice puts an offer of its own "
		  "in." },
	{ .name = "early-media",
	  .type = OPTION_BOOL,
	  FIELD(early_media),
	  .def = "true",
	  .help = "What it plays before the answer is heard: its SDP in 18x is passed on." },
	{ .name = "transfer",
	  .type = OPTION_CHOICE,
	  FIELD(transfer),
	  .words = transfer_words,
	  .def = "here",
	  .help = "Its REFERs. here: sluice calls the new party itself. pass: the other side of "
		  "the\n"
		  "call does. refuse: 603." },
	{ .name = "redirect",
	  .type = OPTION_CHOICE,
	  FIELD(redirect),
	  .words = redirect_words,
	  .def = "follow",
	  .help = "Its 3xx responses. follow: sluice calls there. pass: the caller is told. "
		  "refuse:\n"
		  "the call has failed." },
	{ .name = "failures",
	  .type = OPTION_MAPS,
	  FIELD(failures),
	  SECOND(n_failures),
	  .map = &failure_map,
	  .max = 64,
	  .example = "[{ status: 503, becomes: 480 }, { cause: 34, becomes: 503 }]",
	  .help = "What a caller on this trunk is told in place of a status of the called side. "
		  "The\n"
		  "first line that fits counts." },
	{ .name = "codecs-first",
	  .type = OPTION_CODECS,
	  FIELD(codecs_first),
	  .max = 32,
	  .def = "[]",
	  .example = "[PCMA, opus]",
	  .help = "These come first in what it is offered, in this order: [PCMA, opus] for "
		  "example." },
	{ .name = "codecs-drop",
	  .type = OPTION_CODECS,
	  FIELD(codecs_drop),
	  .max = 32,
	  .def = "[]",
	  .example = "[G729]",
	  .help = "These are taken out of what it is told, and of what it says: [G729] for "
		  "example." },
	{ .name = "ptime",
	  .type = OPTION_MS,
	  FIELD(ptime_ms),
	  .min = 10,
	  .max = 200,
	  .step = 10,
	  .zero = true,
	  .def = "0ms",
	  .example = "20ms",
	  .help = "How much sound it is asked to put into a packet. 0ms: as the other side "
		  "says." },
	{ .name = "streams",
	  .type = OPTION_BITS,
	  FIELD(streams),
	  .words = stream_words,
	  .def = "[audio, video, text, fax]",
	  .help = "What may be in a call with it; the rest is refused with port 0. fax: T.38." },
	{ .name = "multicast",
	  .type = OPTION_BOOL,
	  FIELD(multicast),
	  .def = "false",
	  .help = "Multicast addresses in SDP are passed as they are. false: those streams are\n"
		  "refused." },
	{ .name = "dtmf",
	  .type = OPTION_CHOICE,
	  FIELD(dtmf),
	  .words = dtmf_words,
	  .def = "rtp",
	  .help = "How digits go to it and come from it. rtp: as telephone-event (RFC 4733). "
		  "info:\n"
		  "INFO with application/dtmf-relay. info-dtmf: INFO with application/dtmf." },
	{ .name = "srtp",
	  .type = OPTION_CHOICE,
	  FIELD(srtp),
	  .words = srtp_words,
	  .example = "require",
	  .help = "Encrypted media, with keys in SDP (RFC 4568). off: none. offer: where the other "
		  "end\n"
		  "can (RFC 8643). require: nothing is carried without, no fax either. Without it, "
		  "offer\n"
		  "where `transport` is tls, else off." },
	{ .name = "srtp-suites",
	  .type = OPTION_WORDS,
	  FIELD(srtp_suites),
	  .words = suite_words,
	  .max = 6,
	  .def = "[AEAD_AES_256_GCM, AEAD_AES_128_GCM, AES_256_CM_HMAC_SHA1_80, "
		 "AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_32]",
	  .example = "[AES_CM_128_HMAC_SHA1_80]",
	  .help = "What it may be encrypted with, the best first. A device that reads only the "
		  "first\n"
		  "line of an offer wants AES_CM_128_HMAC_SHA1_80 there." },
	{ .name = "srtp-roc",
	  .type = OPTION_CHOICE,
	  FIELD(srtp_roc),
	  .words = roc_words,
	  .def = "restart",
	  .help = "The roll-over counter when the key changes in a call. restart: it is 0 again "
		  "(RFC\n"
		  "3711). keep: it goes on, as some devices have it." },
	{ .name = "ssrc",
	  .type = OPTION_CHOICE,
	  FIELD(ssrc),
	  .words = ssrc_words,
	  .def = "keep",
	  .help = "The SSRCs in media that it is sent: those of the other side (keep), or others "
		  "(hide)." },
	{ .name = "policing",
	  .type = OPTION_NUMBER,
	  FIELD(policing),
	  .min = 1,
	  .max = 1000,
	  .zero = true,
	  .example = "3",
	  .help = "As in `media`, for what comes from it." },
};

const struct option_list trunk_options = { trunk_rows, COUNT(trunk_rows), 0 };
