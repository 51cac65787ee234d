/* SPDX-License-Identifier: Apache-2.0 */
#include "show.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "read.h"
#include "table.h"

/* ---- status ---- */

/* "udp tcp 5060, tls 5061" */
static const char *sip_ports(char out[CELL], const json_t *net)
{
	bool udp = json_is_true(at(net, "udp")), tcp = json_is_true(at(net, "tcp"));
	int n = 0;

	*out = '\0';
	if (udp || tcp)
		n = snprintf(out, CELL, "%s%s%s %lld", udp ? "udp" : "", udp && tcp ? " " : "",
			     tcp ? "tcp" : "", number(net, "sip_port"));
	if (json_is_true(at(net, "tls")))
		snprintf(out + n, CELL - (size_t)n, "%stls %lld", n ? ", " : "",
			 number(net, "tls_port"));
	return out;
}

/* A month before its end it is time to think of the next one. */
static void show_certificate(long long ends)
{
	long long days = (ends - now_us() / 1000000) / 86400;

	if (!ends)
		return;
	if (days < 0)
		puts("certificate: HAS ENDED - nobody who checks it connects");
	else
		printf("certificate: %s %lld day%s\n", days < 30 ? "ENDS IN" : "ends in", days,
		       days == 1 ? "" : "s");
}

/* Why it is that one. */
static const char *why_engine(const json_t *reply)
{
	if (strcmp(text(reply, "engine_asked"), "auto") != 0)
		return ", as configured";
	return strcmp(text(reply, "engine"), "sluice-dp") == 0
		       ? ", taken by auto: it is there, and comes first"
		       : ", taken by auto: sluice-dp was not there";
}

void show_status(const json_t *reply, struct show *o)
{
	static const char *const heads[] = { "NETWORK", "ADDRESS", "SIP", "MEDIA PORTS",
					     "DATA PATH" };
	struct text_table *t = text_table_new(5, heads);
	const json_t *net, *path, *v;
	const char *name;
	size_t i, k;

	printf("sluiced %s, %s, %lld shard%s, %lld call%s up, %.1f MB in use\n",
	       text(reply, "version"), text(reply, "config"), number(reply, "shards"),
	       number(reply, "shards") == 1 ? "" : "s", number(reply, "calls"),
	       number(reply, "calls") == 1 ? "" : "s", (double)number(reply, "memory") / 1e6);
	if (json_is_true(at(reply, "engine_up")))
		printf("data plane: connected (%s)%s\n", text(reply, "engine"), why_engine(reply));
	else
		printf("data plane: NOT CONNECTED - new calls get 503 (%s)\n",
		       text(reply, "engine_cause"));
	printf("connections: %lld\n", number(reply, "connections"));
	show_certificate(number(reply, "certificate_ends"));
	v = at(reply, "overload");
	if (number(v, "admitted_permille") < 1000)
		printf("OVERLOAD: %lld of 1000 new calls are let in, they wait %lld ms\n",
		       number(v, "admitted_permille"), number(v, "delay_ms"));
	putchar('\n');
	json_array_foreach(at(reply, "networks"), i, net)
	{
		char sip[CELL], media[CELL], driver[256] = "-";

		json_array_foreach(at(reply, "data_path"), k,
				   path) if (strcmp(text(path, "network"), text(net, "name")) == 0)
			snprintf(driver, sizeof(driver), "%s%s%s", text(path, "driver"),
				 *text(path, "why") ? ", " : "", text(path, "why"));
		text_table_row(t,
			       (const char *[]){ text(net, "name"), text(net, "address"),
						 sip_ports(sip, net),
						 cell(media, "%lld-%lld", number(net, "media_lo"),
						      number(net, "media_hi")),
						 driver });
	}
	text_table_print(t, "no networks");
	putchar('\n');
	json_object_foreach((json_t *)at(reply, "totals"), name,
			    v) if (json_integer_value(v) || strcmp(name, "calls_started") == 0)
		printf("%12lld  %s\n", (long long)json_integer_value(v), name);
}

/* ---- calls ---- */

