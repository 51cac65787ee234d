/* SPDX-License-Identifier: Apache-2.0 */
/* sluicectl: asks a running sluiced and shows the answer, as tables for people or JSON for
 * programs. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf/conf.h"
#include "show.h"
#include "version.h"

#define DEFAULT_SOCKET "/run/sluice/control.sock"
#define REPLY_MAX      ((size_t)256 << 20)

enum exit_code {
	EXIT_GOOD,
	EXIT_REFUSED, /* sluiced answered with an error, or the file has errors */
	EXIT_USAGE,
	EXIT_UNREACHABLE
};

struct command {
	const char *name, *args, *help;
	void (*show)(const json_t *reply); /* NULL: handled here */
};

static const struct command commands[] = {
	{ "status", "", "what runs, which data path is active and why, totals", show_status },
	{ "calls", "", "calls that are up: who, to whom, since when", show_calls },
	{ "call show", "ID", "one call: legs, states, media with counters, last events",
	  show_call },
	{ "flows", "", "media streams in the data plane, both directions of each", show_flows },
	{ "drops", "", "every counter of what was refused, by name", show_drops },
	{ "trunks", "", "trunks, who they are, calls on them; media ports", show_trunks },
	{ "check", "FILE", "read a configuration and say every error in it", NULL },
};

static void usage(FILE *f)
{
	fprintf(f, "sluicectl - look into a running sluiced\n\n"
		   "  sluicectl [--socket PATH] [--json] COMMAND\n\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		char left[32];

		snprintf(left, sizeof(left), "%s %s", commands[i].name, commands[i].args);
		fprintf(f, "  %-16s %s\n", left, commands[i].help);
	}
	fprintf(f, "\n"
		   "  -s, --socket PATH   control socket (process.control of the configuration);\n"
		   "                      $SLUICE_CONTROL, or " DEFAULT_SOCKET "\n"
		   "  -j, --json          the answer as one JSON document\n"
		   "      --version\n"
		   "  -h, --help\n\n"
		   "Exit code: 0 good, 1 refused or errors found, 2 wrong use, 3 sluiced does not "
		   "answer.\n");
}

static int control_connect(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	memcpy(sun.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		int err = errno;

		close(fd);
		return -err;
	}
	return fd;
}

static int control_write(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t w = send(fd, text, n, MSG_NOSIGNAL);

		if (w < 0)
			return -errno;
		text += w;
		n -= (size_t)w;
	}
	return 0;
}

/* The whole answer up to the end of the stream. *out is the caller's. */
static ssize_t control_read(int fd, char **out)
{
	size_t n = 0, cap = 0;
	char *p = NULL;

	for (;;) {
		ssize_t r;

		if (cap - n < 65536) {
			char *more = cap < REPLY_MAX ? realloc(p, cap + 262144) : NULL;

			if (!more)
				break;
			p = more;
			cap += 262144;
		}
		r = recv(fd, p + n, cap - n, 0);
		if (r < 0)
			break;
		if (r == 0) {
			*out = p;
			return (ssize_t)n;
		}
		n += (size_t)r;
	}
	free(p);
	return -1;
}

static int unreachable(const char *path, int err)
{
	fprintf(stderr, "sluicectl: no answer on %s: %s.\n", path, strerror(-err));
	if (err == -ENOENT || err == -ECONNREFUSED)
		fputs("Is sluiced running? With another process.control, name it by --socket.\n",
		      stderr);
	return EXIT_UNREACHABLE;
}

static int ask(const char *path, json_t *request, const struct command *command, bool as_json)
{
	char *text = json_dumps(request, JSON_COMPACT), *answer = NULL;
	int fd = control_connect(path), code = EXIT_GOOD;
	json_t *reply = NULL;
	ssize_t n = -1;

	if (fd < 0) {
		code = unreachable(path, fd);
		goto out;
	}
	if (control_write(fd, text, strlen(text)) == 0 && control_write(fd, "\n", 1) == 0)
		n = control_read(fd, &answer);
	close(fd);
	reply = n > 0 ? json_loadb(answer, (size_t)n, 0, NULL) : NULL;
	if (!reply) {
		fprintf(stderr, "sluicectl: sluiced on %s gave no answer in time.\n", path);
		code = EXIT_UNREACHABLE;
		goto out;
	}
	if (!json_is_true(json_object_get(reply, "ok")))
		code = EXIT_REFUSED;
	if (as_json) {
		json_dumpf(reply, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		putchar('\n');
	} else if (code == EXIT_GOOD) {
		command->show(reply);
	} else {
		fprintf(stderr, "sluicectl: %s.\n",
			json_string_value(json_object_get(reply, "error")));
	}
out:
	json_decref(reply);
	free(answer);
	free(text);
	return code;
}

static int check(const char *file, bool as_json)
{
	struct conf_errors errors = { 0 };
	struct conf *conf = NULL;
	int err = conf_load(file, &conf, &errors);

	if (as_json) {
		json_t *list = json_array(), *doc;

		for (size_t i = 0; i < errors.n; i++)
			json_array_append_new(
				list,
				json_pack("{s:i,s:i,s:s,s:s,s:s}", "line", (int)errors.e[i].line,
					  "column", (int)errors.e[i].column, "key", errors.e[i].key,
					  "what", errors.e[i].what, "fix", errors.e[i].fix));
		doc = json_pack("{s:b,s:s,s:o}", "ok", err == 0, "file", file, "errors", list);
		json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		putchar('\n');
		json_decref(doc);
	} else if (err < 0) {
		conf_errors_print(&errors, file, STDERR_FILENO);
	} else {
		printf("%s: good.\n", file);
	}
	conf_errors_free(&errors);
	conf_put(conf);
	return err < 0 ? EXIT_REFUSED : EXIT_GOOD;
}

/* Matches the words of the command line; *used words are the command's name. */
static const struct command *command_find(char **words, int n, int *used)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		char joined[64];

		*used = strchr(commands[i].name, ' ') ? 2 : 1;
		if (n < *used)
			continue;
		snprintf(joined, sizeof(joined), "%s%s%s", words[0], *used == 2 ? " " : "",
			 *used == 2 ? words[1] : "");
		if (strcmp(joined, commands[i].name) == 0)
			return &commands[i];
	}
	return NULL;
}

static int run(const char *path, char **words, int n, bool as_json)
{
	const struct command *command;
	json_t *request;
	int used, code;

	command = command_find(words, n, &used);
	if (!command || n != used + (*command->args ? 1 : 0)) {
		fprintf(stderr, "sluicectl: %s.\n\n",
			command ? "wrong number of arguments" : "no such command");
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!command->show)
		return check(words[used], as_json);
	request = json_pack("{s:s#}", "cmd", command->name, (int)strcspn(command->name, " "));
	if (*command->args)
		json_object_set_new(request, "id", json_string(words[used]));
	code = ask(path, request, command, as_json);
	json_decref(request);
	return code;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *path = getenv("SLUICE_CONTROL");
	bool as_json = false;
	int c;

	while ((c = getopt_long(argc, argv, "s:jh", options, NULL)) != -1) {
		switch (c) {
		case 's':
			path = optarg;
			break;
		case 'j':
			as_json = true;
			break;
		case 'V':
			puts("sluicectl " SLUICE_VERSION);
			return EXIT_GOOD;
		case 'h':
			usage(stdout);
			return EXIT_GOOD;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	return run(path ? path : DEFAULT_SOCKET, argv + optind, argc - optind, as_json);
}
