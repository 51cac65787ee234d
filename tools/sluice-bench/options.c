/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "options.h"

static const char help[] =
	"sluice-bench: a benchmark for media relays, in the manner of RFC 2544. It is both ends of "
	"many calls\n"
	"at once: it sends RTP or SRTP in both directions through a relay and accounts for every "
	"packet.\n"
	"\n"
	"usage: sluice-bench [WHAT...] --relay NAME[=WHERE] --a ADDRESS --b ADDRESS [option ...]\n"
	"       sluice-bench plain --listen PATH                   a relay of our own to compare "
	"with\n"
	"       sluice-bench reflect --b ADDRESS [--ports N]       side B on another machine, "
	"plain RTP\n"
	"       sluice-bench spray --a ADDRESS --target ADDRESS:PORT --target-ports N --rate N "
	"--seconds S\n"
	"       sluice-bench rebind --relay ... --a ... --b ...    telephones whose NAT gives them "
	"a new port\n"
	"\n"
	"WHAT (default: throughput latency loss):\n"
	"  throughput  the highest rate without loss, by binary search (RFC 2544 26.1)\n"
	"  latency     delay and jitter at the rates of --rate (26.2)\n"
	"  loss        the share that is lost, from the highest rate down in tenths (26.3)\n"
	"  setup       calls set up in a second, through the relay's control\n"
	"\n"
	"The relay:\n"
	"  --relay NAME[=WHERE]     who is told of the calls; see the end\n"
	"  --relay-netns NAME       the network namespace where its control listens\n"
	"  --relay-a ADDR[:PORT]    its address towards side A, and its first port for media "
	"(default 20000)\n"
	"  --relay-b ADDR[:PORT]    towards side B\n"
	"  --relay-ports N          so many ports from there on (default 40000)\n"
	"\n"
	"The two sides:\n"
	"  --a, --b ADDR[:PORT][@NETNS]  our address, first port (default 30000) and network "
	"namespace\n"
	"  --ports N                our ports on each side; calls are spread over them (default "
	"1)\n"
	"  --a-device, --b-device DEVARGS  a DPDK device in place of sockets: "
	"net_af_xdp0,iface=eth0;\n"
	"                           net_memif0,role=client,...; 0000:01:00.0\n"
	"  --a-mac, --b-mac MAC     the relay's hardware address (default: asked by ARP); DPDK "
	"only\n"
	"  --reflected              side B is `sluice-bench reflect`: times are there and back\n"
	"\n"
	"The work:\n"
	"  --calls N                calls at once (default 100)\n"
	"  --ptime MS               of a packet (default 20)\n"
	"  --payload OCTETS         of a packet, 32 at least (default 160)\n"
	"  --type PT                RTP payload type (default 0, PCMU)\n"
	"  --srtp none|b|both       which sides are SRTP (default none)\n"
	"  --suite NAME             cm128-80 (default), cm128-32, cm256-80, cm256-32, gcm128, "
	"gcm256\n"
	"  --dtmf PERCENT           packets that are telephone-event (RFC 4733), 0 to 50 (default "
	"0)\n"
	"  --rate PPS[,PPS...]      packets/s of both directions together (default: what the calls "
	"make)\n"
	"  --from PPS, --most PPS   throughput: the first rate, and the highest (default 10000, 10 "
	"million)\n"
	"  --trials N               throughput: so many at most (default 20)\n"
	"  --allowed-loss SHARE     that still counts as none, 0.0001 is one in 10,000 (default "
	"0)\n"
	"  --seconds S              measured in each trial (default 10)\n"
	"  --warm S, --settle S     before and after it (default 1 and 0.5)\n"
	"  --setups N               setup: calls in all, set up --calls at a time (default 10000)\n"
	"  --silence MS             rebind: silence before the new port, at most (default 5000)\n"
	"\n"
	"The report:\n"
	"  --cpu NAME=WHO[,WHO...]  CPU time of processes and kernel threads, by number or by name "
	"with * and\n"
	"                           ?: --cpu relay=1234 --cpu 'kernel=ksoftirqd/*,napi/eth0-*'\n"
	"  --json FILE              everything, for tools/bench report; the README has the schema\n"
	"  --name NAME              of this run, in the report\n"
	"  --version, --help\n"
	"\n"
	"Exit status: 0: measured; 1: it could not be; 2: wrong usage.\n"
	"\n"
	"--relay NAME=WHERE is one of\n";

