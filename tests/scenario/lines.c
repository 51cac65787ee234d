/* SPDX-License-Identifier: Apache-2.0 */
/* Header fields of a message that is being written. */
#include "scenario.h"

void lines_add(struct lines *ls, const char *name, struct str value)
{
	if (ls->n < sizeof(ls->l) / sizeof(ls->l[0]))
		ls->l[ls->n++] = (struct line){ str_of(name), value };
}

void lines_remove(struct lines *ls, struct str name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ls->n; i++) {
		if (!str_caseeq(ls->l[i].name, name))
			ls->l[n++] = ls->l[i];
	}
	ls->n = n;
}

/* "Name: value" takes the place of the line there is, "+Name: value" comes beside it, "-Name" takes
 * it away. */
void lines_override(struct world *w, struct lines *ls, const char *text)
{
	struct str value = str_of(text), name;
	bool beside = text[0] == '+', drop = text[0] == '-';

	if (beside || drop) {
		value.p++;
		value.n--;
	}
	str_token(&value, ':', &name);
	name = str_trim(name);
	if (!beside)
		lines_remove(ls, name);
	if (!drop)
		lines_add(ls, arena_str(w->arena, name).p, str_trim(value));
}
