/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/shed.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>

#ifdef SLUICE_SHED
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "shed_bytes.h"

struct shed {
	struct bpf_object *object;
	int program;
	struct shed_control *control;
	struct shed_bucket *marks;
};

/* The memory of a map, NULL + errno. */
static void *map_memory(struct bpf_object *o, const char *name, size_t size)
{
	int fd = bpf_object__find_map_fd_by_name(o, name);
	void *p;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return p == MAP_FAILED ? NULL : p;
}

static int load(struct shed *s)
{
	struct bpf_program *p;
	int rc;

	libbpf_set_print(NULL);
	s->object = bpf_object__open_mem(shed_bytes, sizeof(shed_bytes), NULL);
	if (!s->object)
		return -errno;
	rc = bpf_object__load(s->object);
	if (rc < 0)
		return rc;
	p = bpf_object__find_program_by_name(s->object, "sluice_shed");
	s->program = p ? bpf_program__fd(p) : -ENOENT;
	s->control = map_memory(s->object, "shed_control", sizeof(*s->control));
	s->marks = map_memory(s->object, "shed_marks", SHED_BUCKETS * sizeof(*s->marks));
	return s->program < 0 ? s->program : s->control && s->marks ? 0 : -errno;
}

struct shed *shed_new(unsigned digits, struct log *log)
{
	struct shed *s = calloc(1, sizeof(*s));
	int rc = s ? load(s) : -ENOMEM;

	if (rc == 0 && getrandom(&s->control->seed, sizeof(s->control->seed), 0) < 0)
		rc = -errno;
	if (rc < 0) {
		log_info(log, "overload", "new calls are shed here and not in the kernel: %s",
			 strerror(-rc));
		shed_free(s);
		return NULL;
	}
	s->control->digits = digits;
	return s;
}

void shed_free(struct shed *s)
{
	if (!s)
		return;
	if (s->control)
		munmap(s->control, sizeof(*s->control));
	if (s->marks)
		munmap(s->marks, SHED_BUCKETS * sizeof(*s->marks));
	bpf_object__close(s->object);
	free(s);
}

int shed_attach(const struct shed *s, int fd)
{
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &s->program, sizeof(s->program)) < 0
		       ? -errno
		       : 0;
}

uint64_t shed_seed(const struct shed *s)
{
	return s->control->seed;
}

struct shed_bucket *shed_marks(const struct shed *s)
{
	return s->marks;
}

void shed_set_time(const struct shed *s, uint32_t now_s)
{
	__atomic_store_n(&s->control->now_s, now_s, __ATOMIC_RELAXED);
}

static uint32_t key_of(const struct addr *a)
{
	uint32_t key = 0;

	if (a->family == 4)
		memcpy(&key, a->ip, sizeof(key));
	return key;
}

/* Two sources that meet in a place: the second is not limited in the kernel. */
static struct shed_source *place_of(const struct shed *s, uint32_t key)
{
	struct shed_source *p = &s->control->source[shed_source_slot(key)];
	uint32_t is = __atomic_load_n(&p->addr, __ATOMIC_RELAXED);

	return key && (is == key || is == 0) ? p : NULL;
}

bool shed_limit(const struct shed *s, const struct addr *source, uint32_t permille)
{
	uint32_t key = key_of(source);
	struct shed_source *p = place_of(s, key);

	if (!p)
		return false;
	__atomic_store_n(&p->pass, permille, __ATOMIC_RELAXED);
	__atomic_store_n(&p->addr, key, __ATOMIC_RELEASE);
	return true;
}

void shed_forget(const struct shed *s, const struct addr *source)
{
	uint32_t key = key_of(source);
	struct shed_source *p = place_of(s, key);

	if (p)
		__atomic_store_n(&p->addr, 0, __ATOMIC_RELEASE);
}

void shed_dropped(const struct shed *s, const struct addr *source, uint64_t *first, uint64_t *again)
{
	struct shed_source *p = place_of(s, key_of(source));

	*first = p ? __atomic_load_n(&p->first, __ATOMIC_RELAXED) : 0;
	*again = p ? __atomic_load_n(&p->again, __ATOMIC_RELAXED) : 0;
}

#else /* built without libbpf or a compiler for the kernel */

struct shed *shed_new(unsigned digits, struct log *log)
{
	errno = ENOTSUP;
	return NULL;
}

void shed_free(struct shed *s)
{
}

int shed_attach(const struct shed *s, int fd)
{
	return -ENOTSUP;
}

uint64_t shed_seed(const struct shed *s)
{
	return 0;
}

struct shed_bucket *shed_marks(const struct shed *s)
{
	return NULL;
}

void shed_set_time(const struct shed *s, uint32_t now_s)
{
}

bool shed_limit(const struct shed *s, const struct addr *source, uint32_t permille)
{
	return false;
}

void shed_forget(const struct shed *s, const struct addr *source)
{
}

void shed_dropped(const struct shed *s, const struct addr *source, uint64_t *first, uint64_t *again)
{
	*first = *again = 0;
}
#endif