enum {
	OPT_RELAY = 256,
	OPT_RELAY_NETNS,
	OPT_RELAY_A,
	OPT_RELAY_B,
	OPT_RELAY_PORTS,
	OPT_A,
	OPT_B,
	OPT_PORTS,
	OPT_A_DEVICE,
	OPT_B_DEVICE,
	OPT_A_MAC,
	OPT_B_MAC,
	OPT_REFLECTED,
	OPT_CALLS,
	OPT_PTIME,
	OPT_PAYLOAD,
	OPT_TYPE,
	OPT_SRTP,
	OPT_SUITE,
	OPT_DTMF,
	OPT_RATE,
	OPT_FROM,
	OPT_MOST,
	OPT_TRIALS,
	OPT_ALLOWED,
	OPT_SECONDS,
	OPT_WARM,
	OPT_SETTLE,
	OPT_SETUPS,
	OPT_SILENCE,
	OPT_CPU,
	OPT_JSON,
	OPT_NAME,
	OPT_LISTEN,
	OPT_TARGET,
	OPT_TARGET_PORTS,
	OPT_VERSION,
	OPT_HELP
};

#define WITH(name, id)                                                                             \
	{                                                                                          \
		name, required_argument, NULL, id                                                  \
	}
#define WITHOUT(name, id)                                                                          \
	{                                                                                          \
		name, no_argument, NULL, id                                                        \
	}

static const struct option table[] = {
	WITH("relay", OPT_RELAY),
	WITH("relay-netns", OPT_RELAY_NETNS),
	WITH("relay-a", OPT_RELAY_A),
	WITH("relay-b", OPT_RELAY_B),
	WITH("relay-ports", OPT_RELAY_PORTS),
	WITH("a", OPT_A),
	WITH("b", OPT_B),
	WITH("ports", OPT_PORTS),
	WITH("a-device", OPT_A_DEVICE),
	WITH("b-device", OPT_B_DEVICE),
	WITH("a-mac", OPT_A_MAC),
	WITH("b-mac", OPT_B_MAC),
	WITHOUT("reflected", OPT_REFLECTED),
	WITH("calls", OPT_CALLS),
	WITH("ptime", OPT_PTIME),
	WITH("payload", OPT_PAYLOAD),
	WITH("type", OPT_TYPE),
	WITH("srtp", OPT_SRTP),
	WITH("suite", OPT_SUITE),
	WITH("dtmf", OPT_DTMF),
	WITH("rate", OPT_RATE),
	WITH("from", OPT_FROM),
	WITH("most", OPT_MOST),
	WITH("trials", OPT_TRIALS),
	WITH("allowed-loss", OPT_ALLOWED),
	WITH("seconds", OPT_SECONDS),
	WITH("warm", OPT_WARM),
	WITH("settle", OPT_SETTLE),
	WITH("setups", OPT_SETUPS),
	WITH("silence", OPT_SILENCE),
	WITH("cpu", OPT_CPU),
	WITH("json", OPT_JSON),
	WITH("name", OPT_NAME),
	WITH("listen", OPT_LISTEN),
	WITH("target", OPT_TARGET),
	WITH("target-ports", OPT_TARGET_PORTS),
	WITHOUT("version", OPT_VERSION),
	WITHOUT("help", OPT_HELP),
	{ NULL, 0, NULL, 0 },
};

/* What several options make together. */
struct raw {
	const char *srtp;
	uint8_t suite;
};

static int number(const char *text, double least, double most, double *out)
{
	char *end;
	errno = 0;
	double v = strtod(text, &end);
	if (errno || end == text || *end || !(v >= least && v <= most))
		return -EINVAL;
	*out = v;
	return 0;
}

static int count(const char *text, unsigned least, unsigned most, unsigned *out)
{
	uint32_t v;
	if (str_u32(str_of(text), most, &v) || v < least)
		return -EINVAL;
	*out = v;
	return 0;
}

static int nanoseconds(const char *text, uint64_t *out)
{
	double s = 0;
	int err = number(text, 0, 1e6, &s);
	*out = (uint64_t)(s * 1e9);
	return err;
}

/* ADDR[:PORT]; IPv6 with a port in brackets. */
static int endpoint(struct str text, uint16_t port, struct addr *out)
{
	uint32_t p = port;
	if (addr_parse(text, out)) {
		const char *colon = memrchr(text.p, ':', text.n);
		if (!colon)
			return -EINVAL;
		struct str ip = { text.p, (size_t)(colon - text.p) };
		struct str tail = { colon + 1, text.n - ip.n - 1 };
		if (addr_parse(ip, out) || str_u32(tail, 65535, &p) || !p)
			return -EINVAL;
	}
	out->port = (uint16_t)p;
	return 0;
}

