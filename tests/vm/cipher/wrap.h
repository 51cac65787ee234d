/* SPDX-License-Identifier: GPL-2.0-only */
/* Included before anything else by key.c, cm.c and aead.c as they are built for the test: what they ask of the kernel goes
 * through cipher_test.c, which counts it, refuses it or gives them other transforms. */
#ifndef SLUICE_TEST_WRAP_H
#define SLUICE_TEST_WRAP_H

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
#include <crypto/aead.h>
#include <crypto/hash.h>
#include <crypto/skcipher.h>
#include <linux/slab.h>

struct crypto_skcipher *test_alloc_skcipher(const char *name, u32 type, u32 mask);
struct crypto_aead *test_alloc_aead(const char *name, u32 type, u32 mask);
struct crypto_shash *test_alloc_shash(const char *name, u32 type, u32 mask);
void test_free_skcipher(struct crypto_skcipher *tfm);
void test_free_aead(struct crypto_aead *tfm);
void test_free_shash(struct crypto_shash *tfm);
int test_aead_decrypt(struct aead_request *r);
void *test_kmalloc(size_t n, gfp_t flags);
void test_kfree(const void *p);

#ifndef CIPHER_TEST
#define crypto_alloc_skcipher test_alloc_skcipher
#define crypto_alloc_aead     test_alloc_aead
#define crypto_alloc_shash    test_alloc_shash
#define crypto_free_skcipher  test_free_skcipher
#define crypto_free_aead      test_free_aead
#define crypto_free_shash     test_free_shash
#define crypto_aead_decrypt   test_aead_decrypt
#undef kmalloc
#define kmalloc test_kmalloc
#define kfree   test_kfree
#endif

#endif
