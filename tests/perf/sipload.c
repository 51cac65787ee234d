/* SPDX-License-Identifier: Apache-2.0 */
/* sipload: many SIP calls over UDP, at a constant rate whatever becomes of them.
 *
 *   sipload uas --local IP[:PORT] [--ring MS]
 *   sipload uac --local IP[:PORT] --remote IP[:PORT] --load RATExSECONDS[,RATExSECONDS...]
 *           [--call MS] [--hold] [--stay SECONDS] [--oc] [--abandon PERCENT:MS] [--number PREFIX]
 *
 * A call of uac is INVITE, ACK and BYE, --call ms after the ACK (100); with --hold a re-INVITE comes
 * half-way. --call -1: it never ends, and the program does --stay seconds after the last one. --oc: it says
 * `oc` and does what it is told (RFC 7339). --abandon: so many callers of a hundred give up after so
 * many ms without an answer. A lost message is sent again as RFC 3261 17 says.
 *
 * Standard output: one JSON object for each second and one, "total", at the end. Offered, refused by status
 * and so on count in the second in which it happened; setup is from the INVITE to its 200. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include "sipload.h"

uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* splitmix64 over a seed of the kernel's. */
uint64_t random_u64(void)
{
	static uint64_t state;
	uint64_t z;

	if (!state && getrandom(&state, sizeof(state), 0) < 0)
		die("getrandom");
	z = state += 0x9e3779b97f4a7c15ull;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

void die(const char *what)
{
	fprintf(stderr, "sipload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void usage(const char *why)
{
	fprintf(stderr, "sipload: %s\n", why);
	exit(2);
}

static volatile int stop;

static void on_signal(int number)
{
	stop = number;
}

static void read_addr(const char *s, struct sockaddr_in *sin, char ip[INET_ADDRSTRLEN])
{
	const char *colon = strchr(s, ':');
	size_t n = colon ? (size_t)(colon - s) : strlen(s);

	*sin = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(5060) };
	if (n >= INET_ADDRSTRLEN)
		usage("an IPv4 address is wanted");
	memcpy(ip, s, n);
	ip[n] = '\0';
	if (colon)
		sin->sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (inet_pton(AF_INET, ip, &sin->sin_addr) != 1)
		usage("an IPv4 address is wanted");
}

static void read_load(struct options *o, const char *s)
{
	char *end;

	for (;; s = end + 1) {
		double rate = strtod(s, &end), seconds = *end == 'x' ? strtod(end + 1, &end) : 0;

		if (rate < 0 || seconds <= 0 ||
		    o->n_phases == sizeof(o->phase) / sizeof(o->phase[0]))
			usage("--load RATExSECONDS[,RATExSECONDS...]");
		o->phase[o->n_phases].rate = rate;
		o->phase[o->n_phases++].seconds = seconds;
		if (*end != ',')
			break;
	}
	if (*end)
		usage("--load RATExSECONDS[,RATExSECONDS...]");
}

static uint64_t read_ms(const char *s)
{
	return strtol(s, NULL, 10) < 0 ? UINT64_MAX : strtoul(s, NULL, 10) * MS;
}

static void read_options(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "local", required_argument, NULL, 'l' },
		{ "remote", required_argument, NULL, 'r' },
		{ "load", required_argument, NULL, 'L' },
		{ "call", required_argument, NULL, 'c' },
		{ "stay", required_argument, NULL, 's' },
		{ "ring", required_argument, NULL, 'R' },
		{ "abandon", required_argument, NULL, 'a' },
		{ "number", required_argument, NULL, 'n' },
		{ "hold", no_argument, NULL, 'h' },
		{ "oc", no_argument, NULL, 'o' },
		{ 0 },
	};
	const char *colon;
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'l')
			read_addr(optarg, &o->local, o->local_ip);
		else if (c == 'r')
			read_addr(optarg, &o->remote, o->remote_ip);
		else if (c == 'L')
			read_load(o, optarg);
		else if (c == 'c')
			o->call_us = read_ms(optarg);
		else if (c == 's')
			o->stay_us = strtoul(optarg, NULL, 10) * SEC;
		else if (c == 'R')
			o->ring_us = read_ms(optarg);
		else if (c == 'n')
			o->number = optarg;
		else if (c == 'h')
			o->hold = true;
		else if (c == 'o')
			o->oc = true;
		else if (c == 'a' && (colon = strchr(optarg, ':'))) {
			o->abandon_percent = (unsigned)strtoul(optarg, NULL, 10);
			o->abandon_us = read_ms(colon + 1);
		} else
			usage("see the head of sipload.c");
	}
}

int main(int argc, char **argv)
{
	struct options o = { .call_us = 100 * MS, .number = "+4930" };
	struct sigaction sa = { .sa_handler = on_signal };
	bool uac = argc > 1 && strcmp(argv[1], "uac") == 0;

	if (!uac && (argc < 2 || strcmp(argv[1], "uas") != 0))
		usage("uac or uas?");
	read_options(&o, argc - 1, argv + 1);
	if (!o.local.sin_family)
		usage("--local is wanted");
	if (uac && (!o.remote.sin_family || !o.n_phases))
		usage("--remote and --load are wanted");
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	return uac ? uac_main(&o, &stop) : uas_main(&o, &stop);
}
