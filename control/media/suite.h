/* SPDX-License-Identifier: Apache-2.0 */
/* Suites of SRTP: their names in SDP, how long their keys are, and the session keys that follow from a master key
 * (RFC 3711 4.3, 6188, 7714 11; key derivation rate 0). Key material is the caller's to wipe. Thread-safe. */
#ifndef SLUICE_MEDIA_SUITE_H
#define SLUICE_MEDIA_SUITE_H

#include "base/buf.h"
#include "relay/flow.h"

#define SUITE_MASTER_MAX 46 /* octets of the longest master key with its salt */
#define SUITE_TEXT_MAX   64 /* the same in base64 */

/* enum flow_suite; FLOW_SUITE_NONE: not known. Names are compared as they are written. */
u8 suite_by_name(struct str name);
const char *suite_name(u8 suite); /* "AES_CM_128_HMAC_SHA1_80"; "" for FLOW_SUITE_NONE */
unsigned suite_master(u8 suite);  /* octets of master key and salt together */

/* Base64 of master key and salt, with or without padding. 0, -EINVAL: not just as long as the suite has it. */
int suite_read_master(u8 suite, struct str text, u8 out[SUITE_MASTER_MAX]);
void suite_put_master(u8 suite, const u8 *master, struct buf *b);

/* Fills in suite and all keys of *out; the rest stays. 0, -EIO: the library refuses. */
int suite_derive(u8 suite, const u8 *master, struct flow_crypto *out);

#endif
