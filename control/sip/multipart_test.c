/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "base/test.h"
#include "sip/multipart.h"

#define MIXED "multipart/mixed;boundary=b"
#define SDP   "Content-Type: application/sdp\r\n\r\nv=0\r\n"

/* Both with nothing behind their ends; kept until the next one. */
static char *mem_type, *mem_body;

static struct str tight(struct str s, char **mem)
{
	free(*mem);
	*mem = malloc(s.n ? s.n : 1);
	assert_non_null(*mem);
	if (s.n)
		memcpy(*mem, s.p, s.n);
	return (struct str){ *mem, s.n };
}

static int split(struct sip_parts *p, const char *type, struct str body)
{
	return sip_parts_split(p, tight(str_of(type), &mem_type), STR_NONE, tight(body, &mem_body));
}

static int error_of(const char *type, const char *body)
{
	struct sip_parts p;

	return -split(&p, type, str_of(body));
}

static int forget(void **state)
{
	free(mem_type);
	free(mem_body);
	mem_type = mem_body = NULL;
	return 0;
}

static void a_plain_body_is_its_own_part(void **state)
{
	struct sip_parts p;

	assert_int_equal(split(&p, "application/sdp;x=y", STR("v=0\r\n")), 0);
	assert_int_equal(p.n, 1);
	assert_str(p.part[0].body, "v=0\r\n");
	assert_ptr_equal(sip_parts_find(&p, "application/sdp"), &p.part[0]);
	assert_null(sip_parts_find(&p, "application/isup"));
	assert_null(sip_parts_required(&p, "application/sdp"));
	assert_ptr_equal(sip_parts_required(&p, "text/plain"), &p.part[0]);
	/* what cannot be read is no multipart */
	assert_int_equal(split(&p, "multipart", STR("x")), 0);
	assert_int_equal(p.n, 1);
}

static void splits_parts(void **state)
{
	struct sip_parts p;

	assert_int_equal(
		split(&p, MIXED,
		      STR("preamble --b\r\n--bb\r\n--b \t\r\n"
			  "Content-Disposition: session;handling=required\r\n" SDP "\r\n--b\r\n"
			  "content-type :application/isup;version=x\r\nX-Y: z\r\n"
			  "Content-ID: <a@b>\r\n"
			  "Content-Disposition: signal;handling=optional\r\n\r\n"
			  "\1\0--b--\r\n-b\r\n--bb--\r\n--b--\r\nepilogue\r\n--b\r\n")),
		0);
	assert_int_equal(p.n, 3);
	assert_str(p.part[1].type, "application/sdp");
	assert_str(p.part[1].disposition, "session;handling=required");
	assert_str(p.part[1].body, "v=0\r\n");
	assert_int_equal(p.part[1].depth, 1);
	assert_str(p.part[2].type, "application/isup;version=x");
	assert_str(p.part[2].id, "<a@b>");
	assert_int_equal(p.part[2].body.n, 19);
	assert_memory_equal(p.part[2].body.p, "\1\0--b--\r\n-b\r\n--bb--", 19);
	assert_ptr_equal(sip_parts_find(&p, "application/sdp"), &p.part[1]);
	assert_null(sip_parts_required(&p, "application/sdp"));
}

static void parts_without_fields_or_body(void **state)
{
	struct sip_parts p;

	assert_int_equal(split(&p, MIXED, STR("--b\r\n\r\ntext\r\n--b--")), 0);
	assert_int_equal(p.n, 2);
	assert_str(p.part[1].type, "text/plain");
	assert_str(p.part[1].body, "text");
	assert_int_equal(split(&p, MIXED,
			       STR("--b\r\n--b\r\n\r\n--b\r\nContent-ID: x\r\n--b\r\n"
				   "Content-ID: y\r\n\r\n\r\n--b--")),
			 0);
	assert_int_equal(p.n, 5);
	for (unsigned i = 1; i < 5; i++)
		assert_int_equal(p.part[i].body.n, 0);
	assert_str(p.part[3].id, "x");
	assert_str(p.part[4].id, "y");
}

