/* SPDX-License-Identifier: Apache-2.0 */
/* The language: every option is one row. The rows drive parsing, defaults, range checks and
 * conf/full.yaml; to add an option, add a field to conf.h and a row here. */
#include "conf_priv.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define MINUTE   60u
#define HOUR     3600u
#define DAY      86400u

static const struct option sluice_options[] = {
	{ .name = "sluice",
	  .type = OPTION_VERSION,
	  .required = true,
	  .example = "1",
	  .help = "The version of this language. This program knows version 1." },
};

#define FIELD(f)  .offset = offsetof(struct conf_network, f)
#define SECOND(f) .second = offsetof(struct conf_network, f)

/* TLS has a port of its own. */
static const char *const transport_words[] = { "udp", "tcp", NULL };

static const struct option network_options[] = {
	{ .name = "port",
	  .type = OPTION_DEVICE,
	  FIELD(port),
	  .required = true,
	  .example = "eth0",
	  .example2 = "eth1",
	  .restart = true,
	  .help = "Where the network is attached: an interface (eth0), a PCI address "
		  "(0000:01:00.0)\n"
		  "or a DPDK device (net_...). The kind decides how media is read from it." },
	{ .name = "address",
	  .type = OPTION_CIDR,
	  FIELD(address),
	  SECOND(prefix_len),
	  .required = true,
	  .example = "203.0.113.10/24",
	  .example2 = "10.0.0.1/24",
	  .restart = true,
	  .help = "The address of sluice there, with the length of its prefix." },
	{ .name = "address6",
	  .type = OPTION_CIDR6,
	  FIELD(address6),
	  SECOND(prefix_len6),
	  .example = "2001:db8::10/64",
	  .restart = true,
	  .help = "Its IPv6 address there, for SIP and media." },
	{ .name = "gateway",
	  .type = OPTION_ADDRESS,
	  FIELD(gateway),
	  .example = "203.0.113.1",
	  .restart = true,
	  .help = "The router to everything beyond the prefix." },
	{ .name = "public",
	  .type = OPTION_ADDRESS,
	  FIELD(public),
	  .example = "198.51.100.7",
	  .help = "Where sluice stands behind a 1:1 NAT: the address that others see. It is "
		  "written\n"
		  "into SIP and SDP in place of `address`." },
	{ .name = "sip-port",
	  .type = OPTION_PORT,
	  FIELD(sip_port),
	  .min = 1,
	  .max = 65535,
	  .def = "5060",
	  .restart = true,
	  .help = "The port for SIP over UDP and TCP." },
	{ .name = "sip-transports",
	  .type = OPTION_SWITCHES,
	  FIELD(udp),
	  SECOND(tcp),
	  .words = transport_words,
	  .def = "[udp, tcp]",
	  .restart = true,
	  .help = "What it listens for at that port." },
	{ .name = "tls-port",
	  .type = OPTION_PORT,
	  FIELD(tls_port),
	  .min = 1,
	  .max = 65535,
	  .def = "5061",
	  .restart = true,
	  .help = "The port for SIP over TLS. It is listened at where there is a certificate." },
	{ .name = "certificate",
	  .type = OPTION_FILE,
	  FIELD(certificate),
	  .example = "/etc/sluice/outside.pem",
	  .restart = true,
	  .help = "The certificate of sluice there and its chain: a PEM file. It is read again "
		  "when\n"
		  "it changes." },
	{ .name = "key",
	  .type = OPTION_FILE,
	  FIELD(key),
	  .example = "/etc/sluice/outside.key",
	  .restart = true,
	  .help = "Its private key: a PEM file. Without this option it is in that of "
		  "`certificate`." },
	{ .name = "ca",
	  .type = OPTION_FILE,
	  FIELD(ca),
	  .example = "/etc/sluice/trusted.pem",
	  .restart = true,
	  .help = "Who may have signed the certificates of others: a PEM file. Without it, those "
		  "that\n"
		  "the system trusts." },
	{ .name = "media-ports",
	  .type = OPTION_PORTS,
	  FIELD(media_lo),
	  SECOND(media_hi),
	  .min = 1024,
	  .max = 65535,
	  .def = "10000-32767",
	  .restart = true,
	  .help = "The UDP ports for RTP and RTCP, in pairs: from an even one to an odd one, 100\n"
		  "or more. A call takes one pair on each side, and a pair rests for 30 s after\n"
		  "its call. Above 32767 the kernel hands ports to other programs, for DNS too\n"
		  "(net.ipv4.ip_local_port_range): move that before you use them here." },
	{ .name = "sip-dscp",
	  .type = OPTION_DSCP,
	  FIELD(sip_dscp),
	  .max = 63,
	  .def = "cs3",
	  .restart = true,
	  .help = "The mark on outgoing SIP packets: cs0 to cs7, af11 to af43, ef, or a number." },
	{ .name = "media-dscp",
	  .type = OPTION_DSCP,
	  FIELD(media_dscp),
	  .max = 63,
	  .def = "ef",
	  .help = "The same for media." },
};