static int our_side(const char *text, struct io_options *o)
{
	const char *at = strchr(text, '@');
	struct str where = { text, at ? (size_t)(at - text) : strlen(text) };
	o->netns = at ? at + 1 : NULL;
	return endpoint(where, 30000, &o->ours);
}

static int rates(const char *text, struct options *o)
{
	struct str rest = str_of(text), word;
	char copy[32];
	o->n_rates = 0;
	while (str_token(&rest, ',', &word)) {
		snprintf(copy, sizeof(copy), "%.*s", STR_FMT(word));
		if (o->n_rates == RATES_MAX || number(copy, 1, 1e9, &o->rates[o->n_rates++]))
			return -EINVAL;
	}
	return o->n_rates ? 0 : -EINVAL;
}

static int percent(const char *text, double *out)
{
	int err = number(text, 0, 50, out);
	*out /= 100;
	return err;
}

static int take_relay(struct options *o, int c, const char *v)
{
	switch (c) {
	case OPT_RELAY:
		o->relay.spec = v;
		return 0;
	case OPT_RELAY_NETNS:
		o->relay.netns = v;
		return 0;
	case OPT_RELAY_A:
		return endpoint(str_of(v), 20000, &o->relay.media[0]);
	case OPT_RELAY_B:
		return endpoint(str_of(v), 20000, &o->relay.media[1]);
	default:
		return count(v, 2, 65534, &o->relay.ports);
	}
}

static int take_side(struct options *o, int c, const char *v)
{
	switch (c) {
	case OPT_A:
		return our_side(v, &o->side[0]);
	case OPT_B:
		return our_side(v, &o->side[1]);
	case OPT_PORTS:
		o->side[0].ports = 0;
		if (count(v, 1, 30000, &o->side[0].ports))
			return -EINVAL;
		o->side[1].ports = o->side[0].ports;
		return 0;
	case OPT_A_DEVICE:
	case OPT_B_DEVICE:
		o->side[c - OPT_A_DEVICE].device = v;
		return 0;
	case OPT_A_MAC:
	case OPT_B_MAC:
		o->side[c - OPT_A_MAC].mac = v;
		return 0;
	default:
		o->reflected = true;
		return 0;
	}
}

static int take_work(struct options *o, struct raw *raw, int c, const char *v)
{
	switch (c) {
	case OPT_CALLS:
		return count(v, 1, 1000000, &o->calls);
	case OPT_PTIME:
		return count(v, 1, 240, &o->trial.ptime);
	case OPT_PAYLOAD:
		return count(v, STAMP_SIZE, 1400, &o->trial.payload);
	case OPT_TYPE:
		return count(v, 0, 127, &o->trial.type);
	case OPT_SRTP:
		raw->srtp = v;
		return 0;
	case OPT_SUITE:
		return srtp_find(str_of(v), &raw->suite);
	case OPT_DTMF:
		return percent(v, &o->trial.dtmf);
	case OPT_RATE:
		return rates(v, o);
	case OPT_FROM:
		return number(v, 1, 1e9, &o->first);
	case OPT_MOST:
		return number(v, 1, 1e9, &o->most);
	case OPT_TRIALS:
		return count(v, 1, 1000, &o->trials);
	case OPT_ALLOWED:
		return number(v, 0, 0.5, &o->allowed);
	case OPT_SETUPS:
		return count(v, 1, 100000000, &o->setups);
	case OPT_SILENCE:
		return count(v, 0, 600000, &o->silence);
	case OPT_SECONDS:
		return number(v, 0.001, 1e6, &o->seconds);
	case OPT_WARM:
		return nanoseconds(v, &o->trial.warm);
	default:
		return nanoseconds(v, &o->trial.settle);
	}
}

static int take_rest(struct options *o, int c, const char *v)
{
	switch (c) {
	case OPT_CPU:
		if (cpu_add(&o->cpu, str_of(v)) != -ESRCH)
			return 0;
		fprintf(stderr, "nobody is called as --cpu %s says\n", v);
		return -EINVAL;
	case OPT_JSON:
		o->json = v;
		return 0;
	case OPT_NAME:
		o->name = v;
		return 0;
	case OPT_LISTEN:
		o->listen = v;
		return 0;
	case OPT_TARGET:
		return endpoint(str_of(v), 20000, &o->target);
	default:
		return count(v, 1, 65535, &o->target_ports);
	}
}

