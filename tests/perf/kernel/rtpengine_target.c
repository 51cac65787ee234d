// SPDX-License-Identifier: GPL-2.0-only
/* Gives rtpengine's kernel module the one stream of tools/bench kernel through its /proc files, as its daemon would.
 * Built where Debian's source of that module is. Ends when it is killed: the module has its table as long as it is open. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "xt_RTPENGINE.h"
#include "cost.h"

static struct re_address address(const char *ip, unsigned short port)
{
	struct re_address a = { .family = AF_INET, .port = port };

	a.u.ipv4 = inet_addr(ip);
	return a;
}

static int tell(int fd, const struct rtpengine_message *m, const char *what)
{
	if (write(fd, m, sizeof(*m)) == sizeof(*m))
		return 0;
	perror(what);
	return -1;
}

int main(void)
{
	static struct rtpengine_message noop, target, destination;
	int control = open("/proc/rtpengine/control", O_WRONLY);

	if (control < 0 || write(control, "add 0\n", 6) != 6) {
		perror("add 0");
		return 1;
	}
	int fd = open("/proc/rtpengine/0/control", O_RDWR);
	noop.cmd = REMG_NOOP;
	noop.u.noop.size = sizeof(noop);
	noop.u.noop.last_cmd = __REMG_LAST;
	target.cmd = REMG_ADD_TARGET;
	target.u.target = (struct rtpengine_target_info){
		.local = address(R_ADDRESS_A, R_PORT_A),
		.expected_src = address(A_ADDRESS, A_PORT),
		.src_mismatch = MSM_PROPAGATE,
		.num_destinations = 1,
		.decrypt = { .cipher = REC_NULL, .hmac = REH_NULL },
		.payload_types = { { .pt_num = PAYLOAD_TYPE, .clock_rate = 8000 } },
		.num_payload_types = 1,
		.rtp = 1,
		.rtp_only = 1,
	};
	destination.cmd = REMG_ADD_DESTINATION;
	destination.u.destination = (struct rtpengine_destination_info){
		.local = address(R_ADDRESS_A, R_PORT_A),
		.output = { .src_addr = address(R_ADDRESS_B, R_PORT_B),
			    .dst_addr = address(B_ADDRESS, B_PORT),
			    .encrypt = { .cipher = REC_NULL, .hmac = REH_NULL } },
	};
	if (fd < 0 || tell(fd, &noop, "noop") || tell(fd, &target, "target") ||
	    tell(fd, &destination, "destination"))
		return 1;
	puts("# rtpengine has its stream");
	fflush(stdout);
	pause();
	return 0;
}
