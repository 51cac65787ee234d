/* SPDX-License-Identifier: Apache-2.0 */
/* Any other relay: somebody set the calls up and wrote them into a file, two lines each:
 *   a OUR-ADDRESS OUR-PORT RELAY-ADDRESS RELAY-PORT [SUITE KEY-WE-SEND-WITH KEY-WE-RECEIVE-WITH]
 *   b ...
 * Keys are as in SDP, base64 of key and salt. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "relay.h"
#include "sdp.h"

static int take_endpoint(struct str *line, struct addr *out)
{
	struct str ip, port;
	uint32_t n;
	if (!str_token(line, ' ', &ip) || !str_token(line, ' ', &port) || addr_parse(ip, out) ||
	    str_u32(port, 65535, &n))
		return -EINVAL;
	out->port = (uint16_t)n;
	return 0;
}

static int take_key(struct str *line, uint8_t suite, struct srtp_master *out)
{
	struct str text;
	return str_token(line, ' ', &text) ? sdp_read_key(text, suite, out) : -EINVAL;
}

/* The call goes on from run to run, and so does its stream: relays take one that is another every few seconds for an
 * attack. Not so SRTP, whose packets would be those of the run before. */
static uint32_t ssrc_of(const struct call_side *s)
{
	return (uint32_t)s->relay.port << 16 | s->ours.port;
}

static int take_line(struct str line, const char *side, const struct addr *base,
		     struct call_side *s)
{
	struct str word;
	uint8_t suite;
	memset(&s->tx_key, 0, sizeof(s->tx_key));
	memset(&s->rx_key, 0, sizeof(s->rx_key));
	if (!str_token(&line, ' ', &word) || !str_eq(word, str_of(side)) ||
	    take_endpoint(&line, &s->ours) || take_endpoint(&line, &s->relay) ||
	    s->ours.port < base->port)
		return -EINVAL;
	s->local = (uint16_t)(s->ours.port - base->port);
	if (!str_token(&line, ' ', &word)) {
		s->kept_ssrc = ssrc_of(s);
		return 0;
	}
	if (srtp_find(word, &suite) || take_key(&line, suite, &s->tx_key) ||
	    take_key(&line, suite, &s->rx_key))
		return -EINVAL;
	return 0;
}

static int legs_setup(struct relay *r, struct call *calls, unsigned n, struct hist *each)
{
	static const char *const name[2] = { "a", "b" };
	char line[512];
	int err = 0;
	(void)each;
	FILE *f = fopen(r->where, "re");
	if (!f) {
		perror(r->where);
		return -ENOENT;
	}
	for (unsigned i = 0; i < 2 * n && !err; i++) {
		struct call_side *s = &calls[i / 2].side[i % 2];
		struct addr base = s->ours; /* the first port: side[].local is 0 with this driver */
		base.port = (uint16_t)(base.port - s->local);
		err = fgets(line, sizeof(line), f)
			      ? take_line(str_trim(str_of(line)), name[i % 2], &base, s)
			      : -ENODATA;
		if (err)
			fprintf(stderr, "%s:%u: %s\n", r->where, i + 1,
				err == -ENODATA ? "fewer calls than --calls"
						: "not a line of a call");
	}
	fclose(f);
	return err;
}

static int legs_teardown(struct relay *r, struct call *calls, unsigned n)
{
	(void)r, (void)calls, (void)n;
	return 0;
}

const struct relay_ops relay_legs = {
	"legs",        "FILE       calls that somebody set up: see the README",
	NULL,          legs_setup,
	legs_teardown, NULL
};
