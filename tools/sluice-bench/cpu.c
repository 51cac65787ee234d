/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "cpu.h"

static uint64_t read_task(const char *path)
{
	unsigned long long ns = 0;
	FILE *f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%llu", &ns) != 1)
		ns = 0;
	fclose(f);
	return ns;
}

static uint64_t read_process(int pid)
{
	char path[300];
	uint64_t sum = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *d = opendir(path);
	if (!d)
		return 0;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/schedstat", pid, e->d_name);
		sum += read_task(path);
	}
	closedir(d);
	return sum;
}

uint64_t cpu_read(const struct cpu_group *g)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < g->n; i++)
		sum += read_process(g->pid[i]);
	return sum;
}

uint64_t cpu_self(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int add_pid(struct cpu_group *g, int pid)
{
	for (unsigned i = 0; i < g->n; i++)
		if (g->pid[i] == pid)
			return 0;
	if (g->n == CPU_PIDS)
		return -ENOSPC;
	g->pid[g->n++] = pid;
	return 0;
}

static bool named(int pid, const char *pattern)
{
	char path[64], comm[64];
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	bool ok = fgets(comm, sizeof(comm), f) != NULL;
	fclose(f);
	if (!ok)
		return false;
	comm[strcspn(comm, "\n")] = '\0';
	return fnmatch(pattern, comm, 0) == 0;
}

static int add_named(struct cpu_group *g, const char *pattern)
{
	unsigned before = g->n;
	int err = 0;
	DIR *d = opendir("/proc");
	if (!d)
		return -errno;
	for (struct dirent *e; !err && (e = readdir(d)) != NULL;) {
		uint32_t pid;
		if (!str_u32(str_of(e->d_name), INT32_MAX, &pid) && named((int)pid, pattern))
			err = add_pid(g, (int)pid);
	}
	closedir(d);
	return err ? err : g->n > before ? 0 : -ESRCH;
}

static struct cpu_group *group_of(struct cpu *c, struct str name)
{
	for (unsigned i = 0; i < c->n; i++)
		if (str_eq(str_of(c->group[i].name), name))
			return &c->group[i];
	if (c->n == CPU_GROUPS || !name.n || name.n >= sizeof(c->group[0].name))
		return NULL;
	struct cpu_group *g = &c->group[c->n++];
	*g = (struct cpu_group){ 0 };
	memcpy(g->name, name.p, name.n);
	return g;
}

int cpu_add(struct cpu *c, struct str spec)
{
	struct str name, who;
	if (!str_token(&spec, '=', &name))
		return -EINVAL;
	struct cpu_group *g = group_of(c, name);
	int err = g && spec.n ? 0 : -EINVAL;
	while (!err && str_token(&spec, ',', &who)) {
		char text[64];
		uint32_t pid;
		snprintf(text, sizeof(text), "%.*s", STR_FMT(who));
		err = !str_u32(who, INT32_MAX, &pid) ? add_pid(g, (int)pid) : add_named(g, text);
	}
	return err;
}
