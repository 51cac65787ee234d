/* SPDX-License-Identifier: Apache-2.0 */
#include "search.h"

void search_init(struct search *s, double first, double ceiling, double resolution, unsigned most)
{
	*s = (struct search){ .ceiling = ceiling, .resolution = resolution, .most = most };
	s->next = first < ceiling ? first : ceiling;
}

bool search_next(const struct search *s, double *rate)
{
	*rate = s->next;
	return s->next > 0 && s->trials < s->most;
}

static double beyond(const struct search *s)
{
	if (s->good >= s->ceiling)
		return 0;
	double twice = 2 * s->good;
	return twice < s->ceiling ? twice : s->ceiling;
}

void search_know(struct search *s, double rate)
{
	if (rate > s->good && (s->bad <= 0 || rate < s->bad))
		s->good = rate;
}

void search_tell(struct search *s, bool well)
{
	s->trials++;
	if (well && s->next > s->good)
		s->good = s->next;
	if (!well && (s->bad <= 0 || s->next < s->bad))
		s->bad = s->next;
	if (s->bad <= 0)
		s->next = beyond(s);
	else if (s->bad - s->good <= s->resolution * s->bad || s->bad <= 1)
		s->next = 0;
	else
		s->next = (s->good + s->bad) / 2;
}
