/* SPDX-License-Identifier: Apache-2.0 */
/* Offers and answers: what comes out on the other side, and what the engine is told. */
#include "media/world.h"

static void carries_a_call(void **state)
{
	struct world *w = *state;

	assert_int_equal(offer(w, 0, A_HEAD A_AUDIO), 0);
	const struct sdp_media *l = line_of(w, 0);
	assert_str(l->kind, "audio");
	assert_str(l->proto, "RTP/AVP");
	assert_int_equal(l->n_formats, 3);
	assert_int_equal(l->formats[0].pt, 8);
	assert_int_equal(l->formats[1].pt, 0);
	assert_str(l->formats[2].fmtp, "0-15");
	assert_int_equal(l->ptime, 20);
	struct addr a = at("203.0.113.10", 0);
	assert_true(addr_ip_eq(&l->addr, &a));
	assert_in_range(l->port, 20000, 29998);
	assert_int_equal(l->port % 2, 0);
	u16 port1 = l->port;

	/* the engine watches already, and knows the caller */
	run(w, 10);
	const struct flow *f = the_flow(w, 0);
	assert_int_equal(f->gen, 1);
	assert_int_equal(f->side[1].local.port, port1);
	assert_int_equal(f->side[1].local_rtcp, port1 + 1);
	assert_int_equal(f->side[1].remote.family, 0);
	assert_int_equal(f->side[0].remote.port, 4000);
	assert_int_equal(f->side[0].remote_rtcp, 4001);
	assert_int_equal(f->side[0].n_ptmap, 3);

	assert_int_equal(answer(w, 1, B_HEAD B_AUDIO), 0);
	l = line_of(w, 0);
	a = at("192.0.2.200", 0); /* the public address of the caller's network */
	assert_true(addr_ip_eq(&l->addr, &a));
	assert_int_equal(l->n_formats, 2);
	assert_int_equal(the_flow(w, 0)->side[0].local.port, l->port);
	assert_int_equal(f->gen, 1); /* nothing goes on before the commit */
	commit(w);
	assert_int_equal(w->status, 0);
	media_settle(w->m);

	f = the_flow(w, 0);
	a = at("10.0.0.1", 0); /* but the socket is where the interface is */
	assert_memory_equal(f->side[0].local.ip, a.ip, 16);
	assert_int_equal(f->gen, 2);
	assert_int_equal(f->side[1].remote.port, 6000);
	assert_int_equal(f->side[1].remote_rtcp, 6001);
	assert_int_equal(f->side[1].n_ptmap, 2);
	assert_int_equal(f->side[1].ptmap[1][0], 101);
	assert_int_equal(f->side[1].ptmap[1][1], 101);
	assert_int_equal(f->side[0].clock, 8000);
	assert_int_equal(f->side[0].ptime, 20);
	assert_int_equal(f->side[0].dscp, 46);
	assert_int_equal(f->side[0].flags, 0);
	assert_int_equal(f->idle_ms, 60000);
	assert_int_equal(f->side[0].mode, FLOW_MODE_STATIC);
	a = at("203.0.113.20", 0);
	assert_memory_equal(f->side[1].sig.ip, a.ip, 16);

	w->peer.flows[0].rtp[1].packets = 99;
	world_end_call(w);
	assert_true(w->report.valid);
	assert_int_equal(w->report.rtp[1].packets, 99);
	assert_int_equal(w->peer.n_flows, 0);
}

static const char a_call[] = A_HEAD A_AUDIO;
static const char b_call[] = B_HEAD B_AUDIO;

/* ---- hold ---- */

struct hold {
	const char *offer, *answer; /* after the usual lines of A and B */
	const char *seen_by_b, *seen_by_a;
	const char *offer_head; /* NULL: A_HEAD */
	bool hold[2];           /* is media of that side expected no more? */
};

