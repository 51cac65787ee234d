/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <unistd.h>
#include "conf_priv.h"

ssize_t read_up_to(int fd, char *mem, size_t max)
{
	size_t have = 0;

	while (have < max) {
		ssize_t n = read(fd, mem + have, max - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}
