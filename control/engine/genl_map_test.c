/* SPDX-License-Identifier: Apache-2.0 */
/* The flow language to generic netlink and back, octet by octet. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include "engine/genl_map.h"
#include "engine/tlv_priv.h"

#define FAMILY 0x23

static u32 in[1024], out[2048];

/* ---- requests ---- */

static const struct nlmsghdr *mapped(const struct tlv_out *o)
{
	genl_map_request(out, o->p, o->n, FAMILY);
	return (const struct nlmsghdr *)out;
}

static void one(struct tlv_out *o, u8 cmd, u16 flags, bool id)
{
	tlv_begin(o, cmd, flags, 7);
	if (id)
		tlv_put_u64(o, FLOW_A_ID, 5);
	assert_int_equal(tlv_end(o), 0);
}

static void each_verb_has_its_flags(void **state)
{
	const u16 ask = NLM_F_REQUEST, all = NLM_F_REQUEST | NLM_F_ACK | NLM_F_DUMP;
	const struct {
		u8 cmd;
		u16 flags, want;
		bool id;
	} row[] = {
		{ FLOW_CMD_HELLO, all, NLM_F_REQUEST | NLM_F_ECHO, false },
		{ FLOW_CMD_SET, ask, NLM_F_REQUEST, true },
		{ FLOW_CMD_SET, all, NLM_F_REQUEST | NLM_F_ACK, true },
		{ FLOW_CMD_DEL, ask, NLM_F_REQUEST | NLM_F_ECHO, true },
		{ FLOW_CMD_DEL, all, NLM_F_REQUEST | NLM_F_ECHO, true },
		{ FLOW_CMD_DUMP, ask, NLM_F_REQUEST | NLM_F_DUMP, false },
		{ FLOW_CMD_DUMP, all, NLM_F_REQUEST | NLM_F_DUMP, false },
		{ FLOW_CMD_DUMP, all, NLM_F_REQUEST | NLM_F_ECHO, true },
		{ FLOW_CMD_SUBSCRIBE, all, NLM_F_REQUEST | NLM_F_ACK, false },
		{ FLOW_CMD_DTMF, ask, NLM_F_REQUEST, true },
		{ FLOW_CMD_SEND, all, NLM_F_REQUEST | NLM_F_ACK, true },
		{ FLOW_CMD_TRACE, all, NLM_F_REQUEST | NLM_F_ECHO, true },
		{ 99, all, NLM_F_REQUEST | NLM_F_ACK, false },
		{ FLOW_CMD_DEL, 0, NLM_F_REQUEST | NLM_F_ECHO, true },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct tlv_out o;
		tlv_out_init(&o, in, sizeof(in));
		one(&o, row[i].cmd, row[i].flags, row[i].id);
		const struct nlmsghdr *h = mapped(&o);
		assert_int_equal(h->nlmsg_type, FAMILY);
		assert_int_equal(h->nlmsg_flags, row[i].want);
		/* The rest is as it was. */
		assert_int_equal(h->nlmsg_len, o.n);
		assert_int_equal(h->nlmsg_seq, 7);
		assert_memory_equal(h + 1, (u8 *)in + NLMSG_HDRLEN, o.n - NLMSG_HDRLEN);
	}
}

static void all_of_a_datagram(void **state)
{
	struct tlv_out o;
	size_t at = 0;

	tlv_out_init(&o, in, sizeof(in));
	for (unsigned i = 0; i < 3; i++)
		one(&o, FLOW_CMD_DEL, NLM_F_ACK, true);
	genl_map_request(in, in, o.n, FAMILY); /* in place */
	for (unsigned i = 0; i < 3; i++) {
		const struct nlmsghdr *h = (const void *)((u8 *)in + at);
		assert_int_equal(h->nlmsg_type, FAMILY);
		at += h->nlmsg_len;
	}
	assert_int_equal(at, o.n);
}