#undef FIELD
#undef SECOND
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

static const struct option trunk_options[] = {
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
		  "call does. refuse: 403." },
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
};

#undef FIELD
#undef SECOND
#define FIELD(f) .offset = offsetof(struct conf_route, f)

static const struct option call_options[] = {
	{ .name = "from",
	  .type = OPTION_TRUNK,
	  FIELD(from),
	  .required = true,
	  .example = "pbx",
	  .example2 = "carrier",
	  .help = "The trunk that the call comes from." },
	{ .name = "to",
	  .type = OPTION_TRUNK,
	  FIELD(to),
	  .required = true,
	  .example = "carrier",
	  .example2 = "pbx",
	  .help = "The trunk that it goes to." },
	{ .name = "at-most",
	  .type = OPTION_NUMBER,
	  FIELD(at_most),
	  .min = 1,
	  .max = 1000000,
	  .example = "60",
	  .help = "Calls at once by this line; the next line for the trunk takes what is more. "
		  "Without\n"
		  "it, the limit is max-calls of the two trunks." },
};

#undef FIELD
#define FIELD(f)  .offset = offsetof(struct conf, f)
#define SECOND(f) .second = offsetof(struct conf, f)

static const struct option sip_options[] = {
	{ .name = "t1",
	  .type = OPTION_MS,
	  FIELD(sip.t1_ms),
	  .min = 10,
	  .max = 10000,
	  .def = "500ms",
	  .help = "T1 of RFC 3261: the estimate of the round trip, and the first interval of\n"
		  "retransmissions." },
	{ .name = "t2",
	  .type = OPTION_MS,
	  FIELD(sip.t2_ms),
	  .min = 10,
	  .max = 60000,
	  .def = "4s",
	  .help = "T2: the longest interval of retransmissions." },
	{ .name = "t4",
	  .type = OPTION_MS,
	  FIELD(sip.t4_ms),
	  .min = 10,
	  .max = 60000,
	  .def = "5s",
	  .help = "T4: how long a message may stay in the network." },
	{ .name = "shards",
	  .type = OPTION_NUMBER,
	  FIELD(sip.shards),
	  .min = 1,
	  .max = 64,
	  .zero = true,
	  .def = "0",
	  .restart = true,
	  .help = "Threads for SIP. 0: one for each two cores." },
	{ .name = "dns",
	  .type = OPTION_SERVERS,
	  FIELD(sip.dns),
	  SECOND(sip.n_dns),
	  .max = 8,
	  .example = "[192.0.2.53, 198.51.100.53]",
	  .restart = true,
	  .help = "The name servers, with a port where it is not 53. Without it, those of the "
		  "system." },
	{ .name = "connections",
	  .type = OPTION_NUMBER,
	  FIELD(sip.connections),
	  .min = 16,
	  .max = 1000000,
	  .def = "4096",
	  .restart = true,
	  .help = "TCP and TLS connections at once, for each thread." },
	{ .name = "connections-per-source",
	  .type = OPTION_NUMBER,
	  FIELD(sip.connections_per_source),
	  .min = 1,
	  .max = 1000000,
	  .def = "32",
	  .restart = true,
	  .help = "Those from one address." },
	{ .name = "emergency",
	  .type = OPTION_DIGITS,
	  FIELD(sip.emergency),
	  .max = 32,
	  .def = "[112, 911]",
	  .help = "Numbers that are called whatever the load is." },
};