static void boundaries(void **state)
{
	static const char longest[] =
		"multipart/x;boundary="
		"0123456789012345678901234567890123456789012345678901234567890123456789";
	struct sip_parts p;

	assert_int_equal(split(&p, "Multipart/Mixed ; BOUNDARY = \"a b:(?)\"",
			       STR("--a b:(?)\r\n" SDP "\r\n--a b:(?)--")),
			 0);
	assert_non_null(sip_parts_find(&p, "application/sdp"));
	assert_int_equal(error_of("multipart/mixed", "--b\r\n\r\nx\r\n--b--"), SIP_E_BODY);
	assert_int_equal(error_of("multipart/mixed;boundary=\"\"", "--\r\n\r\nx\r\n----"),
			 SIP_E_BODY);
	assert_int_equal(error_of("multipart/mixed;boundary=\"b \"", "--b \r\n\r\nx\r\n--b --"),
			 SIP_E_BODY);
	assert_int_equal(
		error_of("multipart/mixed;boundary=\"b\\\"\"", "--b\"\r\n\r\nx\r\n--b\"--"),
		SIP_E_BODY);
	/* seventy octets are the most: here the delimiter is missing, there it is no boundary */
	assert_int_equal(sip_parts_split(&p, STR(longest), STR_NONE, STR("x")), -SIP_E_BODY);
	char body[400];
	struct buf b;
	buf_init(&b, body, sizeof(body));
	buf_fmt(&b, "--%s\r\n\r\nx\r\n--%s--", longest + 21, longest + 21);
	assert_int_equal(split(&p, longest, buf_str(&b)), 0);
	char type[200];
	buf_init(&b, type, sizeof(type));
	buf_fmt(&b, "%sx%c", longest, 0);
	char longer[400];
	buf_init(&b, longer, sizeof(longer));
	buf_fmt(&b, "--%sx\r\n\r\nx\r\n--%sx--", longest + 21, longest + 21);
	assert_int_equal(split(&p, type, buf_str(&b)), -SIP_E_BODY);
}

/* The CVE classes of multipart parsers: lengths that run below zero where the body ends within or
 * right behind a delimiter. */
static void cut_anywhere(void **state)
{
	static const char whole[] = "--b\r\n" SDP "\r\n--b\r\nContent-Type: multipart/mixed;"
				    "boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--";
	struct sip_parts p;

	for (size_t n = 0; n < sizeof(whole) - 1; n++)
		assert_int_equal(split(&p, MIXED, (struct str){ whole, n }), -SIP_E_BODY);
	assert_int_equal(split(&p, MIXED, STR(whole)), 0);
	assert_int_equal(p.n, 4);
}

static void refuses(void **state)
{
	static const char *const bad[] = {
		"",
		"--b--",
		"--b--\r\n",
		"--b--\r\nX: y\r\n\r\nx\r\n--b--",
		"x--b\r\n\r\ny\r\n--b--",
		"--b\r\n\r\nx--b--",
		"--b\n\nx\n--b--\n",
		"--b\r\n\r\nx\r\n--bc--",
		"--b\r\nContent-Type application/sdp\r\n\r\nx\r\n--b--",
		"--b\r\n: x\r\n\r\nx\r\n--b--",
		"--b\r\nA B: x\r\n\r\nx\r\n--b--",
		"--b\r\n folded: x\r\n\r\nx\r\n--b--",
		"--b\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n\r\nx\r\n--b--",
		"--b\r\nContent-Type: a/b\x01\r\n\r\nx\r\n--b--",
		"--b\r\nContent-Type: a/b\rX: y\r\n\r\nx\r\n--b--",
		"--b\r\nContent-Type: a/b\nX: y\r\n\r\nx\r\n--b--",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (error_of(MIXED, bad[i]) != SIP_E_BODY)
			fail_msg("accepted: %s", bad[i]);
	}
}

