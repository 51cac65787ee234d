/* SPDX-License-Identifier: Apache-2.0 */
/* Where a call goes. */
#include <errno.h>

#include "policy/policy.h"

int policy_route(const struct conf *c, unsigned trunk, struct call_limits *l,
		 const struct conf_route **out)
{
	int err = -EACCES;

	for (unsigned i = 0; i < c->n_routes; i++) {
		const struct conf_route *r = &c->routes[i];

		if (r->from->index != trunk)
			continue;
		err = call_limits_take(l, r);
		if (!err) {
			*out = r;
			return 0;
		}
	}
	return err;
}

const struct conf_route *policy_way(const struct conf *c, unsigned trunk)
{
	for (unsigned i = 0; i < c->n_routes; i++)
		if (c->routes[i].from->index == trunk)
			return &c->routes[i];
	return NULL;
}
