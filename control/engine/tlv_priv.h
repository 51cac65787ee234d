/* SPDX-License-Identifier: Apache-2.0 */
/* Between tlv.c (messages and attributes) and tlv_flow.c (structs). */
#ifndef SLUICE_ENGINE_TLV_PRIV_H
#define SLUICE_ENGINE_TLV_PRIV_H

#include "engine/tlv.h"

void tlv_put(struct tlv_out *o, int type, const void *data, size_t len);
/* True where all attributes inside lie inside, with their padding. */
bool tlv_nest_ok(const struct nlattr *nest);
/* tb[max + 1]; sizes are the caller's to check. 0 or -EBADMSG. */
int tlv_parse_nest(struct nlattr **tb, int max, const struct nlattr *nest);

#endif
