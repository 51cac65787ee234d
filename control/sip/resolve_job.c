/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3263 4 as steps: NAPTR, SRV, addresses; each waits for all its lookups. What is known is not asked
 * again, so a job may run through without waiting. */
#include <errno.h>
#include "sip/resolve_priv.h"

#define BIT(t) (1u << (t))

static void advance(struct resolve_job *job);

/* ---- lookups ---- */

static void arrived(struct dns_wait *w)
{
	struct resolve_job *job = w->arg;

	if (!--job->waiting) {
		advance(job);
		if (job->step == RESOLVE_DONE)
			resolve_job_ready(job);
	}
}

static void look_up(struct resolve_job *job, struct dns_wait *w, enum dns_type type,
		    const char *name)
{
	w->done = arrived;
	w->arg = job;
	if (!dns_cache_get(job->r->cache, w, type, name, job->q.fresh_ms))
		job->waiting++;
}

/* The set of a finished lookup, or NULL. */
static const struct dns_set *result(struct resolve_job *job, const struct dns_wait *w)
{
	if (!w->set) {
		if (!job->failed && w->status != -ENOENT)
			job->failed = w->status;
		return NULL;
	}
	if (w->left_ms < job->answer.ttl_ms)
		job->answer.ttl_ms = w->left_ms;
	return w->set;
}

static void finish(struct resolve_job *job, int status)
{
	struct resolve_answer *a = &job->answer;

	a->status = a->n ? 0 : status ? status : -ENOENT;
	if (a->status)
		a->ttl_ms = 0;
	job->step = RESOLVE_DONE;
}

/* ---- transports ---- */

/* sips goes by TLS only. */
static uint8_t usable(const struct resolve_query *q)
{
	return q->sips ? q->transports & BIT(SIP_TLS) : q->transports;
}

/* RFC 3263 4.1: where nothing else decides, UDP, and TLS for sips; what we do not have is left out. */
static enum sip_transport default_transport(uint8_t transports)
{
	for (unsigned t = 0; t < SIP_TRANSPORTS; t++)
		if (transports & BIT(t))
			return t;
	return SIP_TRANSPORTS;
}

/* ---- addresses ---- */

static bool reachable(const struct resolve_job *job, const struct addr *a)
{
	return a->family == 4 ? job->q.ip4 : job->q.ip6;
}

struct gathered {
	struct resolve_target target[4 * RESOLVE_MAX];
	unsigned n;
};

static void gather(struct gathered *g, const struct addr *a, const struct resolve_place *p)
{
	struct resolve_target *t = &g->target[g->n];

	if (g->n == sizeof(g->target) / sizeof(g->target[0]))
		return;
	*t = (struct resolve_target){ .addr = *a, .transport = p->transport };
	t->addr.port = p->port;
	for (unsigned i = 0; i < g->n; i++)
		if (g->target[i].transport == t->transport && addr_eq(&g->target[i].addr, &t->addr))
			return;
	g->n++;
}

/* The living in their order, then the dead, oldest failure first. */
static void settle(struct resolve_job *job, const struct gathered *g)
{
	struct resolve_answer *a = &job->answer;
	uint64_t since[4 * RESOLVE_MAX], last = 0;

	for (unsigned i = 0; i < g->n; i++) {
		since[i] = dead_since(job->r->dead, &g->target[i]);
		if (!since[i] && a->n < RESOLVE_MAX)
			a->target[a->n++] = g->target[i];
	}
	while (a->n < RESOLVE_MAX) {
		unsigned first = g->n;

		for (unsigned i = 0; i < g->n; i++)
			if (since[i] > last && (first == g->n || since[i] < since[first]))
				first = i;
		if (first == g->n)
			return;
		last = since[first];
		a->target[a->n++] = g->target[first];
	}
}

