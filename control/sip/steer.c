/* SPDX-License-Identifier: Apache-2.0 */
/* Which shard a datagram belongs to, found by scanning for four header fields only. A message that means to mislead
 * it reaches a shard that knows nothing of it, and is refused there. */
#include "sip/skim_priv.h"
#include "sip/trans_priv.h"

/* Only has to be the same in every thread: nothing is stored under these hashes. */
static const uint64_t call_id_key[2] = { 0x736c756963652d73, 0x746565722d6b6579 };

/* ";name=value" outside of quotes and <>, in the first element of a list. */
static struct str find_param(struct str v, struct str name)
{
	bool quoted = false, angle = false;
	size_t i, k;

	for (i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (quoted && c == '\\') {
			i++;
		} else if (c == '"' && !angle) {
			quoted = !quoted;
		} else if (!quoted && (c == '<' || c == '>')) {
			angle = c == '<';
		} else if (!quoted && !angle && c == ',') {
			break;
		} else if (!quoted && !angle && c == ';') {
			for (k = i + 1; k < v.n && skim_is_space(v.p[k]); k++)
				;
			if (v.n - k <= name.n || !str_caseeq((struct str){ v.p + k, name.n }, name))
				continue;
			for (k += name.n; k < v.n && skim_is_space(v.p[k]); k++)
				;
			if (k == v.n || v.p[k] != '=')
				continue;
			for (k++; k < v.n && skim_is_space(v.p[k]); k++)
				;
			for (i = k;
			     i < v.n && v.p[i] != ';' && v.p[i] != ',' && !skim_is_space(v.p[i]);)
				i++;
			return (struct str){ v.p + k, i - k };
		}
	}
	return STR_NONE;
}

static int shard_of_branch(struct str via)
{
	struct str branch = find_param(via, STR("branch"));

	if (branch.n != BRANCH_LEN || memcmp(branch.p, COOKIE, COOKIE_LEN) != 0)
		return -1;
	return ident_shard((struct str){ branch.p + COOKIE_LEN, IDENT_LEN });
}

/* Of an INVITE in place of a dialog of ours (RFC 3891): its shard. A Call-ID may hold quotes and <>. */
static int shard_of_replaces(struct str value)
{
	const char *params = memchr(value.p, ';', value.n);

	if (!params)
		return -1;
	return ident_shard(find_param((struct str){ params, (size_t)(value.p + value.n - params) },
				      STR("to-tag")));
}

static bool is_shard(int shard, unsigned n_shards)
{
	return shard >= 0 && (unsigned)shard < n_shards;
}

unsigned sip_steer(const char *buf, size_t len, unsigned n_shards)
{
	struct str rest = { buf, len }, line, value;
	bool response, invite;
	int shard = -1, replaced = -1;
	uint64_t hash = 0;

	if (n_shards <= 1)
		return 0;
	skim_line_ends(&rest);
	response = rest.n > 4 && str_caseeq((struct str){ rest.p, 4 }, STR("SIP/"));
	invite = str_starts(rest, STR("INVITE "));
	if (!skim_field(&rest, &line))
		return 0;
	while (skim_field(&rest, &line)) {
		char c = (char)(line.p[0] | 0x20);

		/* Most lines are none of these and cost one comparison. */
		if (c != 'v' && c != 't' && c != 'c' && c != 'i' && c != 'r')
			continue;
		if (response && skim_value(line, STR("Via"), 'v', &value)) {
			shard = shard_of_branch(value);
			if (is_shard(shard, n_shards))
				return (unsigned)shard;
			response = false; /* only the topmost counts */
		} else if (skim_value(line, STR("To"), 't', &value)) {
			shard = ident_shard(find_param(value, STR("tag")));
			if (is_shard(shard, n_shards) && !response)
				return (unsigned)shard;
		} else if (skim_value(line, STR("Call-ID"), 'i', &value)) {
			hash = siphash(call_id_key, value.p, value.n);
		} else if (invite && skim_value(line, STR("Replaces"), '\0', &value)) {
			replaced = shard_of_replaces(value);
		}
	}
	if (is_shard(replaced, n_shards))
		return (unsigned)replaced;
	return (unsigned)(hash % n_shards);
}
