/* SPDX-License-Identifier: Apache-2.0 */
/* Where there is no libsrtp2: actors without SRTP, and an engine without it. */
#include "engine_srtp.h"
#include "srtp.h"

const char *srtp_profile(const char *kind)
{
	(void)kind;
	return "RTP/AVP";
}

void srtp_write(struct world *w, struct buf *b, struct dlg *d, const char *kind)
{
	(void)w, (void)b, (void)d, (void)kind;
}

void srtp_learn(struct world *w, struct dlg *d, struct str sdp)
{
	(void)w, (void)d, (void)sdp;
}

void srtp_check(struct world *w, struct dlg *d, struct str sdp, const char *kind)
{
	(void)w, (void)d, (void)sdp, (void)kind;
}

size_t srtp_seal(struct dlg *d, uint8_t *p, size_t n)
{
	(void)d, (void)p;
	return n;
}

size_t srtp_open(struct dlg *d, uint8_t *p, size_t n)
{
	(void)d, (void)p;
	return n;
}

void srtp_end(struct world *w)
{
	(void)w;
}

bool engine_srtp_is_there(void)
{
	return false;
}

void engine_srtp_rule(struct entry *e)
{
	(void)e;
}

void engine_srtp_free(struct entry *e)
{
	(void)e;
}

bool engine_srtp_open(struct entry *e, struct relay_dir *d, struct relay_dir *rtp,
		      struct relay_packet *pkt)
{
	(void)e, (void)d, (void)rtp, (void)pkt;
	return true;
}

bool engine_srtp_seal(struct entry *e, struct relay_dir *d, struct relay_packet *pkt,
		      const struct relay_plan *plan)
{
	(void)e, (void)d, (void)pkt, (void)plan;
	return true;
}
