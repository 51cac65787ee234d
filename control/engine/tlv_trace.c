/* SPDX-License-Identifier: Apache-2.0 */
/* Packet heads of FLOW_CMD_TRACE. */
#include <string.h>
#include "engine/tlv_priv.h"

void tlv_put_frame(struct tlv_out *o, const struct tlv_frame *f)
{
	size_t nest = tlv_nest_begin(o, FLOW_A_FRAME);

	tlv_put_u64(o, FLOW_FRAME_A_TIME, f->time_us);
	tlv_put_u8(o, FLOW_FRAME_A_SIDE, f->side);
	tlv_put_u8(o, FLOW_FRAME_A_OUT, f->out);
	tlv_put_u32(o, FLOW_FRAME_A_LEN, f->len);
	tlv_put(o, FLOW_FRAME_A_HEAD, f->head, f->n_head);
	if (f->why)
		tlv_put_str(o, FLOW_FRAME_A_WHY, f->why);
	tlv_nest_end(o, nest);
}

/* An integer of n octets that has to be there. */
static bool get(struct nlattr *const *tb, int type, size_t n, void *to)
{
	if (!tb[type] || (size_t)nla_len(tb[type]) != n)
		return false;
	memcpy(to, nla_data(tb[type]), n);
	return true;
}

int tlv_get_frame(const struct tlv_msg *m, struct tlv_frame *f, const char **why)
{
	struct nlattr *tb[FLOW_FRAME_A_MAX + 1];
	const struct nlattr *head;

	memset(f, 0, sizeof(*f));
	if (!m->attr[FLOW_A_FRAME] ||
	    tlv_parse_nest(tb, FLOW_FRAME_A_MAX, m->attr[FLOW_A_FRAME]) < 0)
		return tlv_bad(why, "frame");
	if (!get(tb, FLOW_FRAME_A_TIME, sizeof(f->time_us), &f->time_us))
		return tlv_bad(why, "time");
	if (!get(tb, FLOW_FRAME_A_SIDE, 1, &f->side) || f->side > 1)
		return tlv_bad(why, "side");
	if (!get(tb, FLOW_FRAME_A_OUT, 1, &f->out) || f->out > 1)
		return tlv_bad(why, "out");
	if (!get(tb, FLOW_FRAME_A_LEN, sizeof(f->len), &f->len))
		return tlv_bad(why, "len");
	head = tb[FLOW_FRAME_A_HEAD];
	if (!head || nla_len(head) > FLOW_HEAD_MAX)
		return tlv_bad(why, "head");
	f->n_head = (u8)nla_len(head);
	memcpy(f->head, nla_data(head), f->n_head);
	if (tb[FLOW_FRAME_A_WHY]) {
		f->why = tlv_text(tb[FLOW_FRAME_A_WHY]);
		if (!f->why)
			return tlv_bad(why, "why");
	}
	return 0;
}
