/* SPDX-License-Identifier: Apache-2.0 */
/* The network: late, out of order, lost, twice. */
#include <stdio.h>
#include <stdlib.h>

#include "random.h"
#include "border.h"
#include "fork.h"

#define LOST_MOST 5 /* of one datagram: who tries long enough gets through */

static const char *name_of(const struct phone *p)
{
	return p ? p->name : "sluice";
}

static void show(const struct game *g, const struct packet *p, const char *what)
{
	struct str text = { p->text, p->n }, line = STR_NONE;
	const char *cseq = memmem(p->text, p->n, "\r\nCSeq: ", 8);
	const char *id = memmem(p->text, p->n, "\r\nCall-ID: ", 11);
	bool sdp = memmem(p->text, p->n, "\r\nv=0", 5) || memmem(p->text, p->n, "\nm=audio", 8);

	if (!g->rules.verbose)
		return;
	if (g->rules.verbose > 1 && strcmp(what, "arrives")) {
		printf("# %9llu ms  %s -> %s  %s\n%.*s\n", game_ms(g), name_of(p->from),
		       name_of(p->to), what, STR_FMT(text));
		return;
	}
	str_line(&text, &line);
	text = (struct str){ cseq ? cseq + 8 : p->text,
			     cseq ? (size_t)(p->text + p->n - cseq - 8) : 0 };
	printf("# %9llu ms  %-7s %s %-7s %-10s %.*s", game_ms(g), name_of(p->from),
	       strcmp(what, "arrives") ? "->" : ">>", name_of(p->to), what, STR_FMT(line));
	str_line(&text, &line);
	printf("  [%.*s %.6s]%s\n", STR_FMT(line), id ? id + 13 : "", sdp ? " SDP" : "");
}

static void unlink_packet(struct packet *p)
{
	*p->pprev = p->next;
	if (p->next)
		p->next->pprev = p->pprev;
}

static void arrive(void *arg)
{
	struct packet *p = arg;
	struct game *g = p->game;
	struct sip_hop from = { .transport = SIP_UDP };

	unlink_packet(p);
	if ((p->to && p->to->dead) || (p->from && p->from->dead)) {
		show(g, p, "into void");
	} else {
		show(g, p, "arrives");
		from.addr = p->from ? p->from->addr : p->to->sluice;
		if (!p->to || (g->rules.direct && p->to == &g->phone[0]))
			border_message(g, false, (struct str){ p->text, p->n });
		from.network = p->to ? 0 : (uint16_t)p->from->network;
		sip_receive(p->to ? p->to->sip : g->w->sip, &from, p->text, p->n);
	}
	free(p);
}

static uint32_t hash_of(struct str data)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < data.n; i++)
		h = (h ^ (unsigned char)data.p[i]) * 16777619u;
	return h ^ h >> 16;
}

static bool is_lost(struct game *g, struct str data)
{
	uint8_t *n = &g->lost[hash_of(data) % sizeof(g->lost)];

	if (*n >= LOST_MOST || !dice_percent(&g->dice, g->terms.loss))
		return false;
	(*n)++;
	return true;
}

void net_carry(struct game *g, struct phone *from, struct phone *to, struct str data)
{
	const struct terms *t = &g->terms;
	struct packet *p = malloc(sizeof(*p) + data.n + SIP_PAD);
	uint32_t ms = 1 + t->delay_ms;

	if (!p)
		abort();
	if (g->over) { /* the phones are gone */
		free(p);
		return;
	}
	if (t->jitter_ms)
		ms += dice_below(&g->dice, t->jitter_ms);
	if (dice_percent(&g->dice, t->laggards))
		ms += dice_below(&g->dice, 2000);
	*p = (struct packet){
		.game = g,
		.from = from,
		.to = to,
		.n = data.n,
		.next = g->packets,
		.pprev = &g->packets,
	};
	memcpy(p->text, data.p, data.n);
	memset(p->text + data.n, 'x', SIP_PAD);
	timer_init(&p->timer, arrive, p);
	if (is_lost(g, data)) {
		show(g, p, "lost");
		free(p);
		return;
	}
	show(g, p, "");
	if (p->next)
		p->next->pprev = &p->next;
	g->packets = p;
	timer_start(g->loop, &p->timer, ms);
}

static void send_one(struct game *g, struct phone *from, struct phone *to, struct str data)
{
	net_carry(g, from, to, data);
	if (dice_percent(&g->dice, g->terms.copies))
		net_carry(g, from, to, data);
}

int net_from_phone(void *phone, const struct sip_hop *to, struct str data)
{
	struct phone *p = phone;
	char ip[ADDR_STR_MAX];

	if (!addr_eq(&to->addr, &p->sluice)) {
		game_fail(p->game, "%s was told to send to %s", p->name, addr_print(&to->addr, ip));
		return 0;
	}
	if (p->game->rules.direct) {
		if (p == &p->game->phone[0])
			border_message(p->game, true, data);
		send_one(p->game, p, &p->game->phone[p == p->game->phone], data);
		return 0;
	}
	if (!fork_response(p->game, p, data))
		send_one(p->game, p, NULL, data);
	return 0;
}

int net_from_shard(void *game, const struct sip_hop *to, struct str data)
{
	struct game *g = game;
	char ip[ADDR_STR_MAX];

	border_message(g, true, data);
	for (unsigned i = 0; i < g->n_phones; i++) {
		struct phone *p = &g->phone[i];

		if (p->network == to->network && addr_eq(&p->addr, &to->addr)) {
			if (!fork_request(g, p, data))
				send_one(g, NULL, p, data);
			return 0;
		}
	}
	game_fail(g, "sluice sent to %s, where nobody is", addr_print(&to->addr, ip));
	return 0;
}

void net_free(struct game *g)
{
	while (g->packets) {
		struct packet *p = g->packets;

		unlink_packet(p);
		timer_stop(g->loop, &p->timer);
		free(p);
	}
}
