// A closed loop of posts against a host, over many links.
//
//   load PORT FILE LINKS POSTERS WINDOW SECONDS BODY PID
//
// When all links have opened their logs, says "opened" and waits for a line on standard input. Then the first POSTERS
// links keep WINDOW posts of BODY bytes under way each, going round their logs; every link counts what it is delivered.
// Prints one line of JSON: posts and deliveries a second, percentiles of the time from post to answer and to delivery
// (ms), the seconds that process PID computed meanwhile, and all deliveries, those before the measuring too.
#include "link.h"

static float *answer_ms, *deliver_ms;
static size_t answers, deliveries, busy, counted, heard, carried, body;
static const size_t CAPACITY = 1 << 22, LONGEST = 16383;
static uint64_t random_state = 88172645463325252ull;

static uint64_t random64(void) {
    random_state ^= random_state << 13, random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}
static void post(Link *link) {
    static uint8_t space[16384 + 128];
    Grant *grant = &link->grant[link->next++ % link->logs];
    uint8_t *frame = space + MASK_AND_HEAD, *p = frame;
    *p++ = 0x04, p = big(p, link->request, 4);
    memcpy(p, grant->log, 16), p = big(p + 16, 0, 8);
    p = big(big(p, random64(), 8), random64(), 8);
    *p++ = 1, memset(p, 0, 32), p += 32, *p++ = 0;
    p = big(p, 0x4000 | body, 2), memset(p, 0x5a, body);
    link->sent[link->request++ % RING] = now_ns();
    memcpy(p, &link->sent[(link->request - 1) % RING], 8);
    send_frame(link, frame, p + body - frame);
}
// Returns 1 for a post that was answered.
static int take(Link *link, uint8_t *frame, size_t n, int measuring) {
    uint64_t at = now_ns(), then;
    uint32_t request = frame[1] << 24 | frame[2] << 16 | frame[3] << 8 | frame[4];
    switch (frame[0]) {
    case GREETING: return 0;
    case OPENED: link->asked--; return 0;
    case ACCEPTED:
        if (measuring && counted < CAPACITY) answer_ms[counted++] = (at - link->sent[request % RING]) / 1e6;
        return answers += measuring, 1;
    case BUSY: return busy += measuring, 1;
    case DELIVERED:
        memcpy(&then, frame + n - body, 8), carried++;
        if (measuring && heard < CAPACITY) deliver_ms[heard++] = (at - then) / 1e6;
        return deliveries += measuring, 0;
    default: fprintf(stderr, "frame %02x code %d\n", frame[0], frame[5] << 8 | frame[6]), exit(3);
    }
}
static int by_value(const void *a, const void *b) { return (*(float *)a > *(float *)b) - (*(float *)a < *(float *)b); }
static double at_share(float *values, size_t n, double share) { return n ? values[(size_t)(share * (n - 1))] : -1; }

// Seconds that a process computed, all threads, user and system.
static double computed(const char *pid) {
    char path[64], text[1024] = "";
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file || !fgets(text, sizeof text, file)) fail(path);
    fclose(file);
    char *fields = strrchr(text, ')');
    if (!fields || sscanf(fields, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) fail(path);
    return (double)(user + system) / sysconf(_SC_CLK_TCK);
}
int main(int count, char **word) {
    if (count != 9) return fprintf(stderr, "load PORT FILE LINKS POSTERS WINDOW SECONDS BODY PID\n"), 1;
    int port = atoi(word[1]), links = atoi(word[3]), posters = atoi(word[4]), window = atoi(word[5]), ready = 0;
    if ((body = atoi(word[7])) < 64 || body > LONGEST) return fprintf(stderr, "BODY: 64 to 16383\n"), 1;
    random_state ^= now_ns();
    Link *link = read_grants(links, word[2]);
    answer_ms = malloc(CAPACITY * sizeof(float)), deliver_ms = malloc(CAPACITY * sizeof(float));
    int poll = epoll_create1(0);
    for (int i = 0; i < links; i++) {
        connect_link(&link[i], port, i);
        epoll_ctl(poll, EPOLL_CTL_ADD, link[i].fd, &(struct epoll_event){.events = EPOLLIN, .data.u32 = i});
        open_logs(&link[i], link[i].logs, 0);
    }
    struct epoll_event event[EVENTS];
    while (ready < links) {
        int n = epoll_wait(poll, event, EVENTS, 10000);
        if (n <= 0) return fprintf(stderr, "only %d links opened\n", ready), 4;
        for (int k = 0; k < n; k++) {
            Link *l = &link[event[k].data.u32];
            int before = l->asked;
            hear(l, 0), ready += before && !l->asked;
        }
    }
    printf("opened\n"), fflush(stdout);
    while (getchar() != '\n') if (feof(stdin)) return 1;
    double before = -1;
    uint64_t begin = now_ns() + 700000000ull, end = begin + (uint64_t)(atof(word[6]) * 1e9), at;
    for (int i = 0; i < posters; i++) for (int k = 0; k < window; k++) post(&link[i]);
    while ((at = now_ns()) < end) {
        if (before < 0 && at >= begin) before = computed(word[8]);
        int n = epoll_wait(poll, event, EVENTS, 100);
        for (int k = 0; k < n; k++) {
            Link *l = &link[event[k].data.u32];
            for (int again = hear(l, now_ns() >= begin); again > 0; again--) post(l);
        }
    }
    double seconds = (at - begin) / 1e9, cpu = computed(word[8]) - before;
    qsort(answer_ms, counted, sizeof(float), by_value), qsort(deliver_ms, heard, sizeof(float), by_value);
    printf("{\"links\":%d,\"posters\":%d,\"window\":%d,\"posts_s\":%.0f,\"busy_s\":%.0f,\"answer_p50\":%.3f,"
           "\"answer_p99\":%.3f,\"deliveries_s\":%.0f,\"deliver_p50\":%.3f,\"deliver_p99\":%.3f,\"cpu_s\":%.3f,\"carried\":%zu}\n",
           links, posters, window, answers / seconds, busy / seconds, at_share(answer_ms, counted, .5),
           at_share(answer_ms, counted, .99), deliveries / seconds, at_share(deliver_ms, heard, .5),
           at_share(deliver_ms, heard, .99), cpu, carried);
    return answers ? 0 : 5;
}
