/* SPDX-License-Identifier: Apache-2.0 */
#include "read.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

const json_t *at(const json_t *j, const char *key)
{
	return json_object_get(j, key);
}

const char *text(const json_t *j, const char *key)
{
	const char *s = json_string_value(at(j, key));

	return s ? s : "-";
}

long long number(const json_t *j, const char *key)
{
	return (long long)json_integer_value(at(j, key));
}

const char *cell(char out[CELL], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out, CELL, fmt, ap);
	va_end(ap);
	return out;
}

long long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

const char *duration(char out[CELL], long long us)
{
	long long s = us / 1000000;

	if (s >= 3600)
		return cell(out, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
	return cell(out, "%lld:%02lld", s / 60, s % 60);
}

const char *clock_time(char out[CELL], long long us)
{
	time_t t = (time_t)(us / 1000000);
	struct tm tm;
	char hms[16];

	localtime_r(&t, &tm);
	strftime(hms, sizeof(hms), "%H:%M:%S", &tm);
	return cell(out, "%s.%03lld", hms, us / 1000 % 1000);
}

const char *grouped(char out[CELL], long long n)
{
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%lld", n), k = 0;

	for (size_t i = 0; i < len; i++) {
		out[k++] = digits[i];
		if (digits[i] != '-' && i + 1 < len && (len - i - 1) % 3 == 0)
			out[k++] = ',';
	}
	out[k] = 0;
	return out;
}
