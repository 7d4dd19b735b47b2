
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


/*
 * Look-ups without a lock, interrupted at any instruction for longer than a
 * change takes, while another process fills the store as fast as it can and
 * is killed at any instruction: each look-up must find what was in force when
 * it began, when it ended or in between.
 */

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include "../../src/store/ngx_clientcert_store.h"


#define SECONDS   5
#define READERS   2

/* microseconds between two interruptions, which take one thousand */
#define INTERVAL  1200

/* of each kind: always there, one of two there, never there */
#define KEYS      64

#define ZONE      (100 * 1024)

#define SHORT     "s"
#define LONG      "a label that is longer than the other one"


/* lies in memory that all processes share */

typedef struct {
    ngx_slab_pool_t          shpool;
    u_char                   memory[ZONE];
    size_t                   taken;

    volatile ngx_uint_t      changes;
    volatile ngx_uint_t      refused;       /* changes */
    volatile ngx_uint_t      looked[READERS];
    volatile ngx_uint_t      lost[READERS];
    volatile ngx_uint_t      found[READERS];
    volatile ngx_uint_t      labels[READERS];
    volatile ngx_uint_t      pairs[READERS];
    volatile ngx_uint_t      copies[READERS];
    volatile ngx_uint_t      told[READERS];     /* not whole, or of before */
    volatile ngx_uint_t      stop;
} shared_t;


static shared_t                *shared;
static ngx_shm_zone_t           zone;
static ngx_clientcert_store_t   store;


ngx_uint_t  ngx_pagesize = 4096;

static ngx_time_t      now;
volatile ngx_time_t   *ngx_cached_time = &now;


/* of a kind: '=' always there, '0' or '1' of a pair, '-' never there */

static void
make_key(u_char *key, int kind, ngx_uint_t i)
{
    memset(key, kind, 32);
    key[31] = (u_char) i;
}


static ngx_uint_t
is_known(int kind, int key_kind, ngx_uint_t i, ngx_str_t *label)
{
    u_char                    key[32], spki[32];
    ngx_clientcert_sought_t   sought;

    make_key(key, kind, i);
    make_key(spki, key_kind, i);

    sought.sha1 = key;
    sought.sha256 = key;
    sought.spki = spki;

    return ngx_clientcert_store_find(&store, &sought, label)
           == NGX_OK;
}


static ngx_uint_t
is_there(int kind, ngx_uint_t i, ngx_str_t *label)
{
    return is_known(kind, '-', i, label);
}


static ngx_uint_t
is_label(ngx_str_t *label)
{
    return (label->len == sizeof(SHORT) - 1
            && memcmp(label->data, SHORT, label->len) == 0)
           || (label->len == sizeof(LONG) - 1
               && memcmp(label->data, LONG, label->len) == 0);
}


/* whether a copy is of something that was there, and they are all that are */

static ngx_uint_t
are_copied(void)
{
    u_char                  key[32];
    uint64_t                part;
    ngx_str_t               label;
    ngx_uint_t              i, n, kept, generation;
    ngx_clientcert_copy_t   copy[7];

    generation = ngx_clientcert_store_generation(&store);

    kept = 0;

    for (part = 0; part < NGX_CLIENTCERT_INDEX_END; /* void */ ) {

        n = ngx_clientcert_store_read(&store, NGX_CLIENTCERT_BY_SHA256, &part,
                                      copy, 7);

        for (i = 0; i < n; i++) {
            make_key(key, copy[i].digest[0], copy[i].digest[31]);

            label.data = copy[i].origin;
            label.len = copy[i].label_len;

            if (memcmp(key, copy[i].digest, 32) != 0
                || ngx_strchr("=01", key[0]) == NULL
                || !is_label(&label))
            {
                return 0;
            }

            kept += (key[0] == '=');
        }
    }

    return kept == KEYS
           || generation != ngx_clientcert_store_generation(&store);
}


/* what is told of it is whole, and newer than what was told before */

static ngx_uint_t
is_told(void)
{
    size_t                    i;
    static uint64_t           last;
    ngx_clientcert_census_t   census;

    ngx_clientcert_census_read(store.sh->census, &census);

    for (i = 0; i < sizeof(census.report); i++) {
        if (((u_char *) &census.report)[i] != (u_char) census.added) {
            return 0;
        }
    }

    if (census.removed != census.added || census.added < last) {
        return 0;
    }

    last = census.added;

    return 1;
}


static void
tell(void)
{
    ngx_clientcert_census_t  *census;

    census = ngx_clientcert_census_open(store.sh->census);

    census->added++;
    memset(&census->report, (int) census->added, sizeof(census->report));
    census->removed++;

    ngx_clientcert_census_close(store.sh->census);
}


