/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the kernel for each datagram of an IPv4 SIP socket while there is overload: new calls that are turned
 * away without a word never reach the socket. Only what is a new call beyond doubt is dropped: an INVITE to a
 * long number, whose To has no tag and no line is folded, spelt out in full. All else is for user space. */
#include <linux/bpf.h>
#include <linux/ip.h>
#include <stddef.h>
#include <bpf/bpf_helpers.h>
#include "shed_map.h"

#define TEXT_MAX 1024 /* a power of two: To and Call-ID stand before */
#define STEPS    96
#define DIGITS   24
#define UDP_HEAD 8
#define KEEP     ((int)0xffff)
#define DROP     0
#define EVERY(c) (0x0101010101010101ull * (c))

struct walk {
	__u32 pos, len;
	__u32 state, have;
	__u32 last; /* three octets of To */
	__u32 doubt;
	__u64 h; /* of the Call-ID */
};

/* The walk is here and not on the stack, for what is in a map is any number to the verifier: else it would
 * try each. */
struct text {
	struct walk walk;
	__u8 octet[TEXT_MAX + 16];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct shed_control);
} shed_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SHED_BUCKETS);
	__type(key, __u32);
	__type(value, struct shed_bucket);
} shed_marks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct text);
} shed_text SEC(".maps");

enum state {
	OTHER, /* looking for the next line */
	TO,
	CALL_ID
};

#define HAVE_TO      1
#define HAVE_CALL_ID 2

static __always_inline __u8 at(const struct text *t, __u32 pos)
{
	return t->octet[pos & (TEXT_MAX - 1)];
}

static __always_inline __u64 word(const struct text *t, __u32 pos)
{
	return *(const __u64 *)(t->octet + (pos & (TEXT_MAX - 1)));
}

static __always_inline int is_ws(__u8 c)
{
	return c == ' ' || c == '\t';
}

/* Behind "INVITE sip:[+]DIGITS@", and a number longer than any for emergencies; 0: something else. */
static __always_inline __u32 skip_number(const struct text *t, __u32 most)
{
	__u32 pos = 11, digits = 0;

	if (word(t, 0) << 8 != 0x20455449564e4900ull /* "INVITE " */ ||
	    (__u32)word(t, 7) != 0x3a706973 /* "sip:" */)
		return 0;
	if (at(t, pos) == '+')
		pos++;
	for (int i = 0; i < DIGITS; i++) {
		__u8 c = at(t, pos);

		if (c < '0' || c > '9')
			break;
		pos++;
		digits++;
	}
	return at(t, pos) == '@' && digits > most ? pos : 0;
}

#define GO_ON 0
#define END   1

static __always_inline long give_up(struct walk *w)
{
	w->doubt = 1;
	return END;
}

/* The line that begins behind the line end at pos. */
static __always_inline long new_line(struct walk *w, __u64 line)
{
	__u8 first = (__u8)line, second = (__u8)(line >> 8), third = (__u8)(line >> 16);
	__u8 letter = first | 0x20;

	if (first == '\r' || is_ws(first)) /* the end of the header, or folded */
		return give_up(w);
	w->pos++;
	if (letter == 't' && (second | 0x20) == 'o' && third == ':') {
		w->state = TO;
		w->pos += 3;
		return w->have & HAVE_TO ? give_up(w) : GO_ON;
	}
	if ((line | EVERY(0x20)) == 0x3a64692d6c6c6163ull /* "call-id:" */) {
		w->state = CALL_ID;
		w->pos += 8;
		return w->have & HAVE_CALL_ID ? give_up(w) : GO_ON;
	}
	/* Compact, or with white space before the colon? */
	if ((letter == 't' || letter == 'i' || letter == 'c') &&
	    (second == ':' || is_ws(second) || is_ws(third) || is_ws((__u8)(line >> 56))))
		return give_up(w);
	return GO_ON;
}

