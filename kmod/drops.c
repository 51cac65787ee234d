// SPDX-License-Identifier: GPL-2.0-only
#include "sluice.h"

static const struct {
	const char *name, *text;
} own[] = {
#define X(id, name, text) { name, text },
	SLUICE_DROPS(X)
#undef X
};

const char *sluice_drop_name(unsigned int drop)
{
	return drop < RELAY_DROP_COUNT ? relay_drop_name(drop) : own[drop - RELAY_DROP_COUNT].name;
}

const char *sluice_drop_text(unsigned int drop)
{
	return drop < RELAY_DROP_COUNT ? relay_drop_text(drop) : own[drop - RELAY_DROP_COUNT].text;
}
