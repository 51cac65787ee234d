/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <sys/resource.h>
#include "bench.h"

int main(int argc, char **argv)
{
	struct options o;
	int err = options_parse(&o, argc, argv);
	if (err)
		return err < 0 ? 2 : 0;
	struct rlimit files = { 1 << 20, 1 << 20 };
	setrlimit(RLIMIT_NOFILE, &files); /* a socket for each port, where there are many */
	signal(SIGPIPE, SIG_IGN);
	switch (o.command) {
	case COMMAND_PLAIN:
		err = plain_run(&o);
		break;
	case COMMAND_REFLECT:
		err = reflect_run(&o);
		break;
	case COMMAND_SPRAY:
		err = spray_run(&o);
		break;
	case COMMAND_REBIND:
		err = rebind_run(&o);
		break;
	default:
		err = bench_run(&o);
	}
	return err ? 1 : 0;
}
