/* SPDX-License-Identifier: Apache-2.0 */
/* `pcap`: the packet heads of a call as a file for Wireshark. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pcapng.h"
#include "read.h"
#include "show.h"
#include "version.h"

#define HEAD_MAX 256
#define FAILED   1

/* A frame and the stream that it belongs to. */
struct item {
	const json_t *flow, *frame;
	size_t nth;
};

static int by_time(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	long long d = number(x->frame, "time_us") - number(y->frame, "time_us");

	if (d)
		return d < 0 ? -1 : 1;
	return x->nth < y->nth ? -1 : 1;
}

/* All streams of the call in one order. The caller's to free. */
static struct item *sorted(const json_t *call, size_t *n)
{
	const json_t *flow, *frame;
	struct item *list;
	size_t i, k, all = 0;

	json_array_foreach(at(call, "flows"), i, flow) all += json_array_size(at(flow, "frames"));
	*n = 0;
	list = calloc(all + 1, sizeof(*list));
	json_array_foreach(at(call, "flows"), i, flow)
	{
		json_array_foreach(at(flow, "frames"), k, frame) if (list)
		{
			list[*n] = (struct item){ flow, frame, *n };
			++*n;
		}
	}
	if (list)
		qsort(list, *n, sizeof(*list), by_time);
	return list;
}

static int digit(char c)
{
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}

static uint32_t unhex(const char *s, uint8_t out[HEAD_MAX])
{
	uint32_t n = 0;

	for (; s[0] && s[1] && n < HEAD_MAX; s += 2)
		out[n++] = (uint8_t)(digit(s[0]) << 4 | digit(s[1]));
	return n;
}

static int write_frame(FILE *f, const struct item *it)
{
	uint8_t head[HEAD_MAX];
	char comment[160] = "";
	const json_t *why = at(it->frame, "dropped");
	struct pcapng_packet p = { .time_us = (uint64_t)number(it->frame, "time_us"),
				   .interface = (uint32_t)number(it->frame, "side"),
				   .length = (uint32_t)number(it->frame, "length"),
				   .data = head,
				   .outbound = json_is_true(at(it->frame, "out")),
				   .comment = comment };

	p.n = unhex(text(it->frame, "head"), head);
	if (json_is_string(why))
		snprintf(comment, sizeof(comment), "dropped: %s", json_string_value(why));
	return pcapng_packet(f, &p);
}

static int write_all(FILE *f, const json_t *call, const struct item *list, size_t n)
{
	char comment[320], name[128];
	int err;

	snprintf(comment, sizeof(comment),
		 "call %s. Heads of packets only: neither sound nor keys are kept. The first "
		 "packets of each "
		 "stream, one in 64 after them, and those that were dropped.",
		 text(call, "id"));
	err = pcapng_begin(f, "sluicectl " SLUICE_VERSION, comment);
	for (size_t side = 0; side < 2 && !err; side++) {
		const char *net = json_string_value(json_array_get(at(call, "networks"), side));
		const char *trunk = json_string_value(json_array_get(at(call, "trunks"), side));

		snprintf(name, sizeof(name), "%s (%s)", net ? net : "?", trunk ? trunk : "?");
		err = pcapng_interface(f, name, HEAD_MAX);
	}
	for (size_t i = 0; i < n && !err; i++)
		err = write_frame(f, &list[i]);
	return err;
}

static int write_file(const char *path, const json_t *call, const struct item *list, size_t n)
{
	FILE *f = path ? fopen(path, "wbe") : stdout;
	int err = f ? write_all(f, call, list, n) : -errno;

	if (f && fflush(f) != 0 && !err)
		err = -errno;
	if (f && path && fclose(f) != 0 && !err)
		err = -errno;
	return err;
}

void show_pcap(const json_t *reply, struct show *o)
{
	const json_t *call = at(reply, "call");
	const char *path = o->file && strcmp(o->file, "-") != 0 ? o->file : NULL;
	struct item *list;
	size_t n;
	int err;

	o->code = FAILED;
	if (!path && isatty(STDOUT_FILENO)) {
		fputs("sluicectl: a capture is not for a terminal: name a file by --output, or "
		      "redirect it.\n",
		      stderr);
		return;
	}
	list = sorted(call, &n);
	err = list ? write_file(path, call, list, n) : -ENOMEM;
	free(list);
	if (err) {
		fprintf(stderr, "sluicectl: cannot write %s: %s.\n", path ? path : "the capture",
			strerror(-err));
		return;
	}
	o->code = 0;
	if (path)
		printf("%s: %zu packet heads of call %s. Wireshark takes them as RTP by \"Decode "
		       "As\".\n",
		       path, n, text(call, "id"));
}
