/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "sdp/sdp.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define HEAD     "v=0\r\no=- 7 8 IN IP4 192.0.2.1\r\ns=-\r\n"
#define C        "c=IN IP4 192.0.2.1\r\n"
#define T        "t=0 0\r\n"
#define FAX      "m=image 4000 UdpTL t38\r\n"
#define AUDIO    "m=audio 4000 RTP/AVP 0\r\n"

/* The text in memory of exactly its size, so that a sanitizer sees the first octet read too far. */
static int parse(const char *text, size_t n, struct sdp *s, char **mem, const char **why)
{
	*mem = malloc(n ? n : 1);
	memcpy(*mem, text, n);
	return sdp_parse((struct str){ *mem, n }, s, why);
}

struct bad {
	const char *text, *why;
};

static const struct bad bad_texts[] = {
	{ "", "does not begin with v=0" },
	{ "\r\n\r\n", "does not begin with v=0" },
	{ "v=1\r\n", "does not begin with v=0" },
	{ "o=- 1 1 IN IP4 1.2.3.4\r\nv=0\r\n", "does not begin with v=0" },
	{ HEAD C "m=audio 65536 RTP/AVP 0\r\n", "port in m= is no number up to 65535" },
	{ HEAD C "m=audio -1 RTP/AVP 0\r\n", "port in m= is no number up to 65535" },
	{ HEAD C "m=audio  RTP/AVP 0\r\n", "port in m= is no number up to 65535" },
	{ HEAD C "m=audio 4000x RTP/AVP 0\r\n", "port in m= is no number up to 65535" },
	{ HEAD C "m=audio 4294971296 RTP/AVP 0\r\n", "port in m= is no number up to 65535" },
	{ HEAD C "m=audio 4000/0 RTP/AVP 0\r\n", "number of ports in m= is not 1 to 65535" },
	{ HEAD C "m=audio 4000/ RTP/AVP 0\r\n", "number of ports in m= is not 1 to 65535" },
	{ HEAD C "m=audio 4000 RTP/AVP 128\r\n", "payload type in m= is no number up to 127" },
	{ HEAD C "m=audio 4000 RTP/AVP 0 x\r\n", "payload type in m= is no number up to 127" },
	{ HEAD C "m=image 4000 udptl t38 a\rb\r\n", "format in m= is no token" },
	{ HEAD C "m=audio 4000 RTP/AVP\r\n", "m= without a format" },
	{ HEAD C "m=audio 4000\r\n", "protocol in m= is malformed" },
	{ HEAD C "m=au\"dio 4000 RTP/AVP 0\r\n", "kind of media in m= is no token" },
	{ HEAD C "m=\r\n", "kind of media in m= is no token" },
	{ HEAD AUDIO, "no c= with an IP address for a stream" },
	{ HEAD AUDIO C AUDIO, "no c= with an IP address for a stream" },
	{ HEAD "c=IN IP4 media.example\r\n" AUDIO, "no c= with an IP address for a stream" },
	{ HEAD "c=IN IP4 224.2.1.1/256\r\n" AUDIO, "no c= with an IP address for a stream" },
	{ HEAD "c=IN IP4 224.2.1.1/1/0\r\n" AUDIO, "no c= with an IP address for a stream" },
	{ HEAD "c=IN IP4 224.2.1.1/1/2/3\r\n" AUDIO, "no c= with an IP address for a stream" },
	{ HEAD "c=IN IP4 192.0.2.1/127\r\n" AUDIO, "no c= with an IP address for a stream" },
	{ HEAD "c=IN IP6 FF15::101/127/3\r\n" AUDIO, "no c= with an IP address for a stream" },
	{ HEAD "c=IN IP6 FF15::101/0\r\n" AUDIO, "no c= with an IP address for a stream" },
	{ HEAD "c=IN IP6 2001:db8::1/3\r\n" AUDIO, "no c= with an IP address for a stream" },
	{ HEAD "c=IN IP6 ::ffff:224.2.1.1/3\r\n" AUDIO, "no c= with an IP address for a stream" },
	{ HEAD "c=IN IP4 2001:db8::1\r\n" AUDIO, "no c= with an IP address for a stream" },
	{ HEAD "c=IN IP6 192.0.2.1\r\n" AUDIO, "no c= with an IP address for a stream" },
	{ HEAD "c=IN IP6 [2001:db8::1]\r\n" AUDIO, "no c= with an IP address for a stream" },
	{ HEAD "c=IN IP4 999.0.2.1\r\n" AUDIO, "no c= with an IP address for a stream" },
	{ HEAD C AUDIO "c=IN IP4 x\r\n", "no c= with an IP address for a stream" },
	{ HEAD C AUDIO "a=rtpmap:0 PCMU/x\r\n", "clock rate in a=rtpmap is no number" },
	{ HEAD C AUDIO "a=rtpmap:0 PCMU/0\r\n", "clock rate in a=rtpmap is no number" },
	{ HEAD C AUDIO "a=rtpmap:0 PCMU/99999999999\r\n", "clock rate in a=rtpmap is no number" },
	{ HEAD C AUDIO "a=rtpmap:0 L16/8000/x\r\n", "number of channels in a=rtpmap is no number" },
	{ HEAD C AUDIO "a=rtpmap:900 PCMU/8000\r\n",
	  "attribute of something that is no payload type" },
	{ HEAD C AUDIO "a=fmtp:x 0-15\r\n", "attribute of something that is no payload type" },
	{ HEAD C AUDIO "a=rtcp:70000\r\n", "port in a=rtcp is no number up to 65535" },
	{ HEAD C AUDIO "a=rtcp:\r\n", "port in a=rtcp is no number up to 65535" },
	{ HEAD C AUDIO "a=rtcp-fb:200 nack\r\n",
	  "payload type in a=rtcp-fb is no number up to 127" },
};