static void nested_twice_and_no_deeper(void **state)
{
	struct sip_parts p;

#define IN(x, body)                                                                                \
	"Content-Type: multipart/related;boundary=" x "\r\n\r\n--" x "\r\n" body "\r\n--" x "--"
	assert_int_equal(split(&p, MIXED, STR("--b\r\n" IN("c", SDP) "\r\n--b--")), 0);
	assert_int_equal(p.n, 3);
	assert_int_equal(sip_parts_find(&p, "application/sdp")->depth, 2);
	assert_null(sip_parts_required(&p, "application/sdp"));
	assert_int_equal(split(&p, MIXED, STR("--b\r\n" IN("c", IN("d", SDP)) "\r\n--b--")),
			 -SIP_E_BODY);
	/* the outer boundary ends the inner multipart, which is cut off then */
	assert_int_equal(split(&p, MIXED, STR("--b\r\n" IN("c", "\r\n--b--\r\n") "\r\n--b--")),
			 -SIP_E_BODY);
}

static void eight_parts(void **state)
{
	for (unsigned n = SIP_PARTS_MAX; n <= SIP_PARTS_MAX + 1; n++) {
		struct sip_parts p;
		char mem[256];
		struct buf b;

		buf_init(&b, mem, sizeof(mem));
		for (unsigned i = 0; i < n; i++)
			buf_lit(&b, "--b\r\n\r\nx\r\n");
		buf_lit(&b, "--b--");
		assert_int_equal(split(&p, MIXED, buf_str(&b)),
				 n > SIP_PARTS_MAX ? -SIP_E_BODY : 0);
	}
}

static void folded_fields(void **state)
{
	struct sip_parts p;
	char mem[1024];
	struct buf b;

	assert_int_equal(split(&p, MIXED,
			       STR("--b\r\nContent-Type:\r\n application/sdp;\r\n\tx=y\r\n"
				   "\r\nv=0\r\n--b--")),
			 0);
	assert_str(p.part[1].type, "application/sdp;  \tx=y");
	assert_str(sip_parts_find(&p, "application/sdp")->body, "v=0");
	buf_init(&b, mem, sizeof(mem));
	buf_lit(&b, "--b\r\nContent-Type: a/b;x=\r\n ");
	while (b.n < 600)
		buf_lit(&b, "y");
	buf_lit(&b, "\r\n\r\n--b--");
	assert_int_equal(split(&p, MIXED, buf_str(&b)), -SIP_E_BODY);
}

static void encodings_and_alternatives(void **state)
{
	struct sip_parts p;

	assert_int_equal(split(&p, "multipart/alternative;boundary=b",
			       STR("--b\r\nContent-Transfer-Encoding: base64\r\n" SDP "\r\n--b\r\n"
				   "Content-Transfer-Encoding: Binary\r\n" SDP
				   "\r\n--b\r\n\r\ntext\r\n--b--")),
			 0);
	assert_ptr_equal(sip_parts_find(&p, "application/sdp"), &p.part[2]);
	assert_null(sip_parts_required(&p, "application/sdp"));
	assert_int_equal(split(&p, MIXED, STR("--b\r\n" SDP "\r\n--b\r\n\r\ntext\r\n--b--")), 0);
	assert_ptr_equal(sip_parts_required(&p, "application/sdp"), &p.part[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_plain_body_is_its_own_part, forget),
		cmocka_unit_test_teardown(splits_parts, forget),
		cmocka_unit_test_teardown(parts_without_fields_or_body, forget),
		cmocka_unit_test_teardown(boundaries, forget),
		cmocka_unit_test_teardown(cut_anywhere, forget),
		cmocka_unit_test_teardown(refuses, forget),
		cmocka_unit_test_teardown(nested_twice_and_no_deeper, forget),
		cmocka_unit_test_teardown(eight_parts, forget),
		cmocka_unit_test_teardown(folded_fields, forget),
		cmocka_unit_test_teardown(encodings_and_alternatives, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
