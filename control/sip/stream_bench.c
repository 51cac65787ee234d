/* SPDX-License-Identifier: Apache-2.0 */
/* Framing a message of 1.1 kB; a request and its answer through a TCP connection on loopback, alone and
 * sixteen at once: what each costs the shard's thread, kernel included; and the memory of a connection that is idle after its first messages. */
#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "sip/stream_priv.h"

#define FRAMES    200000
#define ROUNDS    4000
#define PIPELINED 16
#define IDLE      1000

static const char head[] =
	"INVITE sip:+4930123456@203.0.113.1 SIP/2.0\r\n"
	"Via: SIP/2.0/TCP 10.10.0.10:5060;branch=z9hG4bK74bf9;rport\r\n"
	"Max-Forwards: 70\r\nFrom: <sip:a@b.example>;tag=9fxced76sl\r\n"
	"To: <sip:+4930123456@203.0.113.1>\r\nCall-ID: 3848276298220188511@b.example\r\n"
	"CSeq: 1 INVITE\r\nContact: <sip:a@10.10.0.10;transport=tcp>\r\n"
	"Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO\r\n"
	"Supported: replaces, timer, 100rel\r\nUser-Agent: ExamplePBX 18.20.0\r\n"
	"Content-Type: application/sdp\r\nContent-Length: 500\r\n\r\n";
static const char reply[] =
	"SIP/2.0 100 Trying\r\n"
	"Via: SIP/2.0/TCP 10.10.0.10:5060;branch=z9hG4bK74bf9;rport=5060\r\n"
	"From: <sip:a@b.example>;tag=9fxced76sl\r\nTo: <sip:+4930123456@203.0.113.1>\r\n"
	"Call-ID: 3848276298220188511@b.example\r\nCSeq: 1 INVITE\r\n"
	"Content-Length: 0\r\n\r\n";

struct bench {
	struct loop *loop;
	struct stream *stream;
	struct stream_listen at;
	char msg[2048];
	size_t len;
	unsigned n;
};

