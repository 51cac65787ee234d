/* SPDX-License-Identifier: Apache-2.0 */
/* Challenges to requests of ours: RFC 3261 22.1 - 22.3. Only to the neighbour that the request went to, only when
 * the challenge comes from the very address that it went to, and only with what our user has for that
 * neighbour. Nothing is kept where nobody challenges. */
#include <errno.h>
#include <stdlib.h>
#include "sip/dialog_priv.h"

/* Enough for one line with every value at its longest but its escapes. */
#define LINE_MAX_LEN 8192

struct login {
	struct auth_state *state;
	int peer;   /* whose challenge it is */
	size_t len; /* of line */
	char *line; /* of the last INVITE, which its ACK repeats (13.2.2.4) */
};

void login_free(struct login *l)
{
	if (!l)
		return;
	auth_state_free(l->state);
	free(l->line);
	free(l);
}

static bool ask(struct sip *s, int peer, struct auth_login *out)
{
	*out = (struct auth_login){ 0 };
	return s->user.login && peer >= 0 && s->user.login(s->user.arg, peer, out);
}

static bool came_from(const struct incoming *in, const struct sip_hop *to)
{
	const struct sip_hop *from = &in->source;

	return from->peer == to->peer && from->network == to->network &&
	       from->transport == to->transport && addr_ip_eq(&from->addr, &to->addr);
}

static void keep_line(struct login *l, struct str line)
{
	free(l->line);
	l->line = malloc(line.n);
	l->len = l->line ? line.n : 0;
	if (l->line)
		memcpy(l->line, line.p, line.n);
}

/* Takes the challenge; a state that belongs to another neighbour is of no use here. */
static int take(struct sip *s, struct login **login, const struct incoming *in,
		const struct auth_login *who)
{
	struct login *l = *login;

	if (!l)
		l = *login = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	if (l->peer != in->source.peer) {
		auth_state_free(l->state);
		l->state = NULL;
	}
	l->peer = in->source.peer;
	return auth_take(&l->state, in->m, who, s->loop);
}

struct ctrans *login_again(struct ctrans *ct, struct login **login, const struct incoming *in,
			   uint32_t cseq)
{
	struct ctrans_again again = { .cseq = cseq };
	struct sip *s = ct->sip;
	struct auth_login who;
	char mem[LINE_MAX_LEN];
	struct ctrans *next;
	struct sip_cseq old;
	struct sip_msg m;
	struct buf b;

	if (!in || (in->m->status != 401 && in->m->status != 407) || !ct->text ||
	    !ask(s, ct->to.peer, &who))
		return NULL;
	if (!came_from(in, &ct->to) || take(s, login, in, &who) < 0) {
		count(s, COUNT_LOGIN_REFUSED);
		return NULL;
	}
	/* The core wrote it: the parser changes nothing in it. */
	if (sip_msg_parse(&m, ct->text, ct->len) < 0 ||
	    sip_cseq_parse(sip_value(&m, SIP_HDR_CSEQ), &old) < 0)
		return NULL;
	if (!cseq)
		again.cseq = old.num + 1;
	buf_init(&b, mem, sizeof(mem));
	auth_put((*login)->state, &who, m.method_name, m.ruri, m.body, &b);
	again.headers = buf_str(&b);
	next = buf_ok(&b) ? ctrans_again(ct, &again) : NULL;
	if (!next)
		return NULL;
	if (m.method == SIP_INVITE)
		keep_line(*login, buf_str(&b));
	count(s, COUNT_LOGIN_SENT);
	return next;
}

void login_put(struct sip *s, struct login *l, const struct sip_hop *to,
	       const struct login_request *r, struct buf *b)
{
	struct auth_login who;
	size_t at = b->n;

	if (!l || !l->state || l->peer != to->peer || !ask(s, to->peer, &who))
		return;
	auth_put(l->state, &who, r->method, r->uri, r->body, b);
	if (sip_method_of(r->method) == SIP_INVITE && buf_ok(b))
		keep_line(l, (struct str){ b->p + at, b->n - at });
}

struct str login_of_invite(const struct login *l, const struct sip_hop *to)
{
	return l && l->peer == to->peer ? (struct str){ l->line, l->len } : STR_NONE;
}

/* ---- a BYE that has no dialog any more ---- */

static void stray_again(void *owner, struct ctrans *ct, const struct ctrans_event *e)
{
	struct login *l = owner;

	if (e->status == 0)
		login_free(l);
	else
		login_again(ct, &l, e->in, 0);
}

void login_stray(void *core, struct ctrans *ct, const struct ctrans_event *e)
{
	struct login *l = NULL;
	struct ctrans *next = login_again(ct, &l, e->in, 0);

	if (!next) {
		login_free(l);
		return;
	}
	next->fn = stray_again;
	next->owner = l;
}
