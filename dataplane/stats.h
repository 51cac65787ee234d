/* SPDX-License-Identifier: Apache-2.0 */
/* What happened to packets. Every packet that is not relayed ends under exactly one name: those of
 * relay/ (RELAY_DROPS) first, then the engine's own. One row here is the name, the number and the
 * text. */
#ifndef SLUICE_DP_STATS_H
#define SLUICE_DP_STATS_H

#include "relay/relay.h"

#define DP_DROPS(X)                                                                                \
	X(RX_SHORT, "rx_short", "frame shorter than its headers say, or in several buffers")       \
	X(RX_ETHERTYPE, "rx_ethertype", "not IP, on a device without a kernel behind it")          \
	X(RX_IP_HEADER, "rx_ip_header", "IP version, length or checksum is wrong")                 \
	X(RX_IP_OPTIONS, "rx_ip_options", "IPv4 options")                                          \
	X(RX_FRAGMENT, "rx_fragment", "IP fragment, and no room to keep it")                       \
	X(FRAG_LATE, "frag_late", "fragment whose others did not come in time")                    \
	X(FRAG_BAD, "frag_bad", "fragments that overlap, are too many or too long")                \
	X(RX_NOT_MEDIA, "rx_not_media", "not UDP to a media port of ours")                         \
	X(RX_UDP_LENGTH, "rx_udp_length", "UDP length does not fit the packet")                    \
	X(RX_UDP_CHECKSUM, "rx_udp_checksum", "UDP checksum is wrong")                             \
	X(NO_FLOW, "no_flow", "no flow has this address and port")                                 \
	X(PUNT_FULL, "punt_full", "STUN or DTLS for control, which took no more of it")                  \
	X(HANDED_FULL, "handed_full", "for another worker, which took no more packets")            \
	X(HELD_LOST, "held_lost", "kept for a source that was not chosen")                         \
	X(HELD_ENDED, "held_ended", "kept for a source when its flow ended or changed")            \
	X(NEIGH_WAIT, "neigh_wait", "next hop's hardware address not known in time")               \
	X(NEIGH_NO_ROUTE, "neigh_no_route", "no route, or the destination is this host")           \
	X(NEIGH_FULL, "neigh_full", "no room for one more destination")                            \
	X(TX_MTU, "tx_mtu", "longer than the device sends in eight parts")                         \
	X(TX_NO_ROOM, "tx_no_room", "no memory to send it in parts or with longer headers")        \
	X(TX_FULL, "tx_full", "the device took no more packets")                                   \
	X(KERNEL_FULL, "kernel_full", "for the kernel, which took no more packets")

enum dp_drop {
	DP_DROP_BEFORE_FIRST = RELAY_DROP_COUNT - 1,
#define X(id, name, text) DP_DROP_##id,
	DP_DROPS(X)
#undef X
	DP_DROP_COUNT
};

/* Counters that are no drops, named work.NAME. A stage's cycles divided by packets_in is its price of a packet. */
#define DP_COUNTERS(X)                                                                             \
	X(packets_in, "media packets received")                                                    \
	X(packets_out, "media packets sent")                                                       \
	X(octets_out, "octets of their frames")                                                    \
	X(kernel_in, "frames passed to the kernel (devices without one behind them)")              \
	X(kernel_out, "frames sent for the kernel")                                                \
	X(handed_over, "packets that came in at a worker and were another one's")                  \
	X(punted, "STUN and DTLS packets handed to control")                                       \
	X(keys_taken, "telephone-event packets told to control and not relayed")                   \
	X(keys_made, "telephone-event packets made while nothing was relayed that way")            \
	X(joined, "media packets made whole of fragments")                                         \
	X(frag_alone, "later fragments whose first one did not come: copies of the kernel's, too") \
	X(split, "media packets sent in fragments")                                                \
	X(bursts, "receive calls that brought packets")                                            \
	X(sleeps, "times the worker waited for packets")                                           \
	X(events_lost, "events that found no room on their way to control")                        \
	X(cycles_rx, "TSC cycles of receiving, device driver included")                            \
	X(cycles_parse, "TSC cycles of parsing and looking up")                                    \
	X(cycles_relay, "TSC cycles of the relay's rules and rewriting")                           \
	X(cycles_cipher, "TSC cycles of the cipher of SRTP")                                       \
	X(cycles_tx, "TSC cycles of sending, device driver included")                              \
	X(cycles_asleep, "TSC cycles of waiting for packets, of all workers")                      \
	X(cycles_all, "TSC cycles since the workers began, of all workers")

/* One writer, the worker; the agent reads while it is written, for display. */
struct dp_stats {
	u64 drop[DP_DROP_COUNT];
#define X(name, text) u64 name;
	DP_COUNTERS(X)
#undef X
};

struct tlv_out;

const char *dp_drop_name(unsigned drop);
const char *dp_drop_text(unsigned drop);
/* FLOW_A_DROPS: every drop and counter by its name, and work.tsc_hz. */
void stats_put(struct tlv_out *o, const struct dp_stats *s);

#endif
