/* SPDX-License-Identifier: Apache-2.0 */
/* Streams that are not audio: T.38, video, text, and what is not carried. */
#include "media/world.h"

#define A_FAX                                                                                      \
	"m=image 4000 UDPTL t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n"                 \
	"a=T38FaxRateManagement:transferredTCF\r\na=T38FaxMaxDatagram: 256\r\n"                    \
	"a=T38FaxUdpEC:t38UDPRedundancy\r\na=T38VendorInfo:0 0 37\r\n"
#define B_FAX "m=image 6000 udptl t38\r\na=T38FaxVersion:3\r\na=T38FaxUdpEC:t38UDPFEC\r\n"
#define PCMA  "m=audio 4000 RTP/AVP 8\r\n"

/* ---- T.38 ---- */

static void passes_what_a_fax_says(void **state)
{
	struct world *w = *state;

	assert_int_equal(offer(w, 0, A_HEAD A_FAX), 0);
	assert_str(line_of(w, 0)->kind, "image");
	assert_str(line_of(w, 0)->proto, "udptl");
	assert_non_null(strstr(w->text,
			       " udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n"
			       "a=T38FaxRateManagement:transferredTCF\r\n"
			       "a=T38FaxMaxDatagram:256\r\n"
			       "a=T38FaxUdpEC:t38UDPRedundancy\r\n"));
	assert_null(strstr(w->text, "Vendor"));
	assert_int_equal(answer(w, 1, B_HEAD B_FAX), 0);
	assert_str(line_of(w, 0)->proto, "UDPTL"); /* as A writes it */
	assert_non_null(strstr(w->text, "a=T38FaxVersion:3\r\na=T38FaxUdpEC:t38UDPFEC\r\n"));
	commit(w);
	media_settle(w->m);
	const struct flow *f = the_flow(w, 0);
	assert_int_equal(f->kind, FLOW_KIND_RAW);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(f->side[i].n_ptmap, 0);
		assert_int_equal(f->side[i].local_rtcp, 0);
		assert_int_equal(f->side[i].remote_rtcp, 0);
		assert_int_equal(f->side[i].flags, 0);
	}
	assert_int_equal(f->side[1].remote.port, 6000);
	struct media_leg_info info;
	assert_int_equal(media_info(w->m, 1, &info, 1), 1);
	assert_string_equal(info.kind, "image");
	assert_string_equal(info.codec, "t38");
}

/* The m= line changes, its ports do not; both legs may have other addresses than for audio. */
static void becomes_a_fax_and_audio_again(void **state)
{
	struct world *w = *state;
	static const char fax[] = B_HEAD "m=image 7000 udptl t38\r\na=T38FaxVersion:0\r\n";

	exchange(w, 0, A_HEAD A_AUDIO, B_HEAD B_AUDIO "a=rtcp-mux\r\n");
	struct flow before = *the_flow(w, 0);
	assert_int_equal(before.kind, FLOW_KIND_RTP);

	assert_int_equal(offer(w, 1, fax), 0);
	assert_int_equal(line_of(w, 0)->port, before.side[0].local.port);
	run(w, 10);
	assert_int_equal(the_flow(w, 0)->kind, FLOW_KIND_RTP); /* until it is answered */
	assert_int_equal(the_flow(w, 0)->gen, before.gen);
	assert_int_equal(answer(w, 0, A_HEAD A_FAX), 0);
	assert_int_equal(line_of(w, 0)->port, before.side[1].local.port);
	assert_false(line_of(w, 0)->rtcp_mux);
	commit(w);
	media_settle(w->m);
	const struct flow *f = the_flow(w, 0);
	assert_int_equal(w->peer.n_flows, 1);
	assert_int_equal(f->id, before.id);
	assert_int_equal(f->kind, FLOW_KIND_RAW);
	assert_int_equal(f->side[1].remote.port, 7000);
	for (int i = 0; i < 2; i++)
		assert_int_equal(f->side[i].local.port, before.side[i].local.port);
	assert_false(media_is_held(w->m));

	exchange(w, 0, A_HEAD A_AUDIO, B_HEAD B_AUDIO);
	f = the_flow(w, 0);
	assert_int_equal(f->kind, FLOW_KIND_RTP);
	assert_int_equal(f->side[0].n_ptmap, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(f->side[i].local.port, before.side[i].local.port);
		assert_int_equal(f->side[i].local_rtcp, before.side[i].local.port + 1);
	}
	assert_int_equal(f->side[1].remote.port, 6000);
	assert_int_equal(f->side[1].remote_rtcp, 6001);
}

