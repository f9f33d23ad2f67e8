// A closed loop of posts against a host, over many links from many addresses of 127.0.0.0/8.
//
//   load PORT FILE LINKS POSTERS WINDOW SECONDS
//
// FILE has a line "link log_id day mac" (hex) for each log that a link opens by pass. The first POSTERS links keep
// WINDOW posts of 1 KiB under way each, going round their logs; every link counts what it is delivered. Prints one
// line of JSON: posts and deliveries a second, percentiles of the time from post to answer and to delivery (ms).
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

enum { BODY = 1024, RING = 1024, INPUT = 1 << 19, LOGS = 64, MASK_AND_HEAD = 8 };
enum { OPENED = 0x92, ACCEPTED = 0x94, STALE = 0x95, BUSY = 0x96, DELIVERED = 0x97, PROBLEM = 0x82, GREETING = 0x80 };

typedef struct { uint8_t log[16]; uint8_t pass[20]; } Grant;
typedef struct {
    int fd, held, logs, next, opened;
    uint32_t request;
    uint64_t sent[RING];
    Grant grant[LOGS];
    uint8_t *input;
} Link;

static float *answer_ms, *deliver_ms;
static size_t answers, deliveries, busy, counted, heard;
static const size_t CAPACITY = 1 << 22;
static uint64_t random_state = 88172645463325252ull;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}
static uint64_t random64(void) {
    random_state ^= random_state << 13, random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
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
static void post(Link *link) {
    static uint8_t space[2048];
    Grant *grant = &link->grant[link->next++ % link->logs];
    uint8_t *frame = space + MASK_AND_HEAD, *p = frame;
    *p++ = 0x04, p = big(p, link->request, 4);
    memcpy(p, grant->log, 16), p = big(p + 16, 0, 8);
    p = big(big(p, random64(), 8), random64(), 8);
    *p++ = 1, memset(p, 0, 32), p += 32, *p++ = 0;
    p = big(p, 0x4000 | BODY, 2), memset(p, 0x5a, BODY);
    link->sent[link->request++ % RING] = now_ns();
    memcpy(p, &link->sent[(link->request - 1) % RING], 8);
    send_frame(link, frame, p + BODY - frame);
}
static void open_logs(Link *link) {
    static uint8_t space[LOGS * 64 + 64];
    uint8_t *frame = space + MASK_AND_HEAD, *p = frame;
    *p++ = 0x02, p = big(p, 0, 4), *p++ = 0;
    p = link->logs == 1 ? big(p, 54, 1) : big(p, 0x4000 | (link->logs * 54), 2);
    for (int i = 0; i < link->logs; i++) {
        memcpy(p, link->grant[i].log, 16), p = big(big(p + 16, 0, 8), 0, 8);
        *p++ = 1, memcpy(p, link->grant[i].pass, 20), p += 20, *p++ = 0;
    }
    send_frame(link, frame, p - frame);
}
static void connect_link(Link *link, int port, int index) {
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(port)};
    from.sin_addr.s_addr = htonl(0x7f010001 + index), to.sin_addr.s_addr = htonl(0x7f000001);
    link->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(link->fd, (void *)&from, sizeof from) || connect(link->fd, (void *)&to, sizeof to)) fail("connect");
    int one = 1;
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    const char *ask = "GET /v1/anonymous HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    send_all(link->fd, (const uint8_t *)ask, strlen(ask));
    char answer[4096];
    for (int n = 0; n < 4 || memcmp(answer + n - 4, "\r\n\r\n", 4); n++)
        if (n == sizeof answer || recv(link->fd, answer + n, 1, 0) <= 0) fail("upgrade");
    link->input = malloc(INPUT);
    fcntl(link->fd, F_SETFL, O_NONBLOCK);
}
static int take(Link *link, uint8_t *frame, size_t n, int measuring) {
    uint64_t at = now_ns(), then;
    uint32_t request = frame[1] << 24 | frame[2] << 16 | frame[3] << 8 | frame[4];
    switch (frame[0]) {
    case GREETING: return 0;
    case OPENED: link->opened = 1; return 0;
    case ACCEPTED:
        if (measuring && counted < CAPACITY) answer_ms[counted++] = (at - link->sent[request % RING]) / 1e6;
        return answers += measuring, 1;
    case BUSY: return busy += measuring, 1;
    case DELIVERED:
        memcpy(&then, frame + n - BODY, 8);
        if (measuring && heard < CAPACITY) deliver_ms[heard++] = (at - then) / 1e6;
        return deliveries += measuring, 0;
    default: fprintf(stderr, "frame %02x code %d\n", frame[0], frame[5] << 8 | frame[6]), exit(3);
    }
}
// Read what is there; returns how many posts were answered.
static int hear(Link *link, int measuring) {
    ssize_t got = recv(link->fd, link->input + link->held, INPUT - link->held, 0);
    if (got < 0 && errno == EAGAIN) return 0;
    if (got <= 0) fprintf(stderr, "closed by the host\n"), exit(3);
    link->held += got;
    int at = 0, answered = 0;
    while (link->held - at >= 2) {
        uint8_t *p = link->input + at;
        uint64_t n = p[1] & 127;
        int head = n == 126 ? 4 : n == 127 ? 10 : 2;
        if (link->held - at < head) break;
        if (n == 126) n = p[2] << 8 | p[3];
        if (n == 127) for (int i = n = 0; i < 8; i++) n = n << 8 | p[2 + i];
        if ((uint64_t)(link->held - at) < head + n) break;
        if ((p[0] & 15) == 2) answered += take(link, p + head, n, measuring);
        at += head + n;
    }
    memmove(link->input, link->input + at, link->held -= at);
    return answered;
}
static int by_value(const void *a, const void *b) { return (*(float *)a > *(float *)b) - (*(float *)a < *(float *)b); }
static double at_share(float *values, size_t n, double share) { return n ? values[(size_t)(share * (n - 1))] : -1; }