void show_calls(const json_t *reply, struct show *o)
{
	static const char *const heads[] = { "ID",     "STATE", ">UP",    "FROM",
					     "CALLER", "TO",    "CALLED", "CODEC" };
	struct text_table *t = text_table_new(8, heads);
	long long now = now_us();
	const json_t *c;
	size_t i;

	json_array_foreach(at(reply, "calls"), i, c)
	{
		const json_t *from = at(c, "from"), *to = at(c, "to");
		long long answered = number(c, "answered_us");
		char up[CELL];

		text_table_row(t, (const char *[]){ text(c, "id"), text(c, "state"),
						    answered ? duration(up, now - answered) : "-",
						    text(from, "trunk"), text(from, "user"),
						    text(to, "trunk"), text(to, "user"),
						    text(c, "codec") });
	}
	text_table_print(t, "no calls");
}

/* ---- one call ---- */

static const json_t *flow_side(const json_t *flows, const char *id, size_t side)
{
	const json_t *f;
	size_t i;

	json_array_foreach(flows, i, f) if (strcmp(text(f, "id"), id) ==
					    0) return json_array_get(at(f, "sides"), side);
	return NULL;
}

/* What there is to say beyond the packets. */
static void show_quality(const json_t *side)
{
	const json_t *rtp = at(side, "rtp"), *rtcp = at(side, "rtcp");
	const char *srtp = text(side, "srtp_in");

	if (json_is_real(at(side, "mos")))
		printf("      sounds like MOS %.1f (loss %.1f %%, delay %.0f ms)\n",
		       json_real_value(at(side, "mos")), 100 * json_real_value(at(side, "loss")),
		       json_real_value(at(side, "delay_ms")));
	if (number(rtcp, "packets") && json_real_value(at(rtcp, "rtt_ms")) > 0)
		printf("      its RTCP: %.0f ms there and back, it misses %lld packets of what it "
		       "is "
		       "sent\n",
		       json_real_value(at(rtcp, "rtt_ms")), number(rtcp, "peer_lost"));
	if (*srtp && *srtp != '-')
		printf("      SRTP: %s, %lld failed authentication, %lld replayed\n", srtp,
		       number(rtp, "auth_failed"), number(rtp, "replayed"));
	if (number(rtp, "policed"))
		printf("      policed: %lld packets above what was negotiated\n",
		       number(rtp, "policed"));
}

static void show_streams(const json_t *leg, const json_t *flows)
{
	const json_t *m;
	size_t i;

	json_array_foreach(at(leg, "media"), i, m)
	{
		const json_t *side = flow_side(flows, text(m, "flow"), (size_t)number(m, "side"));
		const json_t *rtp = at(side, "rtp");

		printf("    %s %s %s: we are %s, its SDP says %s\n", text(m, "kind"),
		       text(m, "codec"), text(m, "direction"), text(m, "local"), text(m, "remote"));
		if (!rtp)
			continue;
		printf("      from it: %lld packets, %lld octets; source %s (%s)\n",
		       number(rtp, "packets"), number(rtp, "octets"), text(rtp, "source"),
		       text(rtp, "state"));
		printf("      %lld lost, jitter %.1f ms, %lld dropped\n", number(rtp, "lost"),
		       json_real_value(at(rtp, "jitter_ms")), number(rtp, "dropped"));
		show_quality(side);
		if (json_is_string(at(rtp, "refused")))
			printf("      refused: packets from %s, which the signalling did not "
			       "name\n",
			       text(rtp, "refused"));
	}
}

/* "100rel timer UPDATE" */
static const char *words(char *out, size_t cap, const json_t *list)
{
	const json_t *w;
	size_t i, n = 0;

	snprintf(out, cap, "nothing of note");
	json_array_foreach(list, i, w) if (n < cap) n +=
		(size_t)snprintf(out + n, cap - n, "%s%s", i ? " " : "", json_string_value(w));
	return out;
}

static void show_leg(const char *name, const json_t *leg, const json_t *flows)
{
	const json_t *session = at(leg, "session_timer"), *offer = at(leg, "offer_answer");
	char list[160];

	printf("\n  %s: %s on trunk %s, %s\n", name, text(leg, "user"), text(leg, "trunk"),
	       text(leg, "peer"));
	if (!*text(leg, "state")) {
		puts("    dialog         none");
		return;
	}
	printf("    dialog         %s, Call-ID %s\n", text(leg, "state"), text(leg, "call_id"));
	printf("                   our tag %s, its tag %s\n", text(leg, "local_tag"),
	       *text(leg, "remote_tag") ? text(leg, "remote_tag") : "not known yet");
	printf("    offer/answer   %s: %s\n", text(offer, "state"), text(offer, "text"));
	if (json_is_object(session))
		printf("    session timer  %lld s, refreshed by %s\n",
		       number(session, "interval_s"), text(session, "refresher"));
	else
		puts("    session timer  none");
	printf("    its end can    %s%s\n", words(list, sizeof(list), at(leg, "supports")),
	       json_is_true(at(leg, "requires_100rel")) ? "; requires 100rel" : "");
	show_streams(leg, flows);
}

