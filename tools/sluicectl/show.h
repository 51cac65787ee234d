/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the control socket as tables for people, on stdout. */
#ifndef SLUICE_SLUICECTL_SHOW_H
#define SLUICE_SLUICECTL_SHOW_H

#include <jansson.h>

void show_status(const json_t *reply);
void show_calls(const json_t *reply);
void show_call(const json_t *reply);
void show_flows(const json_t *reply);
void show_drops(const json_t *reply);
void show_trunks(const json_t *reply);

#endif
