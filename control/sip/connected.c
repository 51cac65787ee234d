/* SPDX-License-Identifier: Apache-2.0 */
/* Connected identity: RFC 4916. Who we are changes within the dialog; the tag, by which the peer knows it, stays. */
#include <errno.h>
#include "sip/invite_priv.h"

static bool is_name_addr(struct str s)
{
	struct sip_addr a;

	return !memchr(s.p, '\r', s.n) && !memchr(s.p, '\n', s.n) && sip_addr_parse(s, &a) == 0 &&
	       a.bracketed && !a.params.n;
}

/* Room for `n` octets. Doubled when it is not the first, so that one who changes it for ever costs no more than a
 * few times the longest. NULL: no memory. */
static char *room_for(struct invite *inv, size_t n)
{
	struct dialog *d = &inv->dialog;
	size_t cap = d->local_cap ? 2 * n : n;
	char *mem;

	if (n <= d->local_cap)
		return (char *)d->local.p;
	mem = arena_alloc(inv->arena, cap);
	if (mem)
		d->local_cap = (uint16_t)cap;
	return mem;
}

int invite_rename(struct invite *inv, struct str name_addr)
{
	struct dialog *d = &inv->dialog;
	size_t n = name_addr.n + 5 + IDENT_LEN;
	char tag[IDENT_LEN], *mem;
	struct buf b;

	if (!name_addr.n || n > UINT16_MAX / 2 || !is_name_addr(name_addr))
		return -EINVAL;
	memcpy(tag, dialog_local_tag(d).p, IDENT_LEN);
	mem = room_for(inv, n);
	if (!mem)
		return -ENOMEM;
	buf_init(&b, mem, n);
	buf_put(&b, name_addr);
	buf_lit(&b, ";tag=");
	buf_add(&b, tag, IDENT_LEN);
	d->local = buf_str(&b);
	for (struct fork *f = invite_forks(inv); f; f = f->next)
		f->dialog.local = d->local;
	return 0;
}
