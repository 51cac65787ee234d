/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CTL_PRIV_H
#define SLUICE_CTL_PRIV_H

#include <jansson.h>
#include "ctl/ctl.h"

struct ctl_query;

/* The part of one query that one shard answers. Made on the main thread, filled on the shard's,
 * read on the main thread again: one owner at a time. */
struct ctl_part {
	struct ctl_query *query;
	const struct ctl_options *options;
	const struct ctl_shard *shard;
	const char *error; /* a literal; NULL: fine */
	json_t *result;    /* of the gather function */
	uint64_t call_id;  /* argument of `call` */
	unsigned waiting;  /* answers of the engine still to come */
	void *work;        /* of the gather function, while it waits */
};

/* A command is one row of the table in commands.c. */
struct ctl_command {
	const char *name;
	bool all_shards; /* else only the first is asked */
	bool wants_id;   /* takes {"id": HEX} */
	/* On the shard's thread. Ends in ctl_part_done(), now or after the engine has answered. */
	void (*gather)(struct ctl_part *part);
	/* On the main thread: the parts become the reply's members. `reply` has "ok" only. */
	void (*merge)(const struct ctl_options *o, json_t *reply, struct ctl_part *parts,
		      unsigned n);
};

const struct ctl_command *ctl_command_find(const char *name);
/* Shard's thread: the part goes back to the main thread. */
void ctl_part_done(struct ctl_part *part);

/* view.c: how things look in JSON. New references. */
json_t *view_addr(const struct addr *a); /* "1.2.3.4:5060" or null */
json_t *view_flow_addr(const struct flow_addr *a);
json_t *view_str(struct str s);
json_t *view_stats(const struct flow_stats *s);
json_t *view_call(const struct call_info *i);      /* one line of `calls` */
json_t *view_call_full(const struct call_info *i); /* `call show` */
json_t *view_flow(const struct tlv_report *r);
json_t *view_id(uint64_t id);
json_t *view_octets(const void *p, size_t n); /* hex */
/* What the other side hears of each, once the codec is known: adds "mos" to the sides of a view_flow(). */
void view_flow_mos(json_t *flow, const char *codec);

/* Sums of counters over shards: objects of names and numbers. */
void ctl_add_counter(void *object, const char *name, uint64_t v);
void ctl_merge_counters(json_t *into, const json_t *from);

/* ---- commands.c ---- */
/* The call that one of the shards has, or that there is none. */
void ctl_call_merge(const struct ctl_options *o, json_t *reply, struct ctl_part *parts, unsigned n);

/* ---- media.c ---- */
#define CTL_STREAMS 16 /* of one call that are looked at */

/* Adds "mos" to the flows of a call as view_call_full() has it. */
void ctl_media_of(json_t *call);
void ctl_flows_gather(struct ctl_part *part);
void ctl_flows_merge(const struct ctl_options *o, json_t *reply, struct ctl_part *parts,
		     unsigned n);
void ctl_drops_gather(struct ctl_part *part);
void ctl_drops_merge(const struct ctl_options *o, json_t *reply, struct ctl_part *parts,
		     unsigned n);
void ctl_stage_gather(struct ctl_part *part);
void ctl_stage_merge(const struct ctl_options *o, json_t *reply, struct ctl_part *parts,
		     unsigned n);

/* ---- pcap.c, why.c ---- */
void ctl_pcap_gather(struct ctl_part *part);
void ctl_why_gather(struct ctl_part *part);

/* ---- trunks.c ---- */
void ctl_trunks_gather(struct ctl_part *part);
void ctl_trunks_merge(const struct ctl_options *o, json_t *reply, struct ctl_part *parts,
		      unsigned n);

#endif
