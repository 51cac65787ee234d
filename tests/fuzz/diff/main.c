/* SPDX-License-Identifier: Apache-2.0 */
/* sip_diff PEERS RULES COUNT FILE...: the files, and COUNT messages made from them, as our parser takes them and
 * as those of the program PEERS do. A difference that no rule explains fails, and so does a rule that explains
 * nothing. */
#include <sys/wait.h>
#include <unistd.h>
#include "diff.h"
#include "sip/field.h"

static const char *const names[PEERS] = { "osip", "sofia" };

#define SHOWN_MAX 20

struct run {
	struct rules *rules;
	FILE *to, *from;
	pid_t peers;
	unsigned long messages, differences, open;
};

static void set_str(struct view *v, enum view_value which, struct str s)
{
	view_set(v, which, s.p, s.n);
}

/* Returns the error, positive. */
static int parse_ours(struct view *v, struct str datagram)
{
	char *mem = malloc(datagram.n + SIP_PAD);
	struct sip_core c;
	struct sip_msg m;
	uint32_t length;
	int rc, core;

	if (!mem)
		abort();
	memcpy(mem, datagram.p, datagram.n);
	memset(mem + datagram.n, 0, SIP_PAD);
	view_clear(v);
	rc = sip_msg_parse(&m, mem, datagram.n);
	core = sip_msg_core(&m, &c);
	v->accepted = !rc && !core;
	if (m.status)
		view_number(v, VIEW_METHOD, m.status);
	else
		set_str(v, VIEW_METHOD, m.method_name);
	set_str(v, VIEW_CALL_ID, c.call_id);
	set_str(v, VIEW_FROM_TAG, c.from.tag);
	set_str(v, VIEW_TO_TAG, c.to.tag);
	if (!sip_number_parse(sip_value(&m, SIP_HDR_CONTENT_LENGTH), &length))
		view_number(v, VIEW_LENGTH, length);
	set_str(v, VIEW_BODY, m.body);
	free(mem);
	return rc ? -rc : -core;
}

/* What differs, and how we took it. */
struct difference {
	const char *peer;
	unsigned kind;
	int error;
	const struct view *ours, *theirs;
	struct str datagram;
};

static void show(const struct difference *d)
{
	char *text = readable(d->datagram);
	struct str rest = str_of(text), l;

	printf("# %s %s, %s\n", d->peer, kind_name(d->kind), error_name(d->error));
	for (int i = 0; d->kind >= VALUE && i < 2; i++) {
		const struct view *v = i ? d->theirs : d->ours;
		unsigned k = d->kind - VALUE;
		char *value = readable((struct str){ v->value[k], v->len[k] });

		printf("# %s: \"%.200s\"\n", i ? "they" : "we", value);
		free(value);
	}
	while (str_token(&rest, '\n', &l))
		printf("#   %.*s\n", STR_FMT(l));
	free(text);
}

static void differ(struct run *r, const struct difference *d)
{
	r->differences++;
	if (rules_explain(r->rules, d->peer, d->kind, d->error, d->datagram))
		return;
	if (r->open++ < SHOWN_MAX)
		show(d);
}

static int ask_peers(struct run *r, struct str datagram, struct view v[PEERS])
{
	int rc = 0;

	fwrite(&datagram.n, sizeof(datagram.n), 1, r->to);
	fwrite(datagram.p, 1, datagram.n, r->to);
	if (fflush(r->to))
		return -1;
	for (size_t i = 0; i < PEERS && !rc; i++)
		rc = view_read(&v[i], r->from);
	return rc;
}

static void compare(struct run *r, struct str datagram)
{
	static struct view ours, theirs[PEERS];
	struct difference d = { .ours = &ours, .datagram = datagram };

	r->messages++;
	d.error = parse_ours(&ours, datagram);
	if (ask_peers(r, datagram, theirs)) {
		char *text = readable(datagram);

		printf("Bail out! the peers died of\n%s\n", text);
		exit(1);
	}
	for (size_t i = 0; i < PEERS; i++) {
		d.peer = names[i];
		d.theirs = &theirs[i];
		if (ours.accepted != theirs[i].accepted) {
			d.kind = ours.accepted ? LAXER : STRICTER;
			differ(r, &d);
		}
		for (unsigned k = 0; ours.accepted && theirs[i].accepted && k < VIEW_VALUES; k++) {
			d.kind = VALUE + k;
			if (ours.len[k] != theirs[i].len[k] ||
			    memcmp(ours.value[k], theirs[i].value[k], ours.len[k]))
				differ(r, &d);
		}
	}
}

static int start_peers(struct run *r, char *program)
{
	int to[2], from[2];

	if (pipe(to) || pipe(from))
		return -1;
	r->peers = fork();
	if (r->peers == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		for (int fd = 3; fd < 10; fd++)
			close(fd);
		execl(program, program, (char *)NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	r->to = fdopen(to[1], "w");
	r->from = fdopen(from[0], "r");
	return r->peers > 0 && r->to && r->from ? 0 : -1;
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
	struct corpus corpus = { 0 };
	struct run r = { 0 };
	char out[DATAGRAM_MAX];
	bool ok;

	for (int i = 4; i < argc; i++) {
		if (corpus_add(&corpus, argv[i]))
			return 2;
	}
	if (!corpus.n || !(r.rules = rules_load(argv[2])) || start_peers(&r, argv[1]))
		return 2;
	for (size_t i = 0; i < corpus.n; i++)
		compare(&r, corpus.text[i]);
	for (unsigned long i = 0; i < count; i++)
		compare(&r, generate(&corpus, i, out));
	fclose(r.to);
	fclose(r.from);
	waitpid(r.peers, NULL, 0);
	ok = rules_unused(r.rules) == 0 && r.open == 0;
	printf("1..1\n%sok 1 - %lu messages, %lu differences, %lu not explained\n",
	       ok ? "" : "not ", r.messages, r.differences, r.open);
	rules_free(r.rules);
	corpus_free(&corpus);
	return ok ? 0 : 1;
}
