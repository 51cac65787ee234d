/* SPDX-License-Identifier: Apache-2.0 */
/* A whole shard on a virtual loop: the SIP core, the calls, media and the engine client are the
 * real ones; the network is a list in memory, and the engine is engine.c, which runs the real relay
 * rules. Actors (one for each trunk, and strangers) speak as the script says. */
#ifndef SLUICE_SCENARIO_H
#define SLUICE_SCENARIO_H

#include <setjmp.h>

#include "base/arena.h"
#include "call/call.h"
#include "sip/auth.h"
#include "sip/field.h"

struct world;
struct actor;
struct fake_engine;
struct wire;
struct wire_fault;

/* ---- script.c: a .scn file as a list of steps ---- */

enum step_kind {
	STEP_SEND,    /* ACTOR -> WHAT words... */
	STEP_RECEIVE, /* ACTOR <- WHAT words... */
	STEP_RTP,     /* ACTOR rtp -> ACTOR N, or another stream's name */
	STEP_DTMF,    /* ACTOR dtmf -> ACTOR KEY TIME */
	STEP_HEARS,   /* ACTOR hears KEYS TIME */
	STEP_VERB     /* anything else: words only */
};

#define STEP_WORDS 16
#define STEP_LINES 24

struct step {
	struct step *next;
	enum step_kind kind;
	const char *file;
	unsigned line;
	const char *text;             /* the line, for messages */
	const char *actor, *label;    /* "pbx/2": pbx and 2 */
	const char *what;             /* INVITE, 180, ... */
	const char *stream;           /* RTP: "rtp", "udptl", "video", ... */
	const char *word[STEP_WORDS]; /* the rest */
	unsigned n_words;
	const char *lines[STEP_LINES]; /* the indented lines below it */
	unsigned n_lines;
};

struct script {
	const char *file, *title;
	const char *conf;  /* YAML; NULL: the usual one */
	const char *plain; /* why it is played plainly only; NULL: in variants too */
	struct step *steps;
};

/* In the arena. NULL: *why says what is wrong. */
struct script *script_read(struct arena *a, const char *file, const char **why);
/* "sdp=hold": the value of a word, "" for the word alone, NULL: not there. */
const char *step_word(const struct step *s, const char *name);
/* "500ms", "32s", "1500": milliseconds, or -EINVAL. */
long script_ms(const char *s);

/* ---- world.c ---- */

struct rx { /* a datagram from sluice to an actor */
	struct rx *next;
	uint64_t at_ms;
	struct str raw; /* as it was sent */
	struct sip_msg m;
	struct sip_core core;
	struct addr to;
	struct sip_hop hop;
	bool again;    /* the same octets were sent before */
	bool known;    /* and arrived */
	bool answered; /* a request: by a final response */
};

#define WORLD_NETWORKS 4

struct world {
	struct arena *arena;
	struct loop *loop;
	struct log *log;
	int log_fd; /* memory */
	struct conf *conf;
	struct call_limits *limits;
	struct fake_engine *engine;
	struct media_shard *media;
	struct trunks *trunks;
	struct calls *calls;
	struct sip *sip;
	struct sip_network nets[WORLD_NETWORKS];
	struct actor *actors;
	const struct script *script;
	const struct step *step; /* being done */
	struct wire *wire;
	struct dlg_srtp *srtp; /* of all actors */
	bool monitors;         /* oa.c looks at everything */
	const char *foul;      /* what it saw; NULL: nothing */
	uint64_t mark_ms;      /* when the last step's message was sent or arrived */
	unsigned serial;       /* for tags, branches, ports */
	unsigned strays;       /* datagrams to addresses where nobody is */
	bool verbose;
	char why[2048];
	jmp_buf failed;
};

/* fault: what befalls one datagram; NULL: the actors have no transactions, and nothing gets lost unless the script
 * says so. NULL: said on stderr. */
