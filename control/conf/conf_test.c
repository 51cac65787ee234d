/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "conf/conf_priv.h"
#include "conf/conf_test.h"

/* The root of the sources, for the files that come with them. */
static char *root;

static struct conf *load(const char *file)
{
	struct conf_errors e;
	struct conf *c = NULL;
	char path[512];

	if (conf_load(path_of(root, file, path), &c, &e)) {
		conf_errors_print(&e, path, 2);
		fail();
	}
	conf_errors_free(&e);
	return c;
}

static void assert_addr(const struct addr *a, const char *want)
{
	char text[ADDR_STR_MAX];

	assert_string_equal(addr_print(a, text), want);
}

/* ---- good files ---- */

static void short_file_has_safe_defaults(void **state)
{
	struct conf *c = load("conf/pbx-trunk.yaml");
	const struct conf_network *n = &c->networks[0];
	const struct conf_trunk *t = &c->trunks[0];

	assert_int_equal(c->n_networks, 2);
	assert_string_equal(n->name, "outside");
	assert_string_equal(n->port, "outside0");
	assert_addr(&n->address, "203.0.113.1");
	assert_int_equal(n->prefix_len, 24);
	assert_int_equal(n->gateway.family, 0);
	assert_int_equal(n->public.family, 0);
	assert_int_equal(n->address6.family, 0);
	assert_int_equal(n->sip_port, 5060);
	assert_int_equal(n->tls_port, 5061);
	assert_true(n->udp);
	assert_true(n->tcp);
	assert_null(n->certificate);
	assert_null(n->key);
	assert_null(n->ca);
	assert_int_equal(n->media_lo, 10000);
	assert_int_equal(n->media_hi, 32767);
	assert_int_equal(n->sip_dscp, 24);
	assert_int_equal(n->media_dscp, 46);
	assert_int_equal(c->networks[1].index, 1);

	assert_int_equal(c->n_trunks, 2);
	assert_string_equal(t->name, "carrier");
	assert_ptr_equal(t->on, n);
	assert_int_equal(t->profile, CONF_PROFILE_STATIC);
	assert_addr(&t->host, "203.0.113.10:5060");
	assert_string_equal(t->host_name, "203.0.113.10");
	assert_int_equal(t->host_port, 0);
	assert_int_equal(t->transport, CONF_TRANSPORT_AUTO);
	assert_null(t->login.user);
	assert_null(t->login.password);
	assert_null(t->challenge.user);
	assert_null(t->tls_name);
	assert_null(t->certificate);
	assert_int_equal(t->failover_ms, 5000);
	assert_int_equal(t->max_rate, 200);
	assert_true(t->oc);
	assert_string_equal(t->domain, "203.0.113.10");
	assert_int_equal(t->n_sources, 1);
	assert_addr(&t->sources[0].addr, "203.0.113.10");
	assert_int_equal(t->sources[0].len, 32);
	assert_int_equal(t->n_media, 0);
	assert_false(t->nat);
	assert_int_equal(t->max_calls, 500);
	assert_int_equal(t->ring_timeout_s, 180);
	assert_int_equal(t->max_duration_s, 0);
	assert_int_equal(t->rel, CONF_EXTENSION_SUPPORT);
	assert_int_equal(t->session_expires_s, 1800);
	assert_int_equal(t->session_min_s, 90);
	assert_int_equal(t->session_refresher, CONF_REFRESHER_ANY);
	assert_true(t->late_offer);
	assert_true(t->early_media);
	assert_int_equal(t->transfer, CONF_FOLLOW_HERE);
	assert_int_equal(t->redirect, CONF_FOLLOW_HERE);
	assert_int_equal(t->n_failures, 0);
	assert_null(t->codecs_first[0]);
	assert_null(t->codecs_drop[0]);
	assert_int_equal(t->ptime_ms, 0);
	assert_int_equal(t->streams, 15);
	assert_false(t->multicast);
	assert_int_equal(t->dtmf, CONF_DTMF_RTP);
	assert_int_equal(c->trunks[1].profile, CONF_PROFILE_PBX);
	assert_int_equal(c->trunks[1].index, 1);

	assert_int_equal(c->n_routes, 2);
	assert_ptr_equal(c->routes[0].from, &c->trunks[1]);
	assert_ptr_equal(c->routes[0].to, &c->trunks[0]);
	assert_int_equal(c->routes[0].at_most, 60);
	assert_int_equal(c->routes[0].line, 17);
	assert_int_equal(c->routes[1].at_most, UINT32_MAX);
	assert_int_equal(c->routes[1].index, 1);

	assert_int_equal(c->sip.t1_ms, 500);
	assert_int_equal(c->sip.t2_ms, 4000);
	assert_int_equal(c->sip.t4_ms, 5000);
	assert_int_equal(c->sip.shards, 0);
	assert_int_equal(c->sip.n_dns, 0);
	assert_int_equal(c->sip.connections, 4096);
	assert_int_equal(c->sip.connections_per_source, 32);
	assert_string_equal(c->sip.emergency[0], "112");
	assert_string_equal(c->sip.emergency[1], "911");
	assert_null(c->sip.emergency[2]);
	assert_int_equal(c->media.device, CONF_ENGINE_AUTO);
	assert_int_equal(c->media.workers, 1);
	assert_int_equal(c->media.max_flows, 262144);
	assert_int_equal(c->media.silence_s, 60);
	assert_int_equal(c->media.hold_silence_s, 3600);
	assert_string_equal(c->process.user, "sluice");
	assert_string_equal(c->process.control, "/run/sluice/control.sock");
	assert_string_equal(c->process.engine, "/run/sluice/engine.sock");
	assert_string_equal(c->process.log_level, "info");
	conf_put(c);
}

