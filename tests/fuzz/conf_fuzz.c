/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration as text. A good one must also answer questions, a bad one must say why. */
#include <stdlib.h>
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has(const char *const *list, const char *name)
{
	for (; *list; list++)
		if (str_caseeq(str_of(*list), str_of(name)))
			return true;
	return false;
}

/* What the calls of a trunk rely on. */
static void use_in_call(const struct conf_trunk *t)
{
	if (t->session_expires_s && t->session_min_s > t->session_expires_s)
		abort();
	if (t->session_min_s < 90 || !t->streams || t->streams > 15 || t->ptime_ms % 10)
		abort();
	for (const char *const *drop = t->codecs_drop; *drop; drop++)
		if (has(t->codecs_first, *drop) ||
		    str_caseeq(str_of(*drop), STR("telephone-event")))
			abort();
	for (unsigned i = 0; i < t->n_failures; i++) {
		const struct conf_failure *f = &t->failures[i];

		if ((!f->status && !f->cause) || f->becomes < 400 || f->becomes > 699)
			abort();
	}
}

static void use(struct conf *c)
{
	struct addr src = { .family = 4, .ip = { 203, 0, 113, 20 } };

	for (unsigned i = 0; i < c->n_trunks; i++) {
		const struct conf_trunk *t = &c->trunks[i];

		if (!t->domain || !t->on || !t->host_name)
			abort();
		if (t->host.family && conf_trunk_of(c, t->on->index, &t->host) != t)
			abort(); /* the address of a trunk is nobody else's */
		use_in_call(t);
		if (!t->login.user != !t->login.password ||
		    !t->challenge.user != !t->challenge.password)
			abort();
	}
	for (unsigned i = 0; i <= c->n_networks; i++)
		conf_trunk_of(c, i, &src);
	for (unsigned i = 0; i < c->n_routes; i++)
		if (!c->routes[i].from || !c->routes[i].to)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_errors errors;
	struct conf *c = NULL;
	int rc = conf_parse("fuzz", (struct str){ (const char *)data, size }, &c, &errors);

	if (rc == 0)
		use(c);
	else if (!errors.n || !errors.e[0].what || !errors.e[0].fix)
		abort();
	conf_put(c);
	conf_errors_free(&errors);
	return 0;
}
