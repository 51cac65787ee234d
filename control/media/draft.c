/* SPDX-License-Identifier: Apache-2.0 */
/* An exchange while it is open. */
#include <stdlib.h>
#include "media/media_priv.h"

unsigned draft_sides(const struct media *m, unsigned leg, u8 legs[2])
{
	unsigned side = leg;

	legs[0] = 0;
	legs[1] = 1;
	if (!media_has_third(m))
		return side;
	if (leg == MEDIA_THIRD)
		side = m->third->replaces;
	/* Where the one to be replaced never agreed to anything, nobody else can be meant. */
	if (leg == MEDIA_THIRD || (leg != m->third->replaces && media_is_first(m)))
		legs[m->third->replaces] = MEDIA_THIRD;
	return side;
}

struct draft *draft_new(const struct media *m, unsigned n_lines, const u8 legs[2])
{
	unsigned n = n_lines > m->n_lines ? n_lines : m->n_lines;
	struct draft *d = calloc(1, sizeof(*d) + n * sizeof(d->line[0]));

	if (!d)
		return NULL;
	d->n = (u8)n;
	d->leg[0] = legs[0];
	d->leg[1] = legs[1];
	return d;
}

/* There may be keys in what it said. */
static void fork_free(struct fork *f)
{
	explicit_bzero(f->sdp, f->n);
	free(f);
}

void draft_free(struct media_shard *ms, struct draft *d)
{
	if (!d)
		return;
	for (unsigned i = 0; i < 2; i++) {
		known_put(ms, d->said[i]);
		known_put(ms, d->told[i]);
		known_put(ms, d->view[i]);
	}
	for (struct fork *f = d->forks, *next; f; f = next) {
		next = f->next;
		fork_free(f);
	}
	explicit_bzero(d->line, d->n * sizeof(d->line[0]));
	free(d);
}

const struct fork *draft_fork(const struct draft *d, unsigned fork)
{
	const struct fork *f = d->forks;

	while (f && f->id != fork)
		f = f->next;
	return f;
}

static struct fork *fork_new(unsigned id, struct str sdp, const struct addr *sig)
{
	struct fork *f = malloc(sizeof(*f) + sdp.n);

	if (!f)
		return NULL;
	*f = (struct fork){ .id = id, .n = (u32)sdp.n, .sig = *sig };
	memcpy(f->sdp, sdp.p, sdp.n);
	return f;
}

#define FORKS_MAX 32 /* the newest */

void draft_keep_fork(struct draft *d, unsigned fork, struct str sdp, const struct addr *sig)
{
	struct fork *f = fork_new(fork, sdp, sig);
	unsigned n = 1;

	for (struct fork **at = &d->forks; *at;) {
		struct fork *old = *at;
		if (old->id != fork && n++ < FORKS_MAX) {
			at = &old->next;
			continue;
		}
		*at = old->next;
		fork_free(old);
	}
	if (!f)
		return;
	f->next = d->forks;
	d->forks = f;
}
