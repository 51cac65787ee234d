/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs in use and pairs of live sessions are the same, or there is a leak somewhere. It is found and mended before
 * anybody runs out of ports. */
#include "media/media_priv.h"

#define EVERY_MS 60000

struct audit {
	struct media_shard *ms;
	unsigned wrong;
};

static void claim(struct audit *a, const struct stream *s, unsigned leg, u16 port)
{
	struct ports *p = port ? media_ports_of(s->m, leg) : NULL;

	if (port)
		a->wrong += !p || !ports_claim(p, port);
}

static void claim_stream(struct table_node *n, void *arg)
{
	struct stream *s = (struct stream *)n;

	for (unsigned leg = 0; leg < 2; leg++)
		claim(arg, s, leg, s->port[leg]);
	if (media_has_third(s->m))
		claim(arg, s, MEDIA_THIRD, *stream_port(s, MEDIA_THIRD));
}

unsigned media_ports_audit(struct media_shard *ms)
{
	struct audit a = { .ms = ms };
	unsigned lost = 0;

	table_each(&ms->streams, claim_stream, &a);
	for (unsigned i = 0; i < ms->n_networks; i++)
		for (unsigned k = 0; k < ms->pool[i].n; k++)
			lost += ports_unclaimed(ms->pool[i].place[k].ports);
	if (a.wrong || lost)
		log_error(ms->log, "media",
			  "audit: %u port pairs of sessions were not theirs, %u in use were "
			  "nobody's: "
			  "mended",
			  a.wrong, lost);
	return a.wrong + lost;
}

static void on_time(void *arg)
{
	struct media_shard *ms = arg;

	media_ports_audit(ms);
	audit_soon(ms);
}

void audit_init(struct media_shard *ms)
{
	timer_init(&ms->audit, on_time, ms);
}

/* Once after the last session, too. */
void audit_soon(struct media_shard *ms)
{
	if (ms->streams.count && !timer_is_set(&ms->audit))
		timer_start(ms->loop, &ms->audit, EVERY_MS);
}
