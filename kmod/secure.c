// SPDX-License-Identifier: GPL-2.0-only
/* The cipher of one packet: relay/srtp.c says with which key and index, key.c does it, at once as a rule, under the lock, so that
 * packets stay in order. Where it answers later, the job has a reference on the flow, and the packet is dropped
 * if the flow has ended or has another rule by then. Jobs that begin meanwhile line up behind it with their answers, on
 * whichever processor they are done: a stream does not overtake itself. */
#include "path_priv.h"

#define LINE_MAX 256 /* then order is lost, and no packet */

/* RTCP that shares the RTP port is the other component's. */
static void tell_index(struct sluice_path *path, bool is_rtcp, struct outbox *out)
{
	struct sluice_path *of = is_rtcp ? &path->flow->path[path->dir.side][RELAY_RTCP] : path;

	if (unlikely(of->dir.srtp->tell))
		outbox_index(out, of);
}

/* ---- jobs ---- */

static void answered(struct sluice_job *job, int err);

/* The packet is the job's when there is one. NULL: no memory. */
static struct sluice_job *begin(struct sluice_path *path, struct sluice_key *key,
				const struct passing *p, const struct relay_crypt *how,
				bool sealing)
{
	struct sluice_job *job = job_new(key);

	if (!job)
		return NULL;
	job->how = *how;
	job->skb = p->skb;
	job->path = path;
	job->src = p->r.src;
	job->now_us = p->r.now_us;
	job->gen = path->rule->flow.gen;
	job->ttl = p->ttl;
	job->guessed = false;
	job->sealing = sealing;
	job->done = answered;
	refcount_inc(&path->flow->refs);
	return job;
}

static void end(struct sluice_job *job)
{
	struct sluice_flow *f = job->path->flow;

	job_free(job);
	flow_put(f);
}

/* ---- lines ---- */

static struct list_head *line_of(const struct sluice_job *job)
{
	return job->sealing ? &job->path->sealing : &job->path->opening;
}

static void line_add(struct sluice_job *job, struct list_head *before)
{
	list_add_tail(&job->line, before);
	job->path->n_jobs++;
}

/* Whoever is told that it answers later has the job no more; its answer waits for the lock. `before`: its place in the line. */
static bool answers_later(struct sluice_job *job, struct list_head *before)
{
	job->answered = false;
	job->err = job_run(job);
	if (job->err != -EINPROGRESS)
		return false;
	line_add(job, before);
	sluice_count(job->path->flow->sn, cipher_later);
	return true;
}

/* True: others are before it, and it is in the line. */
static bool lines_up(struct sluice_job *job)
{
	struct list_head *line = line_of(job);

	if (list_empty(line) || job->path->n_jobs >= LINE_MAX)
		return false;
	job->answered = true;
	line_add(job, line);
	return true;
}

/* The first of a line, if it is its turn. */
static struct sluice_job *line_next(struct sluice_path *path, struct list_head *line)
{
	struct sluice_job *job = list_first_entry_or_null(line, struct sluice_job, line);

	if (!job || !job->answered)
		return NULL;
	list_del(&job->line);
	path->n_jobs--;
	return job;
}

/* Of a job that answered later. */
static bool is_stale(const struct sluice_job *job)
{
	return job->path->flow->dead || job->path->rule->flow.gen != job->gen;
}

static void job_drop(struct sluice_job *job, unsigned int reason)
{
	path_drop(job->path, job->skb, reason);
	end(job);
}

/* Neither the packet nor its key is at fault, or nobody can tell. */
static void job_fail(struct sluice_job *job)
{
	job->path->dir.dropped++;
	job_drop(job, RELAY_DROP_SRTP_KEY);
}

/* ---- in ---- */

/* Were there no key before, the tag would be wrong under any. */
static struct sluice_key *open_key(const struct sluice_path *path, const struct relay_crypt *how)
{
	const struct sluice_rule *r = path->rule;
	unsigned int side = path->dir.side;

	return how->old && r->old[side] ? r->old[side] : r->in[side];
}

static void opened(struct sluice_job *job, struct outbox *out);

/* Once more, as job->how says by now. */
static void open_again(struct sluice_job *job, struct passing *p, struct outbox *out)
{
	struct sluice_path *path = job->path;
	struct sluice_key *key = open_key(path, &job->how);
	struct sluice_job *next = job;

	if (key != job->key) { /* a job is made for its key */
		next = begin(path, key, p, &job->how, false);
		if (!next) {
			path->dir.dropped++;
			job_drop(job, SLUICE_DROP_RX_MEMORY);
			return;
		}
		next->guessed = job->guessed;
		end(job);
	}
	if (!answers_later(next, path->opening.next)) /* it keeps its place, which is the first */
		opened(next, out);
}