static __always_inline long skip_line(struct walk *w, const struct text *t)
{
	for (int i = 0; i < 8; i++) {
		__u64 v = word(t, w->pos), x = v ^ EVERY('\n');

		if ((__u8)v == '\n')
			return new_line(w, word(t, w->pos + 1));
		w->pos += (x - EVERY(1)) & ~x & EVERY(0x80) ? 1 : 8;
	}
	return GO_ON;
}

static __always_inline long read_value(struct walk *w, const struct text *t)
{
	for (int i = 0; i < 16; i++) {
		__u8 c = at(t, w->pos);

		if (c == '\n') {
			w->have |= w->state == TO ? HAVE_TO : HAVE_CALL_ID;
			w->state = OTHER; /* which sees this line end again, and a folded line */
			return GO_ON;
		}
		w->pos++;
		if (w->state == TO) {
			w->last = (w->last << 8 | c | 0x20) & 0xffffff;
			if (w->last == 0x746167 /* "tag": this needs a closer look */)
				return give_up(w);
		} else if (c > ' ') {
			w->h = shed_hash_octet(w->h, c);
		}
	}
	return GO_ON;
}

static long step(__u32 i, void *arg)
{
	__u32 zero = 0;
	struct text *t = bpf_map_lookup_elem(&shed_text, &zero);
	struct walk *w = t ? &t->walk : NULL;

	if (!w)
		return END;
	if (w->pos + 8 >= w->len)
		return give_up(w);
	if (w->state != OTHER)
		return read_value(w, t);
	if (w->have == (HAVE_TO | HAVE_CALL_ID)) {
		/* Unless the value goes on in the next line. */
		return is_ws(at(t, w->pos + 1)) ? give_up(w) : END;
	}
	return skip_line(w, t);
}

/* The Call-ID's hash; 0: this is not beyond doubt a new call. */
static __always_inline __u64 new_call(struct text *t, __u32 pos, __u32 len, __u64 seed)
{
	struct walk *w = &t->walk;

	w->pos = pos;
	w->len = len;
	w->state = OTHER;
	w->have = w->last = w->doubt = 0;
	w->h = seed;
	bpf_loop(STEPS, step, NULL, 0);
	if (w->doubt || w->have != (HAVE_TO | HAVE_CALL_ID))
		return 0;
	return shed_hash_end(w->h);
}

static __always_inline int verdict(struct shed_control *c, struct shed_source *s, __u64 h)
{
	__u32 place = shed_bucket(h), now_s = c->now_s;
	struct shed_bucket *b = bpf_map_lookup_elem(&shed_marks, &place);

	if (!b)
		return KEEP;
	if (shed_holds(b, h, now_s)) {
		__sync_fetch_and_add(&s->again, 1);
		return DROP;
	}
	if (shed_part(h) < s->pass)
		return KEEP;
	shed_put(b, h, now_s);
	__sync_fetch_and_add(&s->first, 1);
	return DROP;
}

SEC("socket")
int sluice_shed(struct __sk_buff *skb)
{
	__u64 len =
		skb->len; /* of 64 bits: a copy cut to 32 would have no bounds for the verifier */
	__u32 zero = 0, addr, pos;
	struct shed_control *c = bpf_map_lookup_elem(&shed_control, &zero);
	struct text *t = bpf_map_lookup_elem(&shed_text, &zero);
	struct shed_source *s;
	__u64 h;

	if (!c || !t || len < UDP_HEAD + 64 ||
	    bpf_skb_load_bytes_relative(skb, offsetof(struct iphdr, saddr), &addr, sizeof(addr),
					BPF_HDR_START_NET))
		return KEEP;
	s = &c->source[shed_source_slot(addr)];
	if (s->addr != addr)
		return KEEP;
	len -= UDP_HEAD;
	if (len > TEXT_MAX)
		len = TEXT_MAX;
	if (bpf_skb_load_bytes(skb, UDP_HEAD, t->octet, (__u32)len))
		return KEEP;
	pos = skip_number(t, c->digits);
	h = pos ? new_call(t, pos, (__u32)len, c->seed) : 0;
	return h ? verdict(c, s, h) : KEEP;
}

char shed_license[] SEC("license") = "Apache-2.0";
