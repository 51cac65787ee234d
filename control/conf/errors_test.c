/* SPDX-License-Identifier: Apache-2.0 */
/* What a person is told of a file that is wrong. */
#include <dirent.h>
#include <sys/mman.h>
#include "conf/conf_priv.h"
#include "conf/conf_test.h"

/* The root of the sources, for the files that come with them. */
static char *root;

static char *errors_text(const struct conf_errors *e, const char *file)
{
	int fd = memfd_create("errors", 0);

	conf_errors_print(e, file, fd);
	return read_text(fd);
}

/* ---- files: each with the exact errors that a person sees ---- */

static void check_bad(const char *name)
{
	char rest[300], path[512], *want, *have;
	struct conf *c = (struct conf *)1;
	struct conf_errors e;

	snprintf(rest, sizeof(rest), "tests/data/conf/%s", name);
	assert_int_equal(conf_load(path_of(root, rest, path), &c, &e), -EINVAL);
	assert_ptr_equal(c, (struct conf *)1);
	have = errors_text(&e, name);
	conf_errors_free(&e);
	assert_int_equal(e.n, 0);
	memcpy(strstr(path, ".yaml"), ".expect", sizeof(".expect"));
	want = read_file(path);
	if (strcmp(want, have) != 0)
		fail_msg("%s:\nhave: %swant: %s", name, have, want);
	free(have);
	free(want);
}

static void bad_files_are_explained(void **state)
{
	char dir[512];
	DIR *d = opendir(path_of(root, "tests/data/conf", dir));
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		if (!strstr(e->d_name, ".yaml"))
			continue;
		check_bad(e->d_name);
		n++;
	}
	closedir(d);
	assert_true(n >= 30);
}

static void unreadable_files(void **state)
{
	struct conf_errors e;
	struct conf *c;
	char *text;

	assert_int_equal(conf_load("/nonexistent/x.yaml", &c, &e), -ENOENT);
	text = errors_text(&e, "x.yaml");
	assert_string_equal(text, "x.yaml: this file cannot be read (No such file or directory). "
				  "Check the path and its permissions.\n");
	free(text);
	conf_errors_free(&e);
	assert_int_equal(conf_load("/", &c, &e), -EISDIR);
	assert_int_equal(e.n, 1);
	conf_errors_free(&e);
	assert_int_equal(conf_load("/dev/zero", &c, &e), -EINVAL);
	assert_non_null(strstr(e.e[0].what, "larger than"));
	conf_errors_free(&e);
}

static void refuse_text(struct str text, const char *what)
{
	struct conf_errors e;
	struct conf *c;
	bool found = false;

	assert_int_equal(conf_parse("test", text, &c, &e), -EINVAL);
	for (size_t i = 0; i < e.n; i++)
		found |= strstr(e.e[i].what, what) != NULL;
	if (!found)
		fail_msg("no error says \"%s\"", what);
	conf_errors_free(&e);
}

/* A trunk with `n` sources. */
static void long_list(unsigned n, const char *what)
{
	char mem[16384];
	struct buf b;

	buf_init(&b, mem, sizeof(mem) - 1);
	buf_lit(&b, HEAD "calls: [ { from: a, to: b } ]\n"
			 "trunks:\n"
			 "  b: { on: in, profile: pbx, host: 10.0.0.2 }\n"
			 "  a: { on: out, profile: static, host: 203.0.113.2, sources: [");
	for (unsigned i = 0; i < n; i++)
		buf_fmt(&b, "198.51.%u.%u, ", i / 250, i % 250);
	buf_lit(&b, "] }\n");
	mem[b.n] = 0;
	if (what)
		refuse_text(buf_str(&b), what);
	else
		conf_put(parse(mem));
}

/* Texts that no editor would show well, and sizes out of bounds. */
static void odd_texts(void **state)
{
	size_t n = 40000;
	char *many = malloc(n);

	refuse_text(STR_NONE, "holds no configuration");
	refuse_text(STR("\xff\xfe"), "holds no configuration"); /* UTF-16, empty */
	refuse_text(STR("sluice: 1\xc3\x28"), "not text in UTF-8");
	refuse_text(STR("sluice: 1\0"), "not text in UTF-8");
	refuse_text(STR("sluice: \"1\\0\""), "NUL");
	refuse_text(STR("[[[[[[[[[[[[]]]]]]]]]]]]"), "too deep");
	memset(many, '[', n);
	refuse_text((struct str){ many, n }, "too deep");
	for (size_t i = 0; i < n; i++)
		many[i] = "[1,"[i ? 2 - i % 2 : 0];
	refuse_text((struct str){ many, n }, "too many");
	free(many);
	long_list(256, NULL);
	long_list(257, "too long");
}

/* A file with nothing right in it: the errors have an end. */
static void errors_are_bounded(void **state)
{
	size_t n = 0, size = 100000;
	char *text = malloc(size);
	struct conf_errors e;
	struct conf *c;

	for (int i = 0; i < 1000; i++)
		n += (size_t)snprintf(text + n, size - n, "key%d: x\n", i);
	assert_int_equal(conf_parse("test", (struct str){ text, n }, &c, &e), -EINVAL);
	assert_int_equal(e.n, 200);
	conf_errors_free(&e);
	free(text);
}

/* ---- the nearest word ---- */

static const char *word_at(const void *list, unsigned i)
{
	return ((const char *const *)list)[i];
}

static void nearest_word(void **state)
{
	const char *words[] = { "port", "ports", "address", "gateway", "on" };

	assert_string_equal(nearest("adress", word_at, words, 5), "address");
	assert_string_equal(nearest("prot", word_at, words, 5), "port");
	assert_string_equal(nearest("gatway", word_at, words, 5), "gateway");
	assert_string_equal(nearest("no", word_at, words, 5), "on");
	assert_string_equal(nearest("Port", word_at, words, 5), "port");
	assert_null(nearest("banana", word_at, words, 5));
	assert_null(nearest("x", word_at, words, 5));
	assert_null(nearest("", word_at, words, 5));
	assert_null(
		nearest("0123456789012345678901234567890123456789012345678901234567890123456789",
			word_at, words, 5));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_files_are_explained),
		cmocka_unit_test(unreadable_files),
		cmocka_unit_test(odd_texts),
		cmocka_unit_test(errors_are_bounded),
		cmocka_unit_test(nearest_word),
	};

	if (argc != 2)
		return 2;
	root = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
