
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */

/*
 * Requests on many kept-alive TLS connections, for bench/store.
 *
 *   load PEM CONNECTIONS SECONDS ROUNDS PORT ...
 *
 * keeps 64 requests at a time under way, in turn to the servers at the ports,
 * and prints for each round the requests a second of each of them;
 *
 *   load PEM CONNECTIONS SECONDS -RATE PORT
 *
 * makes RATE requests a second, one at a time, and prints the median and the
 * 99th percentile of their time from when they were due, in microseconds.
 *
 * PEM holds a key and certificates, of which the connections show one each.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>


#define WINDOW  64
#define SERVERS 4
#define MANY    1000000

static const char  request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";


static void
fail(const char *what)
{
    fprintf(stderr, "load: %s failed\n", what);
    exit(1);
}


static double
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}


static SSL *
open_connection(SSL_CTX *ctx, int port, X509 *cert, EVP_PKEY *key)
{
    int                 fd, one;
    SSL                *ssl;
    struct sockaddr_in  sin;

    one = 1;
    fd = socket(AF_INET, SOCK_STREAM, 0);

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons(port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    if (fd == -1
        || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == -1
        || connect(fd, (struct sockaddr *) &sin, sizeof(sin)) == -1)
    {
        fail("connect()");
    }

    ssl = SSL_new(ctx);

    if (ssl == NULL
        || SSL_use_certificate(ssl, cert) != 1
        || SSL_use_PrivateKey(ssl, key) != 1
        || SSL_set_fd(ssl, fd) != 1
        || SSL_connect(ssl) != 1)
    {
        fail("handshake");
    }

    return ssl;
}


static void
ask(SSL *ssl)
{
    if (SSL_write(ssl, request, sizeof(request) - 1)
        != sizeof(request) - 1)
    {
        fail("SSL_write()");
    }
}


/* nginx sends the empty GIF with its header in one record */

static void
answer(SSL *ssl)
{
    int          n;
    static char  buf[16384];

    n = SSL_read(ssl, buf, sizeof(buf));

    if (n < 12 || memcmp(buf, "HTTP/1.1 200", 12) != 0) {
        fail("request");
    }
}


static double
throughput(SSL **ssl, int n, double seconds)
{
    int     i, first, len;
    long    requests;
    double  start;

    first = 0;
    requests = 0;
    start = now();

    while (now() - start < seconds) {
        len = n - first < WINDOW ? n - first : WINDOW;

        for (i = 0; i < len; i++) {
            ask(ssl[first + i]);
        }

        for (i = 0; i < len; i++) {
            answer(ssl[first + i]);
        }

        requests += len;
        first = (first + len) % n;
    }

    return requests / (now() - start);
}


static int
compare(const void *one, const void *two)
{
    double  a = *(double *) one, b = *(double *) two;

    return (a > b) - (a < b);
}


static void
latency(SSL **ssl, int n, double seconds, double rate)
{
    int              i;
    double           due, start;
    static double    took[MANY];
    struct timespec  ts;

    start = now();

    for (i = 0; i < MANY && i / rate < seconds; i++) {
        due = start + i / rate;

        ts.tv_sec = due;
        ts.tv_nsec = (due - ts.tv_sec) * 1e9;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);

        ask(ssl[i % n]);
        answer(ssl[i % n]);

        took[i] = now() - due;
    }

    qsort(took, i, sizeof(took[0]), compare);

    printf("%.0f %.0f\n", took[i / 2] * 1e6, took[i * 99L / 100] * 1e6);
}


int
main(int argc, char **argv)
{
    int        i, n, s, servers, rounds;
    SSL      **ssl[SERVERS];
    BIO       *pem;
    X509      *cert;
    double     seconds;
    SSL_CTX   *ctx;
    EVP_PKEY  *key;

    servers = argc - 5;

    if (servers < 1 || servers > SERVERS) {
        fprintf(stderr, "usage: load PEM CONNECTIONS SECONDS "
                        "ROUNDS|-RATE PORT ...\n");
        return 2;
    }

    n = atoi(argv[2]);
    seconds = atof(argv[3]);
    rounds = atoi(argv[4]);

    ctx = SSL_CTX_new(TLS_client_method());

    for (s = 0; s < servers; s++) {
        pem = BIO_new_file(argv[1], "r");
        ssl[s] = calloc(n, sizeof(SSL *));

        if (ctx == NULL || pem == NULL || ssl[s] == NULL) {
            fail(argv[1]);
        }

        key = PEM_read_bio_PrivateKey(pem, NULL, NULL, NULL);

        for (i = 0; i < n; i++) {
            cert = PEM_read_bio_X509(pem, NULL, NULL, NULL);

            if (key == NULL || cert == NULL) {
                fail("reading a certificate");
            }

            ssl[s][i] = open_connection(ctx, atoi(argv[5 + s]), cert, key);
            X509_free(cert);
        }

        BIO_free(pem);
    }

    if (rounds < 0) {
        latency(ssl[0], n, seconds, -rounds);
        return 0;
    }

    while (rounds--) {
        for (s = 0; s < servers; s++) {
            printf("%.0f%c", throughput(ssl[s], n, seconds),
                   s < servers - 1 ? ' ' : '\n');
        }
    }

    return 0;
}
