/* Answer every datagram by itself with QR set: what a socket costs when nothing is looked up.
 *
 * Usage: echo ADDRESS PORT. It takes up to 64 datagrams with recvmmsg, answers them with sendmmsg,
 * and waits in epoll only when the socket is empty.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { BATCH = 64, DATAGRAM = 4096, HEADER = 12, QR = 0x80 };

static char buffers[BATCH][DATAGRAM];
static struct sockaddr_in clients[BATCH];
static struct iovec vectors[BATCH];
static struct mmsghdr messages[BATCH];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int listen_at(const char *address, const char *port)
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    int sock = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (sock < 0 || inet_pton(AF_INET, address, &place.sin_addr) != 1)
        fail("socket");
    if (bind(sock, (struct sockaddr *)&place, sizeof place))
        fail("bind");
    return sock;
}

static void prepare(void)
{
    for (int i = 0; i < BATCH; i++) {
        vectors[i] = (struct iovec){buffers[i], DATAGRAM};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &clients[i],
                                              .msg_namelen = sizeof clients[i],
                                              .msg_iov = &vectors[i],
                                              .msg_iovlen = 1};
    }
}

static void answer(int sock, int count)
{
    for (int i = 0; i < count; i++) {
        vectors[i].iov_len = messages[i].msg_len;
        if (messages[i].msg_len >= HEADER)
            buffers[i][2] |= (char)QR;
    }
    sendmmsg(sock, messages, (unsigned)count, 0);
    for (int i = 0; i < count; i++) {
        vectors[i].iov_len = DATAGRAM;
        messages[i].msg_hdr.msg_namelen = sizeof clients[i];
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: echo ADDRESS PORT\n");
        return 2;
    }
    int sock = listen_at(argv[1], argv[2]);
    int poll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, sock, &event))
        fail("epoll");
    prepare();
    for (;;) {
        int count = recvmmsg(sock, messages, BATCH, 0, NULL);
        if (count > 0)
            answer(sock, count);
        else
            epoll_wait(poll, &event, 1, -1);
    }
}
