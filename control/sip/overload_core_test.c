/* SPDX-License-Identifier: Apache-2.0 */
/* What the core does for overload control: refusals, repetitions, RFC 7339 in Via. */
#include "sip/world_test.h"

struct oc {
	bool speaks, held;
	unsigned n_got;
	char got[128];
};

static bool speaks(void *arg, int peer)
{
	return ((struct oc *)arg)->speaks && peer == 7;
}

static void put(void *arg, int peer, struct buf *b)
{
	buf_lit(b, ";oc=20;oc-algo=\"loss\";oc-validity=500;oc-seq=1.5");
}

static void got(void *arg, int peer, struct str via_params)
{
	struct oc *o = arg;

	o->n_got++;
	snprintf(o->got, sizeof(o->got), "%.*s", STR_FMT(via_params));
}

static bool may_send(void *arg, int peer)
{
	return !((struct oc *)arg)->held;
}

static void set_oc(struct world *w, struct oc *o)
{
	w->sip->oc = (struct sip_oc){
		.speaks = speaks, .put = put, .got = got, .may_send = may_send, .arg = o
	};
}

static const char invite[] =
	"INVITE sip:b@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKx%s\r\n"
	"Max-Forwards: 70\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: c1\r\n"
	"CSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.99>\r\nContent-Length: 0\r\n\r\n";

static void refuse(struct world *w, const char *text, unsigned after)
{
	size_t n = strlen(text);
	char *mem = malloc(n + SIP_PAD);

	memcpy(mem, text, n);
	memset(mem + n, 0, SIP_PAD);
	sip_refuse(w->sip, &w->far_hop, mem, n, after);
	free(mem);
}

/* Nothing is kept, and who must not be answered is not. */
static void refusals(void **state)
{
	struct world *w = world_new();
	char text[1024];

	snprintf(text, sizeof(text), invite, "");
	refuse(w, text, 7);
	assert_int_equal(w->n_sent, 1);
	assert_true(sent_is(w, 0, "SIP/2.0 503 "));
	assert_string_equal(field(w, 0, "Retry-After"), "7");
	assert_string_equal(field(w, 0, "Call-ID"), "c1");
	refuse(w, text, 0);
	assert_true(sent_is(w, 1, "SIP/2.0 503 "));
	assert_string_equal(field(w, 1, "Retry-After"), "");
	assert_int_equal(w->n_invites, 0);
	memcpy(text, "ACK   ", 6);
	refuse(w, text, 1);
	refuse(w, "SIP/2.0 200 OK\r\nVia: x\r\n\r\n", 1);
	refuse(w, "\r\n\r\n", 1);
	assert_int_equal(w->n_sent, 2);
	assert_empty(w);
	world_free(w);
}

static bool again(struct world *w, const char *text)
{
	size_t n = strlen(text);
	char *mem = malloc(n); /* exactly: the sanitizer sees a step too far */
	bool is;

	memcpy(mem, text, n);
	is = sip_again(w->sip, mem, n);
	free(mem);
	return is;
}

static void repetitions(void **state)
{
	struct world *w = world_new();
	char text[1024], other[1024];

	snprintf(text, sizeof(text), invite, "");
	snprintf(other, sizeof(other), invite, "y");
	assert_false(again(w, text));
	inject(w, text);
	assert_int_equal(w->n_invites, 1);
	assert_true(again(w, text));
	assert_false(again(w, other));
	assert_true(again(w, "INVITE x\r\nFrom: y\r\nv:\r\n SIP/2.0/UDP\r\n 192.0.2.99 ;x\r\n ;"
			     "branch=z9hG4bKx\r\nVia: z\r\n\r\n"));
	assert_false(again(w, "BYE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP "
			      "192.0.2.99;branch=z9hG4bKx\r\n\r\n"));
	assert_false(again(w, "INVITE"));
	assert_false(again(w, "INVITE x\r\nVia"));
	assert_false(again(w, ""));
	invite_end(w->inv, 486, STR_NONE);
	advance(w, 40000);
	assert_false(again(w, text));
	world_free(w);
}

