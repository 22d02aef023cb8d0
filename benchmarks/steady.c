/* Ask a DNS server over UDP and print what came of it as one JSON object.
 *
 * Usage: steady ADDRESS PORT FILE SECONDS rate|stamped|window NUMBER SOCKETS
 *
 * FILE has a query in each line as dnsperf reads it ("www.example.org A"); the last line is
 * followed by the first. `rate` sends NUMBER queries a second, whatever comes back, and counts the
 * latency of each from the moment at which it was due, so that a late query of ours or a pause of
 * the server's is not left out. `stamped` does so too, but counts from when the query went until
 * the kernel had the answer: what else runs on our core is left out. `window` keeps NUMBER
 * queries under way, which loads a server to the full. It never sleeps: a client that has to be
 * woken would be paid for by the server.
 * A query without an answer after `patience` is lost; an answer to no query under way is stray.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, DATAGRAM = 4096, IDS = 65536, HEADER = 12, MAX_QUERY = 300, MAX_SOCKETS = 64 };
static const uint64_t SECOND = 1000000000;
static const uint64_t WINDOW_PATIENCE = 100000000, MAX_PATIENCE = 5000000000;
static const double MAX_UNDER_WAY = 60000; /* of one socket: IDs must not come round */

struct query {
    uint32_t offset;
    uint16_t length;
};

struct client {
    int sock;
    uint16_t next;         /* the ID of the next query */
    uint16_t oldest;       /* no query before this ID is under way */
    uint64_t due[IDS];     /* when a query was due; 0: not under way */
};

static struct client *clients;
static int client_count;
static uint8_t *wire;
static struct query *queries;
static size_t query_count, next_query;
static uint32_t *latencies; /* ns */
static size_t latency_count, latency_limit;
static uint64_t sent, answered, lost, stray, unsent, rcodes[16];
static uint64_t patience; /* ns */
static bool stamped;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        fail("memory");
    return memory;
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(stamped ? CLOCK_REALTIME : CLOCK_MONOTONIC, &time); /* the kernel stamps by it */
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

/* Return when the kernel had a message, which was received with the time in its control data. */
static uint64_t stamp(struct msghdr *message)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    struct timespec time;
    if (!control || control->cmsg_type != SCM_TIMESTAMPNS) {
        fprintf(stderr, "steady: an answer without its time\n");
        exit(1);
    }
    memcpy(&time, CMSG_DATA(control), sizeof time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

/* Compose a query for a name and a type in text; return its length, 0 if it is not a query. */
static size_t compose(uint8_t *out, char *name, const char *type)
{
    static const uint8_t header[HEADER] = {0, 0, 1, 0, 0, 1};
    uint8_t *at = out + HEADER;
    uint8_t code = strcmp(type, "A") == 0 ? 1 : strcmp(type, "AAAA") == 0 ? 28
                   : strcmp(type, "HTTPS") == 0 ? 65 : 0;
    if (!code || strlen(name) > 250)
        return 0;
    memcpy(out, header, HEADER);
    for (char *rest = name, *label; (label = strsep(&rest, "."));) {
        size_t length = strlen(label);
        if (!length || length > 63)
            return 0;
        *at++ = (uint8_t)length;
        memcpy(at, label, length);
        at += length;
    }
    memcpy(at, (uint8_t[]){0, 0, code, 0, 1}, 5);
    return (size_t)(at + 5 - out);
}

static void read_queries(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        fail(path);
    char name[1024], type[16];
    size_t room = 0, used = 0, slots = 0;
    while (fscanf(file, "%1023s %15s", name, type) == 2) {
        if (used + MAX_QUERY > room && !(wire = realloc(wire, room = 2 * room + (1 << 20))))
            fail("memory");
        if (query_count == slots
            && !(queries = realloc(queries, (slots = 2 * slots + 1024) * sizeof *queries)))
            fail("memory");
        size_t length = compose(wire + used, name, type);
        if (!length) {
            fprintf(stderr, "%s: line %zu is not a name and A, AAAA or HTTPS\n", path,
                    query_count + 1);
            exit(1);
        }
        queries[query_count++] = (struct query){(uint32_t)used, (uint16_t)length};
        used += length;
    }
    fclose(file);
    if (!query_count) {
        fprintf(stderr, "%s: no queries\n", path);
        exit(1);
    }
}

static void open_sockets(const char *address, const char *port)
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    int room = 4 << 20;
    if (inet_pton(AF_INET, address, &place.sin_addr) != 1)
        fail(address);
    clients = allocate((size_t)client_count, sizeof *clients);
    for (int i = 0; i < client_count; i++) {
        int sock = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (sock < 0 || connect(sock, (struct sockaddr *)&place, sizeof place))
            fail("socket");
        setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
        if (stamped && setsockopt(sock, SOL_SOCKET, SO_TIMESTAMPNS, &(int){1}, sizeof(int)))
            fail("SO_TIMESTAMPNS");
        clients[i].sock = sock;
    }
}

