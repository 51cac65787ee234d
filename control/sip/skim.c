/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/skim_priv.h"

void skim_line_ends(struct str *rest)
{
	while (rest->n && (*rest->p == '\r' || *rest->p == '\n'))
		*rest = (struct str){ rest->p + 1, rest->n - 1 };
}

bool skim_value(struct str line, struct str name, char compact, struct str *value)
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

bool skim_field(struct str *rest, struct str *line)
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