static void show_work(const json_t *c)
{
	const json_t *x = at(c, "exchange"), *t = at(c, "transfer");

	if (json_is_object(x))
		printf("  exchange: %s, %s; asked by %s, goes to %s\n", text(x, "state"),
		       text(x, "text"), text(x, "from"), text(x, "to"));
	if (json_is_object(t))
		printf("  transfer: %s, %s; in place of the %s\n", text(t, "state"),
		       text(t, "text"), text(t, "instead_of"));
}

static void show_events(const json_t *c)
{
	const json_t *e;
	size_t i;

	printf("\n  last events\n");
	json_array_foreach(at(c, "events"), i, e)
	{
		char when[CELL], status[CELL] = "";

		if (number(e, "status"))
			cell(status, " %lld", number(e, "status"));
		printf("    %s  %-8s  %s%s\n", clock_time(when, number(e, "at_us")), text(e, "leg"),
		       text(e, "what"), status);
	}
}

void show_call(const json_t *reply, struct show *o)
{
	static const char *const names[] = { "caller", "callee", "newcomer" };
	const json_t *c = at(reply, "call"), *leg;
	char start[CELL], up[CELL];
	long long answered = number(c, "answered_us");
	size_t i;

	printf("call %s  %s  started %s", text(c, "id"), text(c, "state"),
	       clock_time(start, number(c, "started_us")));
	if (answered)
		printf(", up %s", duration(up, now_us() - answered));
	printf(", %lld octets of memory\n", number(c, "memory"));
	show_work(c);
	json_array_foreach(at(c, "legs"), i, leg)
		show_leg(names[i < 2 ? i : 2], leg, at(c, "flows"));
	show_events(c);
}

/* ---- trunks ---- */

void show_trunks(const json_t *reply, struct show *o)
{
	static const char *const heads[] = { "TRUNK",   "NETWORK", "PROFILE", "HOST", "DOMAIN",
					     "SOURCES", "TARGETS", ">CALLS",  ">OF" };
	static const char *const port_heads[] = { "NETWORK", ">PORT PAIRS", ">IN USE", ">RESTING",
						  ">ORPHANED" };
	struct text_table *t = text_table_new(9, heads);
	const json_t *k, *p;
	const char *name;
	size_t i, s;

	json_array_foreach(at(reply, "trunks"), i, k)
	{
		char sources[256] = "", targets[512] = "", calls[CELL], of[CELL];
		size_t n = 0, m = 0;

		json_array_foreach(at(k, "sources"), s, p) if (n < sizeof(sources)) n +=
			(size_t)snprintf(sources + n, sizeof(sources) - n, "%s%s", s ? " " : "",
					 json_string_value(p));
		json_array_foreach(at(k, "targets"), s, p) if (m < sizeof(targets)) m +=
			(size_t)snprintf(targets + m, sizeof(targets) - m, "%s%s %s%s",
					 s ? ", " : "", text(p, "transport"), text(p, "address"),
					 json_is_true(at(p, "dead")) ? " (dead)" : "");
		if (!m)
			snprintf(targets, sizeof(targets), "none: %s", text(k, "dns"));
		text_table_row(t, (const char *[]){ text(k, "name"), text(k, "network"),
						    text(k, "profile"), text(k, "host"),
						    text(k, "domain"), sources, targets,
						    cell(calls, "%lld", number(k, "calls")),
						    cell(of, "%lld", number(k, "max_calls")) });
	}
	text_table_print(t, "no trunks");
	putchar('\n');
	t = text_table_new(5, port_heads);
	json_object_foreach((json_t *)at(reply, "media_ports"), name, p)
	{
		char total[CELL], used[CELL], resting[CELL], orphaned[CELL];

		text_table_row(t,
			       (const char *[]){ name, cell(total, "%lld", number(p, "total")),
						 cell(used, "%lld", number(p, "used")),
						 cell(resting, "%lld", number(p, "resting")),
						 cell(orphaned, "%lld", number(p, "orphaned")) });
	}
	text_table_print(t, "no media ports");
}
