/* SPDX-License-Identifier: Apache-2.0 */
/* What the program in the kernel (shed.bpf.c) and overload_admit.c share: memory, and how a call is named. No
 * headers but the kernel's types. */
#ifndef SLUICE_SIP_SHED_MAP_H
#define SLUICE_SIP_SHED_MAP_H

#include <linux/types.h>

#define SHED_SOURCES  1024      /* a power of two */
#define SHED_BUCKETS  (1u << 19) /* the same; 8 MiB, of which only is used what is needed */
#define SHED_WAYS     4
#define SHED_SECONDS  32        /* 64*T1: as long as a client repeats its INVITE */
#define SHED_PERMILLE 1000

/* A source address that sends more new calls than it may. */
struct shed_source {
	__u32 addr;  /* IPv4, network order; 0: free */
	__u32 pass;  /* of its calls, permille, that are to be seen in user space */
	__u64 first; /* dropped in the kernel: calls, */
	__u64 again; /* and their repetitions */
};

struct shed_control {
	__u64 seed;
	__u32 now_s;
	__u32 digits;  /* a number of no more than so many may be one for emergencies */
	struct shed_source source[SHED_SOURCES];
};

/* Calls that were dropped without a word: 24 bits of the name, 8 of the time in seconds. 0: empty. Who comes when
 * a bucket is full takes the place of the oldest. Two writers at once may lose a call, which then is a new
 * one once more. */
struct shed_bucket {
	__u32 mark[SHED_WAYS];
};

static inline __u64 shed_hash_octet(__u64 h, __u8 c)
{
	return (h ^ c) * 0x100000001b3ull;
}

/* FNV does not mix its upper bits by itself. Never 0. */
static inline __u64 shed_hash_end(__u64 h)
{
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15ull;
	h ^= h >> 29;
	return h ? h : 1;
}

static inline __u32 shed_bucket(__u64 h)
{
	return (__u32)h & (SHED_BUCKETS - 1);
}

static inline __u32 shed_mark(__u64 h, __u32 now_s)
{
	return (((__u32)(h >> 32) | 0x100) & ~0xffu) | (now_s & 0xff);
}

static inline __u32 shed_age(__u32 mark, __u32 now_s)
{
	return (now_s - mark) & 0xff;
}

static inline int shed_holds(const struct shed_bucket *b, __u64 h, __u32 now_s)
{
	__u32 wanted = shed_mark(h, 0);

	for (int i = 0; i < SHED_WAYS; i++)
		if ((b->mark[i] & ~0xffu) == wanted && shed_age(b->mark[i], now_s) <= SHED_SECONDS)
			return 1;
	return 0;
}

static inline void shed_put(struct shed_bucket *b, __u64 h, __u32 now_s)
{
	__u32 oldest = 0, most = 0;

	for (__u32 i = 0; i < SHED_WAYS; i++) {
		__u32 age = b->mark[i] ? shed_age(b->mark[i], now_s) : 256;

		if (age >= most) {
			most = age;
			oldest = i;
		}
	}
	b->mark[oldest & (SHED_WAYS - 1)] = shed_mark(h, now_s);
}

/* Which part of all calls it belongs to: let in are those below a bound. */
static inline __u32 shed_part(__u64 h)
{
	return (__u32)(h >> 20) % SHED_PERMILLE;
}

static inline __u32 shed_source_slot(__u32 addr)
{
	return (__u32)((__u64)addr * 0x9e3779b97f4a7c15ull >> 40) & (SHED_SOURCES - 1);
}

#endif