struct far {
	struct bench *b;
	pthread_t thread;
	unsigned each; /* messages at once */
};

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void say(const char *what, const char *unit, double v)
{
	printf("sip.%s %s %.0f\n", what, unit, v);
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "sip_stream_bench: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

/* ---- framing ---- */

static unsigned feed(struct frame *f, const char *p, size_t n, size_t piece)
{
	unsigned found = 0;
	size_t room, len;
	char *to, *msg;
	int error;

	for (size_t at = 0; at < n; at += piece) {
		if (piece > n - at)
			piece = n - at;
		to = frame_room(f, &room);
		must(to && room >= piece, "room");
		memcpy(to, p + at, piece);
		frame_filled(f, piece);
		while (frame_next(f, &msg, &len, &error) == FRAME_MESSAGE)
			found++;
	}
	return found;
}

static void frames(struct bench *b, const char *what, size_t piece, unsigned times)
{
	struct frame *f = frame_new();
	double start = seconds();
	unsigned found = 0;

	for (unsigned i = 0; i < times; i++)
		found += feed(f, b->msg, b->len, piece);
	must(found == times, "messages");
	say(what, "ns", (seconds() - start) / times * 1e9);
	frame_free(f);
}

static void large_in_octets(void)
{
	static char big[SIP_STREAM_MAX];
	struct frame *f = frame_new();
	int n = snprintf(big, sizeof(big), "INVITE sip:a SIP/2.0\r\nl: %d\r\n\r\n", 65502);
	double start;

	memset(big + n, 'x', sizeof(big) - (size_t)n);
	start = seconds();
	must(feed(f, big, (size_t)n + 65502, 1) == 1, "one large message");
	say("stream_octet of_64k", "ns", (seconds() - start) / sizeof(big) * 1e9);
	frame_free(f);
}

/* ---- connections ---- */

static int peer_of(void *arg, const struct sip_hop *from)
{
	return 0;
}

static void receive(void *arg, const struct sip_hop *from, char *buf, size_t len)
{
	struct bench *b = arg;

	b->n++;
	stream_send(b->stream, 0, from, STR(reply));
}

static void garbage(void *arg, const struct sip_hop *from, char *buf, size_t len, int error)
{
	must(false, "garbage");
}

static void broken(void *arg, unsigned sender, const struct sip_hop *to)
{
}

static int far_connect(const struct bench *b)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&b->at.local, &ss);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	must(fd >= 0 && connect(fd, (struct sockaddr *)&ss, len) == 0, "connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void exchange(const struct bench *b, int fd, unsigned times)
{
	static _Thread_local char text[65536];
	size_t want = (sizeof(reply) - 1) * times, have = 0;

	for (unsigned i = 0; i < times; i++)
		memcpy(text + b->len * i, b->msg, b->len);
	must(send(fd, text, b->len * times, 0) == (ssize_t)(b->len * times), "send");
	while (have < want) {
		ssize_t n = recv(fd, text, sizeof(text), 0);

		must(n > 0, "recv");
		have += (size_t)n;
	}
}

static void *far_main(void *arg)
{
	struct far *f = arg;
	int fd = far_connect(f->b);

	for (unsigned i = 0; i < ROUNDS; i++)
		exchange(f->b, fd, f->each);
	close(fd);
	return NULL;
}

static void messages(struct bench *b, const char *what, unsigned each)
{
	struct far f = { .b = b, .each = each };
	double start = seconds();

	b->n = 0;
	must(pthread_create(&f.thread, NULL, far_main, &f) == 0, "thread");
	while (b->n < ROUNDS * each)
		loop_once(b->loop, 100);
	loop_once(b->loop, 10);
	say(what, "ns", (seconds() - start) / b->n * 1e9);
	pthread_join(f.thread, NULL);
	loop_once(b->loop, 10);
}

static void idle(struct bench *b)
{
	static int fd[IDLE];
	size_t before;

	loop_once(b->loop, 10);
	before = mallinfo2().uordblks;
	for (unsigned i = 0; i < IDLE; i++) {
		fd[i] = far_connect(b);
		must(send(fd[i], b->msg, b->len, 0) > 0, "send");
	}
	for (b->n = 0; b->n < IDLE;)
		loop_once(b->loop, 100);
	loop_once(b->loop, 10);
	say("stream_idle tcp", "octets", (double)(mallinfo2().uordblks - before) / IDLE);
	for (unsigned i = 0; i < IDLE; i++)
		close(fd[i]);
}

static void open_stream(struct bench *b)
{
	struct stream_options o = { .listen = &b->at,
				    .n_listen = 1,
				    .per_source = 2 * IDLE,
				    .rate_per_source = 1000000,
				    .peer_of = peer_of,
				    .receive = receive,
				    .garbage = garbage,
				    .broken = broken,
				    .arg = b };
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);

	b->loop = loop_new();
	o.loop = b->loop;
	b->at.local = (struct addr){ .ip = { 127, 0, 0, 1 }, .family = 4 };
	b->stream = stream_new(&o);
	must(b->stream, "listen");
	must(getsockname(b->stream->listeners[0].fd.fd, (struct sockaddr *)&sin, &len) == 0,
	     "name");
	b->at.local.port = ntohs(sin.sin_port);
}

int main(void)
{
	struct bench b = { 0 };

	memset(b.msg, 'x', sizeof(b.msg));
	memcpy(b.msg, head, sizeof(head) - 1);
	b.len = sizeof(head) - 1 + 500;
	frames(&b, "stream_frame whole", b.len, FRAMES);
	frames(&b, "stream_frame octets", 1, FRAMES / 100);
	large_in_octets();
	open_stream(&b);
	messages(&b, "stream_request single", 1);
	messages(&b, "stream_request sixteen", PIPELINED);
	idle(&b);
	stream_free(b.stream);
	loop_free(b.loop);
	return 0;
}
