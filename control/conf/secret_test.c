/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords: where they come from, and that they stay nowhere: free() looks through all memory that
 * is given back. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/test.h"
#include "conf/conf.h"

#define SECRET "correct-horse"

static char dir[] = "/tmp/conf-secret-XXXXXX";
static unsigned left_behind;

void __real_free(void *p);
void __wrap_free(void *p);

void __wrap_free(void *p)
{
	if (p && memmem(p, malloc_usable_size(p), SECRET, strlen(SECRET)))
		left_behind++;
	__real_free(p);
}

static const char *path_of(const char *name, char mem[64])
{
	snprintf(mem, 64, "%s/%s", dir, name);
	return mem;
}

static void write_file(const char *name, struct str text, mode_t mode)
{
	char path[64];
	int fd = open(path_of(name, path), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text.p, text.n), text.n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* A configuration whose trunk has the login and the challenge of these files. */
static void write_conf_of(const char *login, const char *challenge, const char *user)
{
	char text[1024];
	int n = snprintf(text, sizeof(text),
			 "sluice: 1\n"
			 "networks:\n"
			 "  out: { port: eth0, address: 203.0.113.1/24 }\n"
			 "  in: { port: eth1, address: 10.0.0.1/24 }\n"
			 "trunks:\n"
			 "  a:\n"
			 "    on: out\n"
			 "    profile: static\n"
			 "    host: sip.carrier.invalid\n"
			 "    login: { user: acme, password: file:%s/%s }\n"
			 "    challenge: { user: them, password: file:%s/%s, realm: us.example,"
			 "                 algorithm: md5 }\n"
			 "  b: { on: in, profile: pbx, host: 10.0.0.20 }\n"
			 "calls: [ { from: a, to: b } ]\n"
			 "process: { user: %s }\n",
			 dir, login, dir, challenge, user);

	write_file("conf.yaml", (struct str){ text, (size_t)n }, 0600);
}

static void write_conf(const char *login, const char *challenge)
{
	write_conf_of(login, challenge, "\"\"");
}

static int load(struct conf **c, char *errors, size_t size)
{
	struct conf_errors e;
	char path[64];
	int rc = conf_load(path_of("conf.yaml", path), c, &e);
	size_t n = 0;

	errors[0] = 0;
	for (size_t i = 0; i < e.n && n < size; i++)
		n += (size_t)snprintf(errors + n, size - n, "%s: %s. %s\n", e.e[i].key, e.e[i].what,
				      e.e[i].fix);
	conf_errors_free(&e);
	return rc;
}

/* One file, and the password of it. */
static void check_password(struct str text, mode_t mode, const char *want)
{
	char errors[1024];
	struct conf *c;

	write_file("one", text, mode);
	write_conf("one", "good");
	if (load(&c, errors, sizeof(errors)))
		fail_msg("%s", errors);
	assert_string_equal(c->trunks[0].login.user, "acme");
	assert_string_equal(c->trunks[0].login.password, want);
	assert_null(c->trunks[0].login.realm);
	assert_int_equal(c->trunks[0].login.algorithm, CONF_ALGORITHM_ANY);
	assert_int_equal(c->trunks[0].challenge.algorithm, CONF_ALGORITHM_MD5);
	assert_string_equal(c->trunks[0].challenge.user, "them");
	assert_string_equal(c->trunks[0].challenge.password, "good");
	assert_string_equal(c->trunks[0].challenge.realm, "us.example");
	conf_put(c);
}

static void first_line_counts(void **state)
{
	char most[256];

	memset(most, 'x', 255);
	most[255] = 0;
	check_password(STR("secret"), 0600, "secret");
	check_password(STR("secret\n"), 0400, "secret");
	check_password(STR("secret\r\n"), 0600, "secret");
	check_password(STR("two words \nand more\n"), 0600, "two words ");
	check_password(STR("a\"b\\c:\xc3\xa4"), 0600, "a\"b\\c:\xc3\xa4");
	check_password((struct str){ most, 255 }, 0600, most);
}

/* The error of one file: what is said before and after its path. */
static void check_bad(const char *name, const char *before, const char *after)
{
	char errors[1024], line[512];
	struct conf *c = NULL;

	write_conf(name, "good");
	assert_int_equal(load(&c, errors, sizeof(errors)), -EINVAL);
	snprintf(line, sizeof(line), "trunks.a.login.password: %s%s/%s%s\n", before, dir, name,
		 after);
	assert_string_equal(errors, line);
}

static void modes(void **state)
{
	char fix[128], mode[5];

	for (unsigned bit = 0; bit < 6; bit++) {
		write_file("open", STR("secret"), 0600 | 1u << bit);
		snprintf(mode, sizeof(mode), "%04o", 0600 | 1u << bit);
		snprintf(fix, sizeof(fix), " (mode %s). Take them away: chmod 600 %s/open", mode,
			 dir);
		check_bad("open", "others than the owner have rights on ", fix);
	}
}

static void bad_files(void **state)
{
	char path[64], most[257];

	memset(most, 'x', sizeof(most));
	write_file("empty", STR(""), 0600);
	check_bad("empty", "the first line of ", " is empty. Write the password there.");
	write_file("line", STR("\nsecret\n"), 0600);
	check_bad("line", "the first line of ", " is empty. Write the password there.");
	write_file("long", (struct str){ most, 256 }, 0600);
	check_bad("long", "the first line of ",
		  " is no password. Write it there as text of up to 255 characters.");
	write_file("nul", STR("sec\0ret"), 0600);
	check_bad("nul", "the first line of ",
		  " is no password. Write it there as text of up to 255 characters.");
	check_bad("absent", "",
		  " cannot be read (No such file or directory). Check the path; the file "
		  "must be one that the user of sluice can read.");
	assert_int_equal(mkdir(path_of("dir", path), 0700), 0);
	check_bad("dir", "",
		  " is not a file. Write the path of a file whose first line is the password.");
	rmdir(path);
	assert_int_equal(mkfifo(path_of("fifo", path), 0600), 0); /* nobody will ever write */
	check_bad("fifo", "",
		  " is not a file. Write the path of a file whose first line is the password.");
	unlink(path);
}

/* Only root can give a file away. */
static void owners(void **state)
{
	const struct passwd *nobody = getpwnam("nobody");
	char path[64], errors[1024];
	struct conf *c;

	if (geteuid() != 0)
		skip();
	write_file("theirs", STR("secret"), 0600);
	assert_int_equal(chown(path_of("theirs", path), 54321, 54321), 0);
	check_bad("theirs", "",
		  " belongs to another user (54321). It must be root's or that of the user "
		  "that sluice runs as: see chown.");
	/* Who sluiced becomes: it must read the file again later. */
	assert_non_null(nobody);
	assert_int_equal(chown(path, nobody->pw_uid, nobody->pw_gid), 0);
	write_conf_of("theirs", "good", "nobody");
	assert_int_equal(load(&c, errors, sizeof(errors)), 0);
	conf_put(c);
}

static void nothing_stays_behind(void **state)
{
	char errors[1024];
	struct conf *c;

	write_file("secret", STR(SECRET "\n"), 0600);
	write_conf("secret", "secret");
	left_behind = 0;
	assert_int_equal(load(&c, errors, sizeof(errors)), 0);
	assert_string_equal(c->trunks[0].login.password, SECRET);
	conf_put(conf_get(c));
	assert_string_equal(c->trunks[0].challenge.password, SECRET); /* still held */
	conf_put(c);
	assert_int_equal(left_behind, 0);
	write_conf("secret", "absent"); /* a good one in a bad file */
	assert_int_equal(load(&c, errors, sizeof(errors)), -EINVAL);
	assert_int_equal(left_behind, 0);
}

/* For the relay, and for text from anywhere: the path stands in for the password. */
static void files_stay_closed(void **state)
{
	char path[64], file[64];
	struct conf_errors e;
	struct conf *c;

	write_conf("absent", "good");
	assert_int_equal(conf_load_without_secrets(path_of("conf.yaml", path), &c, &e), 0);
	assert_string_equal(c->trunks[0].login.password, path_of("absent", file));
	assert_string_equal(c->trunks[0].challenge.password, path_of("good", file));
	conf_put(c);
	conf_errors_free(&e);
}

static int setup(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	write_file("good", STR("good\n"), 0600);
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = { "conf.yaml", "good", "one", "open",   "empty",
					     "line",      "long", "nul", "theirs", "secret" };
	char path[64];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(path_of(files[i], path));
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_line_counts),
		cmocka_unit_test(modes),
		cmocka_unit_test(bad_files),
		cmocka_unit_test(owners),
		cmocka_unit_test(nothing_stays_behind),
		cmocka_unit_test(files_stay_closed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
