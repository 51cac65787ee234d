/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_MEDIA_MEDIA_PRIV_H
#define SLUICE_MEDIA_MEDIA_PRIV_H

#include "base/table.h"
#include "media/media.h"
#include "media/pool.h"
#include "media/sdes.h"
#include "sdp/sdp.h"

#define CODEC_NAME_MAX 20

enum media_kind {
	KIND_AUDIO, /* these are relayed */
	KIND_VIDEO,
	KIND_TEXT,
	KIND_APPLICATION, /* these are refused */
	KIND_IMAGE,
	KIND_MESSAGE
};

/* How a stream travels. */
enum media_way {
	WAY_RTP,
	WAY_UDPTL, /* T.38: relayed without a look */
	WAY_GROUP  /* multicast: both sides know where; nothing is relayed */
};

/* A text or a table that calls share; counted, one thread. See known.c. */
struct known {
	struct table_node node; /* in media_shard.known */
	u32 refs, n;
	char p[];
};

/* Payload types of a stream as the engine is told of them, and what follows from the codec. [side] */
struct map {
	u32 clock;         /* of the codec that is used first */
	u32 dtmf_clock[2]; /* of telephone-event */
	u8 dtmf_in[2], dtmf_out[2];
	u32 rate[2]; /* octets/s that it may send, before `policing`; 0: not known */
	u8 flags[2]; /* FLOW_SIDE_DTMF_... */
	u8 n[2];
	u8 pt[2][FLOW_PTMAP_MAX][2];
	char codec[CODEC_NAME_MAX]; /* "PCMA/8000" */
};

/* What both sides said of one stream, as far as packets are concerned. [side] of the flow: leg 0 and 1, or the third
 * in the place of one of them. */
struct terms {
	struct addr remote[2]; /* RTP; family 0: not known */
	u16 remote_rtcp[2];
	u8 dir[2];         /* enum sdp_dir: what that side does */
	u8 ptime[2];       /* 0: not said */
	u8 kind : 4;       /* enum media_kind */
	u8 way : 4;        /* enum media_way */
	u8 family[2];      /* 4, 6: of our address towards that side; 0: 4 */
	bool mux[2];       /* RTCP shares the port of RTP towards that side */
	bool savp[2];      /* its m= line is RTP/SAVP */
	u8 suite[2];       /* enum flow_suite of what it sends and is sent */
	bool feedback : 1; /* RTP/AVPF, RTP/SAVPF */
	bool on : 1;
};

/* One m= line for as long as the session lives. */
struct stream {
	struct table_node node; /* in media_shard.streams while id is not 0 */
	struct stream *next;    /* the next m= line */
	struct media *m;
	u64 id;     /* flow; 0: none, and no ports */
	u64 pushed; /* hash of what the engine was told last */
	u32 gen;
	u32 idle_at; /* ms, of the last IDLE event; 0: none */
	struct flow_resume
		*resume;   /* [side], in the arena; NULL: nothing to remember, see resume.c */
	u16 port[2];       /* ours, RTP; by leg; those of the third: struct third */
	bool agreed;       /* was on in an exchange that was settled */
	struct terms now;  /* of the last settled exchange */
	struct known *map; /* struct map of that; NULL: it was off */
	struct sdes *sdes; /* keys; NULL: it never had any */
};

/* A codec of an m= line while its exchange is open, and the numbers that it has; SDP_PT_NONE: none. */
struct form {
	u32 codec; /* codec_hash() */
	u32 clock;
	u8 own; /* what the offerer wants to get it with */
	u8 also; /* what else may come from the offerer: our number, where it answered an offer of ours */
	u8 told; /* what the answerer was offered it with */
	u8 kind; /* enum form_kind */
};

enum form_kind {
	FORM_CODEC,
	FORM_EVENT, /* telephone-event */
	FORM_NOISE  /* CN */
};

