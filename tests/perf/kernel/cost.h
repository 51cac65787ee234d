/* SPDX-License-Identifier: Apache-2.0 */
/* kernelcost: what runs in the guest of tools/bench kernel. Namespaces A, R, B with a cable between A and R, and
 * one between R and B; A sends RTP to B, and R has what is measured. guest.sh makes them. */
#ifndef SLUICE_TESTS_KERNELCOST_H
#define SLUICE_TESTS_KERNELCOST_H

#include <stdbool.h>
#include <stdint.h>

#define A_ADDRESS    "10.0.1.2"
#define R_ADDRESS_A  "10.0.1.1"
#define R_ADDRESS_B  "10.0.2.1"
#define B_ADDRESS    "10.0.2.2"
#define A_PORT       6000
#define B_PORT       5004
#define R_PORT_A     40000
#define R_PORT_B     40002
#define PAYLOAD_TYPE 8

/* Exits when there is none. */
void enter(const char *netns);
int udp_socket(const char *netns, const char *address, uint16_t port);

/* measure NAME FROM TO:PORT BATCH COUNT [keep=FILE|replay=FILE] [sealed]: prints a line. Exit status. */
int measure(int argc, char **argv);
/* flow set|del|drops ID [in=SUITE] [out=SUITE]: of sluice.ko in R. Exit status. */
int flow_command(int argc, char **argv);

#endif
