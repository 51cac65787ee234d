/* SPDX-License-Identifier: Apache-2.0 */
/* The command `trunks`: who they are, where they are now, and the media ports of the networks. */
#include <errno.h>
#include "ctl/ctl_priv.h"

/* Where requests to it go, in the order to be tried. */
static json_t *view_targets(const struct ctl_shard *s, unsigned trunk)
{
	struct sip_hop hop[SIP_TARGETS_MAX];
	unsigned n = trunks_targets(s->trunks, trunk, hop);
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list,
				      json_pack("{s:o,s:s,s:b}", "address", view_addr(&hop[i].addr),
						"transport", sip_transport_name(hop[i].transport),
						"dead", trunks_is_dead(s->trunks, &hop[i])));
	return list;
}

static const char *dns_text(int status)
{
	switch (status) {
	case 0:
		return "";
	case -EINPROGRESS:
		return "being looked up";
	case -ENOENT:
		return "no such name";
	case -ETIMEDOUT:
		return "no answer from the name server";
	default:
		return "the name server failed";
	}
}

/* Every shard knows its own; they differ for moments only, so the first speaks for all. */
static json_t *view_state(const struct ctl_shard *s, unsigned trunk)
{
	return json_pack("{s:o,s:s}", "targets", view_targets(s, trunk), "dns",
			 dns_text(trunks_status(s->trunks, trunk)));
}

void ctl_trunks_gather(struct ctl_part *part)
{
	const struct conf *conf = part->options->conf;
	json_t *ports = json_array(), *state = json_array();

	part->result = json_pack("{s:o,s:o}", "ports", ports, "state", state);
	for (unsigned i = 0; i < conf->n_trunks; i++)
		json_array_append_new(state, view_state(part->shard, i));
	for (unsigned i = 0; i < part->options->conf->n_networks; i++) {
		struct media_ports p;

		media_port_usage(part->shard->media, i, &p);
		json_array_append_new(
			ports, json_pack("{s:I,s:I,s:I,s:I}", "total", (json_int_t)p.total, "used",
					 (json_int_t)p.used, "resting", (json_int_t)p.resting,
					 "orphaned", (json_int_t)p.orphaned));
	}
	ctl_part_done(part);
}

static json_t *view_prefixes(const struct prefix *p, unsigned n)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++) {
		char text[ADDR_STR_MAX];

		json_array_append_new(list, json_sprintf("%s/%u", addr_print(&p[i].addr, text),
							 (unsigned)p[i].len));
	}
	return list;
}

static json_t *view_host(const struct conf_trunk *t)
{
	if (t->host.family)
		return view_addr(&t->host);
	return t->host_port ? json_sprintf("%s:%u", t->host_name, t->host_port)
			    : json_string(t->host_name);
}

static json_t *view_trunk(const struct conf_trunk *t, const struct call_limits *limits)
{
	return json_pack("{s:s,s:s,s:s,s:o,s:s,s:o,s:I,s:I}", "name", t->name, "network",
			 t->on->name, "profile", t->profile == CONF_PROFILE_PBX ? "pbx" : "static",
			 "host", view_host(t), "domain", t->domain, "sources",
			 view_prefixes(t->sources, t->n_sources), "calls",
			 (json_int_t)call_limits_trunk(limits, t->index), "max_calls",
			 (json_int_t)t->max_calls);
}

void ctl_trunks_merge(const struct ctl_options *o, json_t *reply, struct ctl_part *parts,
		      unsigned n)
{
	json_t *trunks = json_array(), *ports = json_object();

	for (unsigned i = 0; i < o->conf->n_trunks; i++) {
		json_t *trunk = view_trunk(&o->conf->trunks[i], o->limits);

		json_object_update(trunk,
				   json_array_get(json_object_get(parts[0].result, "state"), i));
		json_array_append_new(trunks, trunk);
	}
	for (unsigned net = 0; net < o->conf->n_networks; net++) {
		json_t *sum = json_object();

		for (unsigned i = 0; i < n; i++)
			ctl_merge_counters(
				sum,
				json_array_get(json_object_get(parts[i].result, "ports"), net));
		json_object_set_new(ports, o->conf->networks[net].name, sum);
	}
	json_object_set_new(reply, "trunks", trunks);
	json_object_set_new(reply, "media_ports", ports);
}