static int take(struct options *o, struct raw *raw, int c, const char *v)
{
	if (c >= OPT_RELAY && c <= OPT_RELAY_PORTS)
		return take_relay(o, c, v);
	if (c >= OPT_A && c <= OPT_REFLECTED)
		return take_side(o, c, v);
	if (c >= OPT_CALLS && c <= OPT_SILENCE)
		return take_work(o, raw, c, v);
	return take_rest(o, c, v);
}

static int words(struct options *o, int argc, char **argv)
{
	static const char *const commands[] = { "", "plain", "reflect", "spray", "rebind" };
	static const char *const what[] = { "throughput", "latency", "loss", "setup" };
	for (int i = optind; i < argc; i++) {
		bool known = false;
		for (unsigned j = 1; j < 5 && i == optind; j++) {
			if (strcmp(argv[i], commands[j]) == 0) {
				o->command = (enum command)j;
				known = true;
			}
		}
		for (unsigned j = 0; j < 4; j++) {
			if (strcmp(argv[i], what[j]) == 0) {
				o->what |= 1u << j;
				known = true;
			}
		}
		if (!known) {
			fprintf(stderr, "%s: no such thing to measure; --help says what there is\n",
				argv[i]);
			return -EINVAL;
		}
	}
	if (!o->what)
		o->what = WHAT_THROUGHPUT | WHAT_LATENCY | WHAT_LOSS;
	return 0;
}

static int missing(const char *what)
{
	fprintf(stderr, "%s is missing; --help says more\n", what);
	return -EINVAL;
}

static int needed(const struct options *o)
{
	bool calls = o->command == COMMAND_BENCH || o->command == COMMAND_REBIND;
	if (calls && !o->relay.spec)
		return missing("--relay");
	if ((calls || o->command == COMMAND_SPRAY) && !o->side[0].ours.family)
		return missing("--a");
	if ((calls || o->command == COMMAND_REFLECT) && !o->side[1].ours.family)
		return missing("--b");
	if (o->command == COMMAND_PLAIN && !o->listen)
		return missing("--listen");
	if (o->command == COMMAND_SPRAY && !o->target.family)
		return missing("--target");
	return 0;
}

static int finish(struct options *o, const struct raw *raw)
{
	o->trial.measure = (uint64_t)(o->seconds * 1e9);
	o->relay.ptime = o->trial.ptime;
	if (!o->n_rates)
		o->rates[o->n_rates++] = 2000.0 * o->calls / o->trial.ptime;
	if (!raw->srtp || strcmp(raw->srtp, "none") == 0)
		return needed(o);
	bool both = strcmp(raw->srtp, "both") == 0;
	if (!both && strcmp(raw->srtp, "b") != 0) {
		fprintf(stderr, "--srtp is none, b or both, not %s\n", raw->srtp);
		return -EINVAL;
	}
	o->relay.suite[1] = raw->suite;
	o->relay.suite[0] = both ? raw->suite : (uint8_t)FLOW_SUITE_NONE;
	return needed(o);
}

int options_parse(struct options *o, int argc, char **argv)
{
	struct raw raw = { .suite = FLOW_SUITE_AES_CM_128_HMAC_SHA1_80 };
	*o = (struct options){ .calls = 100,
			       .first = 10000,
			       .most = 1e7,
			       .trials = 20,
			       .setups = 10000,
			       .seconds = 10,
			       .silence = 5000,
			       .target_ports = 1,
			       .argc = argc,
			       .argv = argv,
			       .name = "" };
	o->relay.ports = 40000;
	o->side[0].ports = o->side[1].ports = 1;
	o->trial = (struct trial_options){
		.warm = SECOND, .settle = SECOND / 2, .payload = 160, .ptime = 20
	};
	for (int c, at; (c = getopt_long(argc, argv, "", table, &at)) != -1;) {
		if (c == OPT_HELP) {
			fputs(help, stdout);
			relay_help();
			return 1;
		}
		if (c == OPT_VERSION) {
			puts("sluice-bench " SLUICE_VERSION);
			return 1;
		}
		if (c == '?')
			return -EINVAL;
		if (take(o, &raw, c, optarg)) {
			fprintf(stderr, "--%s %s: that does not fit; --help says what does\n",
				table[at].name, optarg ? optarg : "");
			return -EINVAL;
		}
	}
	int err = words(o, argc, argv);
	return err ? err : finish(o, &raw);
}
