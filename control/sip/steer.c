/* SPDX-License-Identifier: Apache-2.0 */
/* Which shard a datagram belongs to, and whether it has come before, found by scanning for three header fields only. A message that
 * means to mislead it reaches a shard that knows nothing of it, and is refused there. */
#include "sip/trans_priv.h"

/* Only has to be the same in every thread: nothing is stored under these hashes. */
static const uint64_t call_id_key[2] = { 0x736c756963652d73, 0x746565722d6b6579 };

/* The value when `line` is this header field (name or compact form, if it has one), folded lines included. */
static bool header(struct str line, struct str name, char compact, struct str *value)
{
	size_t i;

	if (line.n > name.n && str_caseeq((struct str){ line.p, name.n }, name))
		i = name.n;
	else if (line.n > 1 && (line.p[0] | 0x20) == compact)
		i = 1;
	else
		return false;
	while (i < line.n && (line.p[i] == ' ' || line.p[i] == '\t'))
		i++;
	if (i == line.n || line.p[i] != ':')
		return false;
	*value = str_trim((struct str){ line.p + i + 1, line.n - i - 1 });
	return true;
}

/* Takes a header field with its continuation lines off *rest; false at the empty line. */
static bool field(struct str *rest, struct str *line)
{
	const char *p = rest->p, *e = rest->p + rest->n, *nl;

	do {
		nl = p < e ? memchr(p, '\n', (size_t)(e - p)) : NULL;
		p = nl ? nl + 1 : e;
	} while (p < e && (*p == ' ' || *p == '\t'));
	*line = str_trim((struct str){ rest->p, (size_t)(p - rest->p) });
	*rest = (struct str){ p, (size_t)(e - p) };
	return line->n > 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

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
			for (k = i + 1; k < v.n && is_space(v.p[k]); k++)
				;
			if (v.n - k <= name.n || !str_caseeq((struct str){ v.p + k, name.n }, name))
				continue;
			for (k += name.n; k < v.n && is_space(v.p[k]); k++)
				;
			if (k == v.n || v.p[k] != '=')
				continue;
			for (k++; k < v.n && is_space(v.p[k]); k++)
				;
			for (i = k; i < v.n && v.p[i] != ';' && v.p[i] != ',' && !is_space(v.p[i]);)
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
	while (rest.n && (*rest.p == '\r' || *rest.p == '\n'))
		rest = (struct str){ rest.p + 1, rest.n - 1 };
	response = rest.n > 4 && str_caseeq((struct str){ rest.p, 4 }, STR("SIP/"));
	invite = str_starts(rest, STR("INVITE "));
	if (!field(&rest, &line))
		return 0;
	while (field(&rest, &line)) {
		char c = (char)(line.p[0] | 0x20);

		/* Most lines are none of these and cost one comparison. */
		if (c != 'v' && c != 't' && c != 'c' && c != 'i' && c != 'r')
			continue;
		if (response && header(line, STR("Via"), 'v', &value)) {
			shard = shard_of_branch(value);
			if (is_shard(shard, n_shards))
				return (unsigned)shard;
			response = false; /* only the topmost counts */
		} else if (header(line, STR("To"), 't', &value)) {
			shard = ident_shard(find_param(value, STR("tag")));
			if (is_shard(shard, n_shards) && !response)
				return (unsigned)shard;
		} else if (header(line, STR("Call-ID"), 'i', &value)) {
			hash = siphash(call_id_key, value.p, value.n);
		} else if (invite && header(line, STR("Replaces"), '\0', &value)) {
			replaced = shard_of_replaces(value);
		}
	}
	if (is_shard(replaced, n_shards))
		return (unsigned)replaced;
	return (unsigned)(hash % n_shards);
}

/* ---- has it come before ---- */

#define VIA_MAX 1024

/* Of the topmost Via, unfolded into mem where it has to be. */
static bool top_via(struct str rest, char mem[VIA_MAX], struct sip_via *v)
{
	struct str line, value;

	while (field(&rest, &line)) {
		if ((line.p[0] | 0x20) != 'v' || !header(line, STR("Via"), 'v', &value))
			continue;
		if (memchr(value.p, '\n', value.n)) {
			if (value.n > VIA_MAX)
				return false;
			for (size_t i = 0; i < value.n; i++)
				mem[i] = is_space(value.p[i]) ? ' ' : value.p[i];
			value.p = mem;
		}
		return sip_via_parse(&value, v) == 0;
	}
	return false;
}

bool sip_again(struct sip *s, const char *buf, size_t len)
{
	struct str rest = { buf, len }, line, method;
	char mem[VIA_MAX];
	struct sip_core c; /* what strans_find() looks at */

	while (rest.n && (*rest.p == '\r' || *rest.p == '\n'))
		rest = (struct str){ rest.p + 1, rest.n - 1 };
	if (!field(&rest, &line) || !str_token(&line, ' ', &method) || !top_via(rest, mem, &c.via))
		return false;
	c.cseq.method_name = method;
	return strans_find(s, &c, sip_method_of(method)) != NULL;
}
