/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the JSON of an answer: what is missing reads as nothing. And numbers as people read them. */
#ifndef SLUICE_SLUICECTL_READ_H
#define SLUICE_SLUICECTL_READ_H

#include <jansson.h>

#define CELL 64

const json_t *at(const json_t *j, const char *key);
const char *text(const json_t *j, const char *key); /* "-" where there is none */
long long number(const json_t *j, const char *key);
const char *cell(char out[CELL], const char *fmt, ...) __attribute__((format(printf, 2, 3)));
long long now_us(void);
const char *duration(char out[CELL], long long us);   /* "1:02:03" */
const char *clock_time(char out[CELL], long long us); /* "12:34:56.789" */
const char *grouped(char out[CELL], long long n);     /* "1,234,567" */

#endif
