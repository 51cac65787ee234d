/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/log.h"

#define LINE_MAX_OCTETS 2048

struct log {
	int fd;
	enum log_level level;
	bool journal;
};

static const struct {
	const char *name;
	int priority; /* syslog(3) */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },   [LOG_LEVEL_WARN] = { "warn", 4 },
	[LOG_LEVEL_NOTICE] = { "notice", 5 }, [LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

/* systemd names the journal's socket in JOURNAL_STREAM as "device:inode". */
static bool is_journal(int fd)
{
	const char *want = getenv("JOURNAL_STREAM");
	char have[64];
	struct stat st;

	if (!want || fstat(fd, &st) < 0)
		return false;
	snprintf(have, sizeof(have), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(want, have) == 0;
}

struct log *log_new(int fd, enum log_level level)
{
	struct log *l = malloc(sizeof(*l));

	if (l)
		*l = (struct log){ .fd = fd, .level = level, .journal = is_journal(fd) };
	return l;
}

void log_free(struct log *l)
{
	free(l);
}

bool log_shows(const struct log *l, enum log_level level)
{
	return l && level <= l->level;
}

int log_level_parse(const char *name, enum log_level *out)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(name, levels[i].name) == 0) {
			*out = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

static void put_head(struct buf *b, const struct log *l, enum log_level level, const char *area)
{
	struct timespec ts;
	struct tm tm;

	if (l->journal) {
		buf_fmt(b, "<%d>%s: ", levels[level].priority, area);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	buf_fmt(b, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %s %s: ", tm.tm_year + 1900, tm.tm_mon + 1,
		tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ts.tv_nsec / 1000000,
		levels[level].name, area);
}

/* A text may quote what came from the network: control characters could forge a line. */
static void put_text(struct buf *b, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f)
			buf_fmt(b, "\\x%02x", c);
		else
			buf_add(b, text, 1);
	}
}

void log_line(struct log *l, enum log_level level, const char *area, const char *fmt, ...)
{
	char text[LINE_MAX_OCTETS], line[LINE_MAX_OCTETS + 128];
	int saved = errno;
	struct buf b;
	va_list ap;

	if (!log_shows(l, level))
		return;
	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = 0;
	va_end(ap);
	buf_init(&b, line, sizeof(line) - 4); /* room for the mark of a cut line */
	put_head(&b, l, level, area);
	put_text(&b, text);
	b.cap = sizeof(line);
	if (b.full || strlen(text) == sizeof(text) - 1) {
		b.full = false;
		buf_lit(&b, "...");
	}
	buf_lit(&b, "\n");
	/* A log that cannot be written has nowhere to complain. */
	if (write(l->fd, b.p, b.n) < 0)
		(void)errno;
	errno = saved;
}