static void refuses_what_is_unsafe(void **state)
{
	static struct sdp s;

	for (size_t i = 0; i < COUNT(bad_texts); i++) {
		const char *why = NULL;
		char *mem;
		int rc = parse(bad_texts[i].text, strlen(bad_texts[i].text), &s, &mem, &why);
		if (rc != -EBADMSG)
			fail_msg("accepted: %s", bad_texts[i].text);
		assert_string_equal(why, bad_texts[i].why);
		free(mem);
	}
}

static void refuses_nul(void **state)
{
	static const char text[] = HEAD C "m=audio 4000 RTP/AVP 0\r\na=x\0y\r\n";
	static struct sdp s;
	const char *why;
	char *mem;

	assert_int_equal(parse(text, sizeof(text) - 1, &s, &mem, &why), -EBADMSG);
	assert_string_equal(why, "holds a NUL");
	free(mem);
}

struct good {
	const char *text, *printed;
};

#define OUT HEAD C T
#define DIR "a=sendrecv\r\n"

static const struct good good_texts[] = {
	{ OUT AUDIO, OUT AUDIO DIR },
	/* LF alone, no s=, no t=, blank lines, trailing blanks */
	{ "\nv=0 \no=- 7 8 IN IP4 192.0.2.1\nc=IN IP4 192.0.2.1 \nm=audio 4000 RTP/AVP 0 \n",
	  OUT AUDIO DIR },
	/* the last line without its end */
	{ HEAD C "m=audio 4000 RTP/AVP 0", OUT AUDIO DIR },
	/* no o= */
	{ "v=0\r\n" C AUDIO,
	  "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\n" T AUDIO C DIR },
	/* o= of nonsense */
	{ "v=0\r\no=root session 99999999999999999999999 IN IP4\r\n" C AUDIO,
	  "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\n" T AUDIO C DIR },
	/* lines without meaning, everywhere */
	{ HEAD "i=info\r\nu=http://x\r\nz=1\r\nnonsense\r\n=\r\na\r\na=\r\n" C T AUDIO
	       "k=clear:secret\r\na=candidate:1 1 UDP 1 10.0.0.1 9 typ host\r\na=ice-pwd:x\r\n"
	       "%%%\r\na=mid:0\r\na=ssrc:1 cname:me\r\n",
	  OUT AUDIO DIR },
	/* more blanks than needed */
	{ HEAD C "m=audio   4000 \t RTP/AVP  0   8\r\n", OUT "m=audio 4000 RTP/AVP 0 8\r\n" DIR },
	/* no CR LF can come in by a value; a bare CR isn't one */
	{ HEAD C AUDIO "a=fmtp:0 x\ry\r\n", OUT AUDIO DIR },
	/* c= of the stream goes before that of the session; where it is the same it is said once */
	{ HEAD "c=IN IP4 10.0.0.1\r\n" AUDIO C "m=video 6000 RTP/AVP 31\r\n",
	  OUT AUDIO DIR "m=video 6000 RTP/AVP 31\r\nc=IN IP4 10.0.0.1\r\n" DIR },
	/* c= at each stream, none above */
	{ HEAD AUDIO "c=IN IP6 2001:db8::1\r\n" AUDIO "c=IN IP6 ::ffff:192.0.2.9\r\n",
	  OUT AUDIO "c=IN IP6 2001:db8::1\r\n" DIR AUDIO "c=IN IP4 192.0.2.9\r\n" DIR },
	/* a refused stream needs no address */
	{ HEAD "m=audio 0 RTP/AVP 0\r\n", OUT "m=audio 0 RTP/AVP 0\r\n" DIR },
	{ HEAD "m=audio 0 RTP/AVP 0\r\nc=IN IP4 x\r\n", OUT "m=audio 0 RTP/AVP 0\r\n" DIR },
	/* direction: session, then stream; the last of each counts */
	{ HEAD C "a=sendonly\r\na=inactive\r\n" AUDIO AUDIO "a=recvonly\r\n",
	  OUT AUDIO "a=inactive\r\n" AUDIO "a=recvonly\r\n" },
	{ HEAD C AUDIO "A=x\r\na=SendOnly\r\n", OUT AUDIO "a=sendonly\r\n" },
	/* attributes */
	{ HEAD C "b=CT:1000\r\nm=audio 4000 RTP/AVPF 96 0\r\nb=AS:64\r\nb=TIAS:64000\r\nb=RS:0\r\n"
		 "b=RR:0\r\nb=X-Y:1\r\nb=AS\r\na=rtpmap:96 opus/48000/2\r\n"
		 "a=fmtp:96 minptime=10; useinbandfec=1\r\na=rtcp-fb:* nack\r\n"
		 "a=rtcp-fb:96 nack pli\r\na=rtcp-fb:98 nack\r\na=ptime:20 \r\na=maxptime:60\r\n"
		 "a=rtcp-mux\r\na=rtcp:4009 IN IP4 192.0.2.2\r\n",
	  OUT "m=audio 4000 RTP/AVPF 96 0\r\nb=AS:64\r\nb=TIAS:64000\r\nb=RS:0\r\nb=RR:0\r\n"
	      "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 minptime=10; useinbandfec=1\r\n"
	      "a=rtcp-fb:* nack\r\na=rtcp-fb:96 nack pli\r\na=ptime:20\r\na=maxptime:60\r\n"
	      "a=rtcp-mux\r\na=rtcp:4009 IN IP4 192.0.2.2\r\n" DIR },
	{ HEAD C AUDIO "a=rtcp:4001\r\n", OUT AUDIO "a=rtcp:4001\r\n" DIR },
	{ HEAD C AUDIO "a=rtcp:4001 IN IP4 a.example\r\n", OUT AUDIO DIR },
	/* senseless times are as good as none */
	{ HEAD C AUDIO "a=ptime:0\r\na=maxptime:99999999999\r\n", OUT AUDIO DIR },
	{ HEAD C AUDIO "a=ptime:0.125\r\n", OUT AUDIO DIR },
	/* the first rtpmap of a payload type counts; one of another's doesn't */
	{ HEAD C AUDIO "a=rtpmap:0 PCMU/8000/1\r\na=rtpmap:0 X/1\r\na=rtpmap:8 PCMA/8000\r\n",
	  OUT AUDIO "a=rtpmap:0 PCMU/8000/1\r\n" DIR },
	/* values that aren't safe are left out */
	{ HEAD C "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 a\"b/8000\r\na=fmtp:96 x=\"1\"\r\n",
	  OUT "m=audio 4000 RTP/AVP 96\r\n" DIR },
	/* what isn't RTP */
	{ HEAD C
	  "m=image 4000 udptl t38\r\na=T38FaxVersion:0\r\nm=application 9 UDP/DTLS/SCTP "
	  "webrtc-datachannel\r\na=fmtp:webrtc-datachannel max=1\r\nm=message 5 TCP/MSRP *\r\n",
	  OUT "m=image 4000 udptl t38\r\na=T38FaxVersion:0\r\n" DIR
	      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n" DIR
	      "m=message 5 TCP/MSRP *\r\n" DIR },
	/* what nobody has heard of, and attributes that mean something else there */
	{ HEAD C "m=x-files 9 x/y/z a b *\r\na=rtpmap:a b/c\r\na=rtcp:x\r\na=fmtp:q 1\r\n",
	  OUT "m=x-files 9 x/y/z a b *\r\n" DIR },
	/* T.38, in the words of several gateways */
	{ HEAD C FAX "a=T38VendorInfo:0 0 37\r\na=t38faxversion: 3\r\na=T38MaxBitRate:14400\r\n"
		     "a=T38FaxFillBitRemoval:0\r\na=T38FaxTranscodingMMR:1\r\n"
		     "a=T38FaxTranscodingJBIG\r\na=T38FaxRateManagement: transferredTCF\r\n"
		     "a=T38FaxMaxBuffer:1024\r\na=T38FaxMaxDatagram :  238\r\n"
		     "a=T38FaxUdpEC:T38UDPRedundancy\r\n",
	  OUT FAX "a=T38FaxVersion:3\r\na=T38MaxBitRate:14400\r\na=T38FaxTranscodingMMR\r\n"
		  "a=T38FaxTranscodingJBIG\r\na=T38FaxRateManagement:transferredTCF\r\n"
		  "a=T38FaxMaxBuffer:1024\r\na=T38FaxMaxDatagram:238\r\n"
		  "a=T38FaxUdpEC:t38UDPRedundancy\r\n" DIR },
	{ HEAD C FAX "a=T38FaxMaxRate:9600\r\na=T38MaxDatagram:160\r\na=T38FaxFillBitRemoval\r\n"
		     "a=T38FaxRateManagement:localTCF\r\na=T38FaxUdpEC:t38UDPFEC\r\n",
	  OUT FAX "a=T38MaxBitRate:9600\r\na=T38FaxFillBitRemoval\r\n"
		  "a=T38FaxRateManagement:localTCF\r\na=T38FaxMaxDatagram:160\r\n"
		  "a=T38FaxUdpEC:t38UDPFEC\r\n" DIR },
	/* values without meaning */
	{ HEAD C FAX "a=T38FaxVersion:x\r\na=T38MaxBitRate\r\na=T38FaxUdpEC:secret\r\n"
		     "a=T38FaxRateManagement:\r\na=T38FaxTranscodingMMR:2\r\n"
		     "a=T38FaxUdpEC:transferredTCF\r\na=T38FaxMaxBuffer:99999999999\r\n",
	  OUT FAX DIR },
	/* multicast */
	{ HEAD "c=IN IP4 224.2.1.1/127/3\r\n" AUDIO AUDIO "c=IN IP6 FF15::101/3\r\n" AUDIO C AUDIO
	       "c=IN IP4 239.255.255.255/0\r\n",
	  OUT AUDIO "c=IN IP4 224.2.1.1/127/3\r\n" DIR AUDIO
		    "c=IN IP6 ff15::101/3\r\n" DIR AUDIO DIR AUDIO
		    "c=IN IP4 239.255.255.255/0\r\n" DIR },
	{ HEAD "c=IN IP4 224.2.1.1\r\n" AUDIO AUDIO "c=IN IP6 FF15::101\r\n",
	  OUT AUDIO "c=IN IP4 224.2.1.1\r\n" DIR AUDIO "c=IN IP6 ff15::101\r\n" DIR },
	{ "v=0\r\no=- 7 8 IN IP4 224.2.1.1\r\nc=IN IP4 224.2.1.1/9\r\n" AUDIO,
	  "v=0\r\no=- 7 8 IN IP4 224.2.1.1\r\ns=-\r\nc=IN IP4 224.2.1.1\r\n" T AUDIO
	  "c=IN IP4 224.2.1.1/9\r\n" DIR },
	/* what belongs to several streams, to a conference, to preconditions */
	{ HEAD C "a=group:BUNDLE 0 1\r\nm=video 6000 RTP/AVPF 96\r\na=mid:0\r\na=content:slides\r\n"
		 "a=label:1\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 ccm fir\r\n"
		 "a=rtcp-fb:* transport-cc\r\na=framerate:30\r\na=extmap:1 urn:x\r\n"
		 "a=ssrc-group:FID 1 2\r\na=ssrc:1 cname:me\r\na=curr:qos local none\r\n"
		 "a=des:qos mandatory local sendrecv\r\na=conf:qos remote sendrecv\r\n",
	  OUT "m=video 6000 RTP/AVPF 96\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 ccm fir\r\n"
	      "a=rtcp-fb:* transport-cc\r\n" DIR },
	{ HEAD C "m=text 6000 RTP/AVP 98 99\r\na=rtpmap:98 red/1000\r\na=rtpmap:99 t140/1000\r\n"
		 "a=fmtp:98 99/99/99\r\na=fmtp:99 cps=30\r\n",
	  OUT "m=text 6000 RTP/AVP 98 99\r\na=rtpmap:98 red/1000\r\na=fmtp:98 99/99/99\r\n"
	      "a=rtpmap:99 t140/1000\r\na=fmtp:99 cps=30\r\n" DIR },
	{ HEAD C "m=audio 4000/2 RTP/AVP 0\r\n", OUT "m=audio 4000/2 RTP/AVP 0\r\n" DIR },
	{ HEAD, OUT },
};