/* Both families of one host as RFC 6724 orders them (RFC 7984 3), each as it came. */
static void gather_place(struct gathered *g, struct resolve_job *job, const struct resolve_place *p)
{
	const struct dns_set *set[2] = { result(job, &p->aaaa), result(job, &p->a) };

	for (unsigned limit = UINT32_MAX, next = 0;; limit = next, next = 0) {
		for (unsigned k = 0; k < 2; k++)
			for (unsigned i = 0; set[k] && i < set[k]->n; i++) {
				unsigned v = addr_precedence(&set[k]->addr[i]) + 1;

				if (v == limit)
					gather(g, &set[k]->addr[i], p);
				else if (v < limit && v > next)
					next = v;
			}
		if (!next)
			return;
	}
}

static void addresses_known(struct resolve_job *job)
{
	struct gathered g = { .n = 0 };

	for (unsigned i = 0; i < job->n_places; i++)
		gather_place(&g, job, &job->place[i]);
	settle(job, &g);
	finish(job, job->failed);
}

static void ask_addresses(struct resolve_job *job)
{
	job->step = RESOLVE_ADDRESS;
	for (unsigned i = 0; i < job->n_places; i++) {
		struct resolve_place *p = &job->place[i];

		p->a.status = p->aaaa.status = -ENOENT;
		if (job->q.ip6)
			look_up(job, &p->aaaa, DNS_AAAA, p->host);
		if (job->q.ip4)
			look_up(job, &p->a, DNS_A, p->host);
	}
}

static void add_place(struct resolve_job *job, const char *host, uint16_t port, uint8_t transport)
{
	struct resolve_place *p = job->place;

	for (; p < job->place + job->n_places; p++)
		if (p->port == port && p->transport == transport && strcmp(p->host, host) == 0)
			return;
	if (job->n_places == RESOLVE_MAX)
		return;
	p->host = host;
	p->port = port;
	p->transport = transport;
	job->n_places++;
}

/* The host itself: 4.2, no SRV. */
static void ask_host(struct resolve_job *job, enum sip_transport t)
{
	if (t == SIP_TRANSPORTS) {
		finish(job, -ENOENT);
		return;
	}
	add_place(job, job->name, job->q.port ? job->q.port : sip_default_port(t), (uint8_t)t);
	ask_addresses(job);
}

/* ---- SRV ---- */

/* No server at all: the addresses of the host, by the most preferred transport whose service is not refused.
 * A silent server is no such statement: somebody else may stand at the host's own address. */
static void no_services(struct resolve_job *job, uint8_t refused)
{
	enum sip_transport t = SIP_TRANSPORTS;

	for (unsigned i = job->n_services; i--;)
		if (!(refused & BIT(job->service[i].transport)))
			t = job->service[i].transport;
	if (job->failed == -ETIMEDOUT)
		finish(job, job->failed);
	else
		ask_host(job, t);
}

static void services_known(struct resolve_job *job)
{
	uint8_t refused = 0, order[DNS_RECORDS];

	job->failed = 0; /* of NAPTR: SRV does without it */
	for (unsigned i = 0; i < job->n_services; i++) {
		struct resolve_service *s = &job->service[i];
		const struct dns_set *set = result(job, &s->wait);
		unsigned n = set ? dns_srv_draw(job->r->o.loop, set, order) : 0;

		if (set && set->refused)
			refused |= BIT(s->transport);
		for (unsigned k = 0; k < n; k++)
			add_place(job, set->srv[order[k]].target, set->srv[order[k]].port,
				  s->transport);
	}
	if (job->n_places)
		ask_addresses(job);
	else
		no_services(job, refused);
}

static void ask_service(struct resolve_job *job, enum sip_transport t, const char *name)
{
	struct resolve_service *s = &job->service[job->n_services];

	if (job->n_services == RESOLVE_SERVICES)
		return;
	job->n_services++;
	s->transport = (uint8_t)t;
	s->wait.status = -ENOENT;
	if (name)
		look_up(job, &s->wait, DNS_SRV, name);
}

