// Links to a host: WebSockets from many addresses of 127.0.0.0/8, each with the logs that it opens by pass.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { RING = 1024, INPUT = 1 << 19, PORTION = 512, MASK_AND_HEAD = 8, EVENTS = 512 };
enum { OPENED = 0x92, ACCEPTED = 0x94, STALE = 0x95, BUSY = 0x96, DELIVERED = 0x97, PROBLEM = 0x82, GREETING = 0x80 };

typedef struct { uint8_t log[16]; uint8_t pass[20]; } Grant;
typedef struct {
    int fd, held, logs, next, asked, opened, upgraded;
    uint32_t request;
    uint64_t *sent;
    Grant *grant;
    uint8_t *input;
} Link;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}
static uint8_t *big(uint8_t *p, uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; i--) *p++ = value >> (8 * i);
    return p;
}
static void fail(const char *what) { perror(what); exit(2); }

static void send_all(int fd, const uint8_t *p, size_t n) {
    while (n) {
        ssize_t done = send(fd, p, n, MSG_NOSIGNAL);
        if (done < 0 && errno == EAGAIN) { usleep(50); continue; }
        if (done < 0) fail("send");
        p += done, n -= done;
    }
}
// The frame stands at `frame`, with room for a WebSocket header (masked by zeros) before it.
static void send_frame(Link *link, uint8_t *frame, size_t n) {
    uint8_t *head = frame - MASK_AND_HEAD;
    head[0] = 0x82, head[1] = 0xfe, head[2] = n >> 8, head[3] = n, memset(head + 4, 0, 4);
    send_all(link->fd, head, n + MASK_AND_HEAD);
}
// Asks for the next logs, up to number `until`, in frames of at most PORTION; each is answered by one OPENED.
static void open_logs(Link *link, int until, int only_news) {
    static uint8_t space[PORTION * 54 + 64];
    while (link->opened < until) {
        int count = until - link->opened < PORTION ? until - link->opened : PORTION;
        uint8_t *frame = space + MASK_AND_HEAD, *p = frame;
        *p++ = 0x02, p = big(p, 0, 4), *p++ = only_news;
        p = count == 1 ? big(p, 54, 1) : count <= 303 ? big(p, 0x4000 | (count * 54), 2) : big(p, 0x80000000 | (count * 54), 4);
        for (Grant *grant = link->grant + link->opened; count; count--, grant++, link->opened++) {
            memcpy(p, grant->log, 16), p = big(big(p + 16, 0, 8), 0, 8);
            *p++ = 1, memcpy(p, grant->pass, 20), p += 20, *p++ = 0;
        }
        send_frame(link, frame, p - frame), link->asked++;
    }
}
static void connect_link(Link *link, int port, int index) {
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(port)};
    from.sin_addr.s_addr = htonl(0x7f010001 + index), to.sin_addr.s_addr = htonl(0x7f000001);
    link->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (link->fd < 0) fail("socket");
    if (bind(link->fd, (void *)&from, sizeof from) || connect(link->fd, (void *)&to, sizeof to)) fail("connect");
    int one = 1;
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    const char *ask = "GET /v1/anonymous HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    send_all(link->fd, (const uint8_t *)ask, strlen(ask));
    link->input = malloc(INPUT), link->sent = calloc(RING, sizeof(uint64_t));
    fcntl(link->fd, F_SETFL, O_NONBLOCK);
}
static int take(Link *link, uint8_t *frame, size_t n, int measuring);

// Skips the answer to the upgrade; returns how long it is, 0 while its end has not come.
static int upgrade(Link *link) {
    uint8_t *end = memmem(link->input, link->held, "\r\n\r\n", 4);
    if (!end) return 0;
    if (memcmp(link->input, "HTTP/1.1 101 ", 13)) fprintf(stderr, "refused: %.40s\n", link->input), exit(3);
    link->upgraded = 1;
    return end + 4 - link->input;
}
// Read what is there; returns the sum of what `take` made of the frames.
static int hear(Link *link, int measuring) {
    ssize_t got = recv(link->fd, link->input + link->held, INPUT - link->held, 0);
    if (got < 0 && errno == EAGAIN) return 0;
    if (got <= 0) fprintf(stderr, "closed by the host\n"), exit(3);
    link->held += got;
    int at = 0, found = 0;
    if (!link->upgraded && !(at = upgrade(link))) return 0;
    while (link->held - at >= 2) {
        uint8_t *p = link->input + at;
        uint64_t n = p[1] & 127;
        int head = n == 126 ? 4 : n == 127 ? 10 : 2;
        if (link->held - at < head) break;
        if (n == 126) n = p[2] << 8 | p[3];
        if (n == 127) for (int i = n = 0; i < 8; i++) n = n << 8 | p[2 + i];
        if ((uint64_t)(link->held - at) < head + n) break;
        if ((p[0] & 15) == 2) found += take(link, p + head, n, measuring);
        if ((p[0] & 15) == 9) send_all(link->fd, (const uint8_t *)"\x8a\x80\0\0\0\0", 6);
        at += head + n;
    }
    memmove(link->input, link->input + at, link->held -= at);
    return found;
}
// FILE has a line "link log_id day mac" (hex) for each log that a link opens by pass.
static Link *read_grants(int links, const char *path) {
    Link *link = calloc(links, sizeof(Link));
    FILE *file = fopen(path, "r");
    if (!file) fail(path);
    int index;
    unsigned day;
    char log[33], mac[33];
    while (fscanf(file, "%d %32s %u %32s", &index, log, &day, mac) == 4) {
        if (index >= links) continue;
        Link *l = &link[index];
        if ((l->logs & (l->logs - 1)) == 0) l->grant = realloc(l->grant, (l->logs ? 2 * l->logs : 1) * sizeof(Grant));
        Grant *grant = &l->grant[l->logs++];
        for (int i = 0; i < 16; i++) sscanf(log + 2 * i, "%2hhx", &grant->log[i]);
        big(grant->pass, day, 4);
        for (int i = 0; i < 16; i++) sscanf(mac + 2 * i, "%2hhx", &grant->pass[4 + i]);
    }
    fclose(file);
    return link;
}