static void reads_what_the_field_sends(void **state)
{
	static struct sdp s;
	static char room[SDP_SIZE_MAX];

	for (size_t i = 0; i < COUNT(good_texts); i++) {
		const char *why = NULL;
		struct buf b;
		char *mem;
		if (parse(good_texts[i].text, strlen(good_texts[i].text), &s, &mem, &why) < 0)
			fail_msg("refused (%s): %s", why, good_texts[i].text);
		buf_init(&b, room, sizeof(room) - 1);
		sdp_print(&s, &b);
		assert_true(buf_ok(&b));
		room[b.n] = 0;
		assert_string_equal(room, good_texts[i].printed);
		free(mem);
	}
}

static void fills_in_facts(void **state)
{
	static struct sdp s;
	char *mem;
	static const char text[] =
		HEAD C "m=audio 4000 RTP/AVP 96 101\r\na=rtpmap:96 opus/48000/2\r\n"
		       "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=recvonly\r\n";

	assert_int_equal(parse(text, sizeof(text) - 1, &s, &mem, NULL), 0);
	assert_int_equal(s.id, 7);
	assert_int_equal(s.version, 8);
	assert_int_equal(s.n_media, 1);
	const struct sdp_media *m = &s.media[0];
	assert_int_equal(m->port, 4000);
	assert_int_equal(m->dir, SDP_RECVONLY);
	assert_int_equal(sdp_dir_reverse(m->dir), SDP_SENDONLY);
	assert_int_equal(m->n_formats, 2);
	assert_int_equal(m->formats[0].pt, 96);
	assert_int_equal(m->formats[0].clock, 48000);
	assert_int_equal(m->formats[0].channels, 2);
	assert_true(str_eq(m->formats[1].name, STR("telephone-event")));
	assert_true(str_eq(m->formats[1].fmtp, STR("0-15")));
	free(mem);
}

