/* SPDX-License-Identifier: Apache-2.0 */
/* Names: of methods, header fields, reasons and errors. */
#include "sip/msg.h"

static const char *const header_names[SIP_HDR_COUNT] = {
#define X(id, name, compact) [SIP_HDR_##id] = name,
	SIP_HEADERS(X)
#undef X
};

const char *sip_header_name(enum sip_hdr_id id)
{
	return header_names[id];
}

static const char *const method_names[SIP_METHOD_COUNT] = {
	[SIP_INVITE] = "INVITE",
	[SIP_ACK] = "ACK",
	[SIP_BYE] = "BYE",
	[SIP_CANCEL] = "CANCEL",
	[SIP_OPTIONS] = "OPTIONS",
	[SIP_REGISTER] = "REGISTER",
	[SIP_PRACK] = "PRACK",
	[SIP_UPDATE] = "UPDATE",
	[SIP_INFO] = "INFO",
	[SIP_REFER] = "REFER",
	[SIP_SUBSCRIBE] = "SUBSCRIBE",
	[SIP_NOTIFY] = "NOTIFY",
	[SIP_MESSAGE] = "MESSAGE",
	[SIP_PUBLISH] = "PUBLISH",
};

const char *sip_method_name(enum sip_method m)
{
	return method_names[m];
}

static enum sip_method if_same(struct str name, enum sip_method m)
{
	return memcmp(name.p, method_names[m], name.n) == 0 ? m : SIP_METHOD_OTHER;
}

/* Length and first octet leave one candidate. */
enum sip_method sip_method_of(struct str name)
{
	if (name.n < 3)
		return SIP_METHOD_OTHER;
	switch (name.n << 8 | (uint8_t)*name.p) {
#define CASE(m, n, c)                                                                              \
	case (n) << 8 | (c):                                                                       \
		return if_same(name, m)
		CASE(SIP_INVITE, 6, 'I');
		CASE(SIP_ACK, 3, 'A');
		CASE(SIP_BYE, 3, 'B');
		CASE(SIP_CANCEL, 6, 'C');
		CASE(SIP_OPTIONS, 7, 'O');
		CASE(SIP_REGISTER, 8, 'R');
		CASE(SIP_PRACK, 5, 'P');
		CASE(SIP_UPDATE, 6, 'U');
		CASE(SIP_INFO, 4, 'I');
		CASE(SIP_REFER, 5, 'R');
		CASE(SIP_SUBSCRIBE, 9, 'S');
		CASE(SIP_NOTIFY, 6, 'N');
		CASE(SIP_MESSAGE, 7, 'M');
		CASE(SIP_PUBLISH, 7, 'P');
#undef CASE
	default:
		return SIP_METHOD_OTHER;
	}
}

struct reason {
	unsigned status;
	const char *text;
};

/* The registered ones, in order. */
static const struct reason reasons[] = {
	{ 100, "Trying" },
	{ 180, "Ringing" },
	{ 181, "Call Is Being Forwarded" },
	{ 182, "Queued" },
	{ 183, "Session Progress" },
	{ 199, "Early Dialog Terminated" },
	{ 200, "OK" },
	{ 202, "Accepted" },
	{ 204, "No Notification" },
	{ 300, "Multiple Choices" },
	{ 301, "Moved Permanently" },
	{ 302, "Moved Temporarily" },
	{ 305, "Use Proxy" },
	{ 380, "Alternative Service" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 407, "Proxy Authentication Required" },
	{ 408, "Request Timeout" },
	{ 410, "Gone" },
	{ 412, "Conditional Request Failed" },
	{ 413, "Request Entity Too Large" },
	{ 414, "Request-URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Unsupported URI Scheme" },
	{ 417, "Unknown Resource-Priority" },
	{ 420, "Bad Extension" },
	{ 421, "Extension Required" },
	{ 422, "Session Interval Too Small" },
	{ 423, "Interval Too Brief" },
	{ 424, "Bad Location Information" },
	{ 425, "Bad Alert Message" },
	{ 428, "Use Identity Header" },
	{ 429, "Provide Referrer Identity" },
	{ 430, "Flow Failed" },
	{ 433, "Anonymity Disallowed" },
	{ 436, "Bad Identity Info" },
	{ 437, "Unsupported Credential" },
	{ 438, "Invalid Identity Header" },
	{ 439, "First Hop Lacks Outbound Support" },
	{ 440, "Max-Breadth Exceeded" },
	{ 469, "Bad Info Package" },
	{ 470, "Consent Needed" },
	{ 480, "Temporarily Unavailable" },
	{ 481, "Call/Transaction Does Not Exist" },
	{ 482, "Loop Detected" },
	{ 483, "Too Many Hops" },
	{ 484, "Address Incomplete" },
	{ 485, "Ambiguous" },
	{ 486, "Busy Here" },
	{ 487, "Request Terminated" },
	{ 488, "Not Acceptable Here" },
	{ 489, "Bad Event" },
	{ 491, "Request Pending" },
	{ 493, "Undecipherable" },
	{ 494, "Security Agreement Required" },
	{ 500, "Server Internal Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Server Time-out" },
	{ 505, "Version Not Supported" },
	{ 513, "Message Too Large" },
	{ 555, "Push Notification Service Not Supported" },
	{ 580, "Precondition Failure" },
	{ 600, "Busy Everywhere" },
	{ 603, "Decline" },
	{ 604, "Does Not Exist Anywhere" },
	{ 606, "Not Acceptable" },
	{ 607, "Unwanted" },
	{ 608, "Rejected" },
};

const char *sip_reason_phrase(unsigned status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].status == status)
			return reasons[i].text;
	}
	return "";
}

static const struct reason errors[] = { [SIP_OK] = { 0, "" },
#define X(id, status, text) [SIP_E_##id] = { status, text },
					SIP_ERRORS(X)
#undef X
};

static const struct reason *error_row(int err)
{
	size_t i = err < 0 ? (size_t) - (long)err : (size_t)err;

	return &errors[i < sizeof(errors) / sizeof(errors[0]) ? i : SIP_OK];
}

unsigned sip_error_status(int err)
{
	return error_row(err)->status;
}

const char *sip_error_text(int err)
{
	return error_row(err)->text;
}
