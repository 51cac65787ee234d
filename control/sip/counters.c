/* SPDX-License-Identifier: Apache-2.0 */
/* What came, what went and what was dropped, by name. */
#include "sip/core_priv.h"

static const char *const names[] = {
#define X(id, name) [COUNT_##id] = name,
	SIP_COUNTERS(X)
#undef X
};

void count_in(struct sip *s, const struct sip_msg *m)
{
	if (m->status)
		s->in_class[m->status / 100 % 7]++;
	else
		s->in_method[m->method]++;
}

void count_out(struct sip *s, struct str data)
{
	struct str method;

	if (str_starts(data, STR("SIP/2.0 ")) && data.n > 8) {
		s->out_class[(unsigned)(data.p[8] - '0') % 7]++;
	} else {
		str_token(&data, ' ', &method);
		s->out_method[sip_method_of(method)]++;
	}
}

static void each_method(const uint64_t *v, const char *way,
			void (*fn)(void *arg, const char *name, uint64_t v), void *arg)
{
	char mem[48];
	struct buf b;

	for (unsigned i = 0; i < SIP_METHOD_COUNT; i++) {
		buf_init(&b, mem, sizeof(mem));
		buf_fmt(&b, "%s.%s", way, i == SIP_METHOD_OTHER ? "other" : sip_method_name(i));
		buf_add(&b, "", 1);
		fn(arg, mem, v[i]);
	}
}

static void each_class(const uint64_t *v, const char *way,
		       void (*fn)(void *arg, const char *name, uint64_t v), void *arg)
{
	char mem[48];
	struct buf b;

	for (unsigned i = 1; i < 7; i++) {
		buf_init(&b, mem, sizeof(mem));
		buf_fmt(&b, "%s.%uxx", way, i);
		buf_add(&b, "", 1);
		fn(arg, mem, v[i]);
	}
}

void sip_counters(const struct sip *s, void (*fn)(void *arg, const char *name, uint64_t v),
		  void *arg)
{
	each_method(s->in_method, "in", fn, arg);
	each_class(s->in_class, "in", fn, arg);
	each_method(s->out_method, "out", fn, arg);
	each_class(s->out_class, "out", fn, arg);
	for (unsigned i = 0; i < COUNT_COUNT; i++)
		fn(arg, names[i], s->counter[i]);
	fn(arg, "transactions", s->transactions);
	fn(arg, "dialogs", s->dialogs.count);
}
