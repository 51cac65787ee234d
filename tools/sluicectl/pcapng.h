/* SPDX-License-Identifier: Apache-2.0 */
/* Writes pcapng (draft-ietf-opsawg-pcapng): a section, interfaces of raw IP packets, packets with comments. */
#ifndef SLUICE_SLUICECTL_PCAPNG_H
#define SLUICE_SLUICECTL_PCAPNG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct pcapng_packet {
	uint64_t time_us; /* since 1970 */
	uint32_t interface;
	uint32_t length; /* octets on the wire, of which n are here */
	const void *data;
	uint32_t n;
	bool outbound;
	const char *comment; /* NULL: none */
};

/* Each returns 0 or -errno. */
int pcapng_begin(FILE *f, const char *program, const char *comment);
int pcapng_interface(FILE *f, const char *name, uint32_t snap_length);
int pcapng_packet(FILE *f, const struct pcapng_packet *p);

#endif
