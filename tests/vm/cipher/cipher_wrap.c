// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>
#include <linux/scatterlist.h>
#include "cipher_test.h"

struct test_wrap test_wrap;

/* NULL: it is not to be had. */
static const char *name_of(const char *name, const char *later, u32 mask)
{
	if (mask & CRYPTO_ALG_ASYNC)
		return test_wrap.way == WAY_NO_SPARE ? NULL : name;
	if (test_wrap.way == WAY_AT_ONCE)
		return NULL;
	return test_wrap.way == WAY_BEST ? name : later;
}

static int refused(const char *name)
{
	int n = atomic_inc_return(&test_wrap.asked);

	if (test_wrap.fail_at && n >= test_wrap.fail_at)
		return -ENOMEM;
	return name ? 0 : -ENOENT;
}

#define COUNTED(tfm)                                                                               \
	({                                                                                         \
		if (!IS_ERR(tfm))                                                                  \
			atomic_inc(&test_wrap.transforms);                                         \
		tfm;                                                                               \
	})

struct crypto_skcipher *test_alloc_skcipher(const char *name, u32 type, u32 mask)
{
	const char *real = name_of(name, "cryptd(ctr(aes-generic))", mask);
	int err = refused(real);
	struct crypto_skcipher *tfm = err ? ERR_PTR(err) : crypto_alloc_skcipher(real, type, mask);

	return COUNTED(tfm);
}

struct crypto_aead *test_alloc_aead(const char *name, u32 type, u32 mask)
{
	/* cryptd() of gcm() does not stand the kernel's own tests before 6.3, so this is the accelerated one, which puts off what
	 * it is asked while others use the vector registers: see begin(). */
	const char *real = name_of(name, name, mask);
	int err = refused(real);
	struct crypto_aead *tfm = err ? ERR_PTR(err) : crypto_alloc_aead(real, type, mask);

	return COUNTED(tfm);
}

struct crypto_shash *test_alloc_shash(const char *name, u32 type, u32 mask)
{
	int err = refused(name);
	struct crypto_shash *tfm = err ? ERR_PTR(err) : crypto_alloc_shash(name, type, mask);

	return COUNTED(tfm);
}

void test_free_skcipher(struct crypto_skcipher *tfm)
{
	if (tfm)
		atomic_dec(&test_wrap.transforms);
	crypto_free_skcipher(tfm);
}

void test_free_aead(struct crypto_aead *tfm)
{
	if (tfm)
		atomic_dec(&test_wrap.transforms);
	crypto_free_aead(tfm);
}

void test_free_shash(struct crypto_shash *tfm)
{
	if (tfm)
		atomic_dec(&test_wrap.transforms);
	crypto_free_shash(tfm);
}

/* Of those that answer at once. */
int test_aead_decrypt(struct aead_request *r)
{
	static u8 before[4096], none[4096];
	u32 n = r->assoclen + r->cryptlen;
	bool look = test_wrap.wrong != WRONG_AS_IS && n <= sizeof(before);

	if (look)
		sg_copy_to_buffer(r->src, sg_nents(r->src), before, n);
	int err = crypto_aead_decrypt(r);
	if (look && err == -EBADMSG)
		sg_pcopy_from_buffer(r->src, sg_nents(r->src),
				     (test_wrap.wrong == WRONG_GONE ? none : before) + r->assoclen,
				     r->cryptlen - 16, r->assoclen);
	return err;
}

void *test_kmalloc(size_t n, gfp_t flags)
{
	void *p = test_wrap.no_jobs ? NULL : kmalloc(n, flags);

	if (p)
		atomic_inc(&test_wrap.jobs);
	atomic_inc(&test_wrap.allocated);
	return p;
}

void test_kfree(const void *p)
{
	if (p)
		atomic_dec(&test_wrap.jobs);
	kfree(p);
}