/* The names of RFC 3263 4.1 for each of these transports. */
static void ask_services(struct resolve_job *job, uint8_t transports)
{
	char name[DNS_NAME_MAX];

	job->step = RESOLVE_SRV;
	for (unsigned t = 0; t < SIP_TRANSPORTS; t++)
		if (transports & BIT(t))
			ask_service(job, t, dns_srv_name(t, job->name, name) == 0 ? name : NULL);
}

/* ---- NAPTR ---- */

static void naptr_known(struct resolve_job *job)
{
	const struct dns_set *set = result(job, &job->naptr);
	uint8_t chosen[DNS_RECORDS];
	unsigned n = set ? dns_naptr_choose(set, usable(&job->q), chosen) : 0;

	if (!n) {
		ask_services(job, usable(&job->q));
		return;
	}
	job->step = RESOLVE_SRV;
	for (unsigned i = 0; i < n; i++)
		ask_service(job, set->naptr[chosen[i]].transport,
			    set->naptr[chosen[i]].replacement);
}

static void ask_naptr(struct resolve_job *job)
{
	job->step = RESOLVE_NAPTR;
	look_up(job, &job->naptr, DNS_NAPTR, job->name);
}

/* ---- the whole ---- */

/* The next step, as often as the lookups of one are all answered. The count is held meanwhile: a lookup may
 * end another one of this job. */
static void advance(struct resolve_job *job)
{
	static void (*const known[])(struct resolve_job *) = {
		[RESOLVE_NAPTR] = naptr_known,
		[RESOLVE_SRV] = services_known,
		[RESOLVE_ADDRESS] = addresses_known,
	};

	do {
		job->waiting++;
		known[job->step](job);
		job->waiting--;
	} while (!job->waiting && job->step != RESOLVE_DONE);
}

/* "localhost" is ours and not the servers' (RFC 6761 6.3). */
static bool is_localhost(struct str host)
{
	static const struct str name = { "localhost", 9 };

	if (host.n && host.p[host.n - 1] == '.')
		host.n--;
	return str_caseeq(host, name);
}

static void literal(struct resolve_job *job, struct addr *a, enum sip_transport t)
{
	struct resolve_answer *answer = &job->answer;

	a->port = job->q.port ? job->q.port : sip_default_port(t);
	if (reachable(job, a))
		answer->target[answer->n++] = (struct resolve_target){ *a, (uint8_t)t };
	finish(job, 0);
}

static void begin(struct resolve_job *job, struct str host, uint8_t transports)
{
	bool given = job->q.transport != SIP_TRANSPORTS;
	enum sip_transport t = default_transport(transports);
	struct addr a;

	if (t == SIP_TRANSPORTS || (!job->q.ip4 && !job->q.ip6))
		finish(job, -ENOENT);
	else if (addr_parse(host, &a) == 0)
		literal(job, &a, t);
	else if (is_localhost(host) &&
		 addr_parse(job->q.ip4 ? STR("127.0.0.1") : STR("::1"), &a) == 0)
		literal(job, &a, t);
	else if (dns_name(host, job->name) < 0)
		finish(job, -ENOENT);
	else if (job->q.port)
		ask_host(job, t);
	else if (given)
		ask_services(job, transports);
	else
		ask_naptr(job);
}

void resolve_job_start(struct resolve_job *job, struct str host)
{
	uint8_t transports = usable(&job->q);

	if (job->q.sips && job->q.transport == SIP_TCP)
		job->q.transport = SIP_TLS; /* RFC 3261 26.2.2 */
	if (job->q.transport < SIP_TRANSPORTS)
		transports &= BIT(job->q.transport);
	job->answer.ttl_ms = UINT32_MAX;
	job->waiting = 1;
	begin(job, host, transports);
	if (!--job->waiting && job->step != RESOLVE_DONE)
		advance(job);
}

void resolve_job_end(struct resolve_job *job)
{
	dns_wait_end(&job->naptr);
	for (unsigned i = 0; i < job->n_services; i++)
		dns_wait_end(&job->service[i].wait);
	for (unsigned i = 0; i < job->n_places; i++) {
		dns_wait_end(&job->place[i].a);
		dns_wait_end(&job->place[i].aaaa);
	}
}