static void every_option_is_taken(void **state)
{
	struct conf *c = parse(
		"sluice: 1\n"
		"networks:\n"
		"  out: { port: \"0000:01:00.0\", address: 192.0.2.2/31, gateway: 192.0.2.3,\n"
		"         public: 198.51.100.7, sip-port: 5070, media-ports: 20000-20099,\n"
		"         sip-dscp: AF31, media-dscp: 0 }\n"
		"  in: { port: net_af_packet0, address: 10.0.0.1/8, sip-dscp: 63, media-dscp: "
		"cs7,\n"
		"        address6: \"2001:db8::1/64\", gateway6: \"fe80::1\", vlan: 100,\n"
		"        media-addresses: [10.0.0.3, \"2001:db8::3\"] }\n"
		"trunks:\n"
		"  a: { on: out, profile: static, host: \"192.0.2.3:5080\", domain: "
		"sip.a.example,\n"
		"       sources: [198.51.100.0/28, 192.0.2.3, 198.51.100.0/28],\n"
		"       media-from: [203.0.113.0/24, 2001:db8:5::/48], nat: true, max-calls: 7, "
		"ring-timeout: 2m }\n"
		"  b: { on: in, profile: pbx, host: 10.0.0.2 }\n"
		"calls: [ { from: a, to: b } ]\n"
		"sip: { t1: 100ms, t2: 1s, t4: 1500ms, shards: 3 }\n"
		"media: { device: af_packet, workers: 8, max-flows: 1000, silence: 0s,\n"
		"         hold-silence: 2h }\n"
		"process: { user: \"\", control: /tmp/c, engine: /tmp/e, log: debug }\n");
	const struct conf_network *n = c->networks;
	const struct conf_trunk *t = c->trunks;

	assert_string_equal(n->port, "0000:01:00.0");
	assert_addr(&n->gateway, "192.0.2.3");
	assert_addr(&n->public, "198.51.100.7");
	assert_int_equal(n->sip_port, 5070);
	assert_int_equal(n->media_lo, 20000);
	assert_int_equal(n->media_hi, 20099);
	assert_int_equal(n->sip_dscp, 26);
	assert_int_equal(n->media_dscp, 0);
	assert_int_equal(n[1].sip_dscp, 63);
	assert_int_equal(n[1].media_dscp, 56);
	assert_int_equal(n[0].vlan, 0);
	assert_int_equal(n[0].n_media, 0);
	assert_int_equal(n[1].vlan, 100);
	assert_addr(&n[1].gateway6, "fe80::1");
	assert_int_equal(n[1].n_media, 2);
	assert_addr(&n[1].media[0], "10.0.0.3");
	assert_addr(&n[1].media[1], "2001:db8::3");
	assert_addr(&t->host, "192.0.2.3:5080");
	assert_string_equal(t->domain, "sip.a.example");
	assert_int_equal(t->n_sources, 2); /* host first, repetitions once */
	assert_addr(&t->sources[0].addr, "192.0.2.3");
	assert_int_equal(t->sources[1].len, 28);
	assert_int_equal(t->n_media, 2);
	assert_addr(&t->media[1].addr, "2001:db8:5::");
	assert_true(t->nat);
	assert_int_equal(t->max_calls, 7);
	assert_int_equal(t->ring_timeout_s, 120);
	assert_int_equal(c->sip.t1_ms, 100);
	assert_int_equal(c->sip.t2_ms, 1000);
	assert_int_equal(c->sip.t4_ms, 1500);
	assert_int_equal(c->sip.shards, 3);
	assert_int_equal(c->media.device, CONF_ENGINE_PACKET);
	assert_int_equal(c->media.workers, 8);
	assert_int_equal(c->media.max_flows, 1000);
	assert_int_equal(c->media.silence_s, 0);
	assert_int_equal(c->media.hold_silence_s, 7200);
	assert_string_equal(c->process.user, "");
	assert_string_equal(c->process.control, "/tmp/c");
	assert_string_equal(c->process.engine, "/tmp/e");
	assert_string_equal(c->process.log_level, "debug");
	conf_put(c);
}