/* RFC 7339 4.1, 5.1: the parameters take the place of what the client said. */
static void oc_in_responses(void **state)
{
	struct world *w = world_new();
	struct oc o = { .speaks = true };
	char text[1024];

	set_oc(w, &o);
	snprintf(text, sizeof(text), invite, ";oc;oc-algo=\"loss,A\";x=y");
	inject(w, text);
	assert_true(sent_is(w, 0, "SIP/2.0 100 "));
	assert_non_null(strstr(field(w, 0, "Via"), ";x=y;oc=20;oc-algo=\"loss\";oc-validity=500;"
						   "oc-seq=1.5;received="));
	assert_null(strstr(field(w, 0, "Via"), ";oc;"));
	assert_null(strstr(field(w, 0, "Via"), "loss,A"));
	refuse(w, text, 0);
	assert_non_null(strstr(field(w, 1, "Via"), ";oc=20;"));
	/* Who says nothing of it hears nothing; and where we do not speak it nothing is changed. */
	snprintf(text, sizeof(text), invite, "z;ocx=1");
	refuse(w, text, 0);
	assert_null(strstr(field(w, 2, "Via"), ";oc="));
	assert_non_null(strstr(field(w, 2, "Via"), ";ocx=1"));
	o.speaks = false;
	snprintf(text, sizeof(text), invite, "z;oc;oc-algo=\"loss\"");
	refuse(w, text, 0);
	assert_non_null(strstr(field(w, 3, "Via"), ";oc;oc-algo=\"loss\";received="));
	invite_end(w->inv, 486, STR_NONE);
	world_free(w);
}

static void oc_in_requests(void **state)
{
	struct world *a, *b;
	struct oc o = { .speaks = true }, far = { .speaks = true };

	world_pair(&a, &b);
	set_oc(a, &o);
	set_oc(b, &far);
	call(a);
	assert_non_null(strstr(field(a, 0, "Via"), ";oc;oc-algo=\"loss\""));
	advance(a, 10);
	assert_true(o.n_got > 0);
	assert_non_null(strstr(o.got, ";oc=20;oc-algo=\"loss\";oc-validity=500;oc-seq=1.5"));
	reply(b, 200, "sdp");
	advance(a, 10);
	invite_ack(a->inv, STR_NONE, STR_NONE);
	assert_non_null(strstr(field(a, -1, "Via"), ";oc;"));
	advance(a, 10);
	invite_end(a->inv, 0, STR_NONE);
	assert_true(sent_is(a, -1, "BYE"));
	assert_non_null(strstr(field(a, -1, "Via"), ";oc;"));
	advance(a, 40000);
	o.speaks = false;
	o.n_got = 0;
	call(a);
	assert_null(strstr(field(a, -1, "Via"), ";oc"));
	advance(a, 10);
	assert_int_equal(o.n_got, 0);
	world_free(a);
}

/* 5.5: a new call is not sent; 5.10.1: but an emergency call is. */
static void oc_holds_calls(void **state)
{
	struct world *w = world_new();
	struct oc o = { .speaks = true, .held = true };
	struct invite_params p = {
		.targets = { &w->far_hop, 1, 0 },
		.ruri = STR("sip:b@192.0.2.99"),
		.from = STR("<sip:a@x>"),
		.to = STR("<sip:b@x>"),
		.max_forwards = 70,
		.arg = w,
	};

	set_oc(w, &o);
	assert_null(invite_send(w->sip, &p));
	assert_int_equal(errno, EBUSY);
	assert_int_equal(w->n_sent, 0);
	assert_empty(w);
	p.ruri = STR("urn:service:sos.police");
	assert_non_null(invite_send(w->sip, &p));
	assert_int_equal(w->n_sent, 1);
	o.held = false;
	p.ruri = STR("sip:b@192.0.2.99");
	assert_non_null(invite_send(w->sip, &p));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals),        cmocka_unit_test(repetitions),
		cmocka_unit_test(oc_in_responses), cmocka_unit_test(oc_in_requests),
		cmocka_unit_test(oc_holds_calls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
