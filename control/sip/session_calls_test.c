/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/session_calls_test.h"

void they_call(struct world *w, const char *lines, int *i)
{
	request(w, "INVITE", "a", 1, lines, "");
	assert_non_null(w->inv);
	assert_int_equal(reply(w, 200, ""), 0);
	*i = (int)w->n_sent - 1;
	assert_true(sent_is(w, *i, "SIP/2.0 200 "));
	request_in(w, *i, "ACK", "aa", 1, "", "");
	assert_string_equal(invite_state_name(w->inv), "CONFIRMED");
}

void we_call(struct world *w, const char *lines)
{
	char all[512];

	assert_non_null(call(w));
	snprintf(all, sizeof(all), CONTACT "%s", lines);
	answer(w, LAST, 200, "far", all, "");
	assert_int_equal(invite_ack(w->inv, STR_NONE, STR_NONE), 0);
}

void assert_session(struct world *w, uint32_t seconds, bool ours)
{
	bool is_ours = !ours;

	assert_int_equal(invite_session_s(w->inv, &is_ours), seconds);
	assert_int_equal(is_ours, ours);
}

void finish(struct world *w)
{
	assert_int_equal(counter_of(w, "drop.unexpected-event"), 0);
	if (w->inv)
		invite_end(w->inv, 0, STR_NONE);
	w->inv = NULL;
	for (unsigned i = 0; i < w->n_sent; i++) /* the BYE is not answered twice */
		if (strncmp(w->sent[i].text, "BYE ", 4) == 0) {
			answer(w, (int)i, 200, "", "", "");
			break;
		}
	advance(w, 200000);
	assert_empty(w);
	world_free(w);
}

void their_turn(struct world *w, int at, unsigned cseq, unsigned status, const char *lines)
{
	char branch[16];

	snprintf(branch, sizeof(branch), "r%u", cseq);
	request_in(w, at, "INVITE", branch, cseq, lines, "");
	assert_int_equal(last_seen(w)->type, INVITE_OFFER);
	assert_int_equal(reply(w, status, ""), 0);
	if (status != 200)
		return;
	snprintf(branch, sizeof(branch), "k%u", cseq);
	request_in(w, at, "ACK", branch, cseq, "", "");
}

void refreshes(struct world *w, struct invite *inv, const struct invite_event *e)
{
	if (e->type == INVITE_REFRESH)
		assert_int_equal(invite_reinvite(inv, STR_NONE, STR("sdp"), STR("application/sdp")),
				 0);
	else if (e->type == INVITE_REANSWER && e->status == 200)
		assert_int_equal(invite_ack(inv, STR_NONE, STR_NONE), 0);
}
