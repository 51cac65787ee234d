/* SPDX-License-Identifier: Apache-2.0 */
/* The picture of a state machine, as a graphviz text. The machines draw themselves from their tables; the pictures
 * of this folder are made of that by tools/fsm. */
#ifndef SLUICE_CALL_DOT_H
#define SLUICE_CALL_DOT_H

#include <stdbool.h>
#include <stdint.h>

#define DOT_EDGES 160
#define DOT_NONE  0xff

struct dot_edge {
	uint8_t from; /* DOT_NONE: this is where it begins */
	uint8_t to;
	const char *label;
	bool back; /* to what went wrong, or to where it was before: drawn beside the others */
	const char *note; /* behind the label, in brackets; NULL: nothing */
};

struct dot {
	const char *name, *title;
	const char *const *names, *const *texts; /* of the states */
	unsigned n_states, n_edges;
	uint8_t end;  /* the state that nothing leaves; DOT_NONE: there is none */
	uint8_t rest; /* where it stays while all is well; DOT_NONE: nowhere */
	uint8_t many; /* what so many states have in common leads away from a frame around them; 0: there is none */
	struct dot_edge edge[DOT_EDGES];
};

/* Strings are kept as pointers. The edge, to be told more of. */
struct dot_edge *dot_edge(struct dot *d, unsigned from, unsigned to, const char *label);
/* Edges between the same two states become one; what leads nowhere else is a line in the state. */
void dot_write(const struct dot *d, int fd);
/* Stands in the text and, as a comment, in the picture that graphviz makes of it. */
uint64_t dot_hash(const struct dot *d);

#endif
