/* SPDX-License-Identifier: Apache-2.0 */
/* How packets of one side leave and arrive: UDP sockets of the kernel, or a port of DPDK. Each is used by one
 * thread at a time. */
#ifndef SLUICE_BENCH_IO_H
#define SLUICE_BENCH_IO_H

#include "base/addr.h"

#define IO_BURST      64
#define IO_PACKET_MAX 2048

struct io_packet {
	uint8_t *data; /* UDP payload */
	uint32_t len;
	uint16_t local;   /* which of our ports: 0 is the first */
	struct addr peer; /* to, or from */
	uint64_t time;    /* received: ns, CLOCK_REALTIME; of the kernel where it tells */
};

struct io;

struct io_ops {
	/* How many were taken; the rest were not sent at all. At most IO_BURST. */
	unsigned (*send)(struct io *io, const struct io_packet *p, unsigned n);
	/* What is there now, at most IO_BURST; the data is good until the next call. */
	unsigned (*recv)(struct io *io, struct io_packet *p);
	/* Nothing to do until `until` (ns, CLOCK_REALTIME); may return earlier. 0: bring `overflows` up to date. */
	void (*wait)(struct io *io, uint64_t until);
	void (*close)(struct io *io);
};

struct io {
	const struct io_ops *ops;
	uint64_t overflows; /* packets that came and that we were too slow to take */
};

struct io_options {
	struct addr ours;   /* the first port */
	unsigned ports;     /* so many of ours, one after another */
	const char *netns;  /* NULL: here */
	const char *device; /* of DPDK; NULL: sockets */
	const char *mac;    /* of DPDK: the relay's; NULL: ask by ARP */
};

/* 0 or -errno, said on stderr. */
int io_open(struct io **out, const struct io_options *o);
void io_close(struct io *io);

uint64_t io_now(void); /* ns, CLOCK_REALTIME */

/* ---- the two kinds ---- */
int io_socket_open(struct io **out, const struct io_options *o);
int io_dpdk_open(struct io **out, const struct io_options *o); /* -ENOTSUP where built without */

#endif