/* Forget the queries that were due at a time or before; return how many. */
static int give_up(struct client *client, uint64_t before)
{
    int count = 0;
    for (; client->oldest != client->next; client->oldest++) {
        uint64_t *due = &client->due[client->oldest];
        if (*due > before)
            break;
        count += *due != 0;
        *due = 0;
    }
    lost += (uint64_t)count;
    return count;
}

/* Send `count` queries that are due from `due` on, `step` ns apart; return how many went. */
static int send_queries(struct client *client, int count, uint64_t due, double step)
{
    static struct mmsghdr messages[BATCH];
    static struct iovec vectors[BATCH];
    if (count > BATCH)
        count = BATCH;
    if ((size_t)count > query_count)
        count = (int)query_count; /* the octets of each are there only once */
    for (int i = 0; i < count; i++) {
        uint16_t id = (uint16_t)(client->next + i);
        struct query *query = &queries[(next_query + (size_t)i) % query_count];
        uint8_t *octets = wire + query->offset;
        octets[0] = (uint8_t)(id >> 8);
        octets[1] = (uint8_t)id;
        vectors[i] = (struct iovec){octets, query->length};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
    }
    if (stamped) {
        due = now();
        step = 0;
    }
    int went = sendmmsg(client->sock, messages, (unsigned)count, 0);
    for (int i = 0; i < went; i++) {
        uint64_t *slot = &client->due[client->next++];
        lost += *slot != 0;
        *slot = due + (uint64_t)(i * step);
    }
    if (went <= 0)
        return 0;
    next_query += (size_t)went;
    sent += (uint64_t)went;
    return went;
}

/* Take the answers that have come; return how many queries they end. */
static int receive_answers(struct client *client)
{
    static uint8_t buffers[BATCH][DATAGRAM];
    static struct mmsghdr messages[BATCH];
    static struct iovec vectors[BATCH];
    static union {
        struct cmsghdr aligned;
        uint8_t octets[CMSG_SPACE(sizeof(struct timespec))];
    } controls[BATCH];
    for (int i = 0; i < BATCH; i++) {
        vectors[i] = (struct iovec){buffers[i], DATAGRAM};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
        if (stamped) {
            messages[i].msg_hdr.msg_control = &controls[i];
            messages[i].msg_hdr.msg_controllen = sizeof controls[i];
        }
    }
    int count = recvmmsg(client->sock, messages, BATCH, 0, NULL), ended = 0;
    uint64_t time = count > 0 ? now() : 0;
    for (int i = 0; i < count; i++) {
        uint64_t *due = &client->due[(buffers[i][0] << 8) | buffers[i][1]];
        if (messages[i].msg_len < HEADER || !(buffers[i][2] & 0x80) || !*due) {
            stray++;
            continue;
        }
        if (stamped)
            time = stamp(&messages[i].msg_hdr);
        uint64_t latency = time > *due ? time - *due : 0;
        if (latency_count < latency_limit)
            latencies[latency_count++] = latency < UINT32_MAX ? (uint32_t)latency : UINT32_MAX;
        *due = 0;
        rcodes[buffers[i][3] & 15]++;
        ended++;
    }
    answered += (uint64_t)ended;
    return ended;
}

