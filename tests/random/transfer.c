/* SPDX-License-Identifier: Apache-2.0 */
/* Sending others elsewhere, being sent, and taking over calls: RFC 3515, 3891, 5589. */
#include "random.h"

struct str transfer_target(struct phone *p, struct buf *b)
{
	static const char *const hosts[] = { "203.0.113.80", "10.0.0.20", "10.0.0.30",
					     "198.51.100.1" };
	static const uint8_t weights[] = { 2, 2, 2, 1, 10 };
	struct dice *d = &p->game->dice;
	unsigned i = dice_weigh(d, weights, 5);
	char ip[ADDR_STR_MAX];
	struct addr there = p->sluice;

	there.port = 0;
	buf_fmt(b, "sip:+49301%u@%s", dice_below(d, 1000),
		i < 4 ? hosts[i] : addr_print(&there, ip));
	return buf_str(b);
}

static void told(void *arg, const struct exchange_event *e)
{
	(void)arg;
	(void)e;
}

/* Another call of this phone, to be joined with that one. */
static const struct leg *other_leg(const struct leg *l)
{
	const struct leg *o = l->phone->legs;

	while (o && (o == l || !o->inv || !o->up))
		o = o->next;
	return o;
}

void transfer_ask(struct leg *l)
{
	char mem[512], uri[128];
	const struct leg *o = other_leg(l);
	struct buf b, target;

	buf_init(&b, mem, sizeof(mem) - 1);
	buf_init(&target, uri, sizeof(uri) - 1);
	buf_fmt(&b, "Refer-To: <%.*s", STR_FMT(transfer_target(l->phone, &target)));
	if (game_without(l->phone->game, WITHOUT_TRANSFER))
		return;
	if (o && dice_percent(&l->phone->game->dice, 80))
		buf_fmt(&b, "?Replaces=%.*s%%3Bto-tag%%3D%.*s%%3Bfrom-tag%%3D%.*s",
			STR_FMT(invite_call_id(o->inv)), STR_FMT(invite_remote_tag(o->inv)),
			STR_FMT(invite_local_tag(o->inv)));
	else if (!o && dice_percent(&l->phone->game->dice, 40))
		phone_call(l->phone); /* to be joined later */
	buf_lit(&b, ">\r\n");
	if (dice_percent(&l->phone->game->dice, 10))
		buf_lit(&b, "Refer-Sub: false\r\n");
	invite_request(l->inv, &(struct exchange_params){ .method = STR("REFER"),
							  .headers = buf_str(&b),
							  .contact_user = str_of(l->phone->name),
							  .max_forwards = 70,
							  .fn = told });
}

/* "%3B" and its kin. */
static struct str unescape(struct str s, char *mem)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		uint32_t v = (unsigned char)s.p[i];

		if (v == '%' && i + 2 < s.n) {
			v = s.p[i + 1] == '3' ? (s.p[i + 2] | 32) == 'b' ? ';' : '=' : '@';
			i += 2;
		}
		mem[n++] = (char)v;
	}
	return (struct str){ mem, n };
}

void transfer_follow(struct phone *p, const struct sip_msg *m)
{
	char mem[512], plain[256], ruri[256];
	struct str value = STR_NONE;
	struct sip_addr to;
	struct sip_uri uri;
	struct buf b, r;

	if (p->game->stopped || sip_addr_parse(sip_value(m, SIP_HDR_REFER_TO), &to) ||
	    sip_uri_parse(to.uri, &uri))
		return;
	buf_init(&b, mem, sizeof(mem) - 1);
	if (sip_uri_header(&uri, STR("Replaces"), &value) && value.n < sizeof(plain))
		buf_fmt(&b, "Replaces: %.*s\r\n", STR_FMT(unescape(value, plain)));
	buf_init(&r, ruri, sizeof(ruri) - 1);
	buf_put(&r, (struct str){ to.uri.p, to.uri.n - uri.headers.n });
	phone_call_to(p, buf_str(&r), buf_str(&b));
}

/* How the transfer went, to who asked for it. */
void transfer_notify(struct leg *l)
{
	static const char *const states[] = { "active;expires=60", "terminated;reason=noresource" };
	static const char *const results[] = { "SIP/2.0 100 Trying\r\n", "SIP/2.0 200 OK\r\n",
					       "SIP/2.0 486 Busy Here\r\n" };
	struct dice *d = &l->phone->game->dice;
	char mem[256];
	struct buf b;

	buf_init(&b, mem, sizeof(mem) - 1);
	buf_fmt(&b, "Event: refer\r\nSubscription-State: %s\r\n", states[dice_below(d, 2)]);
	invite_request(l->inv, &(struct exchange_params){ .method = STR("NOTIFY"),
							  .headers = buf_str(&b),
							  .contact_user = str_of(l->phone->name),
							  .max_forwards = 70,
							  .body_type = STR("message/sipfrag"),
							  .body = str_of(results[dice_below(d, 3)]),
							  .fn = told });
}

void transfer_take_over(struct phone *p)
{
	struct game *g = p->game;
	const struct leg *l = g->phone[dice_below(&g->dice, g->n_phones)].legs;
	char mem[512], uri[128];
	struct buf b, target;

	while (l && !l->inv)
		l = l->next;
	if (!l || game_without(g, WITHOUT_REPLACES))
		return;
	buf_init(&b, mem, sizeof(mem) - 1);
	buf_init(&target, uri, sizeof(uri) - 1);
	buf_fmt(&b, "Replaces: %.*s;to-tag=%.*s;from-tag=%.*s%s\r\n",
		STR_FMT(invite_call_id(l->inv)), STR_FMT(invite_remote_tag(l->inv)),
		STR_FMT(invite_local_tag(l->inv)), dice_percent(&g->dice, 10) ? ";early-only" : "");
	phone_call_to(p, transfer_target(p, &target), buf_str(&b));
}
