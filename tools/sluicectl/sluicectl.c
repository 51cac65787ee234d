/* SPDX-License-Identifier: Apache-2.0 */
/* sluicectl: asks a running sluiced and shows the answer, as tables for people or JSON for
 * programs. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
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

struct options {
	const char *path, *file;
	bool as_json, all;
	double watch_s; /* 0: once */
};

struct command {
	const char *name, *args, *help;                    /* args in brackets need not be there */
	void (*show)(const json_t *reply, struct show *o); /* NULL: handled here */
	void (*filter)(json_t *reply, const char *word);
};

static const struct command commands[] = {
	{ "status", "", "what runs, which data path is active and why, totals", show_status },
	{ "calls", "", "calls that are up: who, to whom, since when", show_calls },
	{ "call show", "ID", "one call: legs, states, media with counters, last events",
	  show_call },
	{ "why", "ID", "what is wrong with the media of a call, in sentences", show_why },
	{ "pcap", "ID", "heads of its packets for Wireshark, as received and as sent", show_pcap },
	{ "flows", "[WORD]", "media streams of a call, a trunk, an address: loss, jitter, MOS",
	  show_flows, flows_filter },
	{ "drops", "", "everything that was dropped or refused, by name", show_drops },
	{ "stage", "", "what a packet costs in the data plane, stage by stage", show_stage },
	{ "trunks", "", "trunks, who they are, calls on them; media ports", show_trunks },
	{ "check", "FILE", "read a configuration and say every error in it", NULL },
};

static const char options_help[] =
	"\n"
	"  -s, --socket PATH   control socket (process.control of the configuration);\n"
	"                      $SLUICE_CONTROL, or " DEFAULT_SOCKET "\n"
	"  -j, --json          the answer as one JSON document\n"
	"  -w, --watch[=S]     again every S seconds (1), with how fast things grow\n"
	"  -a, --all           drops, stage: also what is 0, and the work done\n"
	"  -o, --output FILE   pcap: where to\n"
	"      --version\n"
	"  -h, --help\n"
	"\n"
	"At night, of a broken call: `sluicectl calls`, then `sluicectl why ID`.\n"
	"\n"
	"Exit code: 0 good, 1 refused or errors found, 2 wrong use,\n"
	"3 sluiced does not answer.\n";

static void usage(FILE *f)
{
	fputs("sluicectl - look into a running sluiced\n\n"
	      "  sluicectl [--socket PATH] [--json] COMMAND\n\n",
	      f);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		char left[32];

		snprintf(left, sizeof(left), "%s %s", commands[i].name, commands[i].args);
		fprintf(f, "  %-14s %s\n", left, commands[i].help);
	}
	fputs(options_help, f);
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

/* Asks once; *out is the answer, the caller's, where the exit code is not EXIT_UNREACHABLE. */
static int ask(const char *path, const json_t *request, json_t **out)
{
	char *text = json_dumps(request, JSON_COMPACT), *answer = NULL;
	int fd = control_connect(path), code = EXIT_GOOD;
	json_t *reply = NULL;
	ssize_t n = -1;

	*out = NULL;
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
	*out = reply;
out:
	free(answer);
	free(text);
	return code;
}

static int tell(const struct command *command, json_t *reply, int code, bool as_json,
		struct show *o)
{
	if (command->filter && o->word && code == EXIT_GOOD)
		command->filter(reply, o->word);
	if (as_json) {
		json_dumpf(reply, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		putchar('\n');
	} else if (code == EXIT_GOOD) {
		o->code = EXIT_GOOD;
		command->show(reply, o);
		code = o->code;
	} else {
		fprintf(stderr, "sluicectl: %s.\n",
			json_string_value(json_object_get(reply, "error")));
	}
	fflush(stdout);
	return code;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void wait_s(double s)
{
	struct timespec t = { .tv_sec = (time_t)s };

	t.tv_nsec = (long)((s - (double)t.tv_sec) * 1e9);
	nanosleep(&t, NULL);
}

/* Once, or for as long as it goes well. */
static int ask_and_tell(const struct options *opt, const json_t *request,
			const struct command *command, struct show *o)
{
	bool screen = opt->watch_s > 0 && !opt->as_json && isatty(STDOUT_FILENO);
	json_t *before = NULL, *reply;
	double last = 0;
	int code;

	for (;;) {
		double now = now_s();

		code = ask(opt->path, request, &reply);
		if (!reply)
			break;
		o->before = before;
		o->seconds = now - last;
		if (screen)
			fputs("\033[H\033[J", stdout);
		else if (before && !opt->as_json)
			putchar('\n');
		code = tell(command, reply, code, opt->as_json, o);
		json_decref(before);
		before = reply;
		last = now;
		if (code != EXIT_GOOD || opt->watch_s <= 0)
			break;
		wait_s(opt->watch_s);
	}
	json_decref(before);
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

/* Columns to write in; 0: as many as it takes, which is what a file or a pipe gets. */
static int terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize w;
	long n = columns ? strtol(columns, NULL, 10) : 0;

	if (n > 0 && n < 10000)
		return (int)n;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0)
		return w.ws_col;
	return 0;
}

static bool wants_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (!no || !*no) && term && strcmp(term, "dumb") != 0;
}

static bool arguments_fit(const struct command *c, int n)
{
	if (*c->args == '[')
		return n <= 1;
	return n == (*c->args ? 1 : 0);
}

static int run(const struct options *opt, char **words, int n)
{
	struct show o = { .file = opt->file,
			  .all = opt->all,
			  .width = terminal_width(),
			  .colour = wants_colour() };
	const struct command *command;
	json_t *request;
	int used, code;

	command = command_find(words, n, &used);
	if (!command || !arguments_fit(command, n - used)) {
		fprintf(stderr, "sluicectl: %s.\n\n",
			command ? "wrong number of arguments" : "no such command");
		usage(stderr);
		return EXIT_USAGE;
	}
	o.word = n > used ? words[used] : NULL;
	if (!command->show)
		return check(o.word, opt->as_json);
	request = json_pack("{s:s#}", "cmd", command->name, (int)strcspn(command->name, " "));
	if (*command->args && *command->args != '[')
		json_object_set_new(request, "id", json_string(o.word));
	code = ask_and_tell(opt, request, command, &o);
	json_decref(request);
	return code;
}

/* Seconds of --watch; 0: that is no number. */
static double parse_watch(const char *text)
{
	char *end;
	double s = text ? strtod(text, &end) : 1;

	if (text && (*end || end == text))
		return 0;
	return s >= 0.1 && s <= 3600 ? s : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' }, { "json", no_argument, NULL, 'j' },
		{ "watch", optional_argument, NULL, 'w' },  { "all", no_argument, NULL, 'a' },
		{ "output", required_argument, NULL, 'o' }, { "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },         { 0 },
	};
	struct options opt = { .path = getenv("SLUICE_CONTROL") };
	int c;

	while ((c = getopt_long(argc, argv, "s:jw::ao:h", options, NULL)) != -1) {
		switch (c) {
		case 's':
			opt.path = optarg;
			break;
		case 'j':
			opt.as_json = true;
			break;
		case 'w':
			opt.watch_s = parse_watch(optarg);
			if (opt.watch_s > 0)
				break;
			fputs("sluicectl: --watch=S takes seconds, 0.1 to 3600.\n\n", stderr);
			usage(stderr);
			return EXIT_USAGE;
		case 'a':
			opt.all = true;
			break;
		case 'o':
			opt.file = optarg;
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
	if (!opt.path)
		opt.path = DEFAULT_SOCKET;
	return run(&opt, argv + optind, argc - optind);
}
