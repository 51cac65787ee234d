/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share: tree, errors, schema, snapshot. */
#ifndef SLUICE_CONF_PRIV_H
#define SLUICE_CONF_PRIV_H

#include <stdatomic.h>
#include <sys/types.h>
#include "base/arena.h"
#include "base/buf.h"
#include "conf/conf.h"

/* ---- errors.c: what is wrong with the file ---- */

struct place {
	unsigned line, column; /* from 1; 0: the file as a whole */
};

struct faults {
	struct conf_errors *out;
	size_t room;
	bool no_memory; /* one could not be kept: the result is -ENOMEM, not -EINVAL */
	struct conf_error *last;
};

/* Adds an error. `what` goes on after the key: "is missing", without a full stop. */
void fault(struct faults *f, struct place at, const char *key, const char *what, ...)
	__attribute__((format(printf, 4, 5)));
/* Says how to put the last error right, in whole sentences. */
void fault_fix(struct faults *f, const char *fix, ...) __attribute__((format(printf, 2, 3)));
void faults_sort(struct conf_errors *e);
/* The candidate that `word` was probably meant to be, or NULL where none is near. `name(i)` gives
 * candidate i. */
const char *nearest(const char *word, const char *(*name)(const void *list, unsigned i),
		    const void *list, unsigned n);

/* ---- yaml.c: libyaml's events become a tree with places ---- */

enum tree_kind {
	TREE_SCALAR,
	TREE_LIST,
	TREE_MAP
};

struct tree {
	enum tree_kind kind;
	bool plain; /* a scalar without quotes */
	bool wrong; /* stands for what had an error already */
	struct place at;
	struct str text; /* of a scalar; a NUL follows */
	/* Of an entry of a map. */
	const char *key;
	struct place key_at;
	struct tree *child, *next; /* of a map or list, in the order of the file */
	struct tree *last;
	unsigned n;
};

/* Reads one document. NULL in *root: the text is empty or no YAML. 0 or -ENOMEM; what is wrong goes
 * to the faults. Bounded in depth and size, without recursion. */
int tree_parse(struct str text, struct arena *a, struct faults *f, struct tree **root);
const struct tree *tree_get(const struct tree *map, const char *key); /* NULL: no such entry */

/* ---- read.c ---- */

/* To the end of the file, or `max` octets of it. How many they are, or -errno. */
ssize_t read_up_to(int fd, char *mem, size_t max);

/* ---- schema.c: one row for each option ---- */

enum option_type {
	OPTION_VERSION,
	OPTION_DEVICE,   /* char *: interface, PCI address, DPDK device */
	OPTION_USER,     /* char *, may be empty */
	OPTION_PATH,     /* char *, absolute, fits a unix socket */
	OPTION_FILE,     /* char *, absolute */
	OPTION_TEXT,     /* char *, may stand in quotes in SIP */
	OPTION_USERNAME, /* the same, without a colon */
	OPTION_PASSWORD, /* char *: the first line of the file that the value names */
	OPTION_DOMAIN,   /* char *: host name or address, IPv6 in brackets, as in a URI */
	OPTION_TLS_NAME, /* char *: the same without brackets, as in a certificate */
	OPTION_WORD,     /* char *, one of `words` */
	OPTION_CHOICE,   /* enum, index in `words` */
	OPTION_BOOL,     /* bool */
	OPTION_NUMBER,   /* uint32_t */
	OPTION_PORT,     /* uint16_t */
	OPTION_CODE,     /* uint16_t: a status or cause */
	OPTION_PORTS,    /* uint16_t lo; second: uint16_t hi */
	OPTION_DSCP,     /* uint8_t */
	OPTION_MS,       /* uint32_t, milliseconds */
	OPTION_SECONDS,  /* uint32_t */
	OPTION_ADDRESS,  /* struct addr */
	OPTION_GATEWAY6, /* struct addr, IPv6, may be of the link */
	OPTION_ADDRS,    /* struct addr *, port 0; second: unsigned count */
	OPTION_CIDR,     /* struct addr, IPv4; second: uint8_t length */
	OPTION_CIDR6,    /* the same, IPv6 */
	OPTION_HOST,     /* host, host_name and host_port of a trunk */
	OPTION_PREFIXES, /* struct prefix *; second: unsigned count */
	OPTION_SERVERS,  /* struct addr *, port 0 where there is none; second: unsigned count */
	OPTION_SWITCHES, /* a list of `words`: the first is bool, the second is bool `second` */
	OPTION_DIGITS,   /* const char *const *, a list of strings that NULL ends */
	OPTION_CODECS,   /* the same: encoding names */
	OPTION_WORDS,    /* the same: of `words`, each at most once */
	OPTION_BITS,     /* uint8_t, a list of `words`: bit i is word i */
	OPTION_MAP,      /* a struct with options of its own: `map` */
	OPTION_MAPS,     /* an array of them; second: unsigned count */
	OPTION_NETWORK,  /* const struct conf_network * */
	OPTION_TRUNK     /* const struct conf_trunk * */
};

