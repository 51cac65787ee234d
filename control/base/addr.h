/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses, endpoints (address and port) and prefixes. Value types, thread-safe. */
#ifndef SLUICE_BASE_ADDR_H
#define SLUICE_BASE_ADDR_H

#include <sys/socket.h>
#include "base/buf.h"

#define ADDR_STR_MAX 56 /* "[" IPv6 "]:" port NUL */

/* family 0 means "none". ip holds 4 or 16 octets in network order, the rest is zero, so two
 * addresses can be compared as memory. port is in host order, 0 where only the address counts.
 * IPv4-mapped IPv6 addresses are stored as IPv4. */
struct addr {
	uint8_t ip[16];
	uint16_t port;
	uint8_t family; /* 0, 4 or 6 */
	uint8_t pad;
};

struct prefix {
	struct addr addr; /* port 0, host bits zero */
	uint8_t len;      /* 0..32 or 0..128 */
};

/* "192.0.2.1", "2001:db8::1", "[2001:db8::1]". 0 or -EINVAL. port becomes 0. */
int addr_parse(struct str s, struct addr *out);
/* "192.0.2.0/24", "192.0.2.1" (as /32). 0, -EINVAL, or -ERANGE where the length is too long.
 * Host bits are cleared; *host_bits (may be NULL) says whether any was set. */
int prefix_parse(struct str s, struct prefix *out, bool *host_bits);
bool prefix_has(const struct prefix *p, const struct addr *a); /* the port does not count */
bool addr_eq(const struct addr *a, const struct addr *b);      /* address and port */
bool addr_ip_eq(const struct addr *a, const struct addr *b);   /* address only */
/* RFC 1918, RFC 6598 (CGN), link-local, unique local, loopback: cannot be reached from outside. */
bool addr_is_private(const struct addr *a);
/* With port when it is not 0; IPv6 in brackets then. Returns out. */
const char *addr_print(const struct addr *a, char out[ADDR_STR_MAX]);
/* The address only, without brackets (SDP style) or with brackets for IPv6 (SIP style). */
void addr_put_sdp(struct buf *b, const struct addr *a);
void addr_put_sip(struct buf *b, const struct addr *a);
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss);
int addr_from_sockaddr(const struct sockaddr *sa, struct addr *out); /* 0 or -EAFNOSUPPORT */

#endif
