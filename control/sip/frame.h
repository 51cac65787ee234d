/* SPDX-License-Identifier: Apache-2.0 */
/* Messages out of a stream (RFC 3261 18.3, 7.5; RFC 5626 4.4.1), in whatever pieces it arrives. Pure:
 * no I/O, no clock. It finds the empty line and Content-Length and nothing else; each octet is
 * looked at once, however it is cut. */
#ifndef SLUICE_SIP_FRAME_H
#define SLUICE_SIP_FRAME_H

#include "sip/msg.h"

#define SIP_STREAM_MAX 65536 /* octets of one message on a stream */

struct frame; /* one direction of one connection; small while it is empty */

enum frame_got {
	FRAME_MORE,    /* nothing whole is there */
	FRAME_MESSAGE, /* *msg, writable, SIP_PAD readable octets behind it, until the next call */
	FRAME_PING,    /* CRLFCRLF between messages: answer with CRLF */
	FRAME_LOST     /* framing is lost: *msg holds what there is (headers, as far as they are read), for
			* an answer; *error says why (-SIP_E_*). Close after it. Comes again each time. */
};

struct frame *frame_new(void); /* NULL: no memory */
void frame_free(struct frame *f);
/* Room for what is read next: writes up to *room octets at the result, then frame_filled(). At least one
 * octet; NULL: no memory, or a message is longer than allowed (then frame_next() says FRAME_LOST). Not
 * between FRAME_MESSAGE and the end of its use. */
char *frame_room(struct frame *f, size_t *room);
void frame_filled(struct frame *f, size_t n);
/* Call until FRAME_MORE. Content-Length: missing, unreadable, repeated with different values or beyond
 * the limit is FRAME_LOST (-SIP_E_LENGTH, -SIP_E_TOO_LARGE). */
enum frame_got frame_next(struct frame *f, char **msg, size_t *len, int *error);
/* Octets of a message that has begun and is not whole (0: between messages): for the timer that ends
 * those who dribble. */
size_t frame_pending(const struct frame *f);
/* The headers are whole and the body is not: what a 400 for a wrong Content-Length can be made from when
 * the connection's patience ends (RFC 4475 3.1.2.2). False: not even they. */
bool frame_partial(struct frame *f, char **msg, size_t *len);

#endif
