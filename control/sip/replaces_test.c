/* SPDX-License-Identifier: Apache-2.0 */
/* The dialog that Replaces names (RFC 3891 3), and what a dialog calls itself (RFC 4916). */
#include "sip/field.h"
#include "sip/world_test.h"

#define CONTACT "Contact: <sip:bob@192.0.2.99>\r\n"

/* What `text` names at `w`; *early as it was where there is none. */
static struct invite *find(struct world *w, const char *text, bool *early)
{
	struct sip_replaces r;

	assert_int_equal(sip_replaces_parse(str_of(text), &r), 0);
	return sip_find_invite(w->sip, &r, early);
}

static const char *name(struct invite *inv, struct str to_tag, struct str from_tag)
{
	static char mem[4][300];
	static unsigned at;
	char *out = mem[at++ % 4];

	snprintf(out, sizeof(mem[0]), "%.*s;to-tag=%.*s;from-tag=%.*s",
		 STR_FMT(invite_call_id(inv)), STR_FMT(to_tag), STR_FMT(from_tag));
	return out;
}

/* As the one who receives it sees it. */
static const char *name_of(struct invite *inv)
{
	return name(inv, invite_local_tag(inv), invite_remote_tag(inv));
}

static void talk(struct world **a, struct world **b)
{
	world_pair(a, b);
	call(*a);
	advance(*a, 10);
	reply(*b, 200, "");
	advance(*a, 10);
}

static void drain(struct world *a)
{
	advance(a, 70000);
	assert_empty(a);
	assert_empty(a->peer);
	world_free(a);
}

static void checklist_37_established(void **state)
{
	struct world *a, *b;
	bool early = true;

	talk(&a, &b);
	/* ANSWERED here, ACCEPTED there: the 2xx has made the dialog. */
	assert_ptr_equal(find(a, name_of(a->inv), &early), a->inv);
	assert_false(early);
	early = true;
	assert_ptr_equal(find(b, name_of(b->inv), &early), b->inv);
	assert_false(early);
	invite_ack(a->inv, STR_NONE, STR_NONE);
	advance(a, 10);
	early = true;
	assert_ptr_equal(find(a, name_of(a->inv), &early), a->inv);
	assert_ptr_equal(find(b, name_of(b->inv), &early), b->inv);
	assert_false(early);
	assert_ptr_equal(invite_arg(find(b, name_of(b->inv), &early)), b);
	/* Tags are named from the side of who receives it. */
	assert_null(find(a, name_of(b->inv), &early));
	assert_null(find(a, name(a->inv, invite_local_tag(a->inv), STR("x")), &early));
	assert_null(find(a, name(a->inv, STR("x"), invite_remote_tag(a->inv)), &early));
	assert_null(find(a, name(a->inv, invite_local_tag(a->inv), STR("0")), &early));
	assert_int_equal(invite_reinvite(b->inv, STR_NONE, STR_NONE, STR_NONE), 0);
	assert_ptr_equal(find(b, name_of(b->inv), &early), b->inv);
	advance(a, 10);
	assert_ptr_equal(find(a, name_of(a->inv), &early), a->inv);
	assert_int_equal(reply(a, 488, ""), 0);
	advance(a, 10);
	invite_end(a->inv, 0, STR_NONE);
	drain(a);
}

static void another_call_id(void **state)
{
	struct world *a, *b;
	struct sip_replaces r;
	bool early;

	talk(&a, &b);
	invite_ack(a->inv, STR_NONE, STR_NONE);
	r = (struct sip_replaces){ .call_id = STR("other"),
				   .to_tag = invite_local_tag(a->inv),
				   .from_tag = invite_remote_tag(a->inv) };
	assert_null(sip_find_invite(a->sip, &r, &early));
	r.call_id = invite_call_id(a->inv);
	assert_ptr_equal(sip_find_invite(a->sip, &r, &early), a->inv);
	invite_end(a->inv, 0, STR_NONE);
	drain(a);
}

/* Any of those that we began; one that the peer began cannot be replaced. */
static void early_ones(void **state)
{
	struct world *w = world_new();
	struct str tag;
	bool early = false;

	call(w);
	tag = invite_local_tag(w->inv);
	assert_null(find(w, name(w->inv, tag, STR("one")), &early));
	answer(w, 0, 180, "one", CONTACT, "");
	answer(w, 0, 183, "two", CONTACT, "");
	assert_ptr_equal(find(w, name(w->inv, tag, STR("one")), &early), w->inv);
	assert_true(early);
	early = false;
	assert_ptr_equal(find(w, name(w->inv, tag, STR("two")), &early), w->inv);
	assert_true(early);
	assert_null(find(w, name(w->inv, tag, STR("three")), &early));
	/* RFC 6228: that one is over. */
	answer(w, 0, 199, "one", CONTACT, "");
	assert_null(find(w, name(w->inv, tag, STR("one")), &early));
	answer(w, 0, 200, "two", CONTACT, "");
	assert_ptr_equal(find(w, name(w->inv, tag, STR("two")), &early), w->inv);
	assert_false(early);
	assert_null(find(w, name(w->inv, tag, STR("one")), &early));
	world_free(w);

	w = world_new();
	request(w, "INVITE", "a", 1, "", "");
	assert_int_equal(reply(w, 180, ""), 0);
	assert_null(find(w, name_of(w->inv), &early));
	assert_int_equal(reply(w, 200, ""), 0);
	assert_ptr_equal(find(w, name_of(w->inv), &early), w->inv);
	world_free(w);
}

