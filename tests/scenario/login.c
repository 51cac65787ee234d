/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials in scenarios: those of sluice are computed again, those of actors answer its challenges. */
#include <stdlib.h>

#include "scenario.h"
#include "sip/auth_priv.h"

/* "user:password" */
static struct auth_login split(struct world *w, const char *word, const char *realm)
{
	const char *colon = strchr(word, ':');

	if (!colon)
		world_fail(w, "user:password?");
	return (struct auth_login){
		arena_str(w->arena, (struct str){ word, (size_t)(colon - word) }).p, colon + 1,
		realm
	};
}

/* ---- what sluice sends ---- */

static struct str line_of(const struct rx *r, bool proxy)
{
	return sip_value(&r->m, proxy ? SIP_HDR_PROXY_AUTHORIZATION : SIP_HDR_AUTHORIZATION);
}

static void check_response(struct world *w, const struct rx *r, const struct auth_credentials *c,
			   const char *word)
{
	struct auth_login l = split(w, word, NULL);
	char user[AUTH_VALUE_MAX], realm[AUTH_VALUE_MAX], nonce[AUTH_VALUE_MAX];
	struct auth_input in = { .algorithm = c->algorithm,
				 .sess = c->sess,
				 .user = auth_unescape(c->username, user),
				 .realm = auth_unescape(c->realm, realm),
				 .password = str_of(l.password),
				 .nonce = auth_unescape(c->nonce, nonce),
				 .cnonce = c->cnonce,
				 .nc = c->nc,
				 .qop = c->qop,
				 .method = r->m.method_name,
				 .uri = r->m.ruri,
				 .body = r->m.body };
	char out[AUTH_HEX_MAX];
	struct str expected = { out, auth_digest(&in, out) };

	if (!str_eq(in.user, str_of(l.user)) || !str_eq(c->uri, r->m.ruri) ||
	    !str_eq(expected, c->response))
		world_fail(w, "these credentials are wrong:\n%.*s", STR_FMT(r->raw));
}

static void want(struct world *w, const char *what, const char *expected, struct str got)
{
	if (expected && !str_eq(got, str_of(expected)))
		world_fail(w, "its %s is %.*s", what, STR_FMT(got));
}

/* Where the script says nothing of it there must be none. */
void login_check(struct world *w, const struct step *s, const struct dlg *d, const struct rx *r)
{
	const char *word = step_word(s, "auth"), *nc = step_word(s, "nc");
	bool proxy = step_word(s, "proxy") != NULL;
	struct str line = line_of(r, proxy);
	struct auth_credentials c;

	if (line_of(r, !proxy).p || (!word && line.p))
		world_fail(w, "nobody asked for credentials:\n%.*s", STR_FMT(r->raw));
	if (!word)
		return;
	if (r->m.method == SIP_ACK) {
		if (!line.p || !d->invite || !str_eq(line, line_of(d->invite, proxy)))
			world_fail(w, "it does not repeat the credentials of the INVITE");
		return;
	}
	if (auth_credentials_parse(line, &c))
		world_fail(w, "it has no credentials:\n%.*s", STR_FMT(r->raw));
	check_response(w, r, &c, word);
	want(w, "nonce", step_word(s, "nonce"), c.nonce);
	want(w, "realm", step_word(s, "realm"), c.realm);
	want(w, "nc", nc ? world_fmt(w, "%08lx", strtoul(nc, NULL, 10)).p : NULL, c.nc);
}

/* ---- what actors send ---- */

void login_learn(struct actor *a, const struct rx *r)
{
	if (r->m.status == 401 || r->m.status == 407)
		a->challenge = r;
}

struct str login_write(struct world *w, struct actor *a, const struct step *s,
		       const struct login_words *words)
{
	struct auth_login l = split(w, step_word(s, "login"), NULL);
	char mem[4096];
	struct buf b;

	if (a->challenge && auth_take(&a->login, &a->challenge->m, &l, w->loop)) {
		/* They were refused, and are tried all the same. */
		auth_state_free(a->login);
		a->login = NULL;
		if (auth_take(&a->login, &a->challenge->m, &l, w->loop))
			world_fail(w, "there is no challenge that can be answered");
	}
	a->challenge = NULL;
	if (!a->login)
		world_fail(w, "%s was not challenged", a->name);
	buf_init(&b, mem, sizeof(mem));
	auth_put(a->login, &l, words->method, words->uri, words->body, &b);
	return arena_str(w->arena, str_trim(buf_str(&b)));
}