static void
interrupt(int signo)
{
    (void) poll(NULL, 0, 1);
}


static void
reader(ngx_uint_t n)
{
    ngx_str_t          label;
    ngx_uint_t         i, generation, both;
    u_char             buf[NGX_CLIENTCERT_ORIGIN_LEN];
    struct itimerval   timer;

    label.data = buf;

    timer.it_interval.tv_sec = 0;
    timer.it_interval.tv_usec = INTERVAL;
    timer.it_value = timer.it_interval;

    signal(SIGALRM, interrupt);
    setitimer(ITIMER_REAL, &timer, NULL);

    for (i = 0; !shared->stop; i = (i + 1) % KEYS) {

        if (!is_there('=', i, &label)) {
            shared->lost[n]++;

        } else if (!is_label(&label)) {
            shared->labels[n]++;
        }

        if (!is_known('-', '=', i, NULL)) {
            shared->lost[n]++;
        }

        if (is_there('-', i, NULL)) {
            shared->found[n]++;
        }

        generation = ngx_clientcert_store_generation(&store);

        both = is_there('0', i, NULL) + is_there('1', i, NULL);

        if (generation == ngx_clientcert_store_generation(&store)
            && both != 1)
        {
            shared->pairs[n]++;
        }

        if (i == 0 && !are_copied()) {
            shared->copies[n]++;
        }

        if (!is_told()) {
            shared->told[n]++;
        }

        shared->looked[n] += 5;
    }

    _exit(0);
}


static ngx_int_t
put(int kind, ngx_uint_t i)
{
    u_char                   key[32], spki[32];
    uint32_t                 origin;
    ngx_str_t                text;
    ngx_clientcert_entry_t   entry;

    make_key(key, kind, i);
    make_key(spki, kind, i);

    text.data = (u_char *) ((random() & 1) ? SHORT : LONG);
    text.len = ngx_strlen(text.data);

    memset(&entry, 0, sizeof(entry));

    entry.digest = key;
    entry.len = 32;
    entry.spki = spki;
    entry.origin = text;

    if (ngx_clientcert_store_origin(&store, &text, text.len, &origin)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return ngx_clientcert_store_put(&store, &entry, origin);
}


/* as a source is published; of each pair the one by the bit of seconds */

static void
fill(uint64_t seconds)
{
    ngx_int_t              rc;
    ngx_uint_t             i;
    ngx_clientcert_need_t  need;

    memset(&need, 0, sizeof(need));
    need.sha256 = 2 * KEYS;

    if (ngx_clientcert_store_lock(&store) != NGX_OK) {
        shared->refused++;
        return;
    }

    rc = ngx_clientcert_store_begin(&store, &need);

    for (i = 0; rc == NGX_OK && i < KEYS; i++) {
        rc = put('=', i);

        if (rc == NGX_OK) {
            rc = put((seconds >> i & 1) ? '1' : '0', i);
        }
    }

    if (rc == NGX_OK) {
        ngx_clientcert_store_publish(&store);
        tell();

    } else {
        shared->refused++;
    }

    ngx_clientcert_store_unlock(&store);

    shared->changes++;
}


static void
writer(void)
{
    srandom(getpid());

    ngx_clientcert_store_new_writer(&store);

    for ( ;; ) {
        fill((uint64_t) random() << 32 ^ (uint64_t) random());
    }
}


/*
 * What is in force has room in a zone that has outgrown it, exactly: the half
 * is filled to the last word, then all of it is put again.
 */

static ngx_uint_t
outgrown_keeps(void)
{
    u_char                   key[32];
    uint32_t                 origin;
    ngx_uint_t               i, n, kept;
    ngx_str_t                text;
    ngx_clientcert_need_t    need;
    ngx_clientcert_entry_t   entry;

    ngx_str_set(&text, LONG);
    memset(&need, 0, sizeof(need));
    memset(&entry, 0, sizeof(entry));

    entry.digest = key;
    entry.len = 32;
    entry.spki = key;
    entry.origin = text;
    need.sha256 = 250;

    for (kept = 0, n = 0; n < 2; n++) {

        if (ngx_clientcert_store_lock(&store) != NGX_OK
            || (n == 0 ? ngx_clientcert_store_begin(&store, &need)
                       : ngx_clientcert_store_begin_outgrown(&store))
               != NGX_OK)
        {
            return 0;
        }

        for (i = 0; i < (n ? kept : 256); i++) {
            make_key(key, 'o', i);

            if (ngx_clientcert_store_origin(&store, &text, text.len, &origin)
                != NGX_OK
                || ngx_clientcert_store_put(&store, &entry, origin) != NGX_OK)
            {
                break;
            }
        }

        ngx_clientcert_store_publish(&store);
        ngx_clientcert_store_unlock(&store);

        if (n && i != kept) {
            return 0;
        }

        kept = i;
    }

    return kept > 100 && kept < 250 && store.kept == kept;
}


/* who has been followed by another one writes no more */

static ngx_uint_t
newest_writes(void)
{
    ngx_uint_t               first, both, third;
    ngx_clientcert_store_t   old, new;

    old = store;
    new = store;

    ngx_clientcert_store_new_writer(&old);
    ngx_clientcert_store_new_writer(&new);

    first = (ngx_clientcert_store_lock(&old) == NGX_OK);
    both = (ngx_clientcert_store_lock(&new) == NGX_OK);
    third = (ngx_clientcert_store_lock(&old) == NGX_OK);

    return first && both && !third;
}


static ngx_uint_t
sum(volatile ngx_uint_t *of)
{
    ngx_uint_t  i, n;

    for (n = 0, i = 0; i < READERS; i++) {
        n += of[i];
    }

    return n;
}


/* lets it make some changes, and as often as not begin another one */

static ngx_uint_t
kill_writer(pid_t pid)
{
    int         status;
    ngx_uint_t  i, until;

    until = shared->changes + random() % 1000;

    for (i = 0; shared->changes < until && i < 1000; i++) {
        usleep(1000);
    }

    usleep(random() % 100);

    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);

    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}


