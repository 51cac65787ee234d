/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "sip/transport_test.h"

static int peer_of(void *arg, const struct sip_hop *from)
{
	return from->addr.family == 6 || from->addr.ip[3] < 100 ? 0 : SIP_NO_PEER;
}

static void receive(void *arg, const struct sip_hop *from, char *buf, size_t len)
{
	struct side *s = arg;

	s->n++;
	s->from = *from;
	snprintf(s->last, sizeof(s->last), "%.*s", (int)len, buf);
}

static void garbage(void *arg, const struct sip_hop *from, char *buf, size_t len, int error)
{
	((struct side *)arg)->n_garbage++;
}

static void broken(void *arg, const struct sip_hop *to)
{
	struct side *s = arg;

	s->n_broken++;
	s->lost = *to;
}

static int foreign(void *arg, unsigned shard, const struct transport_mail *mail, const char *buf,
		   size_t len)
{
	struct side *s = arg;
	struct letter *l = &s->two->letter[s->two->n_letters];

	assert_true(shard < SHARDS && s->two->n_letters < MAIL_MAX && len <= 1024);
	if (s->two->lose)
		return -ENOBUFS;
	*l = (struct letter){ .to = shard, .mail = *mail, .len = len };
	if (len)
		memcpy(l->text, buf, len);
	s->two->n_letters++;
	return 0;
}

static void deliver(struct two *w)
{
	for (unsigned i = 0; i < w->n_letters; i++) {
		struct letter l = w->letter[i];

		transport_foreign(w->side[l.to].t, &l.mail, l.text, l.len);
	}
	w->n_letters = 0;
}

void two_run(struct two *w, uint32_t ms)
{
	uint64_t end;

	loop_once(w->loop, 0);
	end = loop_now(w->loop) + ms;
	do {
		deliver(w);
		loop_once(w->loop, 5);
	} while (loop_now(w->loop) < end);
}

void two_until(struct two *w, const unsigned *v, unsigned want)
{
	for (unsigned i = 0; i < 300 && *v != want; i++)
		two_run(w, 5);
	assert_int_equal(*v, want);
}

void two_open(struct two *w)
{
	struct addr at, tls;
	int fd = far_listen(&at, 1);

	w->loop = loop_new();
	close(far_listen(&tls, 1));
	close(fd);
	w->net.name = "outside";
	w->net.local[0] = loopback(1, 0);
	w->net.port = at.port;
	w->net.tls_port = tls.port;
	w->net.udp = w->net.tcp = true;
	w->peer[0].name = "trunks.carrier";
	w->peer[1].name = "trunks.other";
	for (unsigned i = 0; i < SHARDS; i++) {
		struct side *s = &w->side[i];
		struct transport_options o = { .loop = w->loop,
					       .networks = &w->net,
					       .n_networks = 1,
					       .peers = w->peer,
					       .n_peers = 2,
					       .shard = (uint8_t)i,
					       .n_shards = SHARDS,
					       .limits.rate_per_source = 1000,
					       .peer_of = peer_of,
					       .receive = receive,
					       .garbage = garbage,
					       .broken = broken,
					       .foreign = foreign,
					       .arg = s };

		s->two = w;
		s->t = transport_new(&o);
		assert_non_null(s->t);
	}
}

void two_close(struct two *w)
{
	for (unsigned i = 0; i < SHARDS; i++)
		transport_free(w->side[i].t);
	loop_once(w->loop, 0);
	loop_free(w->loop);
	free(w);
}

uint64_t two_counter(struct two *w, unsigned shard, const char *name)
{
	struct box b = { .stream = w->side[shard].t->stream };

	if (strncmp(name, "transport.", 10) != 0)
		return box_counter(&b, name);
	for (unsigned i = 0; i < TRANSPORT_COUNTS; i++) {
#define X(id, text)                                                                                \
	if (i == TRANSPORT_##id && strcmp(name, text) == 0)                                        \
		return w->side[shard].t->counter[i];
		TRANSPORT_COUNTERS(X)
#undef X
	}
	fail_msg("no counter %s", name);
	return 0;
}

int two_connect(struct two *w, unsigned shard)
{
	struct box b = { .loop = w->loop, .at.local = w->net.local[0] };

	b.at.local.port = w->net.port;
	for (unsigned i = 0; i < 100; i++) {
		uint64_t before = two_counter(w, shard, "stream.accepted");
		int fd = far_connect(&b, 1);

		two_run(w, 10);
		if (two_counter(w, shard, "stream.accepted") > before)
			return fd;
		close(fd);
		two_run(w, 10);
	}
	fail_msg("never came to shard %u", shard);
	return -1;
}

void two_hears(struct two *w, int fd, const char *want)
{
	struct box b = { .loop = w->loop };

	two_run(w, 10);
	far_hears(&b, fd, want);
}
