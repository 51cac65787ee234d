/* SPDX-License-Identifier: Apache-2.0 */
/* What comes by netlink, and what goes there: reading and writing stay inside, requests keep their length, and what is
 * made of replies is whole messages of the flow language. The first octet chooses; the family is 0x23. */
#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include "engine/genl_map.h"
#include "engine/tlv.h"

#define FAMILY 0x23

static void request(const u8 *in, size_t n)
{
	u8 *out = malloc(n + 1), *twice = malloc(n + 1);

	if (!out || !twice)
		abort();
	genl_map_request(out, in, n, FAMILY);
	if (genl_map_answers(in, n) > (n / NLMSG_HDRLEN + 1) * 9216)
		abort();
	genl_map_request(twice, out, n, FAMILY);
	/* Whatever is a message is one for the family; and what was not stays. */
	for (size_t at = 0; n - at >= NLMSG_HDRLEN;) {
		struct nlmsghdr a, b;
		memcpy(&a, in + at, sizeof(a));
		memcpy(&b, out + at, sizeof(b));
		if (a.nlmsg_len != b.nlmsg_len || a.nlmsg_seq != b.nlmsg_seq)
			abort();
		if (a.nlmsg_len < NLMSG_HDRLEN || a.nlmsg_len > n - at)
			break;
		if (a.nlmsg_type >= NLMSG_MIN_TYPE && b.nlmsg_type != FAMILY)
			abort();
		if (memcmp(in + at + NLMSG_HDRLEN, out + at + NLMSG_HDRLEN,
			   a.nlmsg_len - NLMSG_HDRLEN))
			abort();
		if (NLMSG_ALIGN((size_t)a.nlmsg_len) >= n - at)
			break;
		at += NLMSG_ALIGN((size_t)a.nlmsg_len);
	}
	free(out);
	free(twice);
}

static void reply(const u8 *data, size_t n)
{
	struct genl_news news = { 0 };
	size_t cap = 2 * ((n + 3) & ~(size_t)3), at = 0;
	void *in = malloc(n + 1), *out = malloc(cap + 1);

	if (!in || !out)
		abort();
	memcpy(in, data, n);
	ssize_t made = genl_map_reply(out, cap, in, n, FAMILY, &news);
	if (made > (ssize_t)cap)
		abort();
	/* Twice as much room is always enough. */
	if (made == -EMSGSIZE)
		abort();
	while (made > 0 && at < (size_t)made) {
		struct nlmsghdr h;
		memcpy(&h, (u8 *)out + at, sizeof(h));
		if (h.nlmsg_len < NLMSG_HDRLEN + 4 || h.nlmsg_len > (size_t)made - at)
			abort();
		at += NLMSG_ALIGN((size_t)h.nlmsg_len);
	}
	free(in);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (!n)
		return 0;
	if (data[0] & 1)
		reply(data + 1, n - 1);
	else
		request(data + 1, n - 1);
	return 0;
}
