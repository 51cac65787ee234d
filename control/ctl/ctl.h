/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: one JSON document in (a line), one JSON document out, for sluicectl and for
 * programs. {"cmd": "calls"} is answered by {"ok": true, ...} or {"ok": false, "error": TEXT}.
 *
 * The socket lives on the main thread. What a command needs of a shard is gathered on that shard's
 * thread, through its mailbox; nothing is shared. */
#ifndef SLUICE_CTL_CTL_H
#define SLUICE_CTL_CTL_H

#include "base/mailbox.h"
#include "call/call.h"
#include "sip/overload.h"
#include "sip/shed.h"
#include "sip/transport.h"

/* A shard as the control socket sees it; used only on the shard's thread, but for `mailbox`. */
struct ctl_shard {
	struct mailbox *mailbox;
	struct loop *loop;
	struct calls *calls;
	struct media_shard *media;
	struct trunks *trunks;
	struct sip *sip;
	struct transport *transport;
	struct overload *overload;
	unsigned index;
};

struct ctl_options {
	struct loop *loop; /* the main thread's */
	struct log *log;
	const struct conf *conf;
	const struct call_limits *limits;
	const struct ctl_shard *shards; /* outlives the ctl */
	unsigned n_shards;
	const char *version;
};

struct ctl;

/* Listens on conf->process.control (mode 0660; a dead socket file is replaced, a live one is
 * -EADDRINUSE). NULL + errno, logged. Shards may answer only while their loops run. */
struct ctl *ctl_new(const struct ctl_options *o);
/* After the shards' threads have ended: closes, removes the socket file. */
void ctl_free(struct ctl *c);

#endif
