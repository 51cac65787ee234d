/* SPDX-License-Identifier: Apache-2.0 */
/* The flow language as the kernel engine speaks it (kmod/README.md): datagrams of relay/flow.h to and from generic
 * netlink. The first half is pure: octets in, octets out. The second opens a socket. */
#ifndef SLUICE_ENGINE_GENL_MAP_H
#define SLUICE_ENGINE_GENL_MAP_H

#include <stdbool.h>
#include <sys/types.h>
#include "relay/flow.h"

#define GENL_FAMILY "sluice"

/* Copies a datagram of the flow language to `out`, as long as it was, as requests to the family. What is no message
 * stays as it is: the kernel stops reading there, as tlv_next() does. May be done in place. */
void genl_map_request(void *out, const void *in, size_t n, u16 family);

/* So many octets of the socket's memory the kernel's answers to a datagram of the flow language take, at most. */
size_t genl_map_answers(const void *in, size_t n);

struct genl_news {
	bool gone; /* the family went away: the module was unloaded */
	bool lost; /* the kernel had no room for something that was for us */
};

/* What the kernel sent, as a datagram of the flow language: octets of `out` (not in place); 0: nothing that is for the
 * client; -EBADMSG: that is not netlink; -EMSGSIZE: no room, where twice as much as came in is always enough. Both
 * are aligned to 4. Sets what is new in *news. */
ssize_t genl_map_reply(void *out, size_t cap, const void *in, size_t n, u16 family,
		       struct genl_news *news);

/* A socket that is connected to the kernel, in this thread's namespace, with the family looked up. -errno; -ENOENT:
 * the kernel has no such family. Blocks for no longer than the kernel takes to answer. */
int genl_open(u16 *family);
/* So many octets of the kernel's memory it has for what is not read yet. */
size_t genl_room(int fd);
/* Has the kernel load the module, where it is installed and may be loaded; waits for that. */
void genl_load(void);
/* One datagram of the kernel's, never blocks: octets; 0: it was from somebody else; -EAGAIN: there is none;
 * -ENOBUFS: something was lost. `p` should hold FLOW_DATAGRAM_MAX octets. */
ssize_t genl_recv(int fd, void *p, size_t cap);

#endif
