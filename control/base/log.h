/* SPDX-License-Identifier: Apache-2.0 */
/* One line per event: "TIME LEVEL area: text". The text names things in the field's words and
 * says what to do where there is something to do. Secrets never go in. Thread-safe: a line is one
 * write(). NULL as log is allowed and silent. */
#ifndef SLUICE_BASE_LOG_H
#define SLUICE_BASE_LOG_H

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

struct log;

/* Writes to `fd`, which stays the caller's. Times are printed unless the fd is the systemd journal
 * (JOURNAL_STREAM); then "<N>" priorities are. */
struct log *log_new(int fd, enum log_level level);
void log_free(struct log *l);
/* Is a line of this level written at all? For those that take work to make. */
bool log_shows(const struct log *l, enum log_level level);
int log_level_parse(const char *name, enum log_level *out); /* 0 or -EINVAL */
void log_line(struct log *l, enum log_level level, const char *area, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#define log_error(l, area, ...)  log_line((l), LOG_LEVEL_ERROR, (area), __VA_ARGS__)
#define log_warn(l, area, ...)   log_line((l), LOG_LEVEL_WARN, (area), __VA_ARGS__)
#define log_notice(l, area, ...) log_line((l), LOG_LEVEL_NOTICE, (area), __VA_ARGS__)
#define log_info(l, area, ...)   log_line((l), LOG_LEVEL_INFO, (area), __VA_ARGS__)
#define log_debug(l, area, ...)  log_line((l), LOG_LEVEL_DEBUG, (area), __VA_ARGS__)

#endif