static const char *const device_words[] = {
	[CONF_ENGINE_AUTO] = "auto",
	[CONF_ENGINE_XDP] = "af_xdp",
	[CONF_ENGINE_PACKET] = "af_packet",
	NULL,
};

static const struct option media_options[] = {
	{ .name = "device",
	  .type = OPTION_CHOICE,
	  FIELD(media.device),
	  .words = device_words,
	  .def = "auto",
	  .restart = true,
	  .help = "How media is read from an interface: auto takes af_xdp where it works, else\n"
		  "af_packet. PCI addresses and DPDK devices are not concerned." },
	{ .name = "silence",
	  .type = OPTION_SECONDS,
	  FIELD(media.silence_s),
	  .min = 5,
	  .max = DAY,
	  .zero = true,
	  .def = "60s",
	  .help = "A call ends when no media came from either side for so long. 0s: never." },
	{ .name = "hold-silence",
	  .type = OPTION_SECONDS,
	  FIELD(media.hold_silence_s),
	  .min = 5,
	  .max = DAY,
	  .zero = true,
	  .def = "1h",
	  .help = "The same while a side holds the call." },
};

static const char *const log_words[] = { "error", "warn", "notice", "info", "debug", NULL };

static const struct option process_options[] = {
	{ .name = "user",
	  .type = OPTION_USER,
	  FIELD(process.user),
	  .def = "sluice",
	  .restart = true,
	  .help = "The user that sluiced becomes after start. \"\": it stays what it is." },
	{ .name = "control",
	  .type = OPTION_PATH,
	  FIELD(process.control),
	  .def = "/run/sluice/control.sock",
	  .restart = true,
	  .help = "The unix socket for sluicectl." },
	{ .name = "engine",
	  .type = OPTION_PATH,
	  FIELD(process.engine),
	  .def = "/run/sluice/engine.sock",
	  .restart = true,
	  .help = "The unix socket of sluice-dp." },
	{ .name = "log",
	  .type = OPTION_WORD,
	  FIELD(process.log_level),
	  .words = log_words,
	  .def = "info",
	  .help = "The least important lines that are still logged." },
};

#define OPTIONS(o) .options = { (o), COUNT(o) }

const struct section sections[] = {
	[SECTION_SLUICE] = { "sluice", SECTION_VALUE, OPTIONS(sluice_options) },
	[SECTION_NETWORKS] = { "networks", SECTION_NAMED, OPTIONS(network_options), .max = 64,
			       .size = sizeof(struct conf_network),
			       .example = { "outside", "inside" },
			       .help = "Where sluice stands: one address on one interface each." },
	[SECTION_TRUNKS] = { "trunks", SECTION_NAMED, OPTIONS(trunk_options), .max = 1000,
			     .size = sizeof(struct conf_trunk), .example = { "carrier", "pbx" },
			     .help = "The SIP neighbours. A message belongs to a trunk by the "
				     "address "
				     "it comes from." },
	[SECTION_CALLS] = { "calls", SECTION_LIST, OPTIONS(call_options), .max = 4000,
			    .size = sizeof(struct conf_route),
			    .help = "Who may call whom. The first line whose `from` fits and that "
				    "has "
				    "room is taken." },
	[SECTION_SIP] = { "sip", SECTION_GROUP, OPTIONS(sip_options),
			  .help = "Timers, threads, limits and what else is the same for all "
				  "SIP." },
	[SECTION_MEDIA] = { "media", SECTION_GROUP, OPTIONS(media_options),
			    .help = "RTP of all networks." },
	[SECTION_PROCESS] = { "process", SECTION_GROUP, OPTIONS(process_options),
			      .help = "The program itself." },
};

const unsigned n_sections = COUNT(sections);

static bool is_in(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

bool is_planned_key(const char *key)
{
	static const char *const planned[] = { "phones", "numbers", "headers", NULL };

	return is_in(key, planned);
}

bool is_planned_profile(const char *profile)
{
	static const char *const planned[] = {
		"registered", "bulk", "teams", "zoom", "twilio", NULL
	};

	return is_in(profile, planned);
}