/* What came of an m= line by its answer. */
struct outcome {
	struct terms terms;
	u8 pt[FLOW_PTMAP_MAX]; /* of form[]: what the answerer wants to get it with; SDP_PT_NONE: nothing */
	u8 order[FLOW_PTMAP_MAX]; /* indices into form[], as answered */
	u8 n;
	bool taken;      /* keys of the offerer are taken here: event */
	u8 event;        /* index of the telephone-event that counts; SDP_PT_NONE: none */
	u32 event_clock; /* the answerer's */
	u32 clock;
	u32 rate[2]; /* as in struct map; [side] */
	u32 tag;     /* of theirs, where the answer was an offer */
	struct sdes_key theirs;
	char codec[CODEC_NAME_MAX];
};

/* The words of an m= line, to be said again; kind "": they were too long. */
struct kind_words {
	char kind[65], proto[65], formats[64];
};

/* An m= line while its exchange is open. */
struct line {
	struct terms offer;
	struct outcome answer;
	struct form form[FLOW_PTMAP_MAX];
	u8 n_forms;
	u8 opened;                /* bits: what was opened for this offer. [leg], OPENED_FLOW */
	struct kind_words words;  /* for the answer, where it is refused */
	struct addr group;        /* WAY_GROUP: where it is, with its port */
	u32 asked;                /* octets/s that the offerer wants at most; 0: not said */
	struct sdes_list offered; /* to the answerer */
	u32 tag;                  /* of the offerer's line that was taken */
	struct sdes_key theirs;
};

#define OPENED_FLOW 0x80

/* What a branch behind the answerer answered. */
struct fork {
	struct fork *next;
	struct addr sig;
	u32 id, n;
	char sdp[];
};

struct draft {
	u8 leg[2];  /* which is at that side of the flow */
	u8 offerer; /* side */
	u8 n;       /* lines, also those that the offer forgot */
	u8 n_offered;
	bool ours;    /* nobody's but ours: media_make_offer() */
	bool chained; /* the offer is somebody's answer to one of ours */
	bool news;    /* the answerer has not heard that before */
	bool answered;
	bool downgrade;                  /* a stream would go on without SRTP, which must not be */
	bool across;                     /* what is read as an answer is an offer, too */
	bool committed;                  /* an answer of this exchange went to the engine */
	struct addr sig[2];              /* family 0: as before */
	struct known *said[2], *told[2]; /* [side]; NULL: nothing yet */
	struct known *view[2]; /* what it should have been told, where that is something else */
	u32 heard[2];
	u32 fork_id; /* of the last answer */
	struct fork *forks;
	struct line line[];
};

struct commit {
	struct loop_task task;
	struct media *m; /* NULL: another took its place */
	void (*done)(void *arg, int status);
	void *arg;
	int status;
	unsigned pending;
};

struct media_leg {
	const struct conf_trunk *trunk;
	struct addr sig;
	u32 id, version; /* of o= in what we send */
	u32 sent;        /* hash of that */
	u32 heard;       /* hash of what it said last, with addresses; 0: nothing */
	u8 family;       /* of our address in o=; 0: nothing was sent yet */
	u8 place;        /* in the pool of its network: where its ports are, while it has any */
	bool stray;      /* it accepted an offer that was given up */
	/* Of the last settled exchange; NULL: none. */
	struct known *said; /* directions are what it does unless the other one holds */
	struct known *told;
	struct known *view;    /* what it should have been told; mostly `told` */
	struct known *numbers; /* what payload types ever meant on it */
};

/* The leg that is to take another's place. */
struct third {
	struct media_leg leg;
	u8 replaces;
	bool there;
	struct draft *settled; /* an exchange that counts once the leg is taken */
	u16 port[SDP_MEDIA_MAX];
};

struct media {
	struct media_shard *ms;
	struct arena *arena;
	const struct conf *conf;
	void (*event)(void *arg, const struct media_news *n);
	void *event_arg;
	struct media_leg leg[2];
	struct third *third; /* NULL: there never was one */
	struct stream *streams;
	struct draft *draft; /* NULL: no exchange is open */
	struct commit *commit;
	void (*end_done)(void *arg, const struct media_report *r);
	void *end_arg;
	struct loop_task end_task;
	uint64_t settled_ms; /* on the loop's clock; 0: never */
	u8 n_lines;          /* m= lines both sides know of */
	bool ended;
};

struct orphan {
	struct table_node node;
	struct media_shard *ms;
	u64 id;
	struct {
		struct ports *ports; /* NULL: none of ours */
		u16 port;
	} side[2];
	bool seen; /* in the dump of this connection */
	bool deleting;
};

