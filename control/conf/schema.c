/* SPDX-License-Identifier: Apache-2.0 */
/* The language: every option is one row. The rows drive parsing, defaults, range checks and
 * conf/full.yaml; to add an option, add a field to conf.h and a row here. */
#include "conf_priv.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

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
	{ .name = "gateway6",
	  .type = OPTION_GATEWAY6,
	  FIELD(gateway6),
	  .example = "fe80::1",
	  .restart = true,
	  .help = "The same for IPv6." },
	{ .name = "media-addresses",
	  .type = OPTION_ADDRS,
	  FIELD(media),
	  SECOND(n_media),
	  .max = 15,
	  .def = "[]",
	  .example = "[203.0.113.11, 203.0.113.12]",
	  .restart = true,
	  .help = "Further addresses of sluice there, for media alone: each has the media-ports, "
		  "and a\n"
		  "call takes one of them by chance, `address` and `address6` being two of them. "
		  "Each\n"
		  "carries as many streams as it has pairs of ports." },
	{ .name = "vlan",
	  .type = OPTION_NUMBER,
	  FIELD(vlan),
	  .min = 1,
	  .max = 4094,
	  .zero = true,
	  .def = "0",
	  .restart = true,
	  .help = "The VLAN of the network on a PCI or DPDK device. An interface of the kernel "
		  "has one\n"
		  "by its name, eth0.100. 0: none." },
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
	{ .name = "engine",
	  .type = OPTION_CHOICE,
	  FIELD(engine),
	  .words = conf_media_words,
	  .def = "auto",
	  .restart = true,
	  .help = "What relays the media of this network: see media.engine, which auto stands "
		  "for. A\n"
		  "call has one engine for both its sides, so networks cannot differ in this." },
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
	{ .name = "engine",
	  .type = OPTION_CHOICE,
	  FIELD(media.engine),
	  .words = conf_media_words,
	  .def = "auto",
	  .restart = true,
	  .help = "What relays media: dpdk (sluice-dp), kernel (the module sluice), or whichever "
		  "of them\n"
		  "is there, sluice-dp first. auto keeps one that works, and takes the other when "
		  "it has\n"
		  "been away for 5 s. device, workers and max-flows are sluice-dp's: the module "
		  "has\n"
		  "parameters of its own." },
	{ .name = "device",
	  .type = OPTION_CHOICE,
	  FIELD(media.device),
	  .words = device_words,
	  .def = "auto",
	  .restart = true,
	  .help = "How media is read from an interface: auto takes af_xdp where it works, else\n"
		  "af_packet. PCI addresses and DPDK devices are not concerned." },
	{ .name = "workers",
	  .type = OPTION_NUMBER,
	  FIELD(media.workers),
	  .min = 1,
	  .max = 8,
	  .def = "1",
	  .restart = true,
	  .help = "Threads of sluice-dp that relay. Each is given a core of its own where there "
		  "are "
		  "enough." },
	{ .name = "max-flows",
	  .type = OPTION_NUMBER,
	  FIELD(media.max_flows),
	  .min = 1,
	  .max = 4194304,
	  .def = "262144",
	  .restart = true,
	  .help = "Media streams at once, most of them two-way. More are refused." },
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
	{ .name = "policing",
	  .type = OPTION_NUMBER,
	  FIELD(media.policing),
	  .min = 1,
	  .max = 1000,
	  .zero = true,
	  .def = "3",
	  .help = "A stream may have so many times what was negotiated for it; what is more is "
		  "dropped.\n"
		  "0: no limit." },
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
	  .help = "The unix socket of sluice-dp. The kernel engine has none." },
	{ .name = "log",
	  .type = OPTION_WORD,
	  FIELD(process.log_level),
	  .words = log_words,
	  .def = "info",
	  .help = "The least important lines that are still logged." },
};

#define OPTIONS(o)                                                                                 \
	.options = &(const struct option_list)                                                     \
	{                                                                                          \
		(o), COUNT(o), 0                                                                   \
	}

const struct section sections[] = {
	[SECTION_SLUICE] = { "sluice", SECTION_VALUE, OPTIONS(sluice_options) },
	[SECTION_NETWORKS] = { "networks", SECTION_NAMED, OPTIONS(network_options), .max = 64,
			       .size = sizeof(struct conf_network),
			       .example = { "outside", "inside" },
			       .help = "Where sluice stands: one address on one interface each." },
	[SECTION_TRUNKS] = { "trunks", SECTION_NAMED, .options = &trunk_options, .max = 1000,
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

bool is_reserved_key(const char *key)
{
	static const char *const reserved[] = { "phones", "numbers", "headers", NULL };

	return is_in(key, reserved);
}

bool is_reserved_profile(const char *profile)
{
	static const char *const reserved[] = { "registered", "bulk",   "teams",
						"zoom",       "twilio", NULL };

	return is_in(profile, reserved);
}
