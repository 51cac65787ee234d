/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of tests/data/sip/differences.txt; the file says how they are written. */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "diff.h"

#define RULES_MAX 200
#define LINE_LEN  1000

struct rule {
	unsigned line, used;
	char peer[8]; /* or "*" */
	unsigned kind;
	int error; /* 0: any */
	bool has_text, has_none;
	regex_t text, none; /* what must match, and what must not */
};

struct rules {
	unsigned n;
	struct rule rule[RULES_MAX];
};

static const char *const kinds[] = { "stricter", "laxer",  "method", "call-id",
				     "from-tag", "to-tag", "length", "body" };
static const char *const errors[] = { "-",
#define X(id, status, text) #id,
				      SIP_ERRORS(X)
#undef X
};

static int find(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(names[i], name))
			return (int)i;
	}
	return -1;
}

const char *error_name(int error)
{
	return errors[error];
}

const char *kind_name(unsigned kind)
{
	return kinds[kind];
}

static int compile(const char *text, regex_t *out, bool *has)
{
	int flags = REG_EXTENDED | REG_NEWLINE | REG_NOSUB;

	*has = *text && strcmp(text, "-");
	if (!strncmp(text, "(C)", 3))
		text += 3;
	else
		flags |= REG_ICASE;
	return *has && regcomp(out, text, flags);
}

/* "REGEX" or "REGEX !! REGEX" */
static int read_texts(struct rule *rule, char *text)
{
	char *none = strstr(text, " !! ");

	if (none)
		*none = '\0';
	if (compile(text, &rule->text, &rule->has_text))
		return -1;
	if (!compile(none ? none + 4 : "", &rule->none, &rule->has_none))
		return 0;
	if (rule->has_text)
		regfree(&rule->text);
	return -1;
}

/* PEER KIND ERROR WHO RFC REGEX */
static int read_rule(struct rules *r, const char *line, unsigned number)
{
	struct rule *rule = &r->rule[r->n];
	char kind[16], error[24], who[8], rfc[32], text[LINE_LEN];
	int k, e;

	if (r->n == RULES_MAX || sscanf(line, "%7s %15s %23s %7s %31s %999[^\n]", rule->peer, kind,
					error, who, rfc, text) != 6)
		return -1;
	k = find(kinds, sizeof(kinds) / sizeof(kinds[0]), kind);
	e = find(errors, sizeof(errors) / sizeof(errors[0]), error);
	if (k < 0 || e < 0 || (strcmp(who, "we") && strcmp(who, "they") && strcmp(who, "both")))
		return -1;
	rule->line = number;
	rule->kind = (unsigned)k;
	rule->error = e;
	if (read_texts(rule, text))
		return -1;
	r->n++;
	return 0;
}

struct rules *rules_load(const char *path)
{
	struct rules *r = calloc(1, sizeof(*r));
	FILE *f = fopen(path, "r");
	char line[LINE_LEN];
	bool ok = r && f;

	for (unsigned n = 1; ok && fgets(line, sizeof(line), f); n++) {
		if (*line == '#' || *line == '\n' || *line == ' ')
			continue;
		ok = read_rule(r, line, n) == 0;
		if (!ok)
			printf("# %s:%u: no rule\n", path, n);
	}
	if (f)
		fclose(f);
	if (ok)
		return r;
	rules_free(r);
	return NULL;
}

void rules_free(struct rules *r)
{
	for (unsigned i = 0; r && i < r->n; i++) {
		if (r->rule[i].has_text)
			regfree(&r->rule[i].text);
		if (r->rule[i].has_none)
			regfree(&r->rule[i].none);
	}
	free(r);
}

char *readable(struct str d)
{
	char *text = malloc(4 * d.n + 1);
	size_t n = 0;

	if (!text)
		abort();
	for (size_t i = 0; i < d.n; i++) {
		unsigned char c = (unsigned char)d.p[i];

		if (c == '\r' && i + 1 < d.n && d.p[i + 1] == '\n') {
			text[n++] = '\n';
			i++;
		} else if (c == '\t' || (c >= ' ' && c < 0x7f)) {
			text[n++] = (char)c;
		} else {
			n += (size_t)snprintf(text + n, 5, "{%02x}", c);
		}
	}
	text[n] = '\0';
	return text;
}

bool rules_explain(struct rules *r, const char *peer, unsigned kind, int error, struct str datagram)
{
	const char *end = memmem(datagram.p, datagram.n, "\r\n\r\n", 4);
	char *text = readable(
		(struct str){ datagram.p, end ? (size_t)(end - datagram.p) + 2 : datagram.n });
	bool found = false;

	for (unsigned i = 0; i < r->n && !found; i++) {
		struct rule *u = &r->rule[i];

		found = u->kind == kind && (*u->peer == '*' || !strcmp(u->peer, peer)) &&
			(!u->error || u->error == error) &&
			(!u->has_text || !regexec(&u->text, text, 0, NULL, 0)) &&
			(!u->has_none || regexec(&u->none, text, 0, NULL, 0));
		u->used += found;
	}
	free(text);
	return found;
}

unsigned rules_unused(const struct rules *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n; i++) {
		if (r->rule[i].used)
			continue;
		printf("# the rule of line %u explains nothing\n", r->rule[i].line);
		n++;
	}
	return n;
}
