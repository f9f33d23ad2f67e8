// Many clients that come to a host and open their logs, so many at a time.
//
//   arrive PORT FILE LINKS AT_ONCE COUNT...
//
// Each link upgrades, is greeted, opens its first COUNT logs by one frame, and counts when that is answered; then the
// next link may begin. When all have, prints the seconds that it took, and waits for a line on standard input: then
// each link opens its logs up to the next COUNT. Ends, and all links with it, after the last.
#include "link.h"

static int take(Link *link, uint8_t *frame, size_t n, int measuring) {
    (void)n, (void)measuring;
    switch (frame[0]) {
    case GREETING: return 0;
    case OPENED: return link->asked--, 1;
    default: fprintf(stderr, "frame %02x code %d\n", frame[0], frame[5] << 8 | frame[6]), exit(3);
    }
}
// Hold the links until a line comes.
static void hold(int poll, Link *link) {
    struct epoll_event event[EVENTS];
    for (;;) {
        int n = epoll_wait(poll, event, EVENTS, -1);
        for (int k = 0; k < n; k++) {
            if (event[k].data.u32 != UINT32_MAX) { hear(&link[event[k].data.u32], 0); continue; }
            char word;
            if (read(0, &word, 1) <= 0) exit(0);
            if (word == '\n') return;
        }
    }
}
int main(int count, char **word) {
    if (count < 6) return fprintf(stderr, "arrive PORT FILE LINKS AT_ONCE COUNT...\n"), 1;
    int port = atoi(word[1]), links = atoi(word[3]), at_once = atoi(word[4]);
    Link *link = read_grants(links, word[2]);
    int poll = epoll_create1(0);
    epoll_ctl(poll, EPOLL_CTL_ADD, 0, &(struct epoll_event){.events = EPOLLIN, .data.u32 = UINT32_MAX});
    struct epoll_event event[EVENTS];
    for (int phase = 5; phase < count; phase++) {
        if (phase > 5) hold(poll, link);
        int begun = 0, ready = 0, until = atoi(word[phase]);
        uint64_t begin = now_ns();
        while (ready < links) {
            for (; begun < links && begun - ready < at_once; begun++) {
                Link *l = &link[begun];
                if (until > l->logs) return fprintf(stderr, "link %d has %d logs\n", begun, l->logs), 1;
                if (phase == 5) {
                    connect_link(l, port, begun);
                    epoll_ctl(poll, EPOLL_CTL_ADD, l->fd, &(struct epoll_event){.events = EPOLLIN, .data.u32 = begun});
                }
                open_logs(l, until, 0);
            }
            int n = epoll_wait(poll, event, EVENTS, 10000);
            if (n <= 0) return fprintf(stderr, "only %d links opened\n", ready), 4;
            for (int k = 0; k < n; k++) {
                Link *l = &link[event[k].data.u32];
                if (event[k].data.u32 == UINT32_MAX) return fprintf(stderr, "not yet\n"), 1;
                int before = l->asked;
                hear(l, 0), ready += before && !l->asked;
            }
        }
        printf("%.4f\n", (now_ns() - begin) / 1e9), fflush(stdout);
    }
    hold(poll, link);
    return 0;
}
