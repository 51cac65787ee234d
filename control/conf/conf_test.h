/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this folder share. */
#ifndef SLUICE_CONF_TEST_H
#define SLUICE_CONF_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/test.h"
#include "conf/conf.h"

#define HEAD                                                                                       \
	"sluice: 1\n"                                                                              \
	"networks:\n"                                                                              \
	"  out: { port: eth0, address: 203.0.113.1/24, address6: 2001:db8::10/64 }\n"              \
	"  in: { port: eth1, address: 10.0.0.1/8 }\n"

/* The snapshot of a text that has no errors. */
static inline struct conf *parse(const char *text)
{
	struct conf_errors e;
	struct conf *c = NULL;

	if (conf_parse("test", str_of(text), &c, &e)) {
		conf_errors_print(&e, "test", 2);
		fail();
	}
	assert_int_equal(e.n, 0);
	conf_errors_free(&e);
	return c;
}

/* Of a file that comes with the sources. */
static inline char *path_of(const char *root, const char *rest, char mem[512])
{
	snprintf(mem, 512, "%s/%s", root, rest);
	return mem;
}

static inline char *read_text(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *text = calloc(1, (size_t)size + 1);

	assert_int_equal(pread(fd, text, (size_t)size, 0), size);
	close(fd);
	return text;
}

static inline char *read_file(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	return read_text(fd);
}

#endif
