/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the test of the cipher share. */
#ifndef SLUICE_CIPHER_TEST_H
#define SLUICE_CIPHER_TEST_H

#include "sluice.h"

/* Which transforms keys get that are made from now on. */
enum test_way {
	WAY_BEST,     /* what the kernel likes best */
	WAY_AT_ONCE,  /* there is none that may answer later */
	WAY_LATER,    /* the first one answers later, always */
	WAY_NO_SPARE, /* the same, and there is no second one */
	WAY_COUNT
};

/* What becomes of the octets of AEAD whose tag was wrong. */
enum test_wrong {
	WRONG_AS_IS,
	WRONG_UNTOUCHED, /* a driver that looks at the tag first */
	WRONG_GONE       /* one that destroys them */
};

struct test_wrap {
	enum test_way way;
	enum test_wrong wrong;
	int fail_at; /* that allocation of a transform, from 1, and those after it fail; 0: none */
	bool no_jobs;
	atomic_t asked, transforms, jobs, allocated;
};
extern struct test_wrap test_wrap;

void cipher_bench(void);

#endif