static void goes_on_where_a_fax_is_refused(void **state)
{
	struct world *w = *state;

	exchange(w, 0, A_HEAD A_AUDIO, B_HEAD B_AUDIO);
	u32 gen = the_flow(w, 0)->gen;
	assert_int_equal(offer(w, 0, A_HEAD A_FAX), 0);
	assert_int_equal(answer(w, 1, B_HEAD B_AUDIO), -EBADMSG); /* audio for a fax */
	assert_int_equal(answer(w, 1, B_HEAD "m=image 0 udptl t38\r\n"), -ENOTSUP);
	assert_int_equal(answer(w, 1, B_HEAD "m=image 6000 udptl t39\r\n"), -ENOTSUP);
	assert_int_equal(answer(w, 1, B_HEAD "m=image 6000 RTP/AVP 0\r\n"), -ENOTSUP);
	media_reject(w->m);
	run(w, 10);
	assert_int_equal(the_flow(w, 0)->kind, FLOW_KIND_RTP);
	assert_int_equal(the_flow(w, 0)->gen, gen);
	assert_false(media_is_held(w->m));
}

static void carries_a_fax_beside_audio(void **state)
{
	struct world *w = *state;

	exchange(w, 0, A_HEAD A_AUDIO, B_HEAD B_AUDIO);
	exchange(w, 0, A_HEAD "m=audio 0 RTP/AVP 8\r\n" A_FAX,
		 B_HEAD "m=audio 0 RTP/AVP 8\r\n" B_FAX);
	assert_int_equal(w->ms->in.n_media, 2);
	assert_int_equal(line_of(w, 0)->port, 0);
	assert_int_equal(w->peer.n_flows, 2);
	assert_int_equal(the_flow(w, 0)->kind, FLOW_KIND_RTP);
	assert_int_equal(the_flow(w, 0)->side[0].n_ptmap, 0);
	assert_int_equal(the_flow(w, 1)->kind, FLOW_KIND_RAW);
	assert_false(media_is_held(w->m));
	exchange(w, 1, B_HEAD B_AUDIO "m=image 0 udptl t38\r\n",
		 A_HEAD A_AUDIO "m=image 0 udptl t38\r\n");
	assert_int_equal(the_flow(w, 0)->side[0].n_ptmap, 2);
	/* at once, and one of them is refused in the words of who asked */
	assert_int_equal(offer(w, 0, A_HEAD A_AUDIO A_FAX), 0);
	assert_true(line_of(w, 0)->port && line_of(w, 1)->port);
	assert_int_equal(answer(w, 1, B_HEAD B_AUDIO "m=image 0 udptl t38\r\n"), 0);
	assert_int_equal(line_of(w, 1)->port, 0);
	assert_str(line_of(w, 1)->proto, "UDPTL");
	assert_str(line_of(w, 1)->formats[0].id, "t38");
}

/* ---- without being told by the other side ---- */

static void say(struct world *w, int (*what)(struct media *m, unsigned leg, struct buf *out),
		unsigned leg)
{
	struct buf b;

	buf_init(&b, w->text, sizeof(w->text) - 1);
	assert_int_equal(what(w->m, leg, &b), 0);
	w->text[b.n] = 0;
	assert_int_equal(sdp_parse(buf_str(&b), &w->ms->in, NULL), 0);
}

