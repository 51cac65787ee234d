/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a call. Whatever the reason: both legs end, the flows go, and the call waits for the
 * engine's counters only. */
#include "call_priv.h"

/* The first cause is the one that counts. */
void call_because(struct call *c, const char *cause, unsigned status)
{
	if (c->cause)
		return;
	c->cause = cause;
	c->cause_status = status;
}

static void end_leg(struct call *c, unsigned leg, unsigned status, struct str headers)
{
	struct invite *inv = c->leg[leg].inv;

	if (!inv)
		return;
	c->leg[leg].inv = NULL;
	call_note(c, leg, 0, NOTE_ENDED_HERE);
	invite_end(inv, status, headers);
}

enum call_input call_end(struct call *c, unsigned status, struct str headers)
{
	struct media *m = c->media;

	c->ended_us = loop_wall_us(c->calls->loop);
	exchange_drop(c, 487);
	transfer_drop(c, status);
	end_leg(c, 0, status, headers);
	end_leg(c, 1, status, headers);
	call_early_free(c);
	call_stop_clock(c);
	c->media = NULL;
	c->ended = m;
	call_leave_route(c);
	call_leave_moved(c, 0);
	call_leave_moved(c, 1);
	if (!m && !c->reports)
		return IN_REPORT;
	if (m) {
		c->reports++;
		media_end(m, call_reported, c);
	}
	return IN_NONE;
}

/* IN_REFUSED: refuse_status says what the caller hears. */
enum call_input call_refuse(struct call *c, const struct call_in *in)
{
	struct str owed = STR_NONE;

	(void)in;
	switch (c->refuse_status) {
	case 406:
	case 415:
		owed = STR("Accept: application/sdp\r\n");
		break;
	case 420:
		owed = STR("Unsupported: 100rel\r\n");
		break;
	case 421:
		owed = STR("Require: 100rel\r\n");
		break;
	}
	return call_end(c, c->refuse_status, owed);
}

/* IN_COMMIT_FAILED before the caller was answered. */
enum call_input call_refuse_commit(struct call *c, const struct call_in *in)
{
	(void)in;
	c->calls->n.refused_engine++;
	call_because(c, "the engine did not take the flows", 503);
	return call_end(c, 503, STR_NONE);
}

/* Where Contacts of a 3xx point to that goes on to the caller. */
static struct str our_place(const struct call_leg *caller, char mem[ADDR_STR_MAX])
{
	const struct conf_network *n = caller->trunk->on;
	struct addr a = caller->peer.family == 6 ? n->address6
			: n->public.family       ? n->public
						 : n->address;

	a.port = n->sip_port;
	addr_print(&a, mem);
	return str_of(mem);
}

static bool passes_redirect(const struct call *c, const struct invite_event *e)
{
	return e->msg && redirect_is(e->status) && c->leg[1].trunk->redirect == CONF_FOLLOW_PASS;
}

/* IN_FAIL */
enum call_input call_fail(struct call *c, const struct call_in *in)
{
	unsigned status = policy_final(in->e->status, in->e->msg, c->leg[0].trunk);
	char mem[POLICY_MEMORY], place[ADDR_STR_MAX];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	call_note(c, 1, in->e->status, NOTE_FAILED);
	c->calls->n.failed++;
	call_because(c, in->e->msg ? "callee refused" : "callee did not answer", in->e->status);
	if (passes_redirect(c, in->e))
		return call_end(
			c, in->e->status,
			policy_redirect_headers(in->e->msg, our_place(&c->leg[0], place), &b));
	return call_end(c, status, policy_reply_headers(in->e->msg, status, c->leg[0].trunk, &b));
}

/* IN_CANCEL */
enum call_input call_cancelled(struct call *c, const struct call_in *in)
{
	char mem[POLICY_MEMORY];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	call_note(c, 0, 0, NOTE_CANCEL);
	c->calls->n.cancelled++;
	call_because(c, "caller gave up", 487);
	return call_end(c, 487, policy_end_headers(in->e->msg, &b));
}

/* IN_BYE */
enum call_input call_bye(struct call *c, const struct call_in *in)
{
	char mem[POLICY_MEMORY];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	call_note(c, in->leg, 0, NOTE_BYE);
	call_because(c, in->leg ? "callee hung up" : "caller hung up", 0);
	return call_end(c, 480, policy_end_headers(in->e->msg, &b));
}

/* IN_LOST */
enum call_input call_lost(struct call *c, const struct call_in *in)
{
	static const char *const why[][2] = {
		[INVITE_LOST_STATUS] = { "caller is gone", "callee is gone" },
		[INVITE_LOST_ACK] = { "caller sent no ACK", "callee sent no ACK" },
		[INVITE_LOST_PRACK] = { "caller sent no PRACK", "callee sent no PRACK" },
		[INVITE_LOST_SESSION] = { "caller did not refresh the session",
					  "callee did not refresh the session" },
	};

	call_note(c, in->leg, in->e->status, NOTE_GONE);
	c->calls->n.lost++;
	call_because(c, why[in->e->lost][in->leg != 0], in->e->status);
	/* Q.850 102: recovery on timer expiry. */
	return call_end(c, 480, in->e->lost ? STR("Reason: Q.850;cause=102\r\n") : STR_NONE);
}

/* IN_LEFT */
enum call_input call_left(struct call *c, const struct call_in *in)
{
	(void)in;
	call_because(c, "transferred", 0);
	return call_end(c, 480, STR_NONE);
}

/* IN_SILENCE. Q.850 102: recovery on timer expiry. */
enum call_input call_silent(struct call *c, const struct call_in *in)
{
	(void)in;
	c->calls->n.silent++;
	call_because(c, "media silent", 0);
	return call_end(c, 480, STR("Reason: Q.850;cause=102;text=\"Media silent\"\r\n"));
}

/* IN_TOO_LONG. Q.850 31: normal, unspecified. */
enum call_input call_too_long(struct call *c, const struct call_in *in)
{
	(void)in;
	c->calls->n.too_long++;
	call_because(c, "longest duration", 0);
	return call_end(c, 480, STR("Reason: Q.850;cause=31;text=\"Longest duration\"\r\n"));
}

/* IN_BROKEN. Q.850 41: temporary failure. */
enum call_input call_broken(struct call *c, const struct call_in *in)
{
	(void)in;
	c->calls->n.broken++;
	call_because(c, "the engine did not take the flows", 0);
	return call_end(c, 500, STR("Reason: Q.850;cause=41\r\n"));
}

/* IN_DRAIN */
enum call_input call_drained(struct call *c, const struct call_in *in)
{
	(void)in;
	call_because(c, "shutting down", 0);
	return call_end(c, 503, STR_NONE);
}

enum call_input call_done(struct call *c, const struct call_in *in)
{
	call_log_end(c, in->report);
	return IN_NONE;
}

enum call_input call_ignore(struct call *c, const struct call_in *in)
{
	(void)c;
	(void)in;
	return IN_NONE;
}