/* An id that is behind other attributes, and a list that is torn: no dump of everything. */
static void an_id_is_found(void **state)
{
	struct tlv_out o;

	tlv_out_init(&o, in, sizeof(in));
	tlv_begin(&o, FLOW_CMD_DUMP, 0, 1);
	tlv_put_str(&o, 900, "x");
	tlv_put_u64(&o, FLOW_A_ID, 1);
	tlv_end(&o);
	assert_int_equal(mapped(&o)->nlmsg_flags, NLM_F_REQUEST | NLM_F_ECHO);
	tlv_out_init(&o, in, sizeof(in));
	tlv_begin(&o, FLOW_CMD_DUMP, 0, 1);
	size_t at = o.n;
	tlv_put_u32(&o, 900, 1);
	tlv_end(&o);
	assert_int_equal(mapped(&o)->nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
	((struct nlattr *)((u8 *)in + at))->nla_len = 9;
	assert_int_equal(mapped(&o)->nlmsg_flags, NLM_F_REQUEST | NLM_F_ECHO);
	((struct nlattr *)((u8 *)in + at))->nla_len = 3;
	assert_int_equal(mapped(&o)->nlmsg_flags, NLM_F_REQUEST | NLM_F_ECHO);
}

static void what_is_no_message_stays(void **state)
{
	struct tlv_out o;

	tlv_out_init(&o, in, sizeof(in));
	one(&o, FLOW_CMD_DEL, NLM_F_ACK, true);
	for (u32 len = 0; len < 16; len++) {
		((struct nlmsghdr *)in)->nlmsg_len = len;
		mapped(&o);
		assert_memory_equal(in, out, o.n);
	}
	((struct nlmsghdr *)in)->nlmsg_len = (u32)o.n + 1;
	mapped(&o);
	assert_memory_equal(in, out, o.n);
	((struct nlmsghdr *)in)->nlmsg_len = (u32)o.n;
	((struct nlmsghdr *)in)->nlmsg_type = NLMSG_NOOP;
	mapped(&o);
	assert_memory_equal(in, out, o.n);
}

/* A request's answer has its room; what is torn has none, and what is behind it. */
static void answers_take_room(void **state)
{
	struct tlv_out o;

	tlv_out_init(&o, in, sizeof(in));
	assert_int_equal(genl_map_answers(in, 0), 0);
	one(&o, FLOW_CMD_SET, NLM_F_ACK, true);
	size_t set = genl_map_answers(in, o.n), n = o.n;
	assert_in_range(set, 768, 1024); /* what an acknowledgement is booked as */
	one(&o, FLOW_CMD_DEL, NLM_F_ACK, true);
	size_t both = genl_map_answers(in, o.n);
	assert_in_range(both - set, 8192,
			9216); /* REPORT_OCTETS of kmod/verbs.h, in powers of two */
	assert_int_equal(genl_map_answers(in, o.n - 1), set);
	assert_int_equal(genl_map_answers(in, n + 3), set);
	((struct nlmsghdr *)in)->nlmsg_len = NLMSG_HDRLEN - 1;
	assert_int_equal(genl_map_answers(in, o.n), 0);
}

/* ---- replies ---- */

static size_t n_in; /* octets that the kernel sent */

static void kernel_begins(void)
{
	memset(in, 0, sizeof(in));
	n_in = 0;
}

static void *kernel_puts(u16 type, u16 flags, size_t n)
{
	struct nlmsghdr *h = (void *)((u8 *)in + n_in);

	h->nlmsg_len = (u32)(NLMSG_HDRLEN + n);
	h->nlmsg_type = type;
	h->nlmsg_flags = flags;
	h->nlmsg_seq = 40;
	n_in += NLMSG_ALIGN(h->nlmsg_len);
	return h + 1;
}

static void kernel_acks(int error, u16 asked, const char *why)
{
	size_t n = why ? NLA_HDRLEN + strlen(why) + 1 : 0;
	struct nlmsgerr *e = kernel_puts(
		NLMSG_ERROR, (u16)(NLM_F_CAPPED | (why ? NLM_F_ACK_TLVS : 0)), sizeof(*e) + n);

	e->error = error;
	e->msg.nlmsg_len = 1000; /* not here: it is capped */
	e->msg.nlmsg_flags = asked;
	if (!why)
		return;
	struct nlattr *a = (void *)(e + 1);
	*a = (struct nlattr){ (u16)n, NLMSGERR_ATTR_MSG };
	memcpy(a + 1, why, strlen(why) + 1);
}

static ssize_t map(struct genl_news *news)
{
	*news = (struct genl_news){ 0 };
	return genl_map_reply(out, sizeof(out), in, n_in, FAMILY, news);
}

/* The one message that came of it. */
static struct tlv_msg only(void)
{
	struct genl_news news;
	ssize_t n = map(&news);
	const void *at = out;
	size_t left = (size_t)n;
	struct tlv_msg m;

	assert_true(n > 0);
	assert_int_equal(tlv_next(&at, &left, &m), 1);
	assert_int_equal(left, 0);
	assert_false(news.gone || news.lost);
	return m;
}

static void an_acknowledgement_is_a_status(void **state)
{
	kernel_begins();
	kernel_acks(0, NLM_F_REQUEST | NLM_F_ACK, NULL);
	struct tlv_msg m = only();
	assert_int_equal(m.seq, 40);
	assert_false(m.done);
	assert_non_null(m.attr[FLOW_A_STATUS]);
	assert_int_equal(tlv_u32(&m, FLOW_A_STATUS, 1), 0);
	assert_null(m.attr[FLOW_A_REASON]);
}

static void an_error_has_its_reason(void **state)
{
	kernel_begins();
	kernel_acks(-ESTALE, NLM_F_REQUEST | NLM_F_ACK, "older than what is there");
	struct tlv_msg m = only();
	assert_int_equal((int)tlv_u32(&m, FLOW_A_STATUS, 0), -ESTALE);
	assert_string_equal(tlv_str(&m, FLOW_A_REASON), "older than what is there");
	/* What is behind it is attributes where the kernel says so. */
	((struct nlmsghdr *)in)->nlmsg_flags &= (u16)~NLM_F_ACK_TLVS;
	m = only();
	assert_null(m.attr[FLOW_A_REASON]);
	kernel_begins();
	kernel_acks(-ENOENT, NLM_F_REQUEST | NLM_F_ECHO, NULL);
	m = only();
	assert_int_equal((int)tlv_u32(&m, FLOW_A_STATUS, 0), -ENOENT);
	assert_null(m.attr[FLOW_A_REASON]);
	kernel_begins();
	kernel_acks(-EBUSY, NLM_F_REQUEST | NLM_F_DUMP, NULL);
	m = only();
	assert_int_equal((int)tlv_u32(&m, FLOW_A_STATUS, 0), -EBUSY);
	/* A kernel that says "error 5" says no success. */
	kernel_begins();
	kernel_acks(5, NLM_F_REQUEST | NLM_F_ACK, NULL);
	m = only();
	assert_true((int)tlv_u32(&m, FLOW_A_STATUS, 0) < 0);
}

static void a_remark_is_no_reason(void **state)
{
	kernel_begins();
	kernel_acks(0, NLM_F_REQUEST | NLM_F_ACK, "unknown attribute");
	struct tlv_msg m = only();
	assert_int_equal(tlv_u32(&m, FLOW_A_STATUS, 1), 0);
	assert_null(m.attr[FLOW_A_REASON]);
}

static void nobody_hears_what_nobody_asked(void **state)
{
	struct genl_news news;

	kernel_begins();
	kernel_acks(-EINVAL, NLM_F_REQUEST, "wrong");
	assert_int_equal(map(&news), 0);
}

/* Without NETLINK_CAP_ACK the request is between the error and its reason. */
static void a_whole_request_is_passed_over(void **state)
{
	struct nlmsgerr *e;

	kernel_begins();
	e = kernel_puts(NLMSG_ERROR, NLM_F_ACK_TLVS, sizeof(*e) + 12 + 8);
	e->error = -EINVAL;
	e->msg = (struct nlmsghdr){ .nlmsg_len = NLMSG_HDRLEN + 12,
				    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK };
	*(u8 *)(e + 1) = FLOW_CMD_SET;
	struct nlattr *a = (void *)((u8 *)(e + 1) + 12);
	*a = (struct nlattr){ 7, NLMSGERR_ATTR_MSG };
	memcpy(a + 1, "no", 3);
	struct tlv_msg m = only();
	assert_int_equal(m.cmd, FLOW_CMD_SET);
	assert_string_equal(tlv_str(&m, FLOW_A_REASON), "no");
	for (u32 len = 0; len < NLMSG_HDRLEN; len++) {
		struct genl_news news;
		e->msg.nlmsg_len = len;
		assert_int_equal(map(&news), -EBADMSG);
	}
	struct genl_news news;
	e->msg.nlmsg_len = NLMSG_HDRLEN + 21;
	assert_int_equal(map(&news), -EBADMSG);
	e->msg.nlmsg_len = 0xffffffff;
	assert_int_equal(map(&news), -EBADMSG);
}

static struct nlattr *message(u8 cmd, u16 flags, size_t n)
{
	struct genlmsghdr *g = kernel_puts(FAMILY, flags, GENL_HDRLEN + n);

	*g = (struct genlmsghdr){ .cmd = cmd, .version = 1 };
	return (struct nlattr *)(g + 1);
}

static void put_id(struct nlattr *a, u64 id)
{
	*a = (struct nlattr){ 12, FLOW_A_ID };
	memcpy(a + 1, &id, 8);
}

static void messages_are_the_same(void **state)
{
	kernel_begins();
	put_id(message(FLOW_CMD_DEL, 0, 12), 77);
	struct tlv_msg m = only();
	assert_int_equal(m.cmd, FLOW_CMD_DEL);
	assert_int_equal(m.seq, 40);
	assert_int_equal(tlv_u64(&m, FLOW_A_ID, 0), 77);
	assert_false(m.done);
}

static void a_dump_ends_with_its_counters(void **state)
{
	struct genl_news news;
	const void *at = out;
	struct tlv_msg m;

	kernel_begins();
	put_id(message(FLOW_CMD_DUMP, NLM_F_MULTI, 12), 1);
	*message(FLOW_CMD_DUMP, NLM_F_MULTI, 4) = (struct nlattr){ 4, FLOW_A_DROPS };
	*(int *)kernel_puts(NLMSG_DONE, NLM_F_MULTI, sizeof(int)) = 0;
	size_t left = (size_t)map(&news);
	assert_int_equal(tlv_next(&at, &left, &m), 1);
	assert_false(m.done);
	assert_int_equal(tlv_next(&at, &left, &m), 1);
	assert_true(m.done);
	assert_non_null(m.attr[FLOW_A_DROPS]);
	assert_int_equal(m.seq, 40);
	assert_int_equal(left, 0);
	/* The kernel's own end may come by itself; it is not another one. */
	kernel_begins();
	*(int *)kernel_puts(NLMSG_DONE, NLM_F_MULTI, sizeof(int)) = 0;
	assert_int_equal(map(&news), 0);
	kernel_begins();
	*(int *)kernel_puts(NLMSG_DONE, NLM_F_MULTI, sizeof(int)) = -ENOMEM;
	m = only();
	assert_false(m.done);
	assert_int_equal((int)tlv_u32(&m, FLOW_A_STATUS, 0), -ENOMEM);
}

static void the_family_goes_away(void **state)
{
	struct genl_news news;
	struct genlmsghdr *g;
	struct nlattr *a;

	for (unsigned i = 0; i < 4; i++) {
		kernel_begins();
		g = kernel_puts(GENL_ID_CTRL, 0, GENL_HDRLEN + 8);
		g->cmd = i == 2 ? CTRL_CMD_NEWFAMILY : CTRL_CMD_DELFAMILY;
		a = (struct nlattr *)(g + 1);
		*a = (struct nlattr){ 6, i == 3 ? CTRL_ATTR_VERSION : CTRL_ATTR_FAMILY_ID };
		*(u16 *)(a + 1) = i == 1 ? FAMILY + 1 : FAMILY;
		assert_int_equal(map(&news), 0);
		assert_int_equal(news.gone, i == 0);
		assert_false(news.lost);
	}
}

static void others_are_nobodys(void **state)
{
	struct genl_news news;

	kernel_begins();
	kernel_puts(FAMILY + 1, 0, 12);
	kernel_puts(NLMSG_NOOP, 0, 0);
	assert_int_equal(map(&news), 0);
	kernel_begins();
	kernel_puts(NLMSG_OVERRUN, 0, 0);
	assert_int_equal(map(&news), 0);
	assert_true(news.lost);
}

static void torn_ones_are_refused(void **state)
{
	struct genl_news news;

	kernel_begins();
	put_id(message(FLOW_CMD_DEL, 0, 12), 77);
	n_in -= 4; /* shorter than it says */
	assert_int_equal(map(&news), -EBADMSG);
	n_in = 8;
	assert_int_equal(map(&news), -EBADMSG);
	kernel_begins();
	kernel_puts(FAMILY, 0, 2);
	n_in = 18;
	assert_int_equal(map(&news), -EBADMSG);
	kernel_begins();
	kernel_puts(NLMSG_ERROR, 0, 8);
	assert_int_equal(map(&news), -EBADMSG);
	kernel_begins();
	put_id(message(FLOW_CMD_DEL, 0, 12), 77);
	news = (struct genl_news){ 0 };
	assert_int_equal(genl_map_reply(out, n_in - 4, in, n_in, FAMILY, &news), -EMSGSIZE);
	assert_int_equal(genl_map_reply(out, n_in, in, n_in, FAMILY, &news), n_in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_verb_has_its_flags),
		cmocka_unit_test(all_of_a_datagram),
		cmocka_unit_test(an_id_is_found),
		cmocka_unit_test(what_is_no_message_stays),
		cmocka_unit_test(answers_take_room),
		cmocka_unit_test(an_acknowledgement_is_a_status),
		cmocka_unit_test(an_error_has_its_reason),
		cmocka_unit_test(a_remark_is_no_reason),
		cmocka_unit_test(nobody_hears_what_nobody_asked),
		cmocka_unit_test(a_whole_request_is_passed_over),
		cmocka_unit_test(messages_are_the_same),
		cmocka_unit_test(a_dump_ends_with_its_counters),
		cmocka_unit_test(the_family_goes_away),
		cmocka_unit_test(others_are_nobodys),
		cmocka_unit_test(torn_ones_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