static void offers_a_fax_of_ours(void **state)
{
	struct world *w = *state;

	exchange(w, 0, A_HEAD A_FAX, B_HEAD B_FAX);
	say(w, media_repeat, 0);
	assert_non_null(strstr(w->text, "a=T38FaxUdpEC:t38UDPFEC\r\n"));
	assert_str(line_of(w, 0)->proto, "UDPTL");
	assert_int_equal(line_of(w, 0)->port, the_flow(w, 0)->side[0].local.port);

	say(w, media_make_offer, 1);
	assert_str(line_of(w, 0)->kind, "image");
	assert_non_null(strstr(w->text, "a=T38FaxUdpEC:t38UDPRedundancy\r\n"));
	assert_int_equal(line_of(w, 0)->port, the_flow(w, 0)->side[1].local.port);
	assert_int_equal(offer(w, 1, B_HEAD B_AUDIO), -EBADMSG); /* that is no answer */
	assert_int_equal(offer(w, 1, B_HEAD B_FAX), 0);
	assert_str(line_of(w, 0)->kind, "image");
	assert_non_null(strstr(w->text, "a=T38FaxUdpEC:t38UDPFEC\r\n"));
	assert_int_equal(media_answer_known(w->m), 0);
	commit(w);
	media_settle(w->m);
	assert_int_equal(the_flow(w, 0)->kind, FLOW_KIND_RAW);
	assert_int_equal(the_flow(w, 0)->side[1].remote.port, 6000);
	assert_int_equal(the_flow(w, 0)->side[0].remote.port, 4000);
}

static void answers_a_fax_here(void **state)
{
	struct world *w = *state;
	char text[2048];
	struct buf b;

	exchange(w, 0, A_HEAD A_FAX, B_HEAD B_FAX);
	buf_init(&b, text, sizeof(text) - 1);
	assert_int_equal(media_answer_here(w->m, 1, STR(B_HEAD B_FAX), &w->sig[1], &b, NULL), 0);
	text[b.n] = 0;
	assert_non_null(strstr(text, "a=T38FaxUdpEC:t38UDPRedundancy\r\n"));
	assert_null(strstr(text, "m=image 0 "));
	/* what the other side never agreed to can't be answered for it */
	buf_init(&b, text, sizeof(text) - 1);
	assert_int_equal(
		media_answer_here(w->m, 1, STR(B_HEAD B_FAX B_AUDIO), &w->sig[1], &b, NULL), 0);
	text[b.n] = 0;
	assert_non_null(strstr(text, "m=audio 0 RTP/AVP 8 101\r\n"));
}

/* ---- what the trunks carry ---- */

static void carries_what_both_trunks_have(void **state)
{
	static const struct {
		const char *carrier;
		u8 on; /* bits of lines */
	} row[] = {
		{ "", 15 },
		{ ", streams: [audio]", 1 },
		{ ", streams: [audio, fax]", 9 },
		{ ", streams: [audio, video]", 3 },
		{ ", streams: [text]", 4 },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct world *w = world_new(row[i].carrier, NULL);
		static const char all[] = "m=audio 4000 RTP/AVP 8\r\nm=video 4002 RTP/AVP 31\r\n"
					  "m=text 4004 RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\n"
					  "m=image 4006 udptl t38\r\n";
		for (unsigned leg = 0; leg < 2; leg++) {
			char text[512];
			snprintf(text, sizeof(text), "%s%s", leg ? B_HEAD : A_HEAD, all);
			assert_int_equal(offer(w, leg, text), 0);
			assert_int_equal(w->ms->in.n_media, 4);
			for (unsigned k = 0; k < 4; k++)
				assert_int_equal(line_of(w, k)->port != 0, row[i].on >> k & 1);
			assert_str(line_of(w, 2)->kind, "text");
			assert_str(line_of(w, 3)->proto, "udptl");
			snprintf(text, sizeof(text), "%s%s", leg ? A_HEAD : B_HEAD, all);
			assert_int_equal(answer(w, !leg, text), 0);
			for (unsigned k = 0; k < 4; k++)
				assert_int_equal(line_of(w, k)->port != 0, row[i].on >> k & 1);
			media_reject(w->m);
		}
		assert_int_equal(offer(w, 0, A_HEAD A_FAX), row[i].on & 8 ? 0 : -ENOTSUP);
		world_free(w);
	}
}

