/* SPDX-License-Identifier: Apache-2.0 */
/* SRTP of the generator and the receiver (RFC 3711, 6188, 7714), on OpenSSL and nothing of the relay's, so that
 * a relay that is wrong about it is not believed. One stream for each struct srtp; not for several threads. */
#ifndef SLUICE_BENCH_SRTP_H
#define SLUICE_BENCH_SRTP_H

#include <stddef.h>
#include "base/str.h"
#include "relay/flow.h"

#define SRTP_TAG_MAX    16
#define SRTP_MASTER_MAX 46 /* key and salt */

/* Master key and salt, as SDES has them. */
struct srtp_master {
	uint8_t suite; /* enum flow_suite; FLOW_SUITE_NONE: plain RTP */
	uint8_t octets[SRTP_MASTER_MAX];
};

struct srtp;

/* As in SDP, and short as in "gcm128"; NULL: no such suite. */
const char *srtp_name(unsigned suite);
/* Either form, letters of any case. 0 or -EINVAL. */
int srtp_find(struct str name, uint8_t *suite);
size_t srtp_key_len(unsigned suite);
size_t srtp_salt_len(unsigned suite);
int srtp_random(struct srtp_master *m, unsigned suite); /* 0 or -EIO */

/* The session keys (RFC 3711 4.3, key derivation rate 0). 0 or -EIO. */
int srtp_derive(const struct srtp_master *m, struct flow_crypto *out);

struct srtp *srtp_new(const struct srtp_master *m); /* NULL: no memory, or OpenSSL does not want to */
void srtp_free(struct srtp *s);
/* In place; `p` has room for SRTP_TAG_MAX more. Sequence numbers go up by little from packet to packet. The new
 * length, or -EINVAL, -EIO. */
int srtp_seal(struct srtp *s, uint8_t *p, size_t n);
/* The length of the RTP packet, or -EBADMSG: not authentic. */
int srtp_open(struct srtp *s, uint8_t *p, size_t n);

#endif
