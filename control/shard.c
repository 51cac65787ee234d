/* SPDX-License-Identifier: Apache-2.0 */
#include "shard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define MAILBOX_SIZE     4096
#define TRANSACTIONS_MAX 200000 /* bound on memory under a flood: about 0.4 GB */
#define DRAIN_MS         4000
#define STEP_MS          20
#define ENGINE_WAIT_MS   15000
#define PACE_US          300 /* what a message may wait for company, above some 3000 a second */

struct shard {
	struct shard_options o;
	struct loop *loop;
	struct seqpacket *seqpacket;
	struct sip_network *networks;
	struct addr *local;
	uint8_t *dscp;
	struct shard *const *all;
	struct ctl_shard parts;
	struct timer drain;
	unsigned drain_left; /* steps */
	struct timer watch;  /* until the engine answers at start */
	unsigned watch_left;
	pthread_t thread;
	bool started;
	uint64_t mail_lost; /* datagrams for other shards whose mailbox was full */
};

/* ---- datagrams between shards ---- */

struct foreign {
	struct sip_hop from;
	size_t len;
	char data[];
};

static void foreign_arrived(void *owner, void *data)
{
	struct shard *s = owner;
	struct foreign *f = data;

	sip_receive(s->parts.sip, &f->from, f->data, f->len);
	free(f);
}

static void foreign_post(void *arg, unsigned to, unsigned network, const struct addr *source,
			 const char *buf, size_t len)
{
	struct shard *s = arg;
	struct foreign *f = malloc(sizeof(*f) + len + SIP_PAD);

	if (!f)
		return;
	*f = (struct foreign){ .from = { .network = (uint16_t)network, .addr = *source },
			       .len = len };
	memcpy(f->data, buf, len);
	memset(f->data + len, 0, SIP_PAD);
	/* SIP repeats what matters, so a full mailbox may lose it: better than to wait here. */
	if (mailbox_post(s->all[to]->parts.mailbox, foreign_arrived, f) < 0) {
		s->mail_lost++;
		free(f);
	}
}

static void own_received(void *arg, unsigned network, const struct addr *source, char *buf,
			 size_t len)
{
	struct shard *s = arg;

	struct sip_hop from = { .network = (uint16_t)network, .addr = *source };

	sip_receive(s->parts.sip, &from, buf, len);
}

static int send_datagram(void *arg, const struct sip_hop *to, struct str data)
{
	struct shard *s = arg;

	return to->transport == SIP_UDP ? udp_send(s->parts.udp, to->network, &to->addr, data)
					: -EPROTONOSUPPORT;
}

static bool source_known(void *arg, unsigned network, const struct addr *source)
{
	struct shard *s = arg;

	struct sip_hop from = { .network = (uint16_t)network, .addr = *source };

	return trunks_peer_of(s->parts.trunks, &from) >= 0;
}

/* ---- building ---- */

static int networks_build(struct shard *s)
{
	const struct conf *conf = s->o.conf;

	s->networks = calloc(conf->n_networks, sizeof(*s->networks));
	s->local = calloc(conf->n_networks, sizeof(*s->local));
	s->dscp = calloc(conf->n_networks, sizeof(*s->dscp));
	if (!s->networks || !s->local || !s->dscp)
		return -ENOMEM;
	for (unsigned i = 0; i < conf->n_networks; i++) {
		const struct conf_network *n = &conf->networks[i];

		s->local[i] = n->address;
		s->local[i].port = n->sip_port;
		s->dscp[i] = n->sip_dscp;
		s->networks[i].name = n->name;
		s->networks[i].advertised = n->public.family ? n->public : n->address;
		s->networks[i].advertised.port = n->sip_port;
	}
	return 0;
}

static struct udp *udp_build(struct shard *s)
{
	struct udp_options o = {
		.loop = s->loop,
		.log = s->o.log,
		.local = s->local,
		.dscp = s->dscp,
		.n_networks = s->o.conf->n_networks,
		.shard = s->o.index,
		.n_shards = s->o.n_shards,
		.known = source_known,
		.receive = own_received,
		.foreign = foreign_post,
		.arg = s,
	};

	return udp_new(&o);
}

static struct media_shard *media_build(struct shard *s)
{
	struct media_shard_options o = {
		.loop = s->loop,
		.log = s->o.log,
		.conf = s->o.conf,
		.transport = seqpacket_transport(s->seqpacket),
		.shard = s->o.index,
		.n_shards = s->o.n_shards,
	};

	return media_shard_new(&o);
}

static struct trunks *trunks_build(struct shard *s)
{
	struct trunks_options o = { .loop = s->loop, .log = s->o.log, .conf = s->o.conf };

	return trunks_new(&o);
}

static struct calls *calls_build(struct shard *s)
{
	struct calls_options o = {
		.loop = s->loop,
		.log = s->o.log,
		.conf = s->o.conf,
		.limits = s->o.limits,
		.media = s->parts.media,
		.trunks = s->parts.trunks,
		.shard = s->o.index,
	};

	return calls_new(&o);
}

