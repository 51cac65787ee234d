// SPDX-License-Identifier: Apache-2.0
/* A flow of sluice.ko as a call between two trunks has it: two payload types and telephone-event, a rate, idle time,
 * RTCP beside. Its sources are learned from the packets. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include "engine/tlv.h"
#include "cost.h"

#define RATE  100000000u /* octets/s: looked at with each packet, and never reached */
#define BURST 10000000u

static struct flow_addr address(const char *text, u16 port)
{
	struct flow_addr a = { .port = port, .family = 4 };

	inet_pton(AF_INET, text, a.ip);
	return a;
}

static struct flow_side side(const char *local, u16 local_port, const char *remote, u16 remote_port)
{
	return (struct flow_side){
		.local = address(local, local_port),
		.remote = address(remote, remote_port),
		.local_rtcp = local_port + 1,
		.remote_rtcp = remote_port + 1,
		.sig = address(remote, 0),
		.clock = 8000,
		.mode = FLOW_MODE_NAT,
		.ptime = 20,
		.dscp = 46,
		.dtmf_in = 101,
		.dtmf_out = 101,
		.dtmf_clock = 8000,
		.rate = RATE,
		.burst = BURST,
		.n_ptmap = 3,
		.ptmap = { { 0, 0 }, { PAYLOAD_TYPE, PAYLOAD_TYPE }, { 101, 101 } }
	};
}

/* The same keys for what is sealed and what is opened: what one flow seals another one opens. */
static void keys(struct flow_crypto *k, const char *suite)
{
	k->suite = (u8)strtoul(suite, NULL, 10);
	k->number = 1;
	memset(k->rtp_key, 0x5a, sizeof(k->rtp_key));
	memset(k->rtp_auth, 0x3c, sizeof(k->rtp_auth));
	memset(k->rtp_salt, 0x96, sizeof(k->rtp_salt));
	memset(k->rtcp_key, 0xa5, sizeof(k->rtcp_key));
	memset(k->rtcp_auth, 0xc3, sizeof(k->rtcp_auth));
	memset(k->rtcp_salt, 0x69, sizeof(k->rtcp_salt));
}

static int tell(struct nl_sock *s, int family, struct tlv_out *o)
{
	struct nlmsghdr *h = o->p;
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	h->nlmsg_type = (u16)family;
	h->nlmsg_flags |= NLM_F_REQUEST;
	h->nlmsg_pid = nl_socket_get_local_port(s);
	return sendto(nl_socket_get_fd(s), o->p, o->n, 0, (const void *)&kernel, sizeof(kernel)) < 0
		       ? -errno
		       : 0;
}

/* One message of the flow language, and its acknowledgement. 0 or -errno. */
static int ask(struct nl_sock *s, int family, struct tlv_out *o)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr err;
		char more[4096];
	} reply;
	int err;

	((struct nlmsghdr *)o->p)->nlmsg_flags |= NLM_F_ACK;
	err = tell(s, family, o);
	if (err)
		return err;
	do {
		ssize_t n = recv(nl_socket_get_fd(s), &reply, sizeof(reply), 0);
		if (n < (ssize_t)sizeof(reply.h))
			return n < 0 ? -errno : -EBADMSG;
	} while (reply.h.nlmsg_type != NLMSG_ERROR);
	return reply.err.error;
}

static int hello(struct nl_sock *s, int family)
{
	u32 mem[64];
	struct tlv_out o;

	tlv_out_init(&o, mem, sizeof(mem));
	tlv_begin(&o, FLOW_CMD_HELLO, 0, 1);
	tlv_put_u32(&o, FLOW_A_VERSION, FLOW_VERSION);
	tlv_put_u64(&o, FLOW_A_EPOCH, 1);
	int err = tlv_end(&o);
	return err ? err : ask(s, family, &o);
}

static int set(struct nl_sock *s, int family, const struct flow *f)
{
	static u32 mem[4096];
	struct tlv_out o;

	tlv_out_init(&o, mem, sizeof(mem));
	tlv_begin(&o, FLOW_CMD_SET, 0, 2);
	tlv_put_flow(&o, f);
	int err = tlv_end(&o);
	return err ? err : ask(s, family, &o);
}

static int del(struct nl_sock *s, int family, u64 id)
{
	u32 mem[64];
	struct tlv_out o;

	tlv_out_init(&o, mem, sizeof(mem));
	tlv_begin(&o, FLOW_CMD_DEL, 0, 2);
	tlv_put_u64(&o, FLOW_A_ID, id);
	int err = tlv_end(&o);
	return err ? err : ask(s, family, &o);
}

static void tell_drop(void *arg, const char *name, u64 count, const char *why)
{
	if (count)
		printf("# %s %llu\n", name, (unsigned long long)count);
}

/* What the module counted: to see why nothing comes through. */
static int tell_drops(struct nl_sock *s, int family)
{
	static u32 mem[8192];
	struct tlv_out o;
	struct tlv_msg m = { 0 };

	tlv_out_init(&o, mem, sizeof(mem));
	tlv_begin(&o, FLOW_CMD_DUMP, NLM_F_DUMP, 2);
	int err = tlv_end(&o);
	err = err ? err : tell(s, family, &o);
	while (!err && !m.done) {
		ssize_t n = recv(nl_socket_get_fd(s), mem, sizeof(mem), 0);
		size_t left = n > 0 ? (size_t)n : 0;
		const void *at = mem;

		err = n > 0 ? 0 : -EIO;
		while (!err && !m.done && tlv_next(&at, &left, &m) == 1)
			tlv_each_drop(&m, tell_drop, NULL);
	}
	return err;
}

int flow_command(int argc, char **argv)
{
	struct nl_sock *s = nl_socket_alloc();
	struct flow f = { .gen = 1, .idle_ms = 60000 };

	if (argc < 2 || !s)
		return 2;
	f.id = strtoul(argv[1], NULL, 10);
	f.side[0] = side(R_ADDRESS_A, R_PORT_A, A_ADDRESS, A_PORT);
	f.side[1] = side(R_ADDRESS_B, R_PORT_B, B_ADDRESS, B_PORT);
	f.side[1].mode = FLOW_MODE_STATIC; /* B only listens: nothing can be learned of it */
	for (int i = 2; i < argc; i++) {
		if (!strncmp(argv[i], "in=", 3))
			keys(&f.side[0].in, argv[i] + 3);
		else if (!strncmp(argv[i], "out=", 4))
			keys(&f.side[1].out, argv[i] + 4);
	}
	enter("R");
	int err = genl_connect(s), family = err ? -1 : genl_ctrl_resolve(s, "sluice");
	if (family < 0) {
		printf("# flow: no family sluice\n");
		return 1;
	}
	err = hello(s, family);
	if (!err && !strcmp(argv[0], "set"))
		err = set(s, family, &f);
	else if (!err && !strcmp(argv[0], "del"))
		err = del(s, family, f.id);
	else if (!err)
		err = tell_drops(s, family);
	if (err)
		printf("# flow %s %s: %s\n", argv[0], argv[1], strerror(-err));
	nl_socket_free(s);
	return err ? 1 : 0;
}