static void over(void **state)
{
	struct world *a, *b;
	char gone[300];
	bool early;

	talk(&a, &b);
	snprintf(gone, sizeof(gone), "%s", name_of(b->inv));
	invite_end(b->inv, 0, STR_NONE); /* waits for the ACK */
	assert_int_equal(b->sip->dialogs.count, 1);
	assert_null(find(b, gone, &early));
	invite_ack(a->inv, STR_NONE, STR_NONE);
	advance(a, 1);
	assert_true(sent_is(b, -1, "BYE "));
	assert_int_equal(b->sip->dialogs.count, 1);
	assert_null(find(b, gone, &early));
	drain(a);
}

static void not_of_invites(void **state)
{
	struct world *w = world_new();
	char text[300];
	bool early;

	w->accept = true;
	request(w, "SUBSCRIBE", "s", 1, "Event: x\r\n" CONTACT, "");
	assert_non_null(w->sub);
	snprintf(text, sizeof(text), "c1;to-tag=%.*s;from-tag=far",
		 STR_FMT(dialog_local_tag(&w->sub->dialog)));
	assert_null(find(w, text, &early));
	subscription_end(w->sub);
	world_free(w);
}

/* A peer of RFC 2543 has no tag, and is named by "0". */
static void no_tag_at_all(void **state)
{
	struct world *w = world_new();
	bool early;

	call(w);
	answer(w, 0, 200, "", CONTACT, "");
	assert_int_equal(last_seen(w)->type, INVITE_ANSWER);
	assert_int_equal(invite_remote_tag(w->inv).n, 0);
	assert_ptr_equal(find(w, name(w->inv, invite_local_tag(w->inv), STR("0")), &early), w->inv);
	assert_null(find(w, name(w->inv, invite_local_tag(w->inv), STR("1")), &early));
	world_free(w);
}

/* ---- connected identity ---- */

static void renamed_caller(void **state)
{
	struct world *a, *b;
	char tag[64], local[200];

	talk(&a, &b);
	invite_ack(a->inv, STR_NONE, STR_NONE);
	advance(a, 10);
	snprintf(tag, sizeof(tag), "%s", param_of(a, 0, "From", "tag"));
	assert_int_equal(invite_rename(a->inv, STR("\"Carol; Q.\" <sip:carol@example.org;x=y>")),
			 0);
	assert_int_equal(invite_reinvite(a->inv, STR_NONE, STR_NONE, STR_NONE), 0);
	snprintf(local, sizeof(local), "\"Carol; Q.\" <sip:carol@example.org;x=y>;tag=%s", tag);
	assert_string_equal(field(a, -1, "From"), local);
	assert_string_equal(field(a, -1, "To"), field(b, 1, "To"));
	assert_true(str_eq(invite_local_tag(a->inv), str_of(tag)));
	advance(a, 10);
	/* The dialog is found as ever, and both ends answer what was asked. */
	assert_int_equal(last_seen(b)->type, INVITE_OFFER);
	reply(b, 200, "");
	assert_string_equal(field(b, -1, "From"), local);
	advance(a, 10);
	invite_ack(a->inv, STR_NONE, STR_NONE);
	assert_string_equal(field(a, -1, "From"), local);
	advance(a, 10);
	invite_reinvite(b->inv, STR_NONE, STR_NONE, STR_NONE);
	advance(a, 10);
	assert_int_equal(last_seen(a)->type, INVITE_OFFER);
	reply(a, 488, "");
	assert_string_equal(field(a, -1, "To"), field(b, -1, "To"));
	advance(a, 10);
	invite_end(a->inv, 0, STR_NONE);
	assert_string_equal(field(a, -1, "From"), local);
	drain(a);
}