/* n times `unit` after a head that is complete. */
static int repeated(const char *head, const char *unit, unsigned n, struct sdp *s, const char **why)
{
	size_t size = strlen(head) + n * strlen(unit);
	char *text = malloc(size + 1);
	struct buf b;

	buf_init(&b, text, size);
	buf_put(&b, str_of(head));
	for (unsigned i = 0; i < n; i++)
		buf_put(&b, str_of(unit));
	int rc = sdp_parse(buf_str(&b), s, why);
	free(text);
	return rc;
}

static void keeps_its_limits(void **state)
{
	static struct sdp s;
	const char *why = NULL;

	assert_int_equal(repeated(HEAD C, AUDIO, SDP_MEDIA_MAX, &s, &why), 0);
	assert_int_equal(repeated(HEAD C, AUDIO, SDP_MEDIA_MAX + 1, &s, &why), -EBADMSG);
	assert_string_equal(why, "too many m= lines");
	assert_int_equal(repeated(HEAD C AUDIO, "a=x\r\n", SDP_ATTRS_MAX, &s, &why), 0);
	assert_int_equal(repeated(HEAD C AUDIO, "a=x\r\n", SDP_ATTRS_MAX + 1, &s, &why), -EBADMSG);
	assert_string_equal(why, "too many a= lines");
	assert_int_equal(repeated(HEAD C, "a=x\r\n", SDP_ATTRS_MAX + 1, &s, &why), -EBADMSG);
	assert_int_equal(repeated(HEAD C "m=audio 4 RTP/AVP", " 0", SDP_FORMATS_MAX, &s, &why), 0);
	assert_int_equal(repeated(HEAD C "m=audio 4 RTP/AVP", " 0", SDP_FORMATS_MAX + 1, &s, &why),
			 -EBADMSG);
	assert_string_equal(why, "too many formats");
	assert_int_equal(repeated(HEAD C AUDIO, "a=rtcp-fb:* nack\r\n", SDP_FB_MAX + 5, &s, &why),
			 0);
	assert_int_equal(s.n_fb, SDP_FB_MAX);
	size_t room = SDP_SIZE_MAX - strlen("v=0\n");
	assert_int_equal(repeated("v=0\n", "\n", (unsigned)room, &s, &why), 0);
	assert_int_equal(repeated("v=0\n", "\n", (unsigned)room + 1, &s, &why), -EBADMSG);
	assert_string_equal(why, "longer than 16 KiB");
}

