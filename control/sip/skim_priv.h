/* SPDX-License-Identifier: Apache-2.0 */
/* Header fields of a message that was not parsed: for what has to be known of it before its turn comes. */
#ifndef SLUICE_SIP_SKIM_PRIV_H
#define SLUICE_SIP_SKIM_PRIV_H

#include "base/str.h"

/* Past line ends before the message. */
void skim_line_ends(struct str *rest);
/* Takes a header field with its continuation lines (or the start line) off *rest; false at the empty line. */
bool skim_field(struct str *rest, struct str *line);
/* The value when `line` is this header field (name or compact form, if it has one), folded lines included. */
bool skim_value(struct str line, struct str name, char compact, struct str *value);

static inline bool skim_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

#endif
