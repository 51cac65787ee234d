/* SPDX-License-Identifier: Apache-2.0 */
/* libosip2 and Sofia-SIP as a process: see view.h. */
#include <osipparser2/osip_parser.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/sip_util.h>
#include <sofia-sip/su.h>
#include <unistd.h>
#include "view.h"

static void osip_tag(struct view *v, enum view_value which, osip_from_t *from)
{
	osip_generic_param_t *tag = NULL;
	char name[] = "tag";

	if (from && osip_generic_param_get_byname(&from->gen_params, name, &tag) == 0 && tag &&
	    tag->gvalue)
		view_text(v, which, tag->gvalue);
}

static void osip_call_id(struct view *v, const osip_message_t *m)
{
	char text[2 * DATAGRAM_MAX];
	const osip_call_id_t *id = m->call_id;

	if (!id || !id->number)
		return;
	snprintf(text, sizeof(text), "%s%s%s", id->number, id->host ? "@" : "",
		 id->host ? id->host : "");
	view_text(v, VIEW_CALL_ID, text);
}

static void read_osip(struct view *v, osip_message_t *m)
{
	osip_body_t *body = NULL;

	if (m->status_code)
		view_number(v, VIEW_METHOD, (unsigned long)m->status_code);
	else
		view_text(v, VIEW_METHOD, m->sip_method);
	osip_call_id(v, m);
	osip_tag(v, VIEW_FROM_TAG, m->from);
	osip_tag(v, VIEW_TO_TAG, m->to);
	if (m->content_length && m->content_length->value)
		view_number(v, VIEW_LENGTH, strtoul(m->content_length->value, NULL, 10));
	if (osip_message_get_body(m, 0, &body) >= 0 && body && body->body)
		view_set(v, VIEW_BODY, body->body, body->length);
}

static void parse_osip(struct view *v, const char *p, size_t n)
{
	osip_message_t *m = NULL;

	view_clear(v);
	if (osip_message_init(&m))
		abort();
	v->accepted = osip_message_parse(m, p, n) == 0;
	if (v->accepted)
		read_osip(v, m);
	osip_message_free(m);
}

static void read_sofia(struct view *v, const sip_t *s)
{
	if (s->sip_status)
		view_number(v, VIEW_METHOD, (unsigned long)s->sip_status->st_status);
	else if (s->sip_request)
		view_text(v, VIEW_METHOD, s->sip_request->rq_method_name);
	if (s->sip_call_id)
		view_text(v, VIEW_CALL_ID, s->sip_call_id->i_id);
	if (s->sip_from)
		view_text(v, VIEW_FROM_TAG, s->sip_from->a_tag);
	if (s->sip_to)
		view_text(v, VIEW_TO_TAG, s->sip_to->a_tag);
	if (s->sip_content_length)
		view_number(v, VIEW_LENGTH, s->sip_content_length->l_length);
	if (s->sip_payload)
		view_set(v, VIEW_BODY, s->sip_payload->pl_data, s->sip_payload->pl_len);
}

/* Copies the datagram to where the message wants it. */
static void pour(msg_t *msg, const char *p, size_t n)
{
	while (n) {
		void *mem = NULL;
		issize_t room = msg_recv_buffer(msg, &mem);
		size_t take = room > 0 && (size_t)room < n ? (size_t)room : n;

		if (room <= 0 || !mem)
			abort();
		memcpy(mem, p, take);
		p += take;
		n -= take;
		msg_recv_commit(msg, take, n == 0);
	}
}

static void parse_sofia(struct view *v, const char *p, size_t n)
{
	msg_t *msg = msg_create(sip_default_mclass(), 0);
	const sip_t *s;

	view_clear(v);
	if (!msg)
		abort();
	pour(msg, p, n);
	v->accepted = msg_extract(msg) > 0;
	s = (const sip_t *)msg_object(msg);
	v->accepted =
		v->accepted && s && !(s->sip_flags & MSG_FLG_ERROR) && sip_sanity_check(s) == 0;
	if (v->accepted)
		read_sofia(v, s);
	msg_destroy(msg);
}

int main(void)
{
	static char datagram[DATAGRAM_MAX];
	static struct view v[PEERS];
	/* the parsers say things on both */
	FILE *out = fdopen(dup(1), "w"), *silence = fopen("/dev/null", "w");
	size_t n;

	if (!out || !silence || dup2(fileno(silence), 1) < 0 || dup2(fileno(silence), 2) < 0 ||
	    su_init() || parser_init())
		return 1;
	while (fread(&n, sizeof(n), 1, stdin) == 1) {
		if (n > sizeof(datagram) || fread(datagram, 1, n, stdin) != n)
			return 1;
		parse_osip(&v[0], datagram, n);
		parse_sofia(&v[1], datagram, n);
		for (size_t i = 0; i < PEERS; i++)
			view_write(&v[i], out);
		if (fflush(out))
			return 1;
	}
	return 0;
}
