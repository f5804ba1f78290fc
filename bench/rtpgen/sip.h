/* SIP over UDP: just enough to place calls to a user agent and to end them (RFC 3261). */
#pragma once
#include "caller.h"
#include "rtp.h"

enum { MESSAGE = 4096, MOST_CALLS = 16 };
enum { T1_US = 500000, T2_US = 4000000, INVITE_US = 32000000, BYE_US = 8000000, REDIAL_US = 1000000 };

static struct call *history; /* every call placed */
static size_t placed;
static int sip, sip_port;

static int open_sip(void)
{
    int wide = 4 << 20;
    sip = open_socket(&sip_port);
    setsockopt(sip, SOL_SOCKET, SO_RCVBUF, &wide, sizeof wide);
    history = allocate(MOST_CALLS * (size_t)option.calls, sizeof *history);
    for (int i = 0; i < option.calls; i++) callers[i].again = INT64_MAX;
    return sip;
}

static void transmit(const char *text, int length)
{
    sendto(sip, text, (size_t)length, 0, (struct sockaddr *)&option.target, sizeof option.target);
}

static void send_request(struct caller *c, const char *method, int cseq, const char *uri, const char *body)
{
    char text[MESSAGE], number[32];
    const struct call *call = c->call;
    snprintf(number, sizeof number, "1385581%04d", call->stream);
    /* ACK of a 2xx is a transaction of its own; of anything else it belongs to the INVITE's (17.1.1.3) */
    const char *branch = !strcmp(method, "ACK") && call->status >= 300 ? "INVITE" : method;
    int length = snprintf(text, sizeof text,
        "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%d;rport;branch=z9hG4bK%s%s\r\nMax-Forwards: 70\r\n"
        "From: <sip:%.64s@%s:%d>;tag=%d\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n"
        "Contact: <sip:caller@%s:%d>\r\n%sContent-Length: %zu\r\n\r\n%s",
        method, uri, option.local_ip, sip_port, branch, call->id, option.caller ? option.caller : number, option.local_ip, sip_port, call->stream + 1,
        call->to, call->id, cseq, method, option.local_ip, sip_port,
        *body ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
    if (length < (int)sizeof text) transmit(text, length);
}

static void send_invite(struct caller *c)
{
    char sdp[512];
    snprintf(sdp, sizeof sdp,
        "v=0\r\no=- %d 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 0 101\r\n"
        "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n",
        c->port, option.local_ip, option.local_ip, c->port);
    send_request(c, "INVITE", 1, c->call->contact, sdp);
}

static void place_call(struct caller *c, int stream)
{
    if (placed == MOST_CALLS * (size_t)option.calls) { /* nobody accepts anything: enough is enough */
        c->again = INT64_MAX;
        return;
    }
    struct call *call = c->call = &history[placed];
    *call = (struct call){.stream = stream, .setup = -1, .by = "", .began = clock_us(CLOCK_REALTIME)};
    snprintf(call->id, sizeof call->id, "%d-%zu-%lld", stream, placed, (long long)call->began);
    snprintf(call->contact, sizeof call->contact, "sip:%.64s@%s:%d", option.called, option.target_ip,
             ntohs(option.target.sin_port));
    snprintf(call->to, sizeof call->to, "<%s>", call->contact);
    placed++;
    c->state = CALLING;
    c->since = clock_us(CLOCK_MONOTONIC);
    c->interval = T1_US;
    c->again = c->since + c->interval;
    send_invite(c);
}

static void retire(struct caller *c)
{
    c->state = IDLE;
    c->again = option.redial && !leaving ? clock_us(CLOCK_MONOTONIC) + REDIAL_US : INT64_MAX;
}

static void note_end(struct caller *c, const char *by)
{
    c->call->ended = clock_us(CLOCK_REALTIME);
    c->call->by = by;
}

static void send_bye(struct caller *c)
{
    send_request(c, "BYE", 2, c->call->contact, "");
}

static void hang_up(struct caller *c)
{
    if (c->state != TALKING) return;
    note_end(c, "caller");
    c->state = LEAVING;
    c->since = clock_us(CLOCK_MONOTONIC);
    c->interval = T1_US;
    c->again = c->since + c->interval;
    send_bye(c);
}

/* Resend what was not answered (timers A and E, RFC 3261 17.1), give up in the end, dial again when it is time. */
static void keep_trying(struct caller *c, int stream, int64_t now)
{
    if (c->state == TALKING || now < c->again) return;
    if (c->state == IDLE) {
        if (!leaving) place_call(c, stream);
    } else if (now - c->since > (c->state == LEAVING ? BYE_US : INVITE_US)) {
        retire(c);
    } else if (c->state == RINGING) {
        c->again = now + T2_US;
    } else {
        c->interval = c->interval * 2 < T2_US ? c->interval * 2 : T2_US;
        c->again = now + c->interval;
        if (c->state == CALLING) send_invite(c);
        else send_bye(c);
    }
}

/* The value of a header, without the line's end; false when there is none, or it does not fit. */
static bool header(const char *message, const char *name, char *value, size_t size)
{
    size_t length = strlen(name);
    const char *line = strstr(message, "\r\n");
    for (; line && strncmp(line, "\r\n\r\n", 4) != 0; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, length) != 0 || line[2 + length] != ':') continue;
        const char *start = line + 3 + length;
        start += strspn(start, " ");
        size_t count = strcspn(start, "\r");
        if (count >= size) return false;
        memcpy(value, start, count);
        value[count] = 0;
        return true;
    }
    return false;
}