static const struct hold holds[] = {
	{ "a=sendonly\r\n", "a=recvonly\r\n", "sendonly", "recvonly", NULL, { false, true } },
	{ "a=sendonly\r\n", "a=sendrecv\r\n", "sendonly", "recvonly", NULL, { false, true } },
	{ "a=sendonly\r\n", "a=inactive\r\n", "sendonly", "inactive", NULL, { true, true } },
	{ "a=recvonly\r\n", "a=sendonly\r\n", "recvonly", "sendonly", NULL, { true, false } },
	{ "a=inactive\r\n", "a=inactive\r\n", "inactive", "inactive", NULL, { true, true } },
	{ "a=inactive\r\n", "", "inactive", "inactive", NULL, { true, true } },
	{ "a=sendrecv\r\n", "a=inactive\r\n", "sendrecv", "inactive", NULL, { true, true } },
	{ "",
	  "",
	  "sendonly",
	  "recvonly",
	  "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\nc=IN IP4 0.0.0.0\r\n",
	  { false, true } },
	{ "a=inactive\r\n",
	  "",
	  "inactive",
	  "inactive",
	  "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\nc=IN IP4 0.0.0.0\r\n",
	  { true, true } },
	{ "",
	  "",
	  "sendonly",
	  "recvonly",
	  "v=0\r\no=- 1 2 IN IP4 10.0.0.20\r\nc=IN IP4 10.0.0.20\r\na=sendonly\r\n",
	  { false, true } },
};

static void check_hold(struct world *w, const struct hold *h)
{
	char o[1024], a[1024];

	snprintf(o, sizeof(o), "%s%s%s", h->offer_head ? h->offer_head : A_HEAD, A_AUDIO, h->offer);
	snprintf(a, sizeof(a), "%s%s", b_call, h->answer);
	exchange(w, 0, a_call, b_call);
	assert_false(media_is_held(w->m));
	struct flow before = *the_flow(w, 0);
	uint64_t version = version_in(w->text);

	assert_int_equal(offer(w, 0, o), 0);
	assert_string_equal(sdp_dir_name(line_of(w, 0)->dir), h->seen_by_b);
	assert_int_equal(line_of(w, 0)->port, before.side[1].local.port);
	assert_int_equal(answer(w, 1, a), 0);
	assert_string_equal(sdp_dir_name(line_of(w, 0)->dir), h->seen_by_a);
	assert_int_equal(version_in(w->text), version + 1);
	commit(w);
	media_settle(w->m);
	const struct flow *f = the_flow(w, 0);
	assert_true(media_is_held(w->m));
	assert_int_equal(f->gen, before.gen + 1);
	assert_int_equal(f->idle_ms, 3600 * 1000);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(!!(f->side[i].flags & FLOW_SIDE_HOLD), h->hold[i]);
		assert_memory_equal(&f->side[i].remote, &before.side[i].remote,
				    sizeof(struct flow_addr));
		assert_memory_equal(&f->side[i].local, &before.side[i].local,
				    sizeof(struct flow_addr));
	}

	w->sig[0].port ^= 1;            /* says nothing of media */
	exchange(w, 0, a_call, b_call); /* and resume */
	assert_false(media_is_held(w->m));
	f = the_flow(w, 0);
	assert_int_equal(f->gen, before.gen + 2);
	before.gen = f->gen;
	assert_memory_equal(f, &before, sizeof(before));
}

static void holds_and_resumes(void **state)
{
	for (size_t i = 0; i < sizeof(holds) / sizeof(holds[0]); i++) {
		struct world *w = world_new(NULL, NULL);
		check_hold(w, &holds[i]);
		world_free(w);
	}
}

/* The stream itself is switched off, and on again. */
static void holds_with_port_zero(void **state)
{
	struct world *w = *state;
	static const char off[] = A_HEAD "m=audio 0 RTP/AVP 8 0 101\r\n";

	exchange(w, 0, a_call, b_call);
	u16 port[2] = { the_flow(w, 0)->side[0].local.port, the_flow(w, 0)->side[1].local.port };
	assert_int_equal(offer(w, 0, off), 0);
	assert_int_equal(line_of(w, 0)->port, 0);
	assert_str(line_of(w, 0)->kind, "audio");
	assert_int_equal(answer(w, 1, B_HEAD "m=audio 0 RTP/AVP 8\r\n"), 0);
	assert_int_equal(line_of(w, 0)->port, 0);
	commit(w);
	assert_int_equal(w->status, 0);
	media_settle(w->m);
	assert_true(media_is_held(w->m));
	assert_int_equal(the_flow(w, 0)->side[0].n_ptmap, 0);
	assert_int_equal(the_flow(w, 0)->side[1].flags & FLOW_SIDE_HOLD, FLOW_SIDE_HOLD);
	exchange(w, 0, a_call, b_call);
	assert_false(media_is_held(w->m));
	assert_int_equal(the_flow(w, 0)->side[0].local.port, port[0]);
	assert_int_equal(the_flow(w, 0)->side[1].local.port, port[1]);
	assert_int_equal(the_flow(w, 0)->side[0].n_ptmap, 2);
	assert_int_equal(w->peer.n_flows, 1);
}

