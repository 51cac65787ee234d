/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include <errno.h>
#include "bencode.h"

static void writes(void **state)
{
	static const char *const flags[] = { "trust-address", "x", NULL };
	char mem[128];
	struct buf b;
	buf_init(&b, mem, sizeof(mem));
	buf_lit(&b, "d");
	bencode_pair(&b, "command", STR("ping"));
	bencode_list(&b, "flags", flags);
	buf_lit(&b, "e");
	assert_true(buf_ok(&b));
	assert_str(buf_str(&b), "d7:command4:ping5:flagsl13:trust-address1:xee");
}

static void finds(void **state)
{
	struct str d = STR("d1:ai-12e1:bl1:xd1:q1:yee3:key3:a\0b2:okd6:result4:pongee"), v;
	assert_int_equal(bencode_find(d, "key", &v), 0);
	assert_int_equal(v.n, 3);
	assert_memory_equal(v.p, "a\0b", 3);
	assert_int_equal(bencode_find(d, "result", &v), -ENOENT);
	assert_int_equal(bencode_find(d, "q", &v), -ENOENT);
	assert_int_equal(bencode_find(d, "a", &v), -EBADMSG);
	assert_int_equal(bencode_find(STR("de"), "a", &v), -ENOENT);
}

static void refuses(void **state)
{
	static const char *const bad[] = {
		"",
		"i1e",
		"d",
		"d1:a",
		"d1:a1:",
		"d1:ai1",
		"d9:ae",
		"d1:a99:x",
		"d1ae",
		"d1:bl1:x",
		"d:e",
		"dl1:xee",
		"d1:be",
		"d-1:ae",
		"d1:b4294967297:xe",
		"d1:b99999999999999999999999:xe",
		"d1:blllllllllllllllllleeeeeeeeeeeeeeeeeee",
	};
	struct str v;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(bencode_find(str_of(bad[i]), "z", &v), -EBADMSG);
}

/* Every prefix of a message is refused or has what was asked for; nothing is read beyond it. */
static void cut_anywhere(void **state)
{
	const char whole[] = "d3:keyl1:x1:ye4:last5:valuee";
	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		char *part = test_malloc(n + 1);
		struct str v;
		memcpy(part, whole, n);
		int got = bencode_find((struct str){ part, n }, "last", &v);
		assert_int_equal(got, n >= sizeof(whole) - 2 ? 0 : -EBADMSG);
		test_free(part);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes),
		cmocka_unit_test(finds),
		cmocka_unit_test(refuses),
		cmocka_unit_test(cut_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