struct world *world_new(const struct script *s, const struct wire_fault *fault, bool verbose);
/* Ends the shard and checks that it left nothing behind. */
void world_end(struct world *w);
void world_free(struct world *w);
void world_run(struct world *w); /* all steps; fails by world_fail() */
void world_fail(struct world *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));
struct str world_fmt(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void world_check_arrivals(struct world *w);
uint64_t world_counter(const struct world *w, const char *name);
/* Reads all that people may see of each call; how many there are. */
size_t world_look(const struct world *w);

/* ---- wire.c: the network ---- */

enum fault {
	FAULT_NONE,
	FAULT_LOST,  /* it never arrives */
	FAULT_TWICE, /* it arrives twice */
	FAULT_LATE   /* the next one of this way overtakes it */
};

struct wire_fault {
	enum fault kind;
	unsigned number; /* of the datagram, from 0, both ways together */
};

struct wire *wire_new(struct world *w, const struct wire_fault *f);
/* As the shard's sip_io. */
int wire_net_send(void *world, const struct sip_hop *to, struct str data);
void world_send(struct world *w, struct actor *from, struct str raw);
/* The actors repeat what is not answered, and the script is not strict about time. */
bool wire_is_lossy(const struct world *w);
/* Lossy: lets time go on until what was lost was said again, or nobody will say it again. */
void wire_heal(struct world *w);
/* How many datagrams there were, and whether this one was another one's repetition. */
unsigned wire_count(const struct world *w);
bool wire_is_repeat(const struct world *w, unsigned number);
const char *wire_fault_name(enum fault f); /* "lost" */
enum fault wire_fault_of(struct str name); /* FAULT_NONE: nothing is called so */

/* ---- ua.c: the transactions of actors on a lossy wire ---- */

struct ua_trans;
void ua_sent(struct world *w, struct actor *a, struct str raw);
/* It came, `known`: not for the first time. True: it is a repetition that the script need not see. */
bool ua_heard(struct world *w, struct actor *a, struct str raw, bool known);

/* ---- oa.c: offers and answers on each dialog (RFC 3264, 6337), as sluice sees them ---- */

struct oa;
struct oa_said;
void oa_heard(struct world *w, struct actor *a, struct str raw); /* by sluice */
void oa_said(struct world *w, struct actor *a, struct str raw);
void oa_end(struct world *w); /* no offer is left unanswered */
/* Did the actor say, in the request that r answers, that it supports this? */
bool oa_supports(const struct world *w, const struct actor *a, const struct rx *r, struct str tag);

/* ---- actor.c: who speaks ---- */

#define DLG_FORKS 40 /* more than the core keeps apart */

struct fork {             /* an early dialog of who is called; who calls has one */
	const char *name; /* of "tag=b"; "": without that word */
	struct addr rtp;
	unsigned sdp_version;
	uint32_t rseq, racked; /* our last reliable 1xx; the last that has its PRACK */
};

#define DLG_STREAMS     8
#define DLG_STREAM_STEP 2500 /* from the port of one m= line to that of the next */

struct dlg_stream {         /* an m= line */
	const char *name;   /* the word for what we said last: "audio" */
	const char *told;   /* for what we were told */
	struct addr remote; /* sluice's for us; port 0: refused */
	uint16_t ours;
	uint8_t pts[16], n_pts;   /* formats of the SDP that we sent last */
	uint8_t rpts[16], n_rpts; /* and of what we got last */
	bool raw;                 /* not RTP */
};

struct dlg { /* one call as an actor sees it */
	struct dlg *next;
	struct actor *actor;
	const char *label;
	struct str call_id, base_tag, local_tag,
		remote_tag;               /* local_tag: base_tag and the fork's name */
	struct str local_uri, remote_uri; /* "<sip:...>" */
	struct str target;                /* the other's Contact */
	struct str invite_branch, invite_ruri, last_sent;
	uint32_t cseq, invite_cseq;
	struct {
		struct str tag; /* of ours */
		uint32_t cseq;
	} heard[DLG_FORKS];                  /* the last request in each fork */
	unsigned invite_status;              /* last status for our INVITE */
	struct rx *invite, *request;         /* last INVITE and last request, to be answered */
	struct str invite_to;                /* what a CANCEL repeats */
	struct fork forks[DLG_FORKS], *fork; /* the one in use */
	unsigned n_forks;
	bool confirmed;          /* its 2xx was sent */
	uint32_t rseq, rel_cseq; /* of the last reliable 1xx that came */
	/* media */
	bool deaf;       /* an SDP got lost: what comes is no matter */
	struct addr rtp; /* ours, of the first m= line */
	struct dlg_stream stream[DLG_STREAMS], before[DLG_STREAMS];
	unsigned n_told, n_before;
	unsigned sdp_version, rtp_count; /* packets received */
	unsigned bad_rtp;
	uint32_t rtp_ts, ssrc;
	uint16_t rtp_seq;
	const char *payload; /* expected in what comes */
	struct dlg_srtp *srtp;
	struct str crypto; /* a=crypto lines that are being written */
	/* telephone-event: as sluice wants it and as we said; 0: none */
	uint8_t key_pt, hear_pt;
	uint32_t key_clock, hear_clock;
	struct {
		uint32_t ts, packets; /* of the last one; all packets */
		unsigned n, ends;
		char key[32];
		uint32_t ms[32];
	} keys;
};

struct actor {
	struct actor *next;
	const char *name;
	const struct conf_trunk *trunk; /* NULL: a stranger */
	unsigned network;
	struct addr addr;
	uint8_t transport; /* enum sip_transport */
	uint32_t conn;
	struct dlg *dlgs;
	struct rx *inbox, **inbox_end;
	struct rx *seen; /* everything that was taken */
	struct rx *lost;
	const char *mark;           /* in everything it says about itself */
	unsigned drop;              /* messages to it that get lost */
	bool mirror;                /* what is sent to it comes back */
	const struct rx *challenge; /* the last 401 or 407; NULL: it was answered */
	struct auth_state *login;   /* how */
	struct ua_trans *trans;
	struct oa *oas;
	struct oa_said *said[2]; /* by it; to it */
};

struct actor *actor_new(struct world *w, const char *name, unsigned network, const struct addr *a,
			const struct conf_trunk *t);
struct actor *actor_find(struct world *w, const char *name);
struct dlg *actor_dlg(struct world *w, struct actor *a, const char *label);
struct dlg *actor_find_dlg(const struct actor *a, const char *label); /* NULL: there is none */
struct dlg *actor_new_dlg(struct world *w, struct actor *a, const char *label);
bool actor_makes_dialog(const struct sip_msg *m);
/* From now on `name` speaks, where several callees do. */
void actor_use_fork(struct world *w, struct dlg *d, const char *name);
void actor_send(struct world *w, const struct step *s);

/* ---- hear.c: who hears ---- */
void actor_receive(struct world *w, const struct step *s);
bool hear_is_progress(const struct step *s, const struct rx *r); /* an unreliable 1xx */

/* ---- lines.c: header fields of what actors say ---- */
struct line {
	struct str name, value;
};

struct lines {
	struct line l[48];
	unsigned n;
};

void lines_add(struct lines *ls, const char *name, struct str value);
void lines_remove(struct lines *ls, struct str name);
void lines_override(struct world *w, struct lines *ls, const char *text);

/* ---- words.c: extensions that a word stands for ---- */
void words_of_request(struct world *w, struct dlg *d, const struct step *s, struct lines *ls);
void words_of_response(struct world *w, struct dlg *d, const struct step *s, struct lines *ls);
void words_check(struct world *w, struct dlg *d, const struct step *s, const struct rx *r);
void words_learn(struct dlg *d, const struct rx *r);

/* ---- login.c ---- */
struct login_words {
	struct str method, uri, body;
};
/* Credentials of sluice: those that the step names ("auth"), or none. */
void login_check(struct world *w, const struct step *s, const struct dlg *d, const struct rx *r);
void login_learn(struct actor *a, const struct rx *r);
/* The line that answers sluice, for a step with "login". */
struct str login_write(struct world *w, struct actor *a, const struct step *s,
		       const struct login_words *words);

/* ---- body.c ---- */
bool body_is_written(const struct step *s);
struct str body_write(struct world *w, const struct step *s);
struct str body_type(const struct step *s);
void body_check(struct world *w, const struct step *s, const struct rx *r);

/* ---- mirror.c ---- */
void mirror(struct world *w, struct actor *a, struct str data);

/* ---- sdp.c ---- */
struct str sdp_write(struct world *w, struct dlg *d, const char *kind);
void sdp_learn(struct world *w, struct dlg *d, struct str sdp);
void sdp_check(struct world *w, struct str sdp, const char *kind);

/* ---- streams.c ---- */
void streams_write(struct buf *b, struct dlg *d, const char *kind,
		   void (*audio)(struct buf *b, struct dlg *d, const char *kind, bool off));
void streams_check(struct world *w, struct str sdp, const char *kind);
void streams_learn(struct world *w, struct dlg *d, struct str sdp);
/* The offer that was learned last is refused. */
void streams_forget(struct dlg *d);
/* "rtp" is the audio stream, "udptl" that of T.38, others by their word. NULL: there is none. */
struct dlg_stream *streams_named(struct dlg *d, const char *name);
bool streams_is_name(const char *word);
/* Whose address is that? */
struct dlg *streams_at(struct world *w, const struct addr *a, struct dlg_stream **s);

/* ---- check.c: what must hold for every message of sluice ---- */
void check_message(struct world *w, struct actor *a, struct rx *r);
void check_lines(struct world *w, const struct step *s, const struct rx *r);

/* ---- rtp.c ---- */
void rtp_step(struct world *w, const struct step *s);
void dtmf_step(struct world *w, const struct step *s);
void hears_step(struct world *w, const struct step *s);
void rtp_deliver(void *world, const struct flow_addr *from, const struct flow_addr *to,
		 const uint8_t *p, size_t n);

/* ---- engine.c: an engine in memory ---- */
struct fake_engine *fake_engine_new(struct loop *loop,
				    void (*deliver)(void *arg, const struct flow_addr *from,
						    const struct flow_addr *to, const uint8_t *p,
						    size_t n),
				    void *arg);
void fake_engine_free(struct fake_engine *f);
struct engine_transport fake_engine_transport(struct fake_engine *f);
void fake_engine_down(struct fake_engine *f);               /* and it forgets its flows */
void fake_engine_up(struct fake_engine *f);                 /* at the client's next try */
void fake_engine_ipv4(struct fake_engine *f);               /* it restarts as one without IPv6 */
void fake_engine_refuse(struct fake_engine *f, int status); /* every SET; 0: no more */
void fake_engine_delay(struct fake_engine *f, uint32_t ms); /* of answers */
size_t fake_engine_flows(const struct fake_engine *f);
/* A packet from the network. True: the port is known. */
bool fake_engine_packet(struct fake_engine *f, const struct flow_addr *from,
			const struct flow_addr *to, uint8_t *p, size_t n);

#endif
