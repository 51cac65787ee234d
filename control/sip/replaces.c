/* SPDX-License-Identifier: Apache-2.0 */
/* The dialog that Replaces names: RFC 3891 3. */
#include "sip/field.h"
#include "sip/invite_priv.h"

/* "0" stands for no tag at all, which peers of RFC 2543 have. */
static bool is_tag(struct str named, struct str tag)
{
	return str_eq(named, tag) || (!tag.n && str_eq(named, STR("0")));
}

/* An early one that the peer began cannot be replaced (481), and what is over cannot either. */
static bool is_named(const struct invite *inv, struct str from_tag)
{
	switch (inv->state) {
	case INV_CALLING:
	case INV_RINGING:
		return fork_alive(inv, from_tag);
	case INV_INCOMING:
	case INV_ANSWERING:
	case INV_LEAVING:
	case INV_TERMINATED:
		return false;
	default:
		return is_tag(from_tag, dialog_remote_tag(&inv->dialog));
	}
}

static bool matches(const struct table_node *n, const void *key)
{
	const struct dialog *d = container_of(n, struct dialog, node);
	const struct sip_replaces *r = key;

	return d->kind == DIALOG_INVITE && str_eq(dialog_local_tag(d), r->to_tag) &&
	       str_eq(d->call_id, r->call_id) &&
	       is_named(container_of(d, struct invite, dialog), r->from_tag);
}

struct invite *sip_find_invite(struct sip *s, const struct sip_replaces *r, bool *early)
{
	struct table_node *n = table_find(
		&s->dialogs, table_hash(&s->dialogs, r->to_tag.p, r->to_tag.n), matches, r);
	struct invite *inv;

	if (!n)
		return NULL;
	inv = container_of(container_of(n, struct dialog, node), struct invite, dialog);
	*early = inv->state == INV_CALLING || inv->state == INV_RINGING;
	return inv;
}

void *invite_arg(const struct invite *inv)
{
	return inv->arg;
}

static bool has_tag(const struct table_node *n, const void *key)
{
	const struct dialog *d = container_of(n, struct dialog, node);

	return d->kind == DIALOG_INVITE && str_eq(dialog_local_tag(d), *(const struct str *)key);
}

struct invite *sip_find_tag(struct sip *s, struct str local_tag)
{
	struct table_node *n =
		table_find(&s->dialogs, table_hash(&s->dialogs, local_tag.p, local_tag.n), has_tag,
			   &local_tag);
	struct invite *inv =
		n ? container_of(container_of(n, struct dialog, node), struct invite, dialog)
		  : NULL;

	return inv && inv->state != INV_LEAVING && inv->state != INV_TERMINATED ? inv : NULL;
}