static struct sip *sip_build(struct shard *s)
{
	struct sip_options o = {
		.loop = s->loop,
		.log = s->o.log,
		.io = { .send = send_datagram, .arg = s },
		.user = calls_sip_user(s->parts.calls),
		.timers = { s->o.conf->sip.t1_ms, s->o.conf->sip.t2_ms, s->o.conf->sip.t4_ms },
		.networks = s->networks,
		.n_networks = s->o.conf->n_networks,
		.shard = s->o.index,
		.n_shards = s->o.n_shards,
		.max_transactions = TRANSACTIONS_MAX,
	};

	return sip_new(&o);
}

static void drain_step(void *arg)
{
	struct shard *s = arg;

	if (calls_count(s->parts.calls) == 0 || s->drain_left-- == 0)
		loop_stop(s->loop);
	else
		timer_start(s->loop, &s->drain, STEP_MS);
}

/* ---- start: say which data path carries the media, then say "ready" ---- */

static void data_path(void *arg, const char *network, const char *driver, const char *why)
{
	struct shard *s = arg;

	log_notice(s->o.log, "media", "%s: %s%s%s", network, driver, *why ? ", " : "", why);
}

static void data_path_done(void *arg, int status)
{
	struct shard *s = arg;

	s->o.ready(s->o.ready_arg);
}

static void watch_engine(void *arg)
{
	struct shard *s = arg;
	struct engine *e = media_engine(s->parts.media);
	struct engine_dump d = { .port = data_path, .done = data_path_done, .arg = s };

	if (engine_is_up(e) && engine_dump(e, &d) == 0)
		return;
	if (s->watch_left-- > 0) {
		timer_start(s->loop, &s->watch, STEP_MS);
		return;
	}
	log_error(s->o.log, "media",
		  "sluice-dp does not answer on %s; every call gets 503 until it does",
		  s->o.conf->process.engine);
	s->o.ready(s->o.ready_arg);
}

struct shard *shard_new(const struct shard_options *o)
{
	struct shard *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return NULL;
	s->o = *o;
	s->o.conf = conf_get(o->conf);
	s->parts.index = o->index;
	timer_init(&s->drain, drain_step, s);
	timer_init(&s->watch, watch_engine, s);
	errno = ENOMEM;
	s->loop = loop_new();
	if (s->loop)
		loop_pace(s->loop, PACE_US);
	if (s->loop && networks_build(s) == 0 &&
	    (s->parts.mailbox = mailbox_new(s->loop, MAILBOX_SIZE, s)) &&
	    (s->seqpacket = seqpacket_new(s->loop, o->log, o->conf->process.engine)) &&
	    (s->parts.udp = udp_build(s)) && (s->parts.media = media_build(s)) &&
	    (s->parts.trunks = trunks_build(s)) && (s->parts.calls = calls_build(s)) &&
	    (s->parts.sip = sip_build(s))) {
		calls_set_sip(s->parts.calls, s->parts.sip);
		return s;
	}
	err = errno;
	shard_free(s);
	errno = err;
	return NULL;
}

void shard_introduce(struct shard *s, struct shard *const *all)
{
	s->all = all;
}

const struct ctl_shard *shard_ctl(const struct shard *s)
{
	return &s->parts;
}

/* ---- life ---- */

static void *shard_main(void *arg)
{
	struct shard *s = arg;
	char name[16];
	int err;

	snprintf(name, sizeof(name), "shard-%u", s->o.index);
	pthread_setname_np(pthread_self(), name);
	if (s->o.ready) {
		s->watch_left = ENGINE_WAIT_MS / STEP_MS;
		timer_start(s->loop, &s->watch, 0);
	}
	err = loop_run(s->loop);
	if (err < 0)
		log_error(s->o.log, "shard", "shard %u stopped: %s", s->o.index, strerror(-err));
	return NULL;
}

int shard_start(struct shard *s)
{
	sigset_t all, before;
	int err;

	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&s->thread, NULL, shard_main, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	s->started = err == 0;
	return -err;
}

static void drain_begin(void *owner, void *data)
{
	struct shard *s = owner;

	calls_drain(s->parts.calls);
	s->drain_left = DRAIN_MS / STEP_MS;
	timer_start(s->loop, &s->drain, STEP_MS);
}

void shard_stop(struct shard *s)
{
	if (mailbox_post(s->parts.mailbox, drain_begin, NULL) < 0)
		loop_stop(s->loop);
}

void shard_join(struct shard *s)
{
	if (s->started)
		pthread_join(s->thread, NULL);
	s->started = false;
}

void shard_free(struct shard *s)
{
	if (!s)
		return;
	if (s->loop) {
		timer_stop(s->loop, &s->drain);
		timer_stop(s->loop, &s->watch);
	}
	if (s->parts.calls)
		calls_free(s->parts.calls);
	if (s->parts.sip)
		sip_free(s->parts.sip);
	trunks_free(s->parts.trunks);
	if (s->parts.media)
		media_shard_free(s->parts.media);
	if (s->parts.udp)
		udp_free(s->parts.udp);
	if (s->seqpacket)
		seqpacket_free(s->seqpacket);
	if (s->parts.mailbox)
		mailbox_free(s->parts.mailbox);
	if (s->loop)
		loop_free(s->loop);
	conf_put(s->o.conf);
	free(s->networks);
	free(s->local);
	free(s->dscp);
	free(s);
}