/* Any text cut anywhere: an answer, and nothing read behind its end. */
static void survives_every_cut(void **state)
{
	static struct sdp s;
	char *mem;

	for (size_t i = 0; i < COUNT(good_texts); i++) {
		for (size_t n = 0; n < strlen(good_texts[i].text); n++) {
			int rc = parse(good_texts[i].text, n, &s, &mem, NULL);
			assert_true(rc == 0 || rc == -EBADMSG);
			free(mem);
		}
	}
}

static void says_when_it_is_full(void **state)
{
	static struct sdp s;
	char room[64], *mem;
	struct buf b;

	assert_int_equal(parse(HEAD C AUDIO, strlen(HEAD C AUDIO), &s, &mem, NULL), 0);
	for (size_t n = 0; n < sizeof(room); n++) {
		buf_init(&b, room, n);
		sdp_print(&s, &b);
		assert_false(buf_ok(&b));
	}
	free(mem);
}

/* Whoever fills the struct: no octet of a value that could begin a line goes out. */
static void prints_only_safe_values(void **state)
{
	static struct sdp s;
	static char room[1024];
	struct buf b;

	s.n_media = s.n_formats = s.n_fb = 0;
	struct sdp_media *m = sdp_add_media(&s);
	struct sdp_format *f = sdp_add_format(&s);
	m->kind = STR("au\r\nx=dio");
	m->proto = STR("RTP\n/AVP");
	*f = (struct sdp_format){
		.pt = 96, .name = STR("a\nb=1"), .clock = 8000, .fmtp = STR("x\r\ny")
	};
	*sdp_add_format(&s) = (struct sdp_format){ .pt = SDP_PT_NONE, .id = STR("a b") };
	*sdp_add_fb(&s) = (struct sdp_fb){ .value = STR("nack\na=x") };
	m->t38.has = 1u << SDP_T38_UDP_EC | 1u << SDP_T38_RATE_MANAGEMENT | 1u << SDP_T38_MMR;
	m->t38.value[SDP_T38_UDP_EC] = 4;
	m->t38.value[SDP_T38_RATE_MANAGEMENT] = 3;
	buf_init(&b, room, sizeof(room) - 1);
	sdp_print(&s, &b);
	room[b.n] = 0;
	assert_string_equal(room, "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\n" T
				  "m=application 0 RTP/AVP 96 0\r\n" DIR);
}

static void knows_safe_text(void **state)
{
	static const char all[] = "abcXYZ019 -_.+*=;,:%|~/";
	char c;

	assert_true(sdp_is_safe(STR(all)));
	assert_false(sdp_is_safe(STR("")));
	for (int i = 0; i < 256; i++) {
		c = (char)i;
		bool alnum =
			(c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		bool ok = alnum || (c && strchr(" -_.+*=;,:%|~/", c));
		assert_int_equal(sdp_is_safe((struct str){ &c, 1 }), ok);
		ok = alnum || (c && strchr("-_.+*%~", c));
		assert_int_equal(sdp_is_token((struct str){ &c, 1 }), ok);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_unsafe),
		cmocka_unit_test(refuses_nul),
		cmocka_unit_test(reads_what_the_field_sends),
		cmocka_unit_test(fills_in_facts),
		cmocka_unit_test(keeps_its_limits),
		cmocka_unit_test(survives_every_cut),
		cmocka_unit_test(says_when_it_is_full),
		cmocka_unit_test(prints_only_safe_values),
		cmocka_unit_test(knows_safe_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