#define LEARNED_MAX 32

/* What numbers_learn() made of what was told, said, and known before. */
struct learned {
	struct known *of[4]; /* told, said, before, after; NULL: nothing */
};

struct media_shard {
	struct learned learned[LEARNED_MAX];
	u32 printed; /* hash of what was written last */
	struct loop *loop;
	struct log *log;
	struct conf *conf;
	struct engine *engine;
	struct table streams, orphans; /* by flow id */
	struct table known;            /* by content */
	u64 key[2];                    /* of hashes that tell what changed */
	struct pool *pool;             /* by network */
	struct timer audit;
	unsigned n_networks;
	u8 shard, n_shards;
	struct sdp in, out, old;                  /* for the length of one call */
	struct kind_words refused[SDP_MEDIA_MAX]; /* in `out`, where nobody else keeps them */
	u8 family[SDP_MEDIA_MAX]; /* that lines of `out` are to have; 0: what they had */
	char words[2048];         /* of values in `out` that are written anew */
	size_t n_words;
	char keys
		[SDP_CRYPTO_MAX]
		[SUITE_TEXT_MAX]; /* of `out` while it is printed, or of `in` where that is recalled */
	bool no_srtp;             /* it was said that the engine has no SRTP */
};

/* ---- codec.c ---- */

struct codec {
	struct str name;
	u32 clock;
};

/* What a format of an RTP m= line stands for. False: nothing that can be passed on. */
bool codec_of(const struct sdp_format *f, struct codec *c);
u32 codec_hash(const struct codec *c); /* equal for one codec in any spelling */
enum form_kind codec_kind(const struct codec *c);
/* "PCMA/8000" */
void codec_name(const struct codec *c, char name[CODEC_NAME_MAX]);
/* Fills in a format by the name of a codec, a number too where it has one. False: not known. */
bool codec_by_name(const char *name, struct sdp_format *f);
bool codec_listed(const char *const *list, struct str name); /* list may be NULL */
bool feedback_is_known(struct str value);
/* The payload type that another stands for towards the one who is told; SDP_PT_NONE: none. */
typedef u8 codec_pt(const void *arg, u8 pt);
/* Do this format's parameters name payload types (of red and rtx)? */
bool codec_names_pts(const struct sdp_format *f);
/* Its parameters with other payload types, appended to *b; as they are where they name none. False: one
 * that they name is not passed on, so they mean nothing; then nothing was appended. */
bool codec_fmtp_pts(const struct sdp_format *f, codec_pt *map, const void *arg, struct buf *b);
static inline bool pt_is_dynamic(u8 pt)
{
	return pt >= 35 && pt < 128;
}

/* ---- numbering.c ---- */

/* The numbers of one line of an offer to a leg. */
struct numbering {
	const struct known *numbers;  /* of the leg */
	const struct sdp_media *told; /* the line as it was told last; NULL: it was not */
	unsigned line;
	bool used[128];   /* in this offer */
	bool wanted[128]; /* the offerer's own */
};

void numbering_init(struct numbering *n, struct media_shard *ms, const struct media_leg *to,
		    unsigned line);
/* For this format, whose codec has this hash; SDP_PT_NONE: none is left. */
u8 numbering_choose(struct numbering *n, const struct sdp_format *f, u32 hash);
/* l->form[].told. Numbers that everybody knows stay, the others are what the leg knows or may learn. */
void numbering_form(struct numbering *n, struct line *l, const struct sdp_format *const formats[],
		    const struct conf_trunk *to);

/* ---- map.c ---- */

struct side_rules {
	const struct conf_trunk *offerer, *answerer;
};

/* Of the formats of `in` those that both trunks are to hear of go to l->form[], numbered as the answerer knows them, and
 * to the m= line added last to ms->out. `i`: index of the line; `to`: the leg of the answerer; `ours`: the line of our
 * offer that `in` answers, or NULL. */
void map_offer(struct media *m, const struct sdp_media *in, struct line *l, unsigned i,
	       const struct media_leg *to, const struct conf_trunk *from, const struct line *ours);
/* The same for the answer: r gets what was taken, the m= line added last to ms->out what the offerer is told. */
void map_answer(struct media *m, const struct sdp_media *in, const struct line *l,
		const struct side_rules *trunks, struct outcome *r);