/* RFC 2543 hold before anything was agreed: nothing is known of where to send. */
static void starts_on_hold(void **state)
{
	struct world *w = *state;

	assert_int_equal(offer(w, 0, "v=0\r\nc=IN IP4 0.0.0.0\r\n" A_AUDIO), 0);
	assert_string_equal(sdp_dir_name(line_of(w, 0)->dir), "sendonly");
	run(w, 10);
	assert_int_equal(the_flow(w, 0)->side[0].remote.family, 0);
	assert_int_equal(answer(w, 1, b_call), 0);
	commit(w);
	media_settle(w->m);
	exchange(w, 0, a_call, b_call);
	assert_int_equal(the_flow(w, 0)->side[0].remote.port, 4000);
}

/* ---- versions, forks, refusals ---- */

static void raises_the_version_only_for_changes(void **state)
{
	struct world *w = *state;
	char first[2][sizeof(w->text)];

	assert_int_equal(offer(w, 0, a_call), 0);
	memcpy(first[1], w->text, sizeof(w->text));
	assert_int_equal(version_in(first[1]), 1);
	assert_int_equal(answer(w, 1, b_call), 0);
	memcpy(first[0], w->text, sizeof(w->text));
	media_settle(w->m);
	/* A's own version, session name and id may change: nothing of that goes out */
	assert_int_equal(offer(w, 0,
			       "v=0\r\no=x 9 99 IN IP4 10.0.0.20\r\ns=y\r\n"
			       "c=IN IP4 10.0.0.20\r\nt=1 2\r\n" A_AUDIO),
			 0);
	assert_string_equal(w->text, first[1]);
	/* nor does another port of A's concern B */
	media_reject(w->m);
	assert_int_equal(offer(w, 0,
			       A_HEAD "m=audio 4444 RTP/AVP 8 0 101\r\n"
				      "a=rtpmap:8 PCMA/8000\r\n" EVENTS "a=ptime:20\r\n"),
			 0);
	assert_string_equal(w->text, first[1]);
	assert_int_equal(answer(w, 1, b_call), 0);
	assert_string_equal(w->text, first[0]);
	media_settle(w->m);
	/* an offer the other way with what that leg answered before: A sees the same again */
	assert_int_equal(offer(w, 1, b_call), 0);
	assert_string_equal(w->text, first[0]);
	assert_int_equal(answer(w, 0,
				A_HEAD "m=audio 4444 RTP/AVP 8 101\r\n"
				       "a=rtpmap:8 PCMA/8000\r\n" EVENTS),
			 0);
	assert_int_equal(version_in(w->text), 2); /* B sees fewer codecs now */
}

static void takes_the_last_of_many_answers(void **state)
{
	struct world *w = *state;
	static const char other[] = B_HEAD "m=audio 7000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";
	uint64_t version;
	u16 port;

	assert_int_equal(offer(w, 0, a_call), 0);
	assert_int_equal(answer(w, 1, b_call), 0);
	commit(w);
	version = version_in(w->text);
	port = line_of(w, 0)->port;
	assert_int_equal(the_flow(w, 0)->side[1].remote.port, 6000);
	w->sig[1].port++;
	assert_int_equal(answer(w, 1, b_call), 0); /* once more, from another SIP port */
	assert_int_equal(version_in(w->text), version);
	commit(w);
	assert_int_equal(w->status, 0);
	assert_int_equal(the_flow(w, 0)->gen, 2);
	assert_int_equal(answer(w, 1, other), 0); /* another fork */
	assert_int_equal(version_in(w->text), version + 1);
	assert_int_equal(line_of(w, 0)->port, port);
	commit(w);
	media_settle(w->m);
	assert_int_equal(the_flow(w, 0)->side[1].remote.port, 7000);
	assert_int_equal(the_flow(w, 0)->side[0].n_ptmap, 1);
	assert_int_equal(the_flow(w, 0)->gen, 3);
	assert_int_equal(the_flow(w, 0)->side[0].local.port, port);
	assert_int_equal(w->peer.n_flows, 1);
}