static void transports_and_tls(void **state)
{
	struct conf *c = parse(
		"sluice: 1\n"
		"networks:\n"
		"  out: { port: eth0, address: 192.0.2.2/24, address6: 2001:db8::10/64,\n"
		"         sip-port: 5070, tls-port: 5071, sip-transports: [tcp],\n"
		"         certificate: /c.pem, key: /k.pem, ca: /ca.pem }\n"
		"  in: { port: eth1, address: 10.0.0.1/8, sip-transports: [udp] }\n"
		"  tls: { port: eth2, address: 198.51.100.1/24, sip-transports: [], "
		"certificate: /c,\n"
		"         address6: 2001:db8:1::ffff:ffff:ffff:ffff/64 } # the last one is a host\n"
		"trunks:\n"
		"  a: { on: out, profile: static, host: 192.0.2.3, transport: tls, tls-name: "
		"a.example,\n"
		"       certificate: /tc.pem, key: /tk.pem, ca: /tca.pem, failover: 500ms, "
		"max-rate: 0,\n"
		"       overload-control: false }\n"
		"  b: { on: in, profile: pbx, host: 10.0.0.2, transport: udp,\n"
		"       tls-name: \"[2001:DB8::1]\", domain: 2001:DB8::1 }\n"
		"  c: { on: tls, profile: pbx, host: 198.51.100.2, transport: tcp }\n"
		"calls: [ { from: a, to: b } ]\n"
		"sip: { dns: [192.0.2.53, \"[2001:db8::53]:5353\", 2001:db8::54], "
		"connections: 100,\n"
		"       connections-per-source: 7, emergency: [\"0118\"] }\n");
	const struct conf_network *n = c->networks;
	const struct conf_trunk *t = c->trunks;

	assert_addr(&n->address6, "2001:db8::10");
	assert_int_equal(n->prefix_len6, 64);
	assert_int_equal(n->sip_port, 5070);
	assert_int_equal(n->tls_port, 5071);
	assert_false(n->udp);
	assert_true(n->tcp);
	assert_string_equal(n->certificate, "/c.pem");
	assert_string_equal(n->key, "/k.pem");
	assert_string_equal(n->ca, "/ca.pem");
	assert_true(n[1].udp);
	assert_false(n[1].tcp);
	assert_false(n[2].udp);
	assert_false(n[2].tcp);
	assert_int_equal(t->transport, CONF_TRANSPORT_TLS);
	assert_addr(&t->host, "192.0.2.3:5061"); /* the port of its transport */
	assert_string_equal(t->tls_name, "a.example");
	assert_string_equal(t->certificate, "/tc.pem");
	assert_string_equal(t->key, "/tk.pem");
	assert_string_equal(t->ca, "/tca.pem");
	assert_int_equal(t->failover_ms, 500);
	assert_int_equal(t->max_rate, 0);
	assert_false(t->oc);
	assert_int_equal(t[1].transport, CONF_TRANSPORT_UDP);
	assert_string_equal(t[1].tls_name, "2001:db8::1"); /* as in a certificate */
	assert_string_equal(t[1].domain, "[2001:db8::1]"); /* as in a URI */
	assert_int_equal(t[2].transport, CONF_TRANSPORT_TCP);
	assert_int_equal(c->sip.n_dns, 3);
	assert_addr(&c->sip.dns[0], "192.0.2.53");
	assert_addr(&c->sip.dns[1], "[2001:db8::53]:5353");
	assert_addr(&c->sip.dns[2], "2001:db8::54");
	assert_int_equal(c->sip.connections, 100);
	assert_int_equal(c->sip.connections_per_source, 7);
	assert_string_equal(c->sip.emergency[0], "0118");
	assert_null(c->sip.emergency[1]);
	conf_put(c);
}

/* What becomes of `host`: its address, name, port, domain and number of sources. */
static void check_host(const char *host, const char *rest, const char *want)
{
	char text[1024], have[512], shown[ADDR_STR_MAX];
	const struct conf_trunk *t;
	struct conf *c;

	snprintf(text, sizeof(text),
		 HEAD "trunks:\n"
		      "  a: { on: out, profile: static, host: %s%s }\n"
		      "  b: { on: in, profile: pbx, host: 10.0.0.2 }\n"
		      "calls: [ { from: a, to: b } ]\n",
		 host, rest);
	c = parse(text);
	t = c->trunks;
	snprintf(have, sizeof(have), "%s %s %u %s %u", addr_print(&t->host, shown), t->host_name,
		 t->host_port, t->domain, t->n_sources);
	assert_string_equal(have, want);
	conf_put(c);
}

