/* SPDX-License-Identifier: Apache-2.0 */
/* Has the kernel make a cipher and prefer it to all others, by its netlink interface for that (module crypto_user).
 *
 * usage: prefer-cipher skcipher|aead DRIVER      DRIVER: as /proc/crypto has it */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/cryptouser.h>
#include <linux/netlink.h>

#define TYPE_AEAD     3 /* the kernel's CRYPTO_ALG_TYPE_... */
#define TYPE_SKCIPHER 5
#define TYPE_MASK     15
#define BEST          10000

struct request {
	struct nlmsghdr h;
	struct crypto_user_alg alg;
	struct nlattr priority;
	__u32 value;
};

static int answer(int fd)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char more[512];
	} in;
	ssize_t n = recv(fd, &in, sizeof(in), 0);

	if (n < (ssize_t)NLMSG_LENGTH(sizeof(in.e)) || in.h.nlmsg_type != NLMSG_ERROR)
		return EPROTO;
	return -in.e.error;
}

int main(int argc, char **argv)
{
	struct request r = {
		.h = { sizeof(r), CRYPTO_MSG_NEWALG, NLM_F_REQUEST | NLM_F_ACK, 1, 0 },
		.alg = { .cru_mask = TYPE_MASK },
		.priority = { NLA_HDRLEN + sizeof(__u32), CRYPTOCFGA_PRIORITY_VAL },
		.value = BEST,
	};
	int err = 0, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_CRYPTO);

	if (argc != 3 || strlen(argv[2]) >= sizeof(r.alg.cru_driver_name)) {
		fputs("usage: prefer-cipher skcipher|aead DRIVER\n", stderr);
		return 2;
	}
	r.alg.cru_type = strcmp(argv[1], "aead") ? TYPE_SKCIPHER : TYPE_AEAD;
	memcpy(r.alg.cru_driver_name, argv[2], strlen(argv[2]));
	if (fd < 0 || send(fd, &r, sizeof(r), 0) < 0)
		err = errno;
	else
		err = answer(fd);
	if (err)
		fprintf(stderr, "prefer-cipher: %s: %s\n", argv[2], strerror(err));
	return !!err;
}