static void goes_back_when_refused(void **state)
{
	struct world *w = *state;
	static const char more[] = A_HEAD "m=audio 4002 RTP/AVP 0\r\nm=video 4004 RTP/AVP 31\r\n";
	static const char early[] = B_HEAD "m=audio 6002 RTP/AVP 0\r\nm=video 6004 RTP/AVP 31\r\n";

	exchange(w, 0, a_call, b_call);
	struct flow before = *the_flow(w, 0);
	unsigned sets = w->peer.sets;
	assert_int_equal(offer(w, 0, more), 0);
	run(w, 10);
	assert_int_equal(w->peer.sets, sets + 1);
	assert_int_equal(w->peer.n_flows, 2); /* of the new stream only */
	assert_memory_equal(the_flow(w, 0), &before, sizeof(before));
	assert_int_equal(answer(w, 1, early), 0);
	commit(w);
	assert_int_equal(the_flow(w, 0)->side[1].remote.port, 6002);
	media_reject(w->m);
	run(w, 10);
	assert_int_equal(w->peer.n_flows, 1);
	struct flow after = *the_flow(w, 0);
	assert_int_equal(after.gen, before.gen + 2);
	after.gen = before.gen;
	assert_memory_equal(&after, &before, sizeof(before));
	exchange(w, 1, b_call, a_call); /* and the next offer may come */
	media_settle(w->m);
	media_reject(w->m); /* nothing is open: nothing happens */
}

static void keeps_ports_of_a_first_offer_that_was_refused(void **state)
{
	struct world *w = *state;

	assert_int_equal(offer(w, 0, a_call), 0);
	u16 port = line_of(w, 0)->port;
	assert_int_equal(answer(w, 1, b_call), 0);
	commit(w);
	media_reject(w->m);
	assert_int_equal(offer(w, 0, a_call), 0); /* to the next destination */
	assert_int_equal(line_of(w, 0)->port, port);
	run(w, 10);
	assert_int_equal(the_flow(w, 0)->side[1].remote.family, 0);
	assert_int_equal(answer(w, 1, b_call), 0);
	commit(w);
	assert_int_equal(the_flow(w, 0)->side[1].remote.port, 6000);
}

static void works_with_a_late_offer(void **state)
{
	struct world *w = *state;

	exchange(w, 1, b_call, a_call);
	assert_int_equal(the_flow(w, 0)->side[0].remote.port, 4000);
	assert_int_equal(the_flow(w, 0)->side[1].remote.port, 6000);
	assert_int_equal(version_in(w->text), 1);
}

/* ---- errors ---- */

