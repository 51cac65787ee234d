// SPDX-License-Identifier: Apache-2.0
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include "engine/genl_map.h"
#include "engine/tlv.h"
#include "packets.h"

#define MEM (FLOW_DATAGRAM_MAX / 4)

struct found {
	const char *name;
	u64 count;
	bool done;
	int status;
};

static void look(void *arg, const char *name, u64 count, const char *why)
{
	struct found *f = arg;

	(void)why;
	if (f->name && !strcmp(name, f->name))
		f->count = count;
}

/* An acknowledgement does not say of which command it is. */
static void read_reply(const void *p, size_t n, struct found *f)
{
	struct tlv_msg m;

	while (tlv_next(&p, &n, &m) == 1) {
		f->status = (int)tlv_u32(&m, FLOW_A_STATUS, 0);
		tlv_each_drop(&m, look, f);
		f->done |= m.done || (m.attr[FLOW_A_STATUS] && !f->name);
	}
}

/* One request, and all of its answer. */
static struct found ask(struct engine *e, struct tlv_out *o, u8 cmd, const char *name)
{
	static u32 in[MEM], out[2 * MEM];
	struct pollfd ready = { .fd = e->fd, .events = POLLIN };
	struct found f = { .name = name };
	struct genl_news news = { 0 };

	if (tlv_end(o))
		errx(2, "a request that is too long");
	genl_map_request(out, o->p, o->n, e->family);
	if (send(e->fd, out, o->n, 0) < 0)
		err(2, "netlink");
	while (!f.done) {
		if (poll(&ready, 1, 5000) != 1)
			errx(2, "the module does not answer request %u", cmd);
		ssize_t n = genl_recv(e->fd, in, sizeof(in));
		if (n > 0)
			n = genl_map_reply(out, sizeof(out), in, (size_t)n, e->family, &news);
		if (n > 0)
			read_reply(out, (size_t)n, &f);
		else if (n < 0 && n != -EAGAIN)
			errx(2, "netlink: %s", strerror((int)-n));
	}
	return f;
}

static struct tlv_out begin(u8 cmd, u16 flags)
{
	static u32 mem[MEM];
	struct tlv_out o;

	tlv_out_init(&o, mem, sizeof(mem));
	tlv_begin(&o, cmd, flags, 1);
	return o;
}

struct engine engine_open(void)
{
	struct engine e = { 0 };
	struct tlv_out o = begin(FLOW_CMD_HELLO, 0);

	e.fd = genl_open(&e.family);
	if (e.fd < 0)
		errx(2, "no engine: %s", strerror(-e.fd));
	tlv_put_u32(&o, FLOW_A_VERSION, FLOW_VERSION);
	tlv_put_u64(&o, FLOW_A_EPOCH, 1);
	ask(&e, &o, FLOW_CMD_HELLO, NULL);
	return e;
}

static struct flow_side side(const struct flow_addr *local, const struct flow_addr *remote)
{
	struct flow_side s = { .local = *local,
			       .remote = *remote,
			       .sig = *remote,
			       .clock = 8000,
			       .mode = FLOW_MODE_STATIC,
			       .ptime = 20,
			       .dtmf_in = FLOW_PT_NONE,
			       .dtmf_out = FLOW_PT_NONE,
			       .n_ptmap = 2,
			       .ptmap = { { 8, 96 }, { 96, 8 } } };

	s.sig.port = 0;
	return s;
}

void engine_set(struct engine *e, u64 id, const struct flow_addr local[2],
		const struct flow_addr remote[2])
{
	struct flow f = { .id = id,
			  .gen = 1,
			  .side = { side(&local[0], &remote[0]), side(&local[1], &remote[1]) } };
	struct tlv_out o = begin(FLOW_CMD_SET, NLM_F_ACK);

	tlv_put_flow(&o, &f);
	int status = ask(e, &o, FLOW_CMD_SET, NULL).status;
	if (status)
		errx(2, "SET: %s", strerror(-status));
}

void engine_del(struct engine *e, u64 id)
{
	struct tlv_out o = begin(FLOW_CMD_DEL, 0);

	tlv_put_u64(&o, FLOW_A_ID, id);
	ask(e, &o, FLOW_CMD_DEL, NULL);
}

u64 engine_count(struct engine *e, const char *name)
{
	struct tlv_out o = begin(FLOW_CMD_DUMP, NLM_F_DUMP);

	return ask(e, &o, FLOW_CMD_DUMP, name).count;
}