/* Nothing is looked up: these names are nowhere. */
static void hosts(void **state)
{
	check_host("203.0.113.20", "", "203.0.113.20:5060 203.0.113.20 0 203.0.113.20 1");
	check_host("\"203.0.113.20:5060\"", "",
		   "203.0.113.20:5060 203.0.113.20 5060 203.0.113.20 1");
	check_host("\"203.0.113.20:5080\"", ", transport: tls",
		   "203.0.113.20:5080 203.0.113.20 5080 203.0.113.20 1");
	check_host("2001:DB8::0020", "", "[2001:db8::20]:5060 2001:db8::20 0 [2001:db8::20] 1");
	check_host("\"[2001:db8::20]\"", ", transport: tls",
		   "[2001:db8::20]:5061 2001:db8::20 0 [2001:db8::20] 1");
	check_host("\"[2001:db8::20]:5070\"", ", domain: a.example, sources: [2001:db8::20]",
		   "[2001:db8::20]:5070 2001:db8::20 5070 a.example 1");
	check_host("\"::ffff:203.0.113.20\"", "",
		   "203.0.113.20:5060 203.0.113.20 0 203.0.113.20 1");
	check_host("Sip.Carrier.invalid", "", "none Sip.Carrier.invalid 0 Sip.Carrier.invalid 0");
	check_host("\"sip.carrier.invalid:5070\"",
		   ", sources: [203.0.113.0/28, 2001:db8::/64], domain: 203.0.113.20",
		   "none sip.carrier.invalid 5070 203.0.113.20 2");
	check_host("x", ", transport: udp", "none x 0 x 0");
	check_host("1.2-3.e164", "", "none 1.2-3.e164 0 1.2-3.e164 0");
}

/* Their passwords are where they will be installed. */
static struct conf *load_example(const char *file)
{
	struct conf_errors errors;
	struct conf *c = NULL;
	char path[512];

	if (conf_load_without_secrets(path_of(root, file, path), &c, &errors)) {
		conf_errors_print(&errors, path, 2);
		fail();
	}
	conf_errors_free(&errors);
	return c;
}

static void examples_load(void **state)
{
	char dir[512];
	DIR *d = opendir(path_of(root, "conf", dir));
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		char file[300];

		if (!strstr(e->d_name, ".yaml"))
			continue;
		snprintf(file, sizeof(file), "conf/%s", e->d_name);
		conf_put(load_example(file));
		n++;
	}
	closedir(d);
	assert_true(n >= 3);
}

static void full_yaml_is_fresh(void **state)
{
	int fd = memfd_create("full", 0);
	char path[512];
	char *want, *have;

	assert_int_equal(conf_print_full(fd), 0);
	want = read_text(fd);
	have = read_file(path_of(root, "conf/full.yaml", path));
	if (strcmp(want, have) != 0)
		fail_msg(
			"conf/full.yaml is stale: run \"conf_test --print-full > conf/full.yaml\"");
	free(want);
	free(have);
	assert_int_equal(conf_print_full(-1), -EBADF);
}

/* What full.yaml shows as commented examples is right too. */
static void full_yaml_examples_are_valid(void **state)
{
	char path[512], *text = read_file(path_of(root, "conf/full.yaml", path));
	char *comment = text;
	unsigned n = 0;

	while ((comment = strstr(comment, "    # "))) {
		char *word = comment + 6, *end = word + strspn(word, "abcdefghijklmnopqrstuvwxyz-");

		/* "# key: value": the only comments with a colon after the first word */
		if (end > word && end[0] == ':' && end[1] == ' ') {
			comment[4] = comment[5] = ' ';
			memmove(comment + 4, comment + 6, strlen(comment + 6) + 1);
			n++;
		}
		comment += 4;
	}
	assert_true(n >= 5);
	conf_put(parse(text));
	free(text);
}

/* ---- the snapshot ---- */

static void is_reference_counted(void **state)
{
	struct conf *c = load("conf/minimal.yaml");

	assert_ptr_equal(conf_get(c), c);
	conf_put(c);
	assert_string_equal(c->networks[0].name, "outside"); /* still there */
	conf_put(c);
	conf_put(NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_file_has_safe_defaults),
		cmocka_unit_test(every_option_is_taken),
		cmocka_unit_test(transports_and_tls),
		cmocka_unit_test(hosts),
		cmocka_unit_test(examples_load),
		cmocka_unit_test(full_yaml_is_fresh),
		cmocka_unit_test(full_yaml_examples_are_valid),
		cmocka_unit_test(is_reference_counted),
	};

	if (argc == 2 && strcmp(argv[1], "--print-full") == 0)
		return conf_print_full(1) ? 1 : 0;
	if (argc != 2) {
		fprintf(stderr, "usage: %s SOURCE_ROOT | --print-full\n", argv[0]);
		return 2;
	}
	root = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
