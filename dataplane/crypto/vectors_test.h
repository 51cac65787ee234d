/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The vectors of RFC 3711 appendix B, RFC 6188 section 7 and RFC 7714 sections 16 and 17. */
#ifndef SLUICE_CRYPTO_VECTORS_TEST_H
#define SLUICE_CRYPTO_VECTORS_TEST_H

#include "relay/flow.h"

#define RTP                                                                                        \
	"8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e20706172746"  \
	"5732074726573"
#define RTCP                                                                                       \
	"81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbee"  \
	"fdeadbeefdeadbeef"
#define GCM_SALT "517569642070726f2071756f"
#define KEY_128  "000102030405060708090a0b0c0d0e0f"
#define KEY_256  KEY_128 "101112131415161718191a1b1c1d1e1f"
#define CM_SALT  "f0f1f2f3f4f5f6f7f8f9fafbfcfd"

/* AES-CM: the key stream is what zeros become. */
static const struct {
	u8 suite;
	const char *key, *stream;
} streams[] = {
	{ FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, "2b7e151628aed2a6abf7158809cf4f3c",
	  "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab"
	  "41e95b3bb0a2e8dd477901e4fca894c0" },
	{ FLOW_SUITE_AES_CM_256_HMAC_SHA1_80,
	  "57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98",
	  "92bdd28a93c3f52511c677d08b5515a49da71b2378a854f67050756ded165bac"
	  "63c4868b7096d88421b563b8c94c9a31" },
};

struct aead {
	u8 suite;
	const char *key;
	bool rtcp, plain;
	const char *sealed;
};

static const struct aead aeads[] = {
	{ FLOW_SUITE_AEAD_AES_128_GCM, KEY_128, false, false, /* 16.1.1 */
	  "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b"
	  "36de3adf8833899d7f27beb16a9152cf765ee4390cce" },
	{ FLOW_SUITE_AEAD_AES_256_GCM, KEY_256, false, false, /* 16.2.1 */
	  "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f"
	  "1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13" },
	{ FLOW_SUITE_AEAD_AES_128_GCM, KEY_128, true, false, /* 17.1 */
	  "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b46"
	  "86303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4" },
	{ FLOW_SUITE_AEAD_AES_256_GCM, KEY_256, true, false, /* 17.2 */
	  "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658"
	  "c61de0476f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4" },
	{ FLOW_SUITE_AEAD_AES_128_GCM, KEY_128, true, true, /* 17.3 */
	  RTCP "841dd9683dd78ec92ae58790125f62b3000005d4" },
	{ FLOW_SUITE_AEAD_AES_256_GCM, KEY_256, true, true, /* 17.4 */
	  RTCP "91db4afbfeee5a978fab4393ed2615fe000005d4" },
};

#endif