/* For the answerer: what of its own offer (`in`) was taken, in its own numbers, to the m= line added last to ms->out. */
void map_mirror(struct media *m, const struct sdp_media *in, const struct line *l,
		const struct conf_trunk *to, const struct outcome *r);
/* A format of the m= line added last to ms->out may be told to that trunk. */
bool map_allows(const struct conf_trunk *t, const struct sdp_format *f);
/* Orders the formats of the m= line added last, by the trunk's codecs_first. */
void map_order(struct media_shard *ms, const struct conf_trunk *t);
/* Adds telephone-events of ours for the clocks of the codecs in the m= line added last, with numbers that fit `to`. */
void map_add_events(struct media_shard *ms, const struct media_leg *to, unsigned line);
/* Adds what is in the m= line added last, as told to the answerer, to l->form[] where it is not there yet. */
void map_note(const struct media_shard *ms, struct line *l, u8 own);

/* ---- ptmap.c ---- */

/* What the engine is told. r NULL: nothing was answered yet. */
void map_fill(const struct line *l, const struct outcome *r, unsigned offerer, struct map *out);

/* ---- kind.c ---- */

const char *kind_name(enum media_kind k);
enum media_kind kind_of(struct str s); /* KIND_APPLICATION where it isn't known */
/* Can it be carried between legs whose trunks have `streams`, as far as its m= line says? Then *t has its way and
 * whether it is RTP/AVPF; its kind it has in any case. */
bool kind_is_carried(const struct sdp_media *in, unsigned streams, struct terms *t);
/* Is that the same kind of stream, by the same way? */
bool kind_is_same(const struct sdp_media *in, const struct terms *t);
/* The one format of T.38, and what it says of itself, to the m= line added last to *out. */
void kind_copy_fax(const struct sdp_media *in, struct sdp *out);
/* An m= line with port 0, of words that everybody knows. */
void kind_refuse(struct sdp *out, enum media_kind k, struct str proto);
void kind_remember(struct kind_words *w, const struct sdp_media *in);
/* An m= line with port 0 for who said those words; they must live until it is printed. */
void kind_refuse_words(struct sdp *out, const struct kind_words *w, enum media_kind k);

/* ---- group.c ---- */

/* A multicast stream (RFC 3264 5.2, 6.2): the line of an offer, and its like for the other side, in the m= line
 * added last; false: it is none, or has nothing that can be passed on. `ours`: as for map_offer(). */
bool group_offer(struct media *m, const struct sdp_media *in, const struct side_rules *trunks,
		 struct line *l, const struct line *ours);
/* The same for the answer; false: it is refused. */
bool group_answer(struct media *m, const struct sdp_media *in, const struct line *l,
		  struct outcome *r);
/* An m= line of ms->out, which is an offer of ours. */
void group_own(const struct sdp_media *o, struct line *l);

/* ---- family.c ---- */

/* IPv4 or IPv6: each leg by itself. */

/* Can media of that family be exchanged with the leg? It cannot where we have no such address, or the engine
 * relays none. */
bool family_is_there(const struct media *m, unsigned leg, u8 family);
/* What an offer to the leg should have; `remote`: where its media was before. */
u8 family_for(const struct media *m, unsigned leg, const struct addr *remote);
/* What the line has with the leg as it was agreed. */
u8 family_agreed(const struct media *m, unsigned leg, unsigned i);
/* Ours on the leg's network: where packets arrive, and what the leg is told. Port 0. */
const struct addr *family_local(const struct media *m, unsigned leg, u8 family);
const struct addr *family_advertised(const struct media *m, unsigned leg, u8 family);
/* Of o= in what the leg is told, ms->out: of its first stream, and then always that. */
const struct addr *family_origin(struct media *m, unsigned leg);
/* May packets be sent there from the leg's network? */
bool family_can_reach(const struct media *m, unsigned leg, const struct addr *a);

/* ---- flow.c ---- */

/* Is it on, and the engine's to relay? */
static inline bool terms_relayed(const struct terms *t)
{
	return t->on && t->way != WAY_GROUP;
}

