/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_MEDIA_MEDIA_PRIV_H
#define SLUICE_MEDIA_MEDIA_PRIV_H

#include "base/table.h"
#include "media/media.h"
#include "media/ports.h"
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

/* What both sides said of one stream, as far as packets are concerned. [leg] */
struct terms {
	struct addr remote[2]; /* RTP; family 0: not known */
	u16 remote_rtcp[2];
	u32 clock;
	u8 pt[FLOW_PTMAP_MAX], n_pt;
	u8 dir[2];     /* enum sdp_dir: what that leg does */
	u8 ptime[2];   /* 0: not said */
	u8 kind;       /* enum media_kind */
	bool mux[2];   /* RTCP shares the port of RTP towards that leg */
	bool feedback; /* RTP/AVPF */
	bool on;
};

/* One m= line for as long as the session lives. */
struct stream {
	struct table_node node; /* in media_shard.streams while id is not 0 */
	struct stream *next;    /* the next m= line */
	struct media *m;
	u64 id;     /* flow; 0: none, and no ports */
	u64 pushed; /* hash of what the engine was told last */
	u32 gen;
	u32 idle_at;      /* ms, of the last IDLE event; 0: none */
	u16 port[2];      /* ours, RTP */
	bool agreed;      /* was on in an exchange that was settled */
	struct terms now; /* of the last settled exchange */
	char codec[CODEC_NAME_MAX];
};

/* An m= line while its exchange is open. */
struct line {
	struct terms offer, answer;
	u32 codec[FLOW_PTMAP_MAX];            /* codec_hash() of offer.pt[] */
	char kind[24], proto[40], format[24]; /* of one that is refused: for the answer */
};

struct draft {
	u8 offerer; /* leg */
	u8 n;       /* lines, also those that the offer forgot */
	u8 n_offered;
	bool answered;
	bool committed;     /* an answer of this exchange went to the engine */
	struct addr sig[2]; /* family 0: as before */
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
	u64 sent;        /* hash of that */
};

struct media {
	struct media_shard *ms;
	struct arena *arena;
	const struct conf *conf;
	void (*event)(void *arg, const struct media_news *n);
	void *event_arg;
	struct media_leg leg[2];
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

struct media_shard {
	struct loop *loop;
	struct log *log;
	struct conf *conf;
	struct engine *engine;
	struct table streams, orphans; /* by flow id */
	u64 key[2];                    /* of hashes that tell what changed */
	struct ports **ports;          /* by network */
	unsigned n_networks;
	u8 shard, n_shards;
	struct sdp in, out; /* for the length of one call */
};

/* ---- codec.c ---- */

struct codec {
	struct str name;
	u32 clock;
};

/* What a format of an RTP m= line stands for. False: nothing that can be passed on. */
bool codec_of(const struct sdp_format *f, struct codec *c);
u32 codec_hash(const struct codec *c); /* equal for one codec in any spelling */
/* Copies up to FLOW_PTMAP_MAX formats of `in` that can be passed on and for which keep() holds
 * (NULL: all), in their order, to the m= line added last to *out. A telephone-event is not lost to
 * the limit. */
unsigned codec_copy(const struct sdp_media *in, bool (*keep)(void *arg, const struct sdp_format *f),
		    void *arg, struct sdp *out);
/* "PCMA/8000" and the clock rate of the first that isn't telephone-event. */
void codec_first(const struct sdp_media *m, u32 *clock, char name[CODEC_NAME_MAX]);
/* Copies the feedback messages that we know. */
void codec_copy_feedback(const struct sdp_media *in, struct sdp *out);

/* ---- kind.c ---- */

const char *kind_name(enum media_kind k);
enum media_kind kind_of(struct str s); /* KIND_APPLICATION where it isn't known */
/* Can it be relayed, as far as its m= line says? *feedback: RTP/AVPF. */
bool kind_is_carried(const struct sdp_media *in, bool *feedback);
/* May packets be sent there from this network? */
bool kind_can_reach(const struct conf_network *n, const struct addr *a);
/* An m= line with port 0, of words that everybody knows. */
void kind_refuse(struct sdp *out, enum media_kind k, struct str proto);

/* ---- flow.c ---- */

struct stream *stream_at(const struct media *m, unsigned i); /* NULL: there is none */
/* The terms that count for packets now. */
const struct terms *stream_terms(const struct stream *s);
/* Tells the engine where that differs from what it was told, and anyway asks for an ack. */
int stream_push(struct stream *s, engine_done *done, void *arg);
/* 0, -ENOBUFS. Takes ports on both sides and a flow id. */
int stream_open(struct stream *s);
/* Gives them back. `announced`: somebody may have learned of them. */
void stream_close(struct stream *s, bool announced);
/* Its network's ports for this shard; NULL: the network is not of the shard's configuration. */
struct ports *media_ports_of(const struct media *m, unsigned leg);
static inline const struct conf_network *media_network(const struct media *m, unsigned leg)
{
	return m->leg[leg].trunk->on;
}
bool media_is_first(const struct media *m); /* nothing was ever settled */

/* ---- offer.c ---- */

/* The part of media_offer() and media_answer() that reads; see there. *d is made; -errno. */
int offer_read(struct media *m, unsigned leg, const struct addr *sig, struct draft **d);
int answer_read(struct media *m, unsigned leg, struct terms terms[SDP_MEDIA_MAX]);

/* ---- shard.c ---- */

struct stream *shard_stream(const struct media_shard *ms, u64 id);
void shard_add(struct media_shard *ms, struct stream *s);

/* ---- orphan.c ---- */

bool orphan_known(struct media_shard *ms, u64 id); /* and marks it as seen */
void orphan_add(struct media_shard *ms, const struct tlv_report *r);
void orphan_idle(struct media_shard *ms, u64 id);
void orphan_forget_unseen(struct media_shard *ms);
void orphan_free_all(struct media_shard *ms);

#endif
