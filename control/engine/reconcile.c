/* SPDX-License-Identifier: Apache-2.0 */
/* From a new connection to "up": HELLO (do we speak one version, is it the engine that we knew),
 * SUBSCRIBE before DUMP so that no event falls in between, DUMP for flows that nobody knows. */
#include <errno.h>
#include <linux/netlink.h>
#include "engine/engine_priv.h"

static void dumped_flow(void *arg, const struct tlv_report *r)
{
	struct engine *e = arg;

	if (e->user.known && e->user.known(e->user.arg, r->flow.id))
		return;
	if (e->user.orphan)
		e->user.orphan(e->user.arg, r);
}

static void dumped(void *arg, int status)
{
	struct engine *e = arg;

	if (status) {
		if (e->state != ENGINE_DOWN)
			engine_break(e, status);
		return;
	}
	e->state = ENGINE_UP;
	e->said_gone = false;
	log_info(e->log, "engine", "connected to %s%s", engine_name(e),
		 e->fresh ? "" : ", which still has our flows");
	if (e->user.up)
		e->user.up(e->user.arg, e->fresh);
}

/* Without events nothing would be known of the media. */
static void subscribed(struct engine *e, const struct tlv_msg *m, int status)
{
	if (status && e->state != ENGINE_DOWN)
		engine_break(e, status);
}

static void compare(struct engine *e)
{
	static const struct engine_dump nothing;
	struct engine_dump d = nothing;
	int rc = 0;

	struct request *r = request_begin(e, FLOW_CMD_SUBSCRIBE, NLM_F_ACK, &rc);
	if (r) {
		r->own = subscribed;
		rc = request_end(e, r, 256);
	}
	d.flow = dumped_flow;
	d.done = dumped;
	d.arg = e;
	if (!rc)
		rc = engine_dump(e, &d);
	if (rc)
		engine_break(e, rc);
}

static void greeted(struct engine *e, const struct tlv_msg *m, int status)
{
	u32 version = m ? tlv_u32(m, FLOW_A_VERSION, 0) : 0;

	if (e->state == ENGINE_DOWN)
		return;
	if (!status && version != FLOW_VERSION)
		status = -EPROTO;
	if (status == -EPROTO && !e->refused) {
		e->refused = true;
		log_error(e->log, "engine", "%s does not speak version %u of the flow language: %s",
			  engine_name(e), FLOW_VERSION, ENGINE_OTHER_RELEASE);
	}
	if (status) {
		engine_break(e, status);
		return;
	}
	u64 epoch = tlv_u64(m, FLOW_A_EPOCH, 0);
	e->refused = false;
	e->caps = tlv_u32(m, FLOW_A_CAPS, 0);
	e->fresh = !e->peer_epoch || epoch != e->peer_epoch;
	e->peer_epoch = epoch;
	e->state = ENGINE_DUMPING;
	compare(e);
}

void reconcile_begin(struct engine *e)
{
	int rc;
	struct request *r = request_begin(e, FLOW_CMD_HELLO, NLM_F_ACK, &rc);

	if (!r) {
		engine_break(e, rc);
		return;
	}
	r->own = greeted;
	tlv_put_u32(&e->out, FLOW_A_VERSION, FLOW_VERSION);
	tlv_put_u64(&e->out, FLOW_A_EPOCH, e->own_epoch);
	rc = request_end(e, r, 256);
	if (rc)
		engine_break(e, rc);
}
