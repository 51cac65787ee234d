/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/test.h"
#include "base/log.h"

struct pipe_log {
	int fd[2];
	struct log *log;
	char text[8192];
};

static void open_log(struct pipe_log *p, enum log_level level)
{
	assert_int_equal(pipe2(p->fd, O_NONBLOCK), 0);
	p->log = log_new(p->fd[1], level);
	assert_non_null(p->log);
}

static const char *logged(struct pipe_log *p)
{
	ssize_t n = read(p->fd[0], p->text, sizeof(p->text) - 1);

	p->text[n > 0 ? n : 0] = 0;
	return p->text;
}

static void close_log(struct pipe_log *p)
{
	log_free(p->log);
	close(p->fd[0]);
	close(p->fd[1]);
}

static void assert_matches(const char *text, const char *pattern)
{
	regex_t re;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&re, text, 0, NULL, 0) != 0)
		fail_msg("\"%s\" is not like %s", text, pattern);
	regfree(&re);
}

static void writes_one_line(void **state)
{
	struct pipe_log p;

	open_log(&p, LOG_LEVEL_INFO);
	errno = ENOENT;
	log_warn(p.log, "sip", "trunk %s: %d calls", "carrier", 5);
	assert_int_equal(errno, ENOENT);
	assert_matches(logged(&p), "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
				   "\\.[0-9]{3}Z warn sip: trunk carrier: 5 calls\n$");
	close_log(&p);
}

static void keeps_its_level(void **state)
{
	struct pipe_log p;

	open_log(&p, LOG_LEVEL_NOTICE);
	log_info(p.log, "x", "no");
	log_debug(p.log, "x", "no");
	assert_string_equal(logged(&p), "");
	log_notice(p.log, "x", "yes");
	assert_non_null(strstr(logged(&p), "notice x: yes\n"));
	log_error(NULL, "x", "nowhere");
	close_log(&p);
}

/* A caller logs first and looks at errno afterwards. */
static void leaves_errno_alone(void **state)
{
	struct log *l = log_new(-1, LOG_LEVEL_INFO);

	errno = ENOENT;
	log_error(l, "x", "this write fails");
	assert_int_equal(errno, ENOENT);
	log_free(l);
}

static void cannot_be_forged(void **state)
{
	struct pipe_log p;

	open_log(&p, LOG_LEVEL_INFO);
	log_info(p.log, "sip", "from %s", "a\r\n2026 error x\x1b[31m\x7f");
	assert_non_null(strstr(logged(&p), "from a\\x0d\\x0a2026 error x\\x1b[31m\\x7f\n"));
	close_log(&p);
}

static void cuts_long_lines(void **state)
{
	struct pipe_log p;
	char text[4000];
	size_t n;

	open_log(&p, LOG_LEVEL_INFO);
	for (int c = 'x'; c >= 1; c -= 'x' - 1) { /* plain, and with octets that grow fourfold */
		memset(text, c, sizeof(text) - 1);
		text[sizeof(text) - 1] = 0;
		log_info(p.log, "sip", "%s", text);
		n = strlen(logged(&p));
		assert_true(n > 1000 && n < 3000);
		assert_string_equal(p.text + n - 4, "...\n");
	}
	close_log(&p);
}

static void speaks_to_the_journal(void **state)
{
	struct pipe_log p;
	struct stat st;
	char stream[64];

	assert_int_equal(pipe2(p.fd, O_NONBLOCK), 0);
	assert_int_equal(fstat(p.fd[1], &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	p.log = log_new(p.fd[1], LOG_LEVEL_INFO);
	unsetenv("JOURNAL_STREAM");
	log_error(p.log, "sip", "text");
	assert_string_equal(logged(&p), "<3>sip: text\n");
	close_log(&p);
}

static void level_names(void **state)
{
	enum log_level level;

	assert_int_equal(log_level_parse("debug", &level), 0);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_parse("error", &level), 0);
	assert_int_equal(level, LOG_LEVEL_ERROR);
	assert_int_equal(log_level_parse("loud", &level), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_one_line),       cmocka_unit_test(keeps_its_level),
		cmocka_unit_test(cannot_be_forged),      cmocka_unit_test(cuts_long_lines),
		cmocka_unit_test(speaks_to_the_journal), cmocka_unit_test(level_names),
		cmocka_unit_test(leaves_errno_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
