/* SPDX-License-Identifier: Apache-2.0 */
/* A list of Vias: each takes something off the list, lies inside it, and reads the same when it is
 * written again from its parts. */
#include "slice.h"

static void check_again(const struct sip_via *v)
{
	size_t cap = v->transport.n + v->host.n + v->params.n + 32;
	char *mem = malloc(cap);
	struct sip_via w;
	struct str list;
	struct buf b;

	check(mem != NULL);
	buf_init(&b, mem, cap);
	buf_lit(&b, "SIP/2.0/");
	buf_put(&b, v->transport);
	buf_lit(&b, " ");
	buf_put(&b, v->host);
	if (v->port) {
		buf_lit(&b, ":");
		buf_u64(&b, v->port);
	}
	buf_put(&b, v->params);
	check(buf_ok(&b));
	list = buf_str(&b);
	check(sip_via_parse(&list, &w) == 0 && list.n == 0);
	check(str_eq(w.transport, v->transport) && str_eq(w.host, v->host) && w.port == v->port);
	check(str_eq(w.branch, v->branch) && str_eq(w.received, v->received));
	check(str_eq(w.params, v->params) && w.has_rport == v->has_rport && w.rport == v->rport);
	free(mem);
}

static void check_via(struct str whole, const struct sip_via *v)
{
	struct str rest = v->params, name, val;

	within(whole, v->transport);
	within(whole, v->host);
	within(whole, v->branch);
	within(whole, v->received);
	within(whole, v->params);
	check(v->transport.n && v->host.n && v->branch.n <= SIP_TOKEN_MAX);
	check(v->has_rport || !v->rport);
	while (rest.n) {
		check(sip_param_next(&rest, &name, &val) > 0);
		within(whole, name);
		within(whole, val);
	}
	check_again(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str whole = bare(data, size), list = whole;
	size_t left = size + 1;
	struct sip_via v;

	while (list.n && sip_via_parse(&list, &v) == 0) {
		check(list.n < left);
		left = list.n;
		check_via(whole, &v);
	}
	release(whole);
	return 0;
}
