/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/if_link.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "xdp/steer.h"
#include "steer_bytes.h"

#define PROGRAM   "sluice_steer"
#define MEDIA_MAP "steer_media"

int steer_file(char *path, size_t size)
{
	int fd = memfd_create("sluice-steer", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, steer_bytes, sizeof(steer_bytes));
	if (n != (ssize_t)sizeof(steer_bytes)) {
		close(fd);
		return n < 0 ? -errno : -EIO;
	}
	snprintf(path, size, "/proc/self/fd/%d", fd);
	return fd;
}

/* The program on the interface: its id (0: none), and its name when there is one. */
static int attached(unsigned ifindex, uint32_t *id, unsigned char *mode, struct bpf_prog_info *info)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	memset(info, 0, sizeof(*info));
	int err = bpf_xdp_query((int)ifindex, 0, &q);
	if (err)
		return err;
	*id = q.prog_id ? q.prog_id : q.drv_prog_id ? q.drv_prog_id : q.skb_prog_id;
	*mode = q.attach_mode;
	if (!*id)
		return 0;
	int fd = bpf_prog_get_fd_by_id(*id);
	if (fd < 0)
		return fd;
	uint32_t len = sizeof(*info);
	err = bpf_obj_get_info_by_fd(fd, info, &len);
	close(fd);
	return err;
}

int steer_clear(unsigned ifindex, char *why, size_t size)
{
	struct bpf_prog_info info;
	unsigned char mode;
	uint32_t id = 0;
	int err = attached(ifindex, &id, &mode, &info);
	if (err) {
		snprintf(why, size, "XDP cannot be asked for: %s", strerror(-err));
		return err;
	}
	if (!id)
		return 0;
	if (strncmp(info.name, PROGRAM, BPF_OBJ_NAME_LEN - 1) != 0) {
		snprintf(why, size, "another XDP program is there: %s (id %u)",
			 info.name[0] ? info.name : "no name", id);
		return -EBUSY;
	}
	/* Ours. Held by a link it cannot be detached like this, and a living process has it. */
	err = bpf_xdp_detach((int)ifindex, 0, NULL);
	if (err) {
		snprintf(why, size, "another sluice-dp has the interface (XDP program id %u)", id);
		return -EBUSY;
	}
	return 0;
}

int steer_take_over(unsigned ifindex, char *why, size_t size)
{
	struct bpf_prog_info info;
	unsigned char mode;
	uint32_t id = 0;
	int err = attached(ifindex, &id, &mode, &info);
	if (err || !id) {
		snprintf(why, size, "the steering program vanished");
		return err ? err : -ENOENT;
	}
	int prog = bpf_prog_get_fd_by_id(id);
	if (prog < 0)
		return prog;
	bpf_xdp_detach((int)ifindex, 0, NULL);
	int link = bpf_link_create(prog, (int)ifindex, BPF_XDP, NULL);
	if (link < 0)
		snprintf(why, size, "no BPF link (Linux 5.9 has it): %s", strerror(-link));
	close(prog);
	return link;
}

/* The map that belongs to the linked program: found by its name, as DPDK keeps its handles. */
static int media_map(int link)
{
	struct bpf_link_info li = { 0 };
	uint32_t len = sizeof(li), ids[8];
	int err = bpf_obj_get_info_by_fd(link, &li, &len);
	if (err)
		return err;
	int prog = bpf_prog_get_fd_by_id(li.prog_id);
	if (prog < 0)
		return prog;
	struct bpf_prog_info info = { .nr_map_ids = 8, .map_ids = (uintptr_t)ids };
	len = sizeof(info);
	err = bpf_obj_get_info_by_fd(prog, &info, &len);
	close(prog);
	for (uint32_t i = 0; !err && i < info.nr_map_ids && i < 8; i++) {
		struct bpf_map_info mi = { 0 };
		int fd = bpf_map_get_fd_by_id(ids[i]);
		len = sizeof(mi);
		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &mi, &len) == 0 &&
		    strcmp(mi.name, MEDIA_MAP) == 0)
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return err ? err : -ENOENT;
}

int steer_add(int link, const struct steer_address *address, struct steer_range range)
{
	int map = media_map(link);
	if (map < 0)
		return map;
	int err = bpf_map_update_elem(map, address, &range, BPF_ANY);
	close(map);
	return err;
}

bool steer_native(unsigned ifindex)
{
	struct bpf_prog_info info;
	unsigned char mode = 0;
	uint32_t id = 0;
	return attached(ifindex, &id, &mode, &info) == 0 && mode == XDP_ATTACHED_DRV;
}