struct stream *stream_at(const struct media *m, unsigned i); /* NULL: there is none */
/* The terms that count for packets now. */
const struct terms *stream_terms(const struct stream *s);
/* The line of an open exchange that they are of, and who offered it; NULL: they were settled. Its answer counts where
 * the exchange was committed. */
const struct line *stream_open_line(const struct stream *s, unsigned *offerer);
/* Their codec; "" where none is known. Lives as long as the exchange. */
const char *stream_codec(const struct stream *s);
const struct map *stream_map(const struct stream *s, struct map *room); /* NULL: it is off */
/* The leg whose media that side of the flow is now. */
unsigned stream_leg(const struct stream *s, unsigned side);
u16 *stream_port(struct stream *s, unsigned leg); /* ours */
/* Tells the engine where that differs from what it was told, and anyway asks for an ack. */
int stream_push(struct stream *s, engine_done *done, void *arg);
/* 0, -ENOBUFS. Takes what is missing of ports on both legs and a flow id; *opened gets bits of it. */
int stream_open(struct stream *s, const u8 leg[2], u8 *opened);
void stream_unopen(struct stream *s, u8 opened); /* nobody has heard of it */
/* Gives all back; somebody may have learned of it. */
void stream_close(struct stream *s);
/* The same, and the engine is told. */
void stream_drop(struct stream *s);
void stream_rest(struct stream *s, unsigned leg); /* the port of that leg alone */
/* Its network's addresses and ports for this shard; NULL: the network is not of the shard's configuration. */
struct pool *media_pool_of(const struct media *m, unsigned leg);
/* Before ports are taken for the draft: an address for a leg that has none. */
void media_choose_place(struct media *m, const struct draft *d, unsigned side);
struct ports *media_ports_of(const struct media *m, unsigned leg); /* where the leg's place is */
static inline struct media_leg *leg_at(struct media *m, unsigned leg)
{
	return leg < 2 ? &m->leg[leg] : &m->third->leg;
}
static inline const struct media_leg *leg_of(const struct media *m, unsigned leg)
{
	return leg < 2 ? &m->leg[leg] : &m->third->leg;
}
static inline const struct conf_network *media_network(const struct media *m, unsigned leg)
{
	return leg_of(m, leg)->trunk->on;
}
bool media_is_first(const struct media *m); /* nothing was ever settled */
bool media_has_third(const struct media *m);

/* ---- media.c ---- */

int media_parse(struct media *m, struct str text); /* to ms->in; 0, -EBADMSG */
/* Gives ms->out addresses and ports and writes it to `leg`. The version rises where the text differs from the last one
 * sent. 0, -EMSGSIZE. */
int media_print(struct media *m, unsigned leg, struct buf *out);
/* Streams and ports for all that is on in the draft. On errors nothing has changed. */
int media_open(struct media *m, struct draft *d);
void media_unopen(struct media *m, struct draft *d);
/* The exchange is open from now on, and the engine watches what is new. */
void media_begin(struct media *m, struct draft *d);
/* An answer of `leg` in ms->in; text: what it was. As media_answer(); out NULL: the offerer is not told. */
int media_take_answer(struct media *m, unsigned side, const struct addr *sig, struct buf *out);
void media_apply(struct media *m, struct draft *d); /* settled: what it says holds. Frees it */
/* The exchange that counts for packets; NULL: what was settled. */
struct draft *media_current(const struct media *m);

/* ---- commit.c ---- */

void leg_forget(struct media_shard *ms, struct media_leg *l); /* what was said */

/* ---- draft.c ---- */

/* The legs of an exchange with `leg`, by side; `side` of it. */
unsigned draft_sides(const struct media *m, unsigned leg, u8 legs[2]);
struct draft *draft_new(const struct media *m, unsigned n_lines, const u8 legs[2]);
void draft_free(struct media_shard *ms, struct draft *d); /* NULL is allowed */
/* Keeps an answer of a fork; without memory it is as if the fork had said nothing. */
void draft_keep_fork(struct draft *d, unsigned fork, struct str sdp, const struct addr *sig);
const struct fork *draft_fork(const struct draft *d, unsigned fork);
static inline bool draft_has(const struct draft *d, unsigned leg)
{
	return d->leg[0] == leg || d->leg[1] == leg;
}