static struct caller *caller_of(const char *message)
{
    char id[64];
    int stream;
    if (!header(message, "Call-ID", id, sizeof id) || sscanf(id, "%d-", &stream) != 1) return NULL;
    if (stream < 0 || stream >= option.calls) return NULL;
    const struct call *call = callers[stream].call;
    return call && !strcmp(call->id, id) ? &callers[stream] : NULL;
}

/* Where to send audio, from the SDP answer. */
static bool read_answer(const char *message, struct sockaddr_in *peer)
{
    char host[INET_ADDRSTRLEN + 1];
    int port;
    const char *c = strstr(message, "\r\nc=IN IP4 "), *m = strstr(message, "\r\nm=audio ");
    if (!c || !m || sscanf(c + 11, "%16[0-9.]", host) != 1 || sscanf(m + 10, "%d", &port) != 1) return false;
    *peer = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return port > 0 && port < 65536 && inet_pton(AF_INET, host, &peer->sin_addr) == 1;
}

static void take_answer(struct caller *c, const char *message)
{
    char contact[256];
    struct call *call = c->call;
    if (header(message, "Contact", contact, sizeof contact)) sscanf(contact, "<%255[^>]", call->contact);
    header(message, "To", call->to, sizeof call->to);
    send_request(c, "ACK", 1, call->contact, "");
    if (c->state == TALKING) return; /* the ACK was lost */
    call->setup = clock_us(CLOCK_REALTIME) - call->began;
    c->state = TALKING;
    struct sockaddr_in peer;
    bool heard = read_answer(message, &peer) && talk_to(c, &peer);
    if (!heard) fprintf(stderr, "rtpgen: call %s was answered without an address for audio\n", call->id);
    if (leaving || !heard) hang_up(c);
}

static void take_response(struct caller *c, const char *message)
{
    char cseq[64];
    int status = atoi(message + 8);
    if (!header(message, "CSeq", cseq, sizeof cseq)) return;
    if (strstr(cseq, "BYE")) {
        if (c->state == LEAVING && status >= 200) retire(c);
    } else if (!strstr(cseq, "INVITE")) {
        return;
    } else if (status < 200) {
        if (c->state == CALLING) c->state = RINGING;
    } else if (status < 300) {
        c->call->status = status;
        if (c->state != LEAVING && c->state != IDLE) take_answer(c, message);
    } else {
        c->call->status = status;
        header(message, "To", c->call->to, sizeof c->call->to);
        send_request(c, "ACK", 1, c->call->contact, "");
        if (c->state == CALLING || c->state == RINGING) retire(c);
    }
}

static void reply(const char *message, const char *status)
{
    static const char *const copied[] = {"Via", "From", "To", "Call-ID", "CSeq"};
    char text[MESSAGE], value[512];
    int length = snprintf(text, sizeof text, "SIP/2.0 %s\r\n", status);
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
        if (!header(message, copied[i], value, sizeof value)) return;
        length += snprintf(text + length, sizeof text - (size_t)length, "%s: %s\r\n", copied[i], value);
    }
    length += snprintf(text + length, sizeof text - (size_t)length, "Content-Length: 0\r\n\r\n");
    transmit(text, length);
}

static void take_message(void)
{
    char message[MESSAGE];
    ssize_t length = recv(sip, message, sizeof message - 1, 0);
    if (length <= 0) return;
    message[length] = 0;
    struct caller *c = caller_of(message);
    if (!strncmp(message, "SIP/2.0 ", 8)) {
        if (c) take_response(c, message);
    } else if (!c) {
        reply(message, "481 Call/Transaction Does Not Exist");
    } else if (!strncmp(message, "BYE ", 4)) {
        reply(message, "200 OK");
        if (c->state == TALKING) {
            note_end(c, "peer");
            retire(c);
        }
    } else if (strncmp(message, "ACK ", 4) != 0) {
        reply(message, "501 Not Implemented");
    }
}