/* Send at a rate until the end; each query has its moment, and goes when that has come. */
static void run_rate(uint64_t start, uint64_t end, double rate)
{
    double step = (double)SECOND / rate;
    uint64_t number = 0;
    for (uint64_t time; (time = now()) < end;) {
        uint64_t should = (uint64_t)((double)(time - start) / step) + 1; /* the first one at once */
        struct client *client = &clients[number % (uint64_t)client_count];
        if (should > number) {
            uint64_t due = start + (uint64_t)((double)number * step);
            int count = should - number > BATCH ? BATCH : (int)(should - number);
            number += (uint64_t)send_queries(client, count, due, step);
            give_up(client, time - patience);
        }
        for (int i = 0; i < client_count; i++)
            receive_answers(&clients[i]);
    }
    uint64_t should = (uint64_t)((double)(end - start) / step);
    unsent = should > number ? should - number : 0;
}

/* Keep a window full until the end. */
static void run_window(uint64_t end, int window)
{
    int share = window / client_count > 0 ? window / client_count : 1;
    int *under_way = allocate((size_t)client_count, sizeof *under_way);
    for (uint64_t time; (time = now()) < end;) {
        int moved = 0;
        for (int i = 0; i < client_count; i++) {
            under_way[i] -= receive_answers(&clients[i]);
            under_way[i] -= give_up(&clients[i], time - patience);
            if (under_way[i] < share) {
                int went = send_queries(&clients[i], share - under_way[i], time, 0);
                under_way[i] += went;
                moved += went;
            }
        }
        if (!moved)
            sched_yield(); /* the upstream may share our core */
    }
    free(under_way);
}

static void finish(void)
{
    uint64_t end = now() + patience;
    while (answered + lost < sent && now() < end)
        for (int i = 0; i < client_count; i++)
            receive_answers(&clients[i]);
    for (int i = 0; i < client_count; i++)
        give_up(&clients[i], UINT64_MAX);
}

static int compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static double microseconds(double part)
{
    if (!latency_count)
        return 0;
    size_t index = (size_t)(part * (double)latency_count);
    return latencies[index < latency_count ? index : latency_count - 1] / 1e3;
}

static void print(double seconds)
{
    qsort(latencies, latency_count, sizeof *latencies, compare);
    printf("{\"seconds\": %.6f, \"sent\": %lu, \"answered\": %lu, \"lost\": %lu, \"stray\": %lu, "
           "\"unsent\": %lu, \"rcodes\": {", seconds, sent, answered, lost, stray, unsent);
    const char *comma = "";
    for (int i = 0; i < 16; i++)
        if (rcodes[i]) {
            printf("%s\"%d\": %lu", comma, i, rcodes[i]);
            comma = ", ";
        }
    printf("}, \"latency_us\": {\"p50\": %.1f, \"p99\": %.1f, \"p99.9\": %.1f, \"max\": %.1f}}\n",
           microseconds(0.5), microseconds(0.99), microseconds(0.999), microseconds(1));
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        fprintf(stderr,
                "usage: steady ADDRESS PORT FILE SECONDS rate|stamped|window NUMBER SOCKETS\n");
        return 2;
    }
    double seconds = atof(argv[4]), number = atof(argv[6]);
    client_count = atoi(argv[7]);
    if (client_count < 1 || client_count > MAX_SOCKETS || seconds <= 0 || number < 1) {
        fprintf(stderr, "steady: 1 to %d sockets, and some time and queries\n", MAX_SOCKETS);
        return 2;
    }
    stamped = strcmp(argv[5], "stamped") == 0;
    read_queries(argv[3]);
    open_sockets(argv[1], argv[2]);
    latency_limit = (size_t)(seconds * 2e6) + 1;
    latencies = allocate(latency_limit, sizeof *latencies);
    memset(latencies, 1, latency_limit * sizeof *latencies); /* no page fault while it runs */
    bool steadily = stamped || strcmp(argv[5], "rate") == 0;
    double room = MAX_UNDER_WAY * client_count / number * (double)SECOND;
    patience = !steadily ? WINDOW_PATIENCE : room < MAX_PATIENCE ? (uint64_t)room : MAX_PATIENCE;
    uint64_t start = now(), end = start + (uint64_t)(seconds * (double)SECOND);
    if (steadily)
        run_rate(start, end, number);
    else
        run_window(end, (int)number);
    double took = (double)(now() - start) / 1e9;
    finish();
    print(took);
    return 0;
}
