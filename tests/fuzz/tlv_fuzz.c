/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram of the flow language: reading stays inside, and what was read is written again and
 * reads back the same. Seeds: whole datagrams; integers are little-endian in them. */
#include <stdlib.h>
#include <string.h>
#include "engine/tlv.h"

struct sum {
	u64 n;
};

static void on_drop(void *arg, const char *name, u64 count, const char *text)
{
	((struct sum *)arg)->n += strlen(name) + strlen(text) + count;
}

static void on_port(void *arg, const char *network, const char *driver, const char *why)
{
	((struct sum *)arg)->n += strlen(network) + strlen(driver) + strlen(why);
}

static void again(const struct tlv_out *o, struct tlv_msg *m)
{
	const void *p = o->p;
	size_t n = o->n;

	if (tlv_next(&p, &n, m) != 1 || n)
		abort();
}

static void check_flow(const struct flow *f)
{
	u32 mem[2048];
	struct tlv_out o;
	struct tlv_msg m;
	struct flow g;
	const char *why;

	tlv_out_init(&o, mem, sizeof(mem));
	tlv_begin(&o, FLOW_CMD_SET, 0, 1);
	tlv_put_flow(&o, f);
	if (tlv_end(&o))
		abort();
	again(&o, &m);
	if (tlv_get_flow(&m, &g, &why) || memcmp(f, &g, sizeof(g)))
		abort();
}

static void check_report(const struct tlv_report *r)
{
	u32 mem[2048];
	struct tlv_out o;
	struct tlv_msg m;
	struct tlv_report q;
	const char *why;

	tlv_out_init(&o, mem, sizeof(mem));
	tlv_begin(&o, FLOW_CMD_DUMP, 0, 1);
	tlv_put_report(&o, r);
	if (tlv_end(&o))
		abort();
	again(&o, &m);
	if (tlv_get_report(&m, &q, &why) || memcmp(r, &q, sizeof(q)))
		abort();
}

static void check_event(const struct tlv_event *e)
{
	u32 mem[512];
	struct tlv_out o;
	struct tlv_msg m;
	struct tlv_event g;
	const char *why;

	tlv_out_init(&o, mem, sizeof(mem));
	tlv_begin(&o, FLOW_CMD_EVENT, 0, 0);
	tlv_put_event(&o, e);
	if (tlv_end(&o))
		abort();
	again(&o, &m);
	/* A port without an address is not written: there is no source then. */
	struct tlv_event want = *e;
	if (!want.source.family)
		want.source = (struct flow_addr){ 0 };
	if (tlv_get_event(&m, &g, &why) || (g.n && memcmp(want.payload, g.payload, g.n)))
		abort();
	want.payload = g.payload;
	if (memcmp(&want, &g, sizeof(g)))
		abort();
}

static void check_send(const struct tlv_send *s)
{
	u32 mem[512];
	struct tlv_out o;
	struct tlv_msg m;
	struct tlv_send want = *s, g;
	const char *why;

	tlv_out_init(&o, mem, sizeof(mem));
	tlv_begin(&o, FLOW_CMD_SEND, 0, 1);
	tlv_put_send(&o, s);
	if (tlv_end(&o))
		abort();
	again(&o, &m);
	if (tlv_get_send(&m, &g, &why) || memcmp(s->payload, g.payload, g.n))
		abort();
	want.payload = g.payload;
	if (memcmp(&want, &g, sizeof(g)))
		abort();
}

static void check_dtmf(const struct tlv_dtmf *d)
{
	u32 mem[64];
	struct tlv_out o;
	struct tlv_msg m;
	struct tlv_dtmf g;
	const char *why;

	tlv_out_init(&o, mem, sizeof(mem));
	tlv_begin(&o, FLOW_CMD_DTMF, 0, 1);
	tlv_put_dtmf(&o, d);
	if (tlv_end(&o))
		abort();
	again(&o, &m);
	if (tlv_get_dtmf(&m, &g, &why) || memcmp(d, &g, sizeof(g)))
		abort();
}

static void check_frame(const struct tlv_frame *f)
{
	u32 mem[16384];
	struct tlv_out o;
	struct tlv_msg m;
	struct tlv_frame g, want = *f;
	const char *why;

	tlv_out_init(&o, mem, sizeof(mem));
	tlv_begin(&o, FLOW_CMD_TRACE, 0, 1);
	tlv_put_frame(&o, f);
	if (tlv_end(&o)) /* a reason that fills a datagram */
		return;
	again(&o, &m);
	if (tlv_get_frame(&m, &g, &why) || !f->why != !g.why || (f->why && strcmp(f->why, g.why)))
		abort();
	want.why = g.why;
	if (memcmp(&want, &g, sizeof(g)))
		abort();
}

static void check_message(const struct tlv_msg *m)
{
	struct flow f;
	struct tlv_report r;
	struct tlv_event e;
	struct tlv_dtmf d;
	struct tlv_send send;
	struct tlv_frame frame;
	struct sum sum = { 0 };
	const char *why = NULL, *s;

	if (!tlv_get_flow(m, &f, &why))
		check_flow(&f);
	else if (!*why)
		abort();
	if (!tlv_get_report(m, &r, &why))
		check_report(&r);
	if (!tlv_get_event(m, &e, &why))
		check_event(&e);
	if (!tlv_get_dtmf(m, &d, &why))
		check_dtmf(&d);
	if (!tlv_get_send(m, &send, &why))
		check_send(&send);
	if (!tlv_get_frame(m, &frame, &why))
		check_frame(&frame);
	tlv_each_drop(m, on_drop, &sum);
	tlv_each_port(m, on_port, &sum);
	for (int type = 0; type <= FLOW_A_MAX; type++) {
		sum.n += tlv_u8(m, type, 1) + tlv_u32(m, type, 1) + tlv_u64(m, type, 1);
		if ((s = tlv_str(m, type)))
			sum.n += strlen(s);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* Aligned as a receive buffer is, and not one octet larger than what came. */
	void *copy = malloc(n ? n : 1);
	const void *p = copy;
	struct tlv_msg m;

	if (!copy)
		return 0;
	memcpy(copy, data, n);
	while (tlv_next(&p, &n, &m) > 0)
		check_message(&m);
	free(copy);
	return 0;
}