/* ---- known.c ---- */

struct known *known_get(struct media_shard *ms, const void *p, size_t n); /* NULL: no memory */
static inline struct known *known_ref(struct known *k)
{
	if (k)
		k->refs++;
	return k;
}
void known_put(struct media_shard *ms, struct known *k);                    /* NULL is allowed */
void known_set(struct media_shard *ms, struct known **at, struct known *k); /* takes k over */
/* What ms->out says; ports that are not 0 become the same. */
struct known *known_out(struct media_shard *ms);
/* What ms->in says, with these directions. */
struct known *known_in(struct media_shard *ms, const u8 dir[SDP_MEDIA_MAX]);
int known_read(const struct known *k, struct sdp *out); /* 0, -ENOENT: k is NULL */
u32 known_hash(struct media_shard *ms); /* of ms->in, addresses included, o= aside */
/* Payload types that have been used on a leg, for the line. codec: 0 where it was not used. */
u32 numbers_codec(const struct known *numbers, unsigned line, u8 pt);
u8 numbers_find(const struct known *numbers, unsigned line, u32 codec, unsigned nth);
void learned_forget(struct media_shard *ms);
void numbers_learn(struct media_shard *ms,
		   struct media_leg *l); /* from what it said and was told */

/* ---- keys.c ---- */

char key_digit(u8 event); /* of RFC 4733; 0: it is none */

/* ---- offer.c ---- */

/* The part of media_offer() and media_answer() that reads; see there. *d is made; -errno. */
int offer_read(struct media *m, unsigned leg, const struct addr *sig, struct draft **d);
int answer_read(struct media *m, unsigned side, struct outcome to[SDP_MEDIA_MAX]);
struct known *answer_said(struct media *m, unsigned side); /* ms->in, as it is kept */
void answer_mirror(struct media *m,
		   unsigned side);      /* what the answerer is told, whose answer was an offer */
void out_begin(struct media_shard *ms); /* ms->out is empty */
/* The m= line added last is taken away again. */
void line_take_back(struct sdp *out);
/* Of an m= line in ms->out: one that is off keeps its payload types only, one at least. */
void line_strip(struct sdp *out);
/* The terms of that line before the exchange, as its legs have them. */
void terms_before(const struct media *m, const u8 legs[2], unsigned i, struct terms *t);
/* Lines of an offer from there on: their number never shrinks. */
void refuse_the_rest(struct media *m, struct draft *d, unsigned from);
/* ptime as the trunk asks for it. */
void line_ptime(struct sdp_media *l, const struct conf_trunk *t);

/* ---- rate.c ---- */

/* Octets a second that this one asks for by b=; 0: it does not say. */
u32 rate_asked(const struct sdp_media *in);
/* What one side may send, by the formats of an answer; `asked` by the other one. Before `policing`. */
u32 rate_agreed(const struct sdp_media *in, const struct terms *t, u32 asked);
/* The limit of a side, whose leg is with that trunk. */
void rate_fill(const struct terms *t, u32 agreed, const struct conf_trunk *trunk,
	       struct flow_side *f);

/* ---- resume.c ---- */

/* The engine says where a side's media comes from, and where its SRTP indices are. */
void resume_source(struct stream *s, unsigned side, const struct flow_addr *source);
void resume_index(struct stream *s, unsigned side, const struct flow_resume *told);
/* Another key than before is for what comes from that side, or goes to it. */
void resume_new_key(struct stream *s, unsigned side, bool out);
void resume_fill(const struct stream *s, struct flow *f);

/* ---- shard.c ---- */

struct stream *shard_stream(const struct media_shard *ms, u64 id);
void shard_add(struct media_shard *ms, struct stream *s);

/* ---- orphan.c ---- */

bool orphan_known(struct media_shard *ms, u64 id); /* and marks it as seen */
void orphan_add(struct media_shard *ms, const struct tlv_report *r);
void orphan_idle(struct media_shard *ms, u64 id);
void orphan_forget_unseen(struct media_shard *ms);
void orphan_free_all(struct media_shard *ms);

/* ---- audit.c ---- */
void audit_init(struct media_shard *ms);
void audit_soon(struct media_shard *ms); /* there is a session: in a minute at the latest */

#endif