static void renamed_callee(void **state)
{
	struct world *w = world_new();
	char tag[64], to[200];
	size_t memory;
	int at;

	request(w, "INVITE", "a", 1, "", "");
	assert_int_equal(reply(w, 200, ""), 0);
	at = (int)w->n_sent - 1;
	snprintf(tag, sizeof(tag), "%s", param_of(w, at, "To", "tag"));
	snprintf(to, sizeof(to), "%s", field(w, at, "To"));
	request_in(w, at, "ACK", "k", 1, "", "");
	assert_int_equal(invite_rename(w->inv, STR("<sip:desk@example.org>")), 0);
	/* To of our responses is what came. */
	request_in(w, at, "OPTIONS", "o", 2, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 200 "));
	assert_string_equal(field(w, -1, "To"), to);
	/* Back and forth for ever costs no memory. */
	assert_int_equal(invite_rename(w->inv, STR("\"Reception\" <sip:reception@example.org>")),
			 0);
	assert_int_equal(invite_rename(w->inv, STR("<sip:desk@example.org>")), 0);
	memory = invite_memory(w->inv);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(invite_rename(w->inv, i & 1 ? STR("<sip:desk@example.org>")
							     : STR("\"Reception\" <sip:reception@"
								   "example.org>")),
				 0);
	assert_int_equal(invite_memory(w->inv), memory);
	invite_end(w->inv, 0, STR_NONE);
	snprintf(to, sizeof(to), "<sip:desk@example.org>;tag=%s", tag);
	assert_string_equal(field(w, -1, "From"), to);
	world_free(w);
}

/* In early dialogs too, which share the name with that of the invite. */
static void renamed_early(void **state)
{
	struct world *w = world_new();
	char from[200];

	call(w);
	assert_int_equal(invite_rename(w->inv, STR("<sip:first@example.org>")), 0);
	answer(w, 0, 183, "far", CONTACT "Allow: UPDATE\r\n", "");
	assert_int_equal(invite_rename(w->inv, STR("<sip:x@y.org>")), 0);
	assert_int_equal(invite_update(w->inv, 0, STR_NONE, STR_NONE, STR_NONE), 0);
	snprintf(from, sizeof(from), "<sip:x@y.org>;tag=%s", param_of(w, 0, "From", "tag"));
	assert_string_equal(field(w, -1, "From"), from);
	answer(w, 0, 200, "far", CONTACT, "");
	assert_int_equal(invite_ack(w->inv, STR_NONE, STR_NONE), 0);
	assert_string_equal(field(w, -1, "From"), from);
	world_free(w);
}

static void bad_names(void **state)
{
	static const char *const bad[] = {
		"",
		"sip:carol@example.org",
		"<sip:carol@example.org>;tag=1",
		"<sip:carol@example.org>;x",
		"<carol>",
		"<sip:carol@example.org>\r\nX: y",
		"<sip:carol@example.org>, <sip:dave@example.org>",
		"\"Carol <sip:carol@example.org>",
		"\"Carol\r\nX: y\" <sip:carol@example.org>",
	};
	struct world *w = world_new();
	char from[200];

	call(w);
	answer(w, 0, 200, "far", CONTACT, "");
	invite_ack(w->inv, STR_NONE, STR_NONE);
	snprintf(from, sizeof(from), "%s", field(w, 0, "From"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(invite_rename(w->inv, str_of(bad[i])), -EINVAL);
	invite_end(w->inv, 0, STR_NONE);
	assert_string_equal(field(w, -1, "From"), from);
	world_free(w);
}

/* ---- after a glare: RFC 3261 14.1 ---- */

/* In steps of 10 ms: 2.1 s to 4 s for who made the Call-ID, up to 2 s for the other. */
static void glare_waits(void **state)
{
	struct world *a, *b;
	uint32_t least[2] = { UINT32_MAX, UINT32_MAX }, most[2] = { 0, 0 };

	talk(&a, &b);
	for (unsigned i = 0; i < 20000; i++) {
		struct invite *inv = i & 1 ? b->inv : a->inv;
		uint32_t ms = invite_glare_ms(inv);

		assert_int_equal(ms % 10, 0);
		least[i & 1] = ms < least[i & 1] ? ms : least[i & 1];
		most[i & 1] = ms > most[i & 1] ? ms : most[i & 1];
	}
	assert_int_equal(least[0], 2100);
	assert_int_equal(most[0], 4000);
	assert_int_equal(least[1], 0);
	assert_int_equal(most[1], 2000);
	invite_ack(a->inv, STR_NONE, STR_NONE);
	invite_end(a->inv, 0, STR_NONE);
	drain(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checklist_37_established),
		cmocka_unit_test(another_call_id),
		cmocka_unit_test(early_ones),
		cmocka_unit_test(over),
		cmocka_unit_test(not_of_invites),
		cmocka_unit_test(no_tag_at_all),
		cmocka_unit_test(renamed_caller),
		cmocka_unit_test(renamed_callee),
		cmocka_unit_test(renamed_early),
		cmocka_unit_test(bad_names),
		cmocka_unit_test(glare_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