/* Packets that were opened meanwhile may have told more of the stream than there was to know when this one's index was a guess
 * from its sequence number alone. True: the job goes on, or is ended. */
static bool guess_again(struct sluice_job *job, struct passing *p, struct outbox *out)
{
	struct sluice_path *path = job->path;
	u64 before = job->how.index;
	u8 old = job->how.old;

	if (job->guessed)
		return false;
	job->guessed = true;
	if (relay_open(&path->dir, &path->rtp->dir, &p->r, &job->how) != RELAY_FORWARD) {
		job_drop(job, job->how.drop);
		return true;
	}
	if (job->how.index == before && job->how.old == old)
		return false;
	open_again(job, p, out);
	return true;
}

/* Its turn has come. */
static void opened(struct sluice_job *job, struct outbox *out)
{
	struct sluice_path *path = job->path;
	int err = job->err;
	struct passing p = { .r = { .payload = job->skb->data,
				    .len = job->skb->len,
				    .src = job->src,
				    .now_us = job->now_us },
			     .skb = job->skb,
			     .ttl = job->ttl };
	bool again = false;

	if (err && err != -EBADMSG) {
		job_fail(job);
		return;
	}
	if (err && guess_again(job, &p, out))
		return;
	if (!relay_opened(&path->dir, &p.r, &job->how, !err, &again)) {
		if (again)
			open_again(job, &p, out);
		else
			job_drop(job, job->how.drop);
		return;
	}
	tell_index(path, job->how.is_rtcp, out);
	end(job);
	path_judge(path, &p, out);
}

void secure_open(struct sluice_path *path, struct passing *p, struct outbox *out)
{
	struct relay_crypt how;
	struct sluice_job *job;

	switch (relay_open(&path->dir, &path->rtp->dir, &p->r, &how)) {
	case RELAY_FORWARD:
		break;
	case RELAY_PUNT: /* relay_plan() says what it is */
		path_judge(path, p, out);
		return;
	default:
		path_drop(path, p->skb, how.drop);
		return;
	}
	job = begin(path, open_key(path, &how), p, &how, false);
	if (!job) {
		path->dir.dropped++;
		path_drop(path, p->skb, SLUICE_DROP_RX_MEMORY);
		return;
	}
	if (!answers_later(job, &path->opening) && !lines_up(job))
		opened(job, out);
}

/* ---- out ---- */

/* Its turn has come. */
static void sealed(struct sluice_job *job, struct outbox *out)
{
	if (job->err) {
		job_fail(job);
		return;
	}
	outbox_send(out, job->path, job->skb, &job->plan, job->ttl);
	end(job);
}

static bool has_tail(struct sk_buff *skb)
{
	int more = KEY_OVERHEAD - skb_tailroom(skb);

	return more <= 0 || !pskb_expand_head(skb, 0, more, GFP_ATOMIC);
}

void secure_seal(struct sluice_path *path, struct passing *p, const struct relay_plan *plan,
		 struct outbox *out)
{
	struct relay_crypt how;
	struct sluice_job *job = NULL;

	if (!relay_seal(&path->dir, &p->r, plan, &how)) {
		path_drop(path, p->skb, how.drop);
		return;
	}
	tell_index(path, how.is_rtcp, out);
	if (has_tail(p->skb))
		job = begin(path, path->rule->out[!path->dir.side], p, &how, true);
	if (!job) {
		path->dir.dropped++;
		path_drop(path, p->skb, SLUICE_DROP_TX_MEMORY);
		return;
	}
	p->skb->ip_summed = CHECKSUM_PARTIAL;
	job->plan = *plan;
	if (!answers_later(job, &path->sealing) && !lines_up(job))
		sealed(job, out);
}

/* ---- later ---- */

/* BH disabled, no lock held. */
static void answered(struct sluice_job *job, int err)
{
	struct list_head *line = line_of(job);
	struct sluice_path *path = job->path;
	struct sluice_flow *f = path->flow;
	struct outbox out;

	outbox_init(&out);
	refcount_inc(&f->refs); /* jobs end on the way */
	rcu_read_lock();
	spin_lock(path_lock(path));
	job->answered = true;
	job->err = err;
	outbox_flushes(&out, path);
	while ((job = line_next(path, line)))
		if (is_stale(job))
			job_drop(job, SLUICE_DROP_FLOW_ENDED);
		else if (job->sealing)
			sealed(job, &out);
		else
			opened(job, &out);
	spin_unlock(path_lock(path));
	outbox_empty(&out, path);
	rcu_read_unlock();
	flow_put(f);
}