/* Port 0, in the very words of the offer, in their places. */
static void refuses_in_the_same_words(void **state)
{
	struct world *w = *state;
	static const char *const line[] = {
		"m=application 50000 TCP/TLS/BFCP *",
		"m=application 50002 UDP/BFCP *",
		"m=message 7654 TCP/TLS/MSRP *",
		"m=audio 4000 RTP/SAVPF 111 0 8 101",
		"m=video 4002 UDP/TLS/RTP/SAVPF 96 97",
		"m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
		"m=image 4004 TCP t38",
		"m=whatever 1 a/b/c/d x y *",
		"m=audio 4006/2 RTP/AVP 0",
		"m=text 4008 TCP/RTP/AVP 98",
	};
	const unsigned n = sizeof(line) / sizeof(line[0]);
	char text[2048] = A_HEAD, want[128];

	for (unsigned i = 0; i < n; i++) {
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\r\na=X:secret\r\n",
			 line[i]);
		if (i == 4)
			strncat(text, PCMA, sizeof(text) - strlen(text) - 1);
	}
	assert_int_equal(offer(w, 0, text), 0);
	assert_int_equal(w->ms->in.n_media, n + 1);
	for (unsigned i = 0; i <= n; i++)
		assert_int_equal(line_of(w, i)->port != 0, i == 5);
	assert_null(strstr(w->text, "whatever"));
	assert_non_null(strstr(w->text, "m=application 0 UDP/BFCP *\r\n"));
	assert_non_null(strstr(w->text, "m=message 0 TCP/TLS/MSRP *\r\n"));

	char reply[2048];
	snprintf(reply, sizeof(reply), "%s%s", B_HEAD, strstr(w->text, "m="));
	assert_int_equal(answer(w, 1, reply), 0);
	assert_int_equal(w->ms->in.n_media, n + 1);
	const char *at = w->text;
	for (unsigned i = 0; i < n; i++) {
		const char *port = strpbrk(line[i], "0123456789"), *rest = strchr(port, ' ');
		snprintf(want, sizeof(want), "%.*s0%s\r\n", (int)(port - line[i]), line[i], rest);
		at = strstr(at, want);
		if (!at)
			fail_msg("no %s in its place in %s", want, w->text);
	}
	assert_int_equal(line_of(w, 5)->port != 0, true);
	assert_null(strstr(w->text, "secret"));
	media_reject(w->m);
	/* nothing but those */
	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%s%s\r\n", A_HEAD, line[i]);
		assert_int_equal(offer(w, 0, text), -ENOTSUP);
	}
}

/* Words that are too long to keep: what everybody knows instead; and not more formats than there is room for. */
static void refuses_in_other_words_where_it_must(void **state)
{
	struct world *w = *state;
	char text[1024], proto[101], formats[200] = "";

	memset(proto, 'p', 100);
	proto[100] = 0;
	for (unsigned i = 0; i < 40; i++)
		snprintf(formats + strlen(formats), sizeof(formats) - strlen(formats), " f%02u", i);
	snprintf(text, sizeof(text), A_HEAD PCMA "m=x 9 %s *\r\nm=y 9 z%s\r\n", proto, formats);
	assert_int_equal(offer(w, 0, text), 0);
	assert_int_equal(answer(w, 1, B_HEAD "m=audio 6000 RTP/AVP 8\r\n"), 0);
	assert_non_null(strstr(w->text, "m=application 0 RTP/AVP 0\r\n"));
	assert_non_null(strstr(w->text, "m=y 0 z f00 f01 "));
	assert_int_equal(line_of(w, 2)->n_formats, 16); /* 63 octets */
	assert_str(line_of(w, 2)->formats[15].id, "f15");
}

/* ---- video and text ---- */

static void passes_feedback_that_it_knows(void **state)
{
	struct world *w = *state;
	static const char *const pass[] = { "* nack",          "96 nack pli",
					    "* ccm fir",       "96 ccm tmmbr smaxpr=120",
					    "96 transport-cc", "96 goog-remb",
					    "* trr-int 100",   "96 NACK SLI" };
	static const char *const drop[] = { "* x-own thing", "97 nack", "96 trr-int x",
					    "96 trr-int 1 2", "96 nack pli secret" };
	char want[64];
	char all[2048] = A_HEAD "m=video 4002 RTP/AVPF 96\r\na=rtpmap:96 VP8/90000\r\n";
	for (size_t i = 0; i < sizeof(pass) / sizeof(pass[0]); i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "a=rtcp-fb:%s\r\n", pass[i]);
	for (size_t i = 0; i < sizeof(drop) / sizeof(drop[0]); i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "a=rtcp-fb:%s\r\n", drop[i]);
	assert_int_equal(offer(w, 0, all), 0);
	assert_int_equal(line_of(w, 0)->n_fb, sizeof(pass) / sizeof(pass[0]));
	for (size_t i = 0; i < sizeof(pass) / sizeof(pass[0]); i++) {
		snprintf(want, sizeof(want), "a=rtcp-fb:%s\r\n", pass[i]);
		assert_non_null(strstr(w->text, want));
	}
}

