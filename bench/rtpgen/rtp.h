/* RTP: G.711 out at an even pace, what comes back timed by the kernel (RFC 3550). */
#pragma once
#include "caller.h"

enum { HEADER = 12 };

static uint32_t *late_us; /* how late each packet was sent */
static size_t late_count;
static size_t gap_size, late_size;
static uint8_t *audio;
static size_t audio_size;

/* µ-law at 8 kHz without a header; without a file, silence. */
static void load_audio(const char *file)
{
    if (!file) {
        audio = allocate(audio_size = FRAME, 1);
        memset(audio, 0xff, audio_size); /* silence */
        return;
    }
    struct stat status;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status)) die(file);
    audio_size = (size_t)status.st_size / FRAME * FRAME;
    if (!audio_size) {
        errno = EINVAL;
        die("the audio is shorter than 20 ms");
    }
    audio = allocate(audio_size, 1);
    if (read(fd, audio, audio_size) != (ssize_t)audio_size) die(file);
    close(fd);
}

static void prepare_streams(void)
{
    gap_size = (size_t)(option.seconds * 60) + 100;
    late_size = gap_size * (size_t)option.calls;
    late_us = allocate(late_size, sizeof *late_us);
    for (int i = 0; i < option.calls; i++) {
        struct caller *c = &callers[i];
        c->fd = open_socket(&c->port);
        c->ssrc = (uint32_t)i + 1;
        c->offset = audio_size / FRAME * (size_t)i / (size_t)option.calls * FRAME;
        c->gaps = allocate(gap_size, sizeof *c->gaps);
    }
}

/* Send a new call's audio there, and take no other's; false when that cannot be. */
static bool talk_to(struct caller *c, const struct sockaddr_in *peer)
{
    c->fresh = true;
    return connect(c->fd, (const struct sockaddr *)peer, sizeof *peer) == 0;
}

static void send_packet(struct caller *c)
{
    uint8_t packet[HEADER + FRAME] = {0x80};
    uint16_t seq = htons(c->seq++);
    uint32_t stamp = htonl(c->stamp), ssrc = htonl(c->ssrc);
    memcpy(packet + 2, &seq, 2);
    memcpy(packet + 4, &stamp, 4);
    memcpy(packet + 8, &ssrc, 4);
    memcpy(packet + HEADER, audio + c->offset, FRAME);
    c->stamp += FRAME;
    c->offset = (c->offset + FRAME) % audio_size;
    send(c->fd, packet, sizeof packet, 0);
}

static int64_t received_at(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
        struct timespec t;
        memcpy(&t, CMSG_DATA(c), sizeof t);
        return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
    }
    return 0;
}

static void take_packet(struct caller *c)
{
    uint8_t packet[2048], control[128];
    struct iovec part = {packet, sizeof packet};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t length = recvmsg(c->fd, &message, 0);
    if (length <= HEADER || c->state != TALKING || !measuring || packet[0] >> 6 != 2) return;
    uint16_t seq;
    uint32_t stamp;
    memcpy(&seq, packet + 2, 2);
    memcpy(&stamp, packet + 4, 4);
    seq = ntohs(seq);
    stamp = ntohl(stamp);
    int64_t at = received_at(&message);
    int16_t step = (int16_t)(seq - c->last_seq);
    c->received++;
    if (!c->fresh && step <= 0) {
        c->stray++; /* late or twice */
        return;
    }
    if (!c->fresh) {
        c->missing += (size_t)step - 1;
        if (stamp - c->last_stamp != (uint32_t)step * FRAME) c->pauses++; /* it had nothing to send */
        else if (c->gap_count < gap_size) c->gaps[c->gap_count++] = (uint32_t)(at - c->last_at);
    }
    c->fresh = false;
    c->last_seq = seq;
    c->last_stamp = stamp;
    c->last_at = at;
}

/* Send what is due: the callers' packets are spread evenly over the 20 ms. */
static void send_due(int64_t start, int64_t *turn, int64_t now)
{
    for (int64_t due; (due = start + *turn * FRAME_US / option.calls) <= now; ++*turn) {
        struct caller *c = &callers[*turn % option.calls];
        if (c->state != TALKING) continue;
        send_packet(c);
        if (measuring && late_count < late_size) late_us[late_count++] = (uint32_t)(now - due);
    }
}
