/* The callers and what they share. */
#pragma once

enum { FRAME = 160, FRAME_US = 20000 };
enum state { IDLE, CALLING, RINGING, TALKING, LEAVING };

/* One call, from its INVITE on; kept for the report. */
struct call {
    int stream, status;   /* final status of the INVITE, 0 while there is none */
    int64_t began, setup; /* µs: CLOCK_REALTIME; from INVITE to 200 OK, -1 while not answered */
    int64_t ended;        /* CLOCK_REALTIME µs of the BYE, sent or received; 0 for none */
    const char *by;       /* who sent it */
    char id[64], to[272], contact[256];
};

/* One caller: it has one call at a time, and one RTP stream in each direction over all of them. */
struct caller {
    /* sip.h */
    enum state state;
    struct call *call;
    int64_t since, again, interval; /* monotonic µs: of the request under way; of its next sending */
    /* rtp.h: what is sent */
    int fd, port;
    uint16_t seq;
    uint32_t stamp, ssrc;
    size_t offset;
    /* rtp.h: what is received */
    bool fresh; /* the next packet received has none to be compared with */
    uint16_t last_seq;
    uint32_t last_stamp;
    int64_t last_at;
    uint32_t *gaps; /* µs between packets that follow each other */
    size_t gap_count, received, missing, stray, pauses;
};

static struct {
    int calls;
    double rate, settle, seconds, talk;
    bool redial, progress;
    const char *audio, *called, *caller;
    struct sockaddr_in target, local;
    char target_ip[INET_ADDRSTRLEN], local_ip[INET_ADDRSTRLEN];
} option = {.calls = 1, .rate = 20, .seconds = 10, .called = "12345"};
static struct caller *callers;
static bool measuring, leaving;

static int64_t clock_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void die(const char *what)
{
    fprintf(stderr, "rtpgen: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory) die("memory");
    return memory;
}

static int open_socket(int *port)
{
    struct sockaddr_in local = option.local;
    socklen_t size = sizeof local;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || bind(fd, (struct sockaddr *)&local, size) || getsockname(fd, (struct sockaddr *)&local, &size)
        || setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on))
        die("cannot open a UDP socket (raise `ulimit -n` if there are too many)");
    *port = ntohs(local.sin_port);
    return fd;
}