static void changes_nothing_on_errors(void **state)
{
	struct world *w = *state;
	char small[64];
	struct buf b;

	assert_int_equal(answer(w, 1, b_call), -EINVAL);
	assert_int_equal(offer(w, 0, "hello"), -EBADMSG);
	assert_int_equal(offer(w, 0, A_HEAD), -ENOTSUP);
	assert_int_equal(offer(w, 0, A_HEAD "m=audio 0 RTP/AVP 8\r\n"), -ENOTSUP);
	assert_int_equal(offer(w, 0, A_HEAD "m=audio 4000 RTP/SAVP 8\r\n"), -ENOTSUP);
	assert_int_equal(offer(w, 0, A_HEAD "m=audio 4000/2 RTP/AVP 8\r\n"), -ENOTSUP);
	assert_int_equal(offer(w, 0, A_HEAD "m=image 4000 udptl t4\r\n"), -ENOTSUP);
	assert_int_equal(offer(w, 0, A_HEAD "m=audio 4000 RTP/AVP 96 70 20\r\n"), -ENOTSUP);
	buf_init(&b, small, sizeof(small));
	assert_int_equal(media_offer(w->m, 0, STR(A_HEAD A_AUDIO), &w->sig[0], &b), -EMSGSIZE);
	assert_true(buf_ok(&b) && b.n == 0);
	assert_int_equal(in_use(w), 0);
	assert_int_equal(w->ms->streams.count, 0);
	run(w, 10);
	assert_int_equal(w->peer.sets, 0);

	assert_int_equal(offer(w, 0, a_call), 0);
	assert_int_equal(version_in(w->text), 1);
	assert_int_equal(offer(w, 0, a_call), -EBUSY);
	assert_int_equal(offer(w, 1, b_call), -EBUSY);
	assert_int_equal(answer(w, 0, a_call), -EINVAL);
	assert_int_equal(answer(w, 1, "v=0\r\nm=audio 1 RTP/AVP 0\r\n"), -EBADMSG);
	assert_int_equal(answer(w, 1, B_HEAD "m=video 6000 RTP/AVP 8\r\n"), -EBADMSG);
	assert_int_equal(answer(w, 1, B_HEAD "m=audio 0 RTP/AVP 8\r\n"), -ENOTSUP);
	assert_int_equal(answer(w, 1, B_HEAD), -ENOTSUP);
	assert_int_equal(answer(w, 1, B_HEAD "m=audio 6000 RTP/AVP 18\r\n"), -ENOTSUP);
	assert_int_equal(answer(w, 1, "v=0\r\nc=IN IP6 2001:db8::9\r\n" B_AUDIO), -ENOTSUP);
	assert_int_equal(in_use(w), 2);
	assert_int_equal(answer(w, 1, b_call), 0);
	assert_int_equal(version_in(w->text), 1);
}

static void keeps_away_from_addresses_nobody_has(void **state)
{
	static const char *const ip[] = { "IP4 127.0.0.1",       "IP4 224.0.0.1",
					  "IP4 255.255.255.255", "IP4 0.1.2.3",
					  "IP4 239.255.255.255", "IP6 ff02::1",
					  "IP6 2001:db8::2" };
	struct world *w = *state;
	char text[512];

	for (size_t i = 0; i < sizeof(ip) / sizeof(ip[0]); i++) {
		snprintf(text, sizeof(text), "v=0\r\nc=IN %s\r\n" A_AUDIO, ip[i]);
		assert_int_equal(offer(w, 0, text), -ENOTSUP);
	}
}

static void says_when_ports_run_out(void **state)
{
	struct world *w = *state;
	struct ports *p = w->ms->pool[1].place[0].ports;
	static u16 taken[8192];
	unsigned n = 0;

	while ((taken[n] = ports_take(p)))
		n++;
	assert_int_equal(offer(w, 0, a_call), -ENOBUFS);
	ports_untake(p, taken[--n]);
	/* one is left: not enough for two streams, and the first gives back what it took */
	assert_int_equal(offer(w, 0, A_HEAD A_AUDIO "m=video 5000 RTP/AVP 31\r\n"), -ENOBUFS);
	assert_int_equal(in_use(w), n);
	assert_int_equal(offer(w, 0, a_call), 0);
	while (n)
		ports_rest(p, taken[--n]);
}

static void gives_the_first_port_back_where_there_is_no_second(void **state)
{
	struct world *w = *state;
	struct ports *p = w->ms->pool[0].place[0].ports;
	static u16 taken[8192];
	unsigned n = 0;

	while ((taken[n] = ports_take(p)))
		n++;
	assert_int_equal(offer(w, 0, a_call), -ENOBUFS);
	assert_int_equal(in_use(w), n);
	while (n)
		ports_rest(p, taken[--n]);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(carries_a_call),
		cmocka_unit_test(holds_and_resumes),
		T(holds_with_port_zero),
		T(starts_on_hold),
		T(raises_the_version_only_for_changes),
		T(takes_the_last_of_many_answers),
		T(goes_back_when_refused),
		T(keeps_ports_of_a_first_offer_that_was_refused),
		T(works_with_a_late_offer),
		T(changes_nothing_on_errors),
		T(keeps_away_from_addresses_nobody_has),
		T(says_when_ports_run_out),
		T(gives_the_first_port_back_where_there_is_no_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
