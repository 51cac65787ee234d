/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include "relay.h"

static const struct relay_ops *const drivers[] = { &relay_sluice, &relay_rtpengine, &relay_legs,
						   &relay_direct };

static int direct_setup(struct relay *r, struct call *calls, unsigned n, struct hist *each)
{
	(void)each;
	for (unsigned i = 0; i < n; i++) {
		struct call_side *s = calls[i].side;
		for (unsigned side = 0; side < 2; side++) {
			s[side].relay = s[!side].ours;
			s[side].rx_key = s[!side].tx_key;
		}
	}
	return r->o.suite[0] == r->o.suite[1] ? 0 : -EINVAL;
}

static int nothing(struct relay *r, struct call *calls, unsigned n)
{
	(void)r, (void)calls, (void)n;
	return 0;
}

const struct relay_ops relay_direct = { .name = "direct",
					.setup = direct_setup,
					.teardown = nothing };

int relay_open(struct relay *r, const struct relay_options *o)
{
	struct str rest = str_of(o->spec), name;
	*r = (struct relay){ .o = *o };
	if (!str_token(&rest, '=', &name))
		name = STR_NONE;
	for (unsigned i = 0; i < sizeof(drivers) / sizeof(*drivers); i++)
		if (str_eq(name, str_of(drivers[i]->name)))
			r->ops = drivers[i];
	if (!r->ops || !r->ops->where != !rest.n) {
		fprintf(stderr, "--relay %s: there is no such relay; they are:\n", o->spec);
		relay_help();
		return -EINVAL;
	}
	r->where = rest.n ? rest.p : NULL;
	return r->ops->open ? r->ops->open(r) : 0;
}

void relay_close(struct relay *r)
{
	if (r->ops && r->ops->close)
		r->ops->close(r);
	r->ops = NULL;
}

void relay_help(void)
{
	for (unsigned i = 0; i < sizeof(drivers) / sizeof(*drivers); i++)
		printf("    %s%s%s\n", drivers[i]->name, drivers[i]->where ? "=" : "",
		       drivers[i]->where ? drivers[i]->where : "");
}
