/* rtpgen: a load of telephone calls, and how evenly the other side sends its RTP.
 *
 * Sets up calls over SIP/UDP (RFC 3261: INVITE, ACK, BYE), sends G.711 µ-law every 20 ms on each (RFC 3550, 3551),
 * and takes the kernel's receive time (SO_TIMESTAMPNS) of every packet that comes back, so that its own scheduling
 * does not show in what it measures. One thread, epoll. Speaks to a user agent on the same network without proxies.
 *
 * With --talk a caller hangs up by himself, so long after his INVITE.
 *
 * Prints one JSON report. --progress tells on stderr, as "measuring" and "measured", when the measured time begins
 * and ends. SIGTERM or SIGINT hangs up early. Exit status: 0 when every call was answered and stood, 1 when not,
 * 2 for bad usage or no sockets. Compile: cc -O2 rtpgen.c
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "rtpgen/caller.h"
#include "rtpgen/report.h"
#include "rtpgen/rtp.h"
#include "rtpgen/sip.h"

enum { SIP_SOCKET = -1, CLOCK = -2 };

static const char usage[] =
    "rtpgen: usage: rtpgen --target IPV4[:PORT] [--local IPV4] [--calls N] [--rate CALLS_PER_SECOND] [--settle SECONDS]"
    " [--seconds SECONDS] [--talk SECONDS] [--audio FILE.ulaw] [--called NUMBER] [--caller NUMBER] [--redial] [--progress]\n";

static int epoll;
static volatile sig_atomic_t stopped;

static void stop(int number)
{
    stopped = number;
}

static void refuse(const char *name, const char *wanted, const char *given)
{
    fprintf(stderr, "rtpgen: --%s must be %s, not %s\n", name, wanted, given);
    exit(2);
}

static double read_number(const char *name, const char *wanted, const char *given, double least, double most)
{
    char *end;
    double number = strtod(given, &end);
    if (!*given || *end || !(number >= least && number <= most)) refuse(name, wanted, given);
    return number;
}

static void read_address(const char *name, const char *given, struct sockaddr_in *address, char *ip, int port)
{
    char rest[2];
    if (sscanf(given, "%15[0-9.]:%d%1s", ip, &port, rest) > 2 || port < 0 || port > 65535
        || inet_pton(AF_INET, ip, &address->sin_addr) != 1 || (given[strlen(ip)] && given[strlen(ip)] != ':'))
        refuse(name, "IPV4 or IPV4:PORT", given);
    address->sin_family = AF_INET;
    address->sin_port = htons((uint16_t)port);
}

static void read_options(int count, char **words)
{
    static const struct option known[] = {
        {"target", 1, NULL, 't'}, {"local", 1, NULL, 'l'},   {"calls", 1, NULL, 'c'},    {"rate", 1, NULL, 'r'},
        {"settle", 1, NULL, 's'}, {"seconds", 1, NULL, 'd'}, {"audio", 1, NULL, 'a'},    {"called", 1, NULL, 'n'},
        {"caller", 1, NULL, 'm'}, {"redial", 0, NULL, 'R'},  {"progress", 0, NULL, 'p'}, {"talk", 1, NULL, 'k'},
        {NULL, 0, NULL, 0}};
    int choice;
    read_address("local", "127.0.0.1", &option.local, option.local_ip, 0);
    while ((choice = getopt_long(count, words, "", known, NULL)) != -1) {
        switch (choice) {
        case 't': read_address("target", optarg, &option.target, option.target_ip, 5060); break;
        case 'l': read_address("local", optarg, &option.local, option.local_ip, 0); break;
        case 'c': option.calls = (int)read_number("calls", "1..10000", optarg, 1, 10000); break;
        case 'r': option.rate = read_number("rate", "0.1..10000", optarg, 0.1, 10000); break;
        case 's': option.settle = read_number("settle", "0..86400", optarg, 0, 86400); break;
        case 'd': option.seconds = read_number("seconds", "0.1..86400", optarg, 0.1, 86400); break;
        case 'k': option.talk = read_number("talk", "0.1..86400", optarg, 0.1, 86400); break;
        case 'a': option.audio = optarg; break;
        case 'n': option.called = optarg; break;
        case 'm': option.caller = optarg; break;
        case 'R': option.redial = true; break;
        case 'p': option.progress = true; break;
        default: fputs(usage, stderr); exit(2);
        }
    }
    if (!option.target.sin_port || optind < count) {
        fputs(usage, stderr);
        exit(2);
    }
}

static void watch(int fd, int what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = what};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) die("epoll");
}

static void prepare(void)
{
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    load_audio(option.audio);
    callers = allocate((size_t)option.calls, sizeof *callers);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(open_sip(), SIP_SOCKET);
    prepare_streams();
    for (int i = 0; i < option.calls; i++) watch(callers[i].fd, i);
}

/* Whether nothing is under way; a call that stands is something under way unless TALKING is fine. */
static bool is_quiet(bool talking)
{
    for (int i = 0; i < option.calls; i++) {
        enum state state = callers[i].state;
        if (state != IDLE && !(talking && state == TALKING)) return false;
    }
    return true;
}

static void announce(const char *what)
{
    if (option.progress) fprintf(stderr, "%s\n", what);
}

/* One round of sockets; true when the millisecond is over. */
static bool take_events(int timer)
{
    struct epoll_event events[256];
    uint64_t expired;
    bool tick = false;
    int ready = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < ready; i++) {
        int what = events[i].data.fd;
        if (what == SIP_SOCKET) take_message();
        else if (what == CLOCK) tick = read(timer, &expired, sizeof expired) > 0;
        else take_packet(&callers[what]);
    }
    return tick;
}

/* From the first INVITE to the last answer to a BYE; returns the measured seconds. */
static double run(int timer)
{
    int64_t start = clock_us(CLOCK_MONOTONIC), turn = 0, settled = 0, from = 0, until = 0;
    int dialled = 0;
    while (!leaving || !is_quiet(false)) {
        if (!take_events(timer)) continue;
        int64_t now = clock_us(CLOCK_MONOTONIC);
        send_due(start, &turn, now);
        for (; !leaving && dialled < option.calls && (double)(now - start) >= dialled * 1e6 / option.rate; dialled++)
            place_call(&callers[dialled], dialled);
        for (int i = 0; i < option.calls; i++) {
            struct caller *c = &callers[i];
            keep_trying(c, i, now);
            if (option.talk > 0 && c->state == TALKING && (double)(now - c->since) >= option.talk * 1e6) hang_up(c);
        }
        if (!settled && dialled == option.calls && is_quiet(true)) settled = now;
        if (settled && !from && (double)(now - settled) >= option.settle * 1e6) {
            announce("measuring");
            for (int i = 0; i < option.calls; i++) callers[i].fresh = true;
            from = now;
            measuring = true;
        }
        if (!leaving && (stopped || (from && (double)(now - from) >= option.seconds * 1e6))) {
            if (from) announce("measured");
            until = now;
            measuring = false;
            leaving = true;
            for (int i = 0; i < option.calls; i++) hang_up(&callers[i]);
        }
    }
    return from ? (double)(until - from) / 1e6 : 0.0;
}

int main(int count, char **words)
{
    read_options(count, words);
    prepare();
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    struct itimerspec each_ms = {{0, 1000000}, {0, 1000000}};
    if (timer < 0 || timerfd_settime(timer, 0, &each_ms, NULL)) die("timer");
    watch(timer, CLOCK);
    return print_report(run(timer)) ? 0 : 1;
}