static int
report(int test, int right, const char *what)
{
    printf("%s %d - %s\n", right ? "ok" : "not ok", test, what);

    return !right;
}


int
main(void)
{
    int          failed;
    pid_t        pid, readers[READERS];
    time_t       end;
    ngx_uint_t   i, kills, crashed, only, keeps;

    shared = mmap(NULL, sizeof(shared_t), PROT_READ|PROT_WRITE,
                  MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    if (shared == MAP_FAILED) {
        perror("mmap");
        return 1;
    }

    shared->shpool.pfree = ZONE / ngx_pagesize - 8;
    zone.shm.addr = (u_char *) &shared->shpool;
    store.zone = &zone;
    store.certificates = 1;

    if (ngx_clientcert_store_init(&store, NULL) != NGX_OK) {
        return 1;
    }

    only = newest_writes();

    ngx_clientcert_store_new_writer(&store);
    keeps = outgrown_keeps();
    fill(0);

    for (i = 0; i < READERS; i++) {
        readers[i] = fork();

        if (readers[i] == 0) {
            reader(i);
        }
    }

    crashed = 0;
    end = time(NULL) + SECONDS;

    for (kills = 0; time(NULL) < end; kills++) {
        pid = fork();

        if (pid == 0) {
            writer();
        }

        if (!kill_writer(pid)) {
            crashed++;
        }
    }

    shared->stop = 1;

    for (i = 0; i < READERS; i++) {
        waitpid(readers[i], NULL, 0);
    }

    printf("# %lu look-ups, %lu changes, %lu writers killed\n1..10\n",
           (unsigned long) sum(shared->looked),
           (unsigned long) shared->changes, (unsigned long) kills);

    failed = report(1, shared->changes > kills && sum(shared->looked) > 1000,
                    "there were changes and look-ups");
    failed |= report(2, shared->refused == 0 && crashed == 0,
                     "each change went in");
    failed |= report(3, sum(shared->lost) == 0, "what is there is found");
    failed |= report(4, sum(shared->found) == 0, "what isn't is not");
    failed |= report(5, sum(shared->labels) == 0, "labels are whole");
    failed |= report(6, sum(shared->pairs) == 0,
                     "what changes together is seen together");
    failed |= report(7, only, "the newest writer alone writes");
    failed |= report(8, keeps, "what is in force has room when it is full");
    failed |= report(9, sum(shared->copies) == 0,
                     "all are read, each of them whole");
    failed |= report(10, sum(shared->told) == 0,
                     "what is told of it is whole, and never goes back");

    return failed;
}


/* of nginx's core, as far as it is needed; there is one writer at a time */

void
ngx_shmtx_lock(ngx_shmtx_t *mtx)
{
}


void
ngx_shmtx_unlock(ngx_shmtx_t *mtx)
{
}


void *
ngx_slab_alloc(ngx_slab_pool_t *pool, size_t size)
{
    void  *p;

    p = shared->memory + shared->taken;
    shared->taken += ngx_align(size, 64);

    return (shared->taken > ZONE) ? NULL : p;
}


void *
ngx_slab_calloc(ngx_slab_pool_t *pool, size_t size)
{
    return ngx_slab_alloc(pool, size);
}
