/* SPDX-License-Identifier: Apache-2.0 */
/* Bencode, as rtpengine's control protocol (ng) has it: written in order into a buffer, read by looking up
 * one key of the outermost dictionary. Keys must be written sorted: the caller's affair. */
#ifndef SLUICE_BENCH_BENCODE_H
#define SLUICE_BENCH_BENCODE_H

#include "base/buf.h"

void bencode_str(struct buf *b, struct str s);
/* A key and its string. */
void bencode_pair(struct buf *b, const char *key, struct str value);
/* A key and a list of strings, ended by NULL. */
void bencode_list(struct buf *b, const char *key, const char *const *values);
/* The string that `key` has in the dictionary `d`: 0, -ENOENT, or -EBADMSG where d is none, is nested more than
 * 16 deep, or the value is no string. */
int bencode_find(struct str d, const char *key, struct str *value);

#endif