struct option;

struct option_list {
	const struct option *option;
	unsigned n;
	size_t size; /* of the struct, where there is an array of them */
};

struct option {
	const char *name;
	enum option_type type;
	size_t offset, second; /* in the struct of the section or map */
	/* Of numbers, ports and durations, in the unit of the field. */
	uint32_t min, max;
	uint32_t step; /* only multiples of it; 0: all */
	bool zero;     /* 0 is allowed below `min` */
	const char *const *words;
	const struct option_list *map;
	const char *def; /* as written in the file; NULL: required, or simply not set */
	bool required;
	const char *example, *example2; /* of the first and the second item in full.yaml */
	bool restart;                   /* a change needs one */
	const char *help;
};

enum section_kind {
	SECTION_VALUE, /* one option at the top: `sluice: 1` */
	SECTION_NAMED, /* a map of items: name -> options */
	SECTION_LIST,  /* a list of items */
	SECTION_GROUP  /* options of the whole program */
};

struct section {
	const char *name;
	enum section_kind kind;
	const struct option_list *options;
	unsigned max;           /* items */
	size_t size;            /* of an item */
	const char *example[2]; /* names of the items in full.yaml */
	const char *help;
};

extern const struct option_list trunk_options; /* schema_trunk.c */
extern const struct section sections[];
extern const unsigned n_sections;
enum section_index { /* positions in `sections` */
	SECTION_SLUICE,
	SECTION_NETWORKS,
	SECTION_TRUNKS,
	SECTION_CALLS,
	SECTION_SIP,
	SECTION_MEDIA,
	SECTION_PROCESS
};

/* Words that stand for something: who writes them is told that this version does not have it, instead of that
 * nobody knows them. */
bool is_reserved_key(const char *key);
bool is_reserved_profile(const char *profile);

/* ---- load.c, item.c, value.c, check.c: the tree becomes a snapshot ---- */

struct snapshot;

struct binding {
	struct snapshot *snap;
	struct arena *arena;
	struct faults *faults;
	char key[192]; /* path of the option in hand */
	bool secrets;  /* read the files of passwords */
	/* Where the items stand in the file, by their index. */
	const struct tree **network_at, **trunk_at, **route_at;
};

/* Sets b->key. */
void binding_key(struct binding *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Takes the options of a map, or their defaults. NULL for a group that the file does not have. */
void item_bind(struct binding *b, const struct option_list *o, const struct tree *map, void *item,
	       const char *path);
/* The error of a key that is not in the list: the nearest one, or all of them. */
void refuse_key(struct binding *b, const struct tree *t,
		const char *(*name)(const void *list, unsigned i), const void *list, unsigned n);
/* Takes the value of one option into `item`. */
void value_bind(struct binding *b, const struct option *o, const struct tree *t, void *item);
/* What one option alone cannot know. Looks only at values that were good by themselves. */
void check_all(struct binding *b, const struct tree *root);
void check_engine(struct binding *b, const struct conf *c); /* engine.c */

/* ---- conf.c: the snapshot ---- */

/* Sources of one network, by family, length (longest first), then address. */
struct source {
	struct prefix prefix;
	const struct conf_trunk *trunk;
};

struct source_set {
	struct source *source;
	unsigned n;
};

struct snapshot {
	atomic_uint refs;    /* calls on all shards hold the snapshot they were born with */
	struct arena *arena; /* all of it, this struct too */
	struct source_set *by_network;
	struct conf conf;
};

/* Makes the index of conf_trunk_of(), of the trunks that have a network and a host. 0 or -ENOMEM.
 */
int snapshot_index(struct snapshot *s);

/* Of the whole address. */
static inline uint8_t addr_bits(const struct addr *a)
{
	return a->family == 4 ? 32 : 128;
}

#endif