static void has_a_flow_for_each_video_line(void **state)
{
	struct world *w = *state;
	static const char lines[] = "m=video 4002 RTP/AVPF 96\r\na=rtpmap:96 VP8/90000\r\n"
				    "a=content:main\r\na=mid:0\r\na=ssrc:1 cname:secret\r\n"
				    "m=video 4004 RTP/AVPF 97\r\na=rtpmap:97 VP8/90000\r\n"
				    "a=content:slides\r\na=mid:1\r\na=extmap:1 urn:secret\r\n";
	char a[1024], b[1024];

	snprintf(a, sizeof(a), "%sa=group:BUNDLE 0 1\r\n%s", A_HEAD, lines);
	snprintf(b, sizeof(b), "%sa=group:BUNDLE 0 1\r\n%s", B_HEAD, lines);
	exchange(w, 0, a, b);
	assert_int_equal(w->peer.n_flows, 2);
	assert_true(the_flow(w, 0)->side[0].local.port != the_flow(w, 1)->side[0].local.port);
	assert_int_equal(the_flow(w, 0)->side[1].ptmap[0][0], 96);
	assert_int_equal(the_flow(w, 1)->side[1].ptmap[0][0], 97);
	static const char *const none[] = { "group", "mid", "content", "secret", "ssrc" };
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_null(strstr(w->text, none[i]));
}

/* ---- payload types within parameters ---- */

static u8 plus_ten(const void *arg, u8 pt)
{
	return pt == *(const u8 *)arg ? SDP_PT_NONE : (u8)(pt + 10);
}

static void rewrites_payload_types_in_parameters(void **state)
{
	static const struct {
		const char *name, *fmtp, *out; /* NULL: means nothing any more */
		bool names;
	} row[] = {
		{ "red", "98/98/98", "108/108/108", true },
		{ "RED", "0/5/100", "10/15/110", true },
		{ "red", "98", "108", true },
		{ "red", "98/99/98", NULL, true },
		{ "red", "98/x", NULL, true },
		{ "red", "98/128", NULL, true },
		{ "rtx", "apt=96;rtx-time=3000", "apt=106;rtx-time=3000", true },
		{ "rtx", "rtx-time=96; apt=96", "rtx-time=96;apt=106", true },
		{ "rtx", "apt=99", NULL, true },
		{ "rtx", "apt", NULL, true },
		{ "H264", "apt=96", "apt=96", false },
		{ "red", "", "", false },
		{ "", "98/98", "98/98", false },
	};
	u8 missing = 99;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct sdp_format f = { .name = str_of(row[i].name), .fmtp = str_of(row[i].fmtp) };
		char mem[64], want[64];
		struct buf b;
		buf_init(&b, mem, sizeof(mem));
		buf_lit(&b, "<");
		assert_int_equal(codec_names_pts(&f), row[i].names);
		assert_int_equal(codec_fmtp_pts(&f, plus_ten, &missing, &b), row[i].out != NULL);
		snprintf(want, sizeof(want), "<%s", row[i].out ? row[i].out : "");
		assert_str(buf_str(&b), want);
	}
}

/* Correction in a stream of its own (RFC 5109 10.2) would name an address. */
static void drops_what_names_an_address(void **state)
{
	struct world *w = *state;

	assert_int_equal(offer(w, 0,
			       A_HEAD "m=audio 4000 RTP/AVP 8 100\r\n"
				      "a=rtpmap:100 parityfec/8000\r\n"
				      "a=fmtp:100 49172 IN IP4 10.0.0.20\r\n"),
			 0);
	assert_null(strstr(w->text, "parityfec"));
	assert_null(strstr(w->text, "10.0.0.20"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(passes_what_a_fax_says),
		T(becomes_a_fax_and_audio_again),
		T(goes_on_where_a_fax_is_refused),
		T(carries_a_fax_beside_audio),
		T(offers_a_fax_of_ours),
		T(answers_a_fax_here),
		cmocka_unit_test(carries_what_both_trunks_have),
		T(refuses_in_the_same_words),
		T(refuses_in_other_words_where_it_must),
		T(passes_feedback_that_it_knows),
		T(has_a_flow_for_each_video_line),
		cmocka_unit_test(rewrites_payload_types_in_parameters),
		T(drops_what_names_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