static void read_grants(Link *link, int links, const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) fail(path);
    int index;
    unsigned day;
    char log[33], mac[33];
    while (fscanf(file, "%d %32s %u %32s", &index, log, &day, mac) == 4) {
        if (index >= links || link[index].logs == LOGS) continue;
        Grant *grant = &link[index].grant[link[index].logs++];
        for (int i = 0; i < 16; i++) sscanf(log + 2 * i, "%2hhx", &grant->log[i]);
        big(grant->pass, day, 4);
        for (int i = 0; i < 16; i++) sscanf(mac + 2 * i, "%2hhx", &grant->pass[4 + i]);
    }
    fclose(file);
}
int main(int count, char **word) {
    if (count != 7) return fprintf(stderr, "load PORT FILE LINKS POSTERS WINDOW SECONDS\n"), 1;
    int port = atoi(word[1]), links = atoi(word[3]), posters = atoi(word[4]), window = atoi(word[5]), ready = 0;
    random_state ^= now_ns();
    Link *link = calloc(links, sizeof(Link));
    answer_ms = malloc(CAPACITY * sizeof(float)), deliver_ms = malloc(CAPACITY * sizeof(float));
    read_grants(link, links, word[2]);
    int poll = epoll_create1(0);
    for (int i = 0; i < links; i++) {
        connect_link(&link[i], port, i);
        epoll_ctl(poll, EPOLL_CTL_ADD, link[i].fd, &(struct epoll_event){.events = EPOLLIN, .data.u32 = i});
        open_logs(&link[i]);
    }
    struct epoll_event event[512];
    while (ready < links) {
        int n = epoll_wait(poll, event, 512, 5000);
        if (n <= 0) return fprintf(stderr, "only %d links opened\n", ready), 4;
        for (int k = 0; k < n; k++) {
            Link *l = &link[event[k].data.u32];
            int before = l->opened;
            hear(l, 0), ready += l->opened - before;
        }
    }
    uint64_t begin = now_ns() + 700000000ull, end = begin + (uint64_t)(atof(word[6]) * 1e9), at;
    for (int i = 0; i < posters; i++) for (int k = 0; k < window; k++) post(&link[i]);
    while ((at = now_ns()) < end) {
        int n = epoll_wait(poll, event, 512, 100);
        for (int k = 0; k < n; k++) {
            Link *l = &link[event[k].data.u32];
            for (int again = hear(l, now_ns() >= begin); again > 0; again--) post(l);
        }
    }
    double seconds = (at - begin) / 1e9;
    qsort(answer_ms, counted, sizeof(float), by_value), qsort(deliver_ms, heard, sizeof(float), by_value);
    printf("{\"links\":%d,\"posters\":%d,\"window\":%d,\"posts_s\":%.0f,\"busy_s\":%.0f,\"answer_p50\":%.3f,"
           "\"answer_p99\":%.3f,\"deliveries_s\":%.0f,\"deliver_p50\":%.3f,\"deliver_p99\":%.3f}\n",
           links, posters, window, answers / seconds, busy / seconds, at_share(answer_ms, counted, .5),
           at_share(answer_ms, counted, .99), deliveries / seconds, at_share(deliver_ms, heard, .5),
           at_share(deliver_ms, heard, .99));
    return answers ? 0 : 5;
}
