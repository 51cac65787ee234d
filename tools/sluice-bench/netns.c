/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "netns.h"

int netns_enter(const char *name, int *back)
{
	char path[128];
	*back = -1;
	if (!name)
		return 0;
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	int there = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	*back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (there < 0 || *back < 0 || setns(there, CLONE_NEWNET) < 0)
		err = -errno;
	if (there >= 0)
		close(there);
	if (!err)
		return 0;
	fprintf(stderr, "network namespace %s: %s\n", name, strerror(-err));
	if (*back >= 0)
		close(*back);
	*back = -1;
	return err;
}

void netns_leave(int back)
{
	if (back < 0)
		return;
	if (setns(back, CLONE_NEWNET) < 0)
		perror("cannot return to the own network namespace");
	close(back);
}
