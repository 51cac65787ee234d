/* SPDX-License-Identifier: Apache-2.0 */
/* An attacker: valid RTP and RTCP to every port of a range in turn, in the hope that a relay takes it for somebody's.
 * What comes back is counted: a relay that was fooled sends a victim's media here. */
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include "bench.h"
#include "report.h"

#define NAP      (100 * 1000)
#define TOO_LATE (50 * 1000 * 1000)
#define RTP_LEN  172
#define RTCP_LEN 28 /* a sender report without blocks */

struct sprayer {
	const struct options *o;
	struct io *io;
	uint64_t start, sent, refused, came, skipped;
	uint32_t ssrc;
	uint8_t data[IO_BURST][RTP_LEN];
	struct io_packet out[IO_BURST], in[IO_BURST];
};

/* Every third round is RTCP, to the odd ports, too; an SSRC for each port keeps its sequence in order. */
static void build(struct sprayer *s, unsigned at, uint64_t number)
{
	uint8_t *d = s->data[at];
	unsigned ports = s->o->target_ports;
	uint16_t port = (uint16_t)(number % ports), seq = (uint16_t)(number / ports);
	uint32_t ssrc = s->ssrc + port;
	bool rtcp = number / ports % 3 == 2;
	memset(d, 0xa5, RTP_LEN);
	d[0] = 0x80;
	d[1] = rtcp ? 200 : PAYLOAD_TYPE;
	d[2] = (uint8_t)(rtcp ? 0 : seq >> 8);
	d[3] = (uint8_t)(rtcp ? RTCP_LEN / 4 - 1 : seq);
	memcpy(d + (rtcp ? 4 : 8), &ssrc, 4);
	s->out[at] = (struct io_packet){ d, rtcp ? RTCP_LEN : RTP_LEN, 0, s->o->target, 0 };
	s->out[at].peer.port = (uint16_t)(s->o->target.port + port);
}

static void burst(struct sprayer *s, uint64_t now)
{
	uint64_t due = (uint64_t)((double)(now - s->start) * s->o->rates[0] / 1e9), number;
	uint64_t done = s->sent + s->refused + s->skipped;
	if ((double)(due - done) > TOO_LATE * s->o->rates[0] / 1e9) {
		s->skipped += due - done;
		return;
	}
	unsigned n = 0;
	for (number = s->sent + s->refused; n < IO_BURST && done + n < due; n++)
		build(s, n, number + n);
	unsigned sent = n ? s->io->ops->send(s->io, s->out, n) : 0;
	s->sent += sent;
	s->refused += n - sent;
}

int spray_run(const struct options *o)
{
	struct sprayer s = { .o = o };
	int err = io_open(&s.io, &o->side[0]);
	if (err)
		return err;
	if (getrandom(&s.ssrc, sizeof(s.ssrc), 0) != sizeof(s.ssrc))
		err = -EIO;
	puts("spray: ready");
	fflush(stdout);
	s.start = io_now();
	uint64_t end = s.start + o->trial.measure;
	for (uint64_t now = s.start; !err && now < end; now = io_now()) {
		burst(&s, now);
		s.came += s.io->ops->recv(s.io, s.in);
		s.io->ops->wait(s.io, io_now() + NAP);
	}
	io_close(s.io);
	printf("spray: %llu packets in %.1f s, %llu came back\n", (unsigned long long)s.sent,
	       o->seconds, (unsigned long long)s.came);
	json_t *j = json_pack("{s:I, s:I, s:f}", "sent", (json_int_t)s.sent, "came_back",
			      (json_int_t)s.came, "seconds", o->seconds);
	if (!err)
		err = report_write(j, o->json);
	json_decref(j);
	return err;
}
