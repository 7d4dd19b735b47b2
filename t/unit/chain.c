
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


/*
 * The walk of "deny ca=" through random graphs of certificates, with several
 * CAs of one name, cross-signing, loops and broken signatures, against a model
 * that knows who signed what; what a client could send to get around it; and
 * every function while each allocation in turn fails.
 */

#include <stdio.h>
#include <sanitizer/lsan_interface.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include "shim.h"
#include "../../src/cert/ngx_clientcert_chain.h"
#include "../../src/cert/ngx_clientcert_error.h"


#define GRAPHS    120       /* or the first argument, of the second's sort */
#define CERTS     10
#define KEYS      8         /* one more is the leaf's, one a stranger's */
#define LEAF_KEY  (KEYS)
#define STRANGER  (KEYS + 1)

#define NAME_LEN  64

/* allocations that fail one by one; later ones only read keys */
#define MANY      400

/* where a certificate is */

#define SENT      0x01
#define VERIFIED  0x02
#define STORE     0x04
#define IN_FILE   0x08      /* the one that is asked for */
#define OTHER     0x10
#define KNOWN     (STORE|IN_FILE|OTHER)


typedef struct {
    char        name[NAME_LEN];
    char        issuer[NAME_LEN];
    EVP_PKEY   *key;
    EVP_PKEY   *signer;
    int         no_ca;
    int         mangled;        /* its signature */
    time_t      from;           /* 0: long ago */
    time_t      until;          /* 0: far ahead */
    int         where;

    u_char     *der;
    int         len;
} cert_t;


/* a leaf, which is the first of certs, and all that is in hand */

typedef struct {
    cert_t                         certs[CERTS + 1];
    int                            n;

    ngx_clientcert_dictionary_t    cas;
    ngx_clientcert_ca_t           *file;
    ngx_clientcert_ca_t           *other;
    X509_STORE                    *store;
    STACK_OF(X509)                *verified;
    ngx_clientcert_certificate_t  *cert;
    ngx_str_t                      unknown;

    X509                          *by;
    unsigned int                   digest_len;
    u_char                         digest[EVP_MAX_MD_SIZE];
} scene_t;


typedef ngx_int_t (*ask_pt)(scene_t *scene);


const char *__asan_default_options(void);
int __real_X509_verify(X509 *x509, EVP_PKEY *key);
int __wrap_X509_verify(X509 *x509, EVP_PKEY *key);


static EVP_PKEY            *keys[KEYS + 2];
static cert_t               stranger;           /* a CA of every file */
static char                 directory[] = "/tmp/clientcert-XXXXXX";
static int                  tests, failed;
static int                  signatures;
static time_t               now = 1800000000;
static ngx_time_t           cached_time;


volatile ngx_time_t  *ngx_cached_time = &cached_time;


/* most of the time would go into what it remembers of each allocation */

const char *
__asan_default_options(void)
{
    return "malloc_context_size=2:quarantine_size_mb=8";
}


static void
report(int ok, const char *what)
{
    tests++;
    failed |= !ok;

    printf("%sok %d - %s\n", ok ? "" : "not ", tests, what);
}


static void *
openssl_malloc(size_t size, const char *file, int line)
{
    return shim_malloc(size);
}


static void *
openssl_realloc(void *p, size_t size, const char *file, int line)
{
    void  *moved;

    if (p == NULL) {
        return shim_malloc(size);
    }

    moved = shim_malloc(1);

    if (moved == NULL) {
        return NULL;
    }

    free(moved);

    return realloc(p, size);
}


static void
openssl_free(void *p, const char *file, int line)
{
    free(p);
}


int
__wrap_X509_verify(X509 *x509, EVP_PKEY *key)
{
    signatures++;

    return __real_X509_verify(x509, key);
}


static X509_NAME *
name(const char *text)
{
    X509_NAME  *dn;

    dn = X509_NAME_new();
    X509_NAME_add_entry_by_txt(dn, "CN", MBSTRING_UTF8, (u_char *) text, -1,
                               -1, 0);
    return dn;
}


static void
write_cert(cert_t *c)
{
    static long         serial;

    X509               *x509;
    X509_NAME          *subject, *issuer;
    BASIC_CONSTRAINTS  *bc;

    x509 = X509_new();
    subject = name(c->name);
    issuer = name(c->issuer);
    bc = BASIC_CONSTRAINTS_new();
    bc->ca = c->no_ca ? 0 : 0xff;

    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
    X509_set_subject_name(x509, subject);
    X509_set_issuer_name(x509, issuer);
    ASN1_TIME_set(X509_getm_notBefore(x509), c->from ? c->from : now - 86400);
    ASN1_TIME_set(X509_getm_notAfter(x509), c->until ? c->until : now + 86400);
    X509_set_pubkey(x509, c->key);
    X509_add1_ext_i2d(x509, NID_basic_constraints, bc, 1, 0);
    X509_sign(x509, c->signer, EVP_sha256());

    c->der = NULL;
    c->len = i2d_X509(x509, &c->der);

    /* the end of the signature is the end of the certificate */

    c->der[c->len - 1] ^= c->mangled;

    BASIC_CONSTRAINTS_free(bc);
    X509_NAME_free(subject);
    X509_NAME_free(issuer);
    X509_free(x509);
}


static X509 *
read_cert(cert_t *c)
{
    const u_char  *p;

    p = c->der;

    return d2i_X509(NULL, &p, c->len);
}


/* the signature (r, s) of an ECDSA certificate becomes (r, n - s) */

static void
write_twin(cert_t *twin, cert_t *c)
{
    int                     len;
    X509                   *x509;
    u_char                 *der;
    BIGNUM                 *r, *s, *order;
    EC_GROUP               *group;
    ECDSA_SIG              *sig;
    const u_char           *p;
    const ASN1_BIT_STRING  *signature;

    *twin = *c;

    x509 = read_cert(c);
    X509_get0_signature(&signature, NULL, x509);

    p = ASN1_STRING_get0_data(signature);
    sig = d2i_ECDSA_SIG(NULL, &p, ASN1_STRING_length(signature));

    group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    order = BN_dup(EC_GROUP_get0_order(group));
    r = BN_dup(ECDSA_SIG_get0_r(sig));
    s = BN_new();
    BN_sub(s, order, ECDSA_SIG_get0_s(sig));
    ECDSA_SIG_set0(sig, r, s);

    der = NULL;
    len = i2d_ECDSA_SIG(sig, &der);

    ASN1_STRING_set((ASN1_BIT_STRING *) signature, der, len);

    twin->der = NULL;
    twin->len = i2d_X509(x509, &twin->der);

    OPENSSL_free(der);
    BN_free(order);
    ECDSA_SIG_free(sig);
    EC_GROUP_free(group);
    X509_free(x509);
}


static void
write_file(scene_t *scene, const char *file, int where)
{
    int    i;
    FILE  *out;
    out = fopen(file, "w");

    PEM_write(out, PEM_STRING_X509, "", stranger.der, stranger.len);

    for (i = 0; i < scene->n; i++) {
        if (scene->certs[i].where & where) {
            PEM_write(out, PEM_STRING_X509, "", scene->certs[i].der,
                      scene->certs[i].len);
        }
    }

    fclose(out);
}


static ngx_clientcert_ca_t *
read_file(scene_t *scene, const char *file, int where)
{
    char         path[128];
    ngx_str_t    text;
    ngx_conf_t   cf;
    const char  *err;

    snprintf(path, sizeof(path), "%s/%s", directory, file);
    write_file(scene, path, where);

    text.len = strlen(path);
    text.data = ngx_palloc(NULL, text.len + 1);
    memcpy(text.data, path, text.len + 1);

    memset(&cf, 0, sizeof(ngx_conf_t));

    return ngx_clientcert_ca_read(&cf, &scene->cas, &text, &err);
}


static STACK_OF(X509) *
stack(scene_t *scene, int where)
{
    int              i;
    STACK_OF(X509)  *certs;

    certs = sk_X509_new_null();

    for (i = 0; i < scene->n; i++) {
        if (scene->certs[i].where & where) {
            sk_X509_push(certs, read_cert(&scene->certs[i]));
        }
    }

    return certs;
}


/* a client that comes anew */

static void
connect_scene(scene_t *scene)
{
    sk_X509_pop_free(scene->verified, X509_free);

    scene->verified = stack(scene, VERIFIED);
    scene->cert = ngx_clientcert_certificate_create(NULL,
                                                    read_cert(scene->certs),
                                                    stack(scene, SENT), NULL);
    scene->cert->trusted = scene->store;
    scene->cert->verified = scene->verified;
    scene->cert->level = 1;
}


static void
open_scene(scene_t *scene)
{
    int    i;
    X509  *x509;

    for (i = 0; i < scene->n; i++) {
        if (scene->certs[i].der == NULL) {
            write_cert(&scene->certs[i]);
        }
    }

    memset(&scene->cas, 0, sizeof(ngx_clientcert_dictionary_t));
    scene->cas.all.size = sizeof(ngx_clientcert_ca_t *);

    scene->file = read_file(scene, "file.pem", IN_FILE);
    scene->other = read_file(scene, "other.pem", OTHER);
    scene->store = X509_STORE_new();

    for (i = 0; i < scene->n; i++) {
        if (scene->certs[i].where & STORE) {
            x509 = read_cert(&scene->certs[i]);
            X509_STORE_add_cert(scene->store, x509);
            X509_free(x509);
        }
    }

    connect_scene(scene);
}


static void
close_scene(scene_t *scene)
{
    int  i;

    shim_free();

    sk_X509_pop_free(scene->verified, X509_free);
    X509_STORE_free(scene->store);

    for (i = 0; i < scene->n; i++) {
        OPENSSL_free(scene->certs[i].der);
    }

    memset(scene, 0, sizeof(scene_t));
}


/* a certificate of subject by issuer, with keys of these numbers */

static cert_t *
add(scene_t *scene, const char *subject, int key, const char *issuer,
    int signer, int where)
{
    cert_t  *c;

    c = &scene->certs[scene->n++];

    memset(c, 0, sizeof(cert_t));

    snprintf(c->name, NAME_LEN, "%s", subject);
    snprintf(c->issuer, NAME_LEN, "%s", issuer);

    c->key = keys[key];
    c->signer = keys[signer];
    c->where = where;

    return c;
}


static ngx_int_t
ask_leads(scene_t *scene)
{
    return ngx_clientcert_chain_leads(scene->cert, scene->file,
                                      &scene->unknown);
}


static ngx_int_t
ask_verify(scene_t *scene)
{
    time_t  from, until;

    from = 0;
    until = NGX_MAX_TIME_T_VALUE;

    return ngx_clientcert_chain_verify(scene->cert, scene->file,
                                       NGX_CLIENTCERT_PURPOSE_CLIENT, now,
                                       &from, &until);
}


/* the one that the second certificate is */

static ngx_int_t
ask_issuer(scene_t *scene)
{
    return ngx_clientcert_chain_issuer(scene->cert, 1, scene->digest,
                                       scene->digest_len);
}


/* whose key is the second certificate's */

static ngx_int_t
ask_signed(scene_t *scene)
{
    return ngx_clientcert_chain_signed(scene->cert, scene->by);
}


static int
says(scene_t *scene, const char *text)
{
    return scene->unknown.len == strlen(text)
           && memcmp(scene->unknown.data, text, scene->unknown.len) == 0;
}


/* opens, asks, closes */

static int
leads(scene_t *scene, ngx_int_t wanted, const char *unknown)
{
    int        ok;
    ngx_int_t  rc;

    open_scene(scene);

    rc = ask_leads(scene);
    ok = (rc == wanted && (unknown == NULL || says(scene, unknown)));

    if (!ok) {
        fprintf(stderr, "# %d instead of %d \"%.*s\"\n", (int) rc,
                (int) wanted, (int) scene->unknown.len,
                (char *) scene->unknown.data);
    }

    ok = ok && ERR_peek_error() == 0;

    close_scene(scene);

    return ok;
}


/* the model knows keys and names, and no OpenSSL */

static int
model_signed(cert_t *c, cert_t *by)
{
    return !c->mangled && c->signer == by->key
           && strcmp(c->issuer, by->name) == 0;
}


static int
model_root(cert_t *c)
{
    return model_signed(c, c);
}


static int
model_yes(scene_t *scene, cert_t *c)
{
    int      i;
    cert_t  *known;

    for (i = 0; i < scene->n; i++) {
        known = &scene->certs[i];

        if ((known->where & IN_FILE)
            && known->key == c->key && strcmp(known->name, c->name) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* what is above, as bits; a root has nothing above */

static unsigned
model_above(scene_t *scene, int n, unsigned seen)
{
    int  i;

    seen |= 1 << n;

    if (model_root(&scene->certs[n])) {
        return seen;
    }

    for (i = 0; i < scene->n; i++) {
        if (!(seen & 1 << i)
            && (scene->certs[i].where & (KNOWN|SENT|VERIFIED))
            && model_signed(&scene->certs[n], &scene->certs[i]))
        {
            seen = model_above(scene, i, seen);
        }
    }

    return seen;
}


static int
model_decided(scene_t *scene, int n)
{
    int        i;
    unsigned   above;
    cert_t    *c, *by;

    c = &scene->certs[n];

    if (model_root(c)) {
        return 1;
    }

    above = model_above(scene, n, 0);

    for (i = 0; i < scene->n; i++) {
        if ((above & 1 << i) && model_root(&scene->certs[i])) {
            break;
        }
    }

    if (i == scene->n) {
        return 0;
    }

    for (i = 0; i < scene->n; i++) {
        by = &scene->certs[i];

        if (i == n || !(above & 1 << i) || !model_signed(c, by)
            || n == 0 || (c->where & KNOWN))
        {
            continue;
        }

        if (by->no_ca || (model_root(by) && !(by->where & KNOWN))) {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
model_leads(scene_t *scene)
{
    int        i;
    unsigned   above;
    ngx_int_t  rc;

    rc = NGX_DECLINED;
    above = model_above(scene, 0, 0);

    for (i = 0; i < scene->n; i++) {

        if (!(above & 1 << i)) {
            continue;
        }

        if (model_yes(scene, &scene->certs[i])) {
            return NGX_OK;
        }

        if (!model_decided(scene, i)) {
            rc = NGX_ABORT;
        }
    }

    return rc;
}


static void
random_scene(scene_t *scene)
{
    int      i, key, signer;
    char     subject[NAME_LEN], issuer[NAME_LEN];
    cert_t  *c;

    /* two CAs have one name now and then, and some keys two */

    signer = random() % KEYS;
    snprintf(issuer, NAME_LEN, "ca %d", signer / 2);
    add(scene, "leaf", LEAF_KEY, issuer, signer, 0);

    for (i = 3 + random() % (CERTS - 3); i > 0; i--) {
        key = (random() % 3) ? signer : random() % KEYS;
        snprintf(subject, NAME_LEN, "ca %d", key / 2);

        /* a root, or by another one */

        signer = (random() % 3) ? random() % KEYS : key;
        snprintf(issuer, NAME_LEN, "ca %d", signer / 2);

        c = add(scene, subject, key, issuer, signer, 0);

        c->no_ca = random() % 8 == 0;
        c->mangled = random() % 8 == 0;
        c->where = (random() % 2) ? SENT : 0;
        c->where |= (random() % 4) ? 0 : VERIFIED;
        c->where |= (random() % 2) ? 0 : STORE;
        c->where |= (random() % 6) ? 0 : IN_FILE;
        c->where |= (random() % 3) ? 0 : OTHER;

        if (c->where == 0) {
            c->where = SENT;
        }
    }
}


static void
print_scene(scene_t *scene)
{
    int      i;
    cert_t  *c;

    for (i = 0; i < scene->n; i++) {
        c = &scene->certs[i];

        fprintf(stderr, "# %s key %p by %s key %p%s%s where %x\n", c->name,
                (void *) c->key, c->issuer, (void *) c->signer,
                c->no_ca ? " no CA" : "", c->mangled ? " mangled" : "",
                (unsigned) c->where);
    }
}


static void
test_graphs(int graphs)
{
    int        i, wrong, limits, again, yes, no, most;
    scene_t    scene;
    ngx_int_t  rc, wanted;

    wrong = 0;
    limits = 0;
    again = 0;
    yes = 0;
    no = 0;
    most = 0;

    for (i = 0; i < graphs; i++) {
        memset(&scene, 0, sizeof(scene_t));
        random_scene(&scene);
        open_scene(&scene);

        signatures = 0;

        rc = ask_leads(&scene);
        wanted = model_leads(&scene);

        most = ngx_max(most, signatures);
        again += (rc != ask_leads(&scene));

        if (rc == NGX_ABORT && says(&scene, "more than 64 signatures")) {
            limits++;

        } else if (rc != wanted) {
            wrong++;
            fprintf(stderr, "# graph %d: %d instead of %d\n", i, (int) rc,
                    (int) wanted);
            print_scene(&scene);
        }

        yes += (rc == NGX_OK);
        no += (rc == NGX_DECLINED);

        close_scene(&scene);
    }

    printf("# %d yes, %d no, %d limits, %d signatures at most\n", yes, no,
           limits, most);

    report(wrong == 0 && again == 0, "random graphs are as the model says");
    report(yes > graphs / 8 && no > graphs / 40 && limits < graphs / 20
           && yes + no < graphs,
           "and say yes, no and unknown");
    report(most <= 64, "with a limit");
}


static void
test_ends(void)
{
    scene_t  scene;

    memset(&scene, 0, sizeof(scene_t));

    add(&scene, "leaf", LEAF_KEY, "leaf", LEAF_KEY, 0);
    report(leads(&scene, NGX_DECLINED, NULL), "a self-signed leaf: no");

    add(&scene, "leaf", LEAF_KEY, "leaf", LEAF_KEY, IN_FILE);
    report(leads(&scene, NGX_OK, NULL), "in the file: yes");

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0);
    report(leads(&scene, NGX_ABORT, "issuer \"CN=ca\" isn't known"),
           "alone: unknown");

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(&scene, "ca", 0, "ca", 0, SENT);
    report(leads(&scene, NGX_DECLINED, NULL), "with its root: no");

    add(&scene, "leaf", LEAF_KEY, "leaf", 0, 0);
    report(leads(&scene, NGX_ABORT, "issuer \"CN=leaf\" isn't known"),
           "self-issued, but by another key: unknown");

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(&scene, "ca", 0, "ca", 0, SENT)->mangled = 1;
    report(leads(&scene, NGX_ABORT, "issuer \"CN=ca\" isn't known"),
           "a root with a broken signature: unknown");

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(&scene, "ca", 0, "root", 1, SENT)->mangled = 1;
    add(&scene, "root", 1, "root", 1, IN_FILE);
    report(leads(&scene, NGX_ABORT, "issuer \"CN=root\" isn't known"),
           "an intermediate with a broken one: unknown");

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(&scene, "ca", 0, "root", 1, SENT)->mangled = 1;
    add(&scene, "ca", 0, "root", 1, STORE);
    add(&scene, "root", 1, "root", 1, IN_FILE);
    report(leads(&scene, NGX_OK, NULL), "behind the right one: yes");
}


static void
test_forgeries(void)
{
    scene_t  scene;

    memset(&scene, 0, sizeof(scene_t));

    /* the key of the issuer is no secret */

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(&scene, "ca", 0, "evil", 2, SENT|VERIFIED);
    add(&scene, "evil", 2, "evil", 2, SENT|VERIFIED);
    add(&scene, "root", 1, "root", 1, IN_FILE);
    report(leads(&scene, NGX_ABORT,
                 "issuer \"CN=evil\", of which only the client says"),
           "an issuer that somebody else certified: unknown");

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(&scene, "ca", 0, "partner", 2, SENT);
    add(&scene, "partner", 2, "top", 3, SENT)->no_ca = 1;
    add(&scene, "top", 3, "top", 3, STORE);
    report(leads(&scene, NGX_ABORT, NULL),
           "by a leaf of a known CA: unknown");

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(&scene, "ca", 0, "partner", 2, SENT);
    add(&scene, "partner", 2, "partner", 2, STORE)->no_ca = 1;
    report(leads(&scene, NGX_ABORT, NULL),
           "by a known certificate that is no CA: unknown");

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(&scene, "ca", 0, "policy", 2, SENT);
    add(&scene, "policy", 2, "top", 3, SENT);
    add(&scene, "top", 3, "top", 3, STORE);
    report(leads(&scene, NGX_DECLINED, NULL), "a chain to a known CA: no");

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(&scene, "ca", 0, "policy", 2, SENT);
    add(&scene, "policy", 2, "top", 3, SENT);
    add(&scene, "top", 3, "top", 3, OTHER);
    report(leads(&scene, NGX_DECLINED, NULL), "to one of another file: no");

    add(&scene, "leaf", LEAF_KEY, "a", 0, 0);
    add(&scene, "a", 0, "b", 1, SENT);
    add(&scene, "b", 1, "a", 0, SENT);
    report(leads(&scene, NGX_ABORT, "no root, only a loop"),
           "a loop: unknown");

    add(&scene, "leaf", LEAF_KEY, "a", 0, 0);
    add(&scene, "a", 0, "b", 1, STORE);
    add(&scene, "b", 1, "a", 0, STORE);
    add(&scene, "b", 1, "b", 1, STORE);
    report(leads(&scene, NGX_DECLINED, NULL), "a loop with a root: no");

    add(&scene, "leaf", LEAF_KEY, "a", 0, 0);
    add(&scene, "a", 0, "b", 1, STORE);
    add(&scene, "b", 1, "a", 0, STORE);
    add(&scene, "b", 1, "b", 1, STORE);
    add(&scene, "b", 1, "c", 2, SENT);
    add(&scene, "c", 2, "c", 2, IN_FILE);
    report(leads(&scene, NGX_OK, NULL), "with a way out to the file: yes");
}


static void
test_twins(void)
{
    scene_t  scene;

    memset(&scene, 0, sizeof(scene_t));

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0);
    write_cert(add(&scene, "ca", 0, "root", 1, IN_FILE));
    write_twin(&scene.certs[2], &scene.certs[1]);
    scene.certs[2].where = SENT;
    scene.n++;
    report(leads(&scene, NGX_OK, NULL), "the twin of one of the file: yes");

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(&scene, "ca", 0, "old", 1, SENT);
    add(&scene, "ca", 0, "new", 2, IN_FILE);
    report(leads(&scene, NGX_OK, NULL), "a CA that another certified: yes");

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(&scene, "ca", 0, "ca", 0, SENT);
    add(&scene, "ca", 1, "ca", 1, IN_FILE);
    report(leads(&scene, NGX_DECLINED, NULL), "one of that name only: no");

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(&scene, "ca", 0, "ca", 0, SENT);
    add(&scene, "cb", 0, "cb", 0, IN_FILE);
    report(leads(&scene, NGX_DECLINED, NULL), "one of that key only: no");
}


/* of length certificates above the leaf, the last a root of the file */

static int
chain(int length, ngx_int_t wanted, const char *unknown)
{
    int      i;
    char     subject[NAME_LEN], issuer[NAME_LEN];
    scene_t  scene;

    memset(&scene, 0, sizeof(scene_t));

    add(&scene, "leaf", LEAF_KEY, "ca 1", 1 % KEYS, 0);

    for (i = 1; i < length; i++) {
        snprintf(subject, NAME_LEN, "ca %d", i);
        snprintf(issuer, NAME_LEN, "ca %d", i + 1);
        add(&scene, subject, i % KEYS, issuer, (i + 1) % KEYS, SENT);
    }

    snprintf(subject, NAME_LEN, "ca %d", length);

    if (length <= CERTS) {
        add(&scene, subject, length % KEYS, subject, length % KEYS, IN_FILE);
    }

    return leads(&scene, wanted, unknown);
}


/* so many certificates of the name of the issuer, each with its own key */

static void
test_crowd(const char *what, int count, int distinct)
{
    int              i, asked;
    X509            *x509;
    cert_t           c;
    scene_t          scene;
    EVP_PKEY        *key;
    ngx_int_t        rc;

    memset(&scene, 0, sizeof(scene_t));

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(&scene, "ca", 0, "root", 1, SENT);
    add(&scene, "root", 1, "root", 1, STORE);
    open_scene(&scene);

    x509 = NULL;

    for (i = 0; i < count; i++) {
        memset(&c, 0, sizeof(cert_t));
        strcpy(c.name, "ca");
        strcpy(c.issuer, "root");
        key = distinct ? EVP_EC_gen("P-256") : NULL;
        c.key = key ? key : keys[2];
        c.signer = keys[1];

        write_cert(&c);
        x509 = read_cert(&c);
        sk_X509_unshift(scene.cert->sent, x509);

        OPENSSL_free(c.der);
        EVP_PKEY_free(key);
    }

    signatures = 0;
    rc = ask_leads(&scene);
    asked = signatures;

    for (i = 0; i < 100; i++) {
        rc = (ask_leads(&scene) == rc) ? rc : NGX_ERROR;
    }

    report(rc == NGX_ABORT && says(&scene, "more than 64 signatures")
           && asked <= 64 && signatures <= 4 * 64,
           what);

    cached_time.sec++;
    signatures = 0;
    rc = ask_leads(&scene);
    report(rc == NGX_ABORT && signatures, "and is asked in the next second");

    close_scene(&scene);
}


static void
test_limits(void)
{
    report(chain(10, NGX_OK, NULL), "ten certificates up: yes");
    report(chain(11, NGX_ABORT, "more than 10 certificates up"),
           "more: unknown");

    test_crowd("300 certificates of one name: unknown", 300, 0);
    test_crowd("100 of different keys: unknown", 100, 1);
}


static EVP_PKEY *
make_rsa(const char *type, int exponent_bits)
{
    BIGNUM        *e;
    EVP_PKEY      *key;
    EVP_PKEY_CTX  *ctx;

    key = NULL;
    e = BN_new();
    BN_set_bit(e, exponent_bits - 1);
    BN_set_bit(e, 0);

    ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY_keygen_init(ctx);
    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 1024);
    EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e);
    EVP_PKEY_keygen(ctx, &key);

    EVP_PKEY_CTX_free(ctx);
    BN_free(e);

    return key;
}


static EVP_PKEY *
make_explicit(void)
{
    EVP_PKEY  *key;

    key = EVP_EC_gen("P-256");
    EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING,
                                   OSSL_PKEY_EC_ENCODING_EXPLICIT);
    return key;
}


/* a root of that key, whom the server knows or only the client */

static int
odd(EVP_PKEY *key, int where, ngx_int_t wanted)
{
    int      ok;
    scene_t  scene;

    memset(&scene, 0, sizeof(scene_t));

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0)->signer = key;
    add(&scene, "ca", 0, "ca", 0, where);
    scene.certs[1].key = key;
    scene.certs[1].signer = key;

    ok = (key && leads(&scene, wanted,
                       wanted == NGX_ABORT
                       ? "issuer \"CN=ca\", one of whose keys is odd" : NULL));

    EVP_PKEY_free(key);

    return ok;
}


static void
test_keys(void)
{
    report(odd(make_rsa("RSA", 17), SENT, NGX_DECLINED), "RSA: no");
    report(odd(make_rsa("RSA", 70), SENT, NGX_ABORT),
           "RSA with an exponent that could be made: unknown");
    report(odd(make_rsa("RSA", 70), STORE, NGX_DECLINED),
           "if it is a known one's: no");
    report(odd(make_rsa("RSA", 70), IN_FILE, NGX_OK), "or the file's: yes");
    report(odd(make_explicit(), SENT, NGX_ABORT),
           "a curve of its own: unknown");
    report(odd(make_explicit(), IN_FILE, NGX_OK), "of the file: yes");
}


/* an object identifier that isn't a key's, in place of the right one */

static void
write_unreadable(cert_t *c)
{
    int  i;

    static const u_char  oid[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 };

    write_cert(c);

    i = 0;

    while (memcmp(c->der + i, oid, sizeof(oid)) != 0) {
        i++;
    }

    c->der[i + sizeof(oid) - 1] = 0x7f;
}


static void
test_unreadable(void)
{
    scene_t     scene;
    ngx_uint_t  min[] = { 512, 112 };

    memset(&scene, 0, sizeof(scene_t));

    write_unreadable(add(&scene, "leaf", LEAF_KEY, "ca", 0, 0));
    open_scene(&scene);

    report(ngx_clientcert_certificate_key(scene.cert, min) == NGX_ERROR
           && ERR_peek_error() == 0,
           "how long a key is that can't be read: an error");

    close_scene(&scene);

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(&scene, "ca", 0, "ca", 0, STORE);
    write_unreadable(add(&scene, "ca", 1, "ca", 0, SENT));

    report(leads(&scene, NGX_ABORT,
                 "issuer \"CN=ca\", one of whose keys is odd"),
           "a key that can't be read: unknown");
}


/* the leaf's key, asked for so many bits of RSA and EC */

static int
fits(EVP_PKEY *key, ngx_uint_t rsa, ngx_uint_t ec, ngx_int_t wanted)
{
    ngx_int_t   rc;
    ngx_uint_t  min[] = { rsa, ec };
    scene_t     scene;

    memset(&scene, 0, sizeof(scene_t));

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0)->key = key;
    open_scene(&scene);

    rc = ngx_clientcert_certificate_key(scene.cert, min);

    close_scene(&scene);
    EVP_PKEY_free(key);

    return rc == wanted && ERR_peek_error() == 0;
}


static void
test_sizes(void)
{
    report(fits(make_rsa("RSA", 17), 1024, 571, NGX_OK), "RSA of 1024: yes");
    report(fits(make_rsa("RSA", 17), 1025, 0, NGX_DECLINED), "of 1025: no");
    report(fits(make_rsa("RSA-PSS", 17), 1024, 571, NGX_OK),
           "RSASSA-PSS: yes");
    report(fits(make_rsa("RSA-PSS", 17), 4096, 0, NGX_DECLINED), "and no");
    report(fits(EVP_EC_gen("P-384"), 16384, 384, NGX_OK), "P-384: yes");
    report(fits(EVP_EC_gen("P-384"), 0, 385, NGX_DECLINED), "of 385: no");
    report(fits(EVP_EC_gen("sect233k1"), 0, 233, NGX_DECLINED),
           "a field of 233 bits, a group of 232: no");
    report(fits(make_explicit(), 0, 257, NGX_DECLINED),
           "a curve of its own: no");
    report(fits(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), 16384, 571, NGX_OK),
           "a kind of one size: yes");
}


/* a certificate that was read while there was no memory */

static void
test_read(void)
{
    int         n, wrong, bare;
    X509       *x509;
    ngx_int_t   rc;
    ngx_uint_t  min[] = { 0, 257 };
    scene_t     scene;

    memset(&scene, 0, sizeof(scene_t));

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0);
    open_scene(&scene);

    wrong = 0;
    bare = 0;
    shim_for_good = 0;

    for (n = 1, shim_failed = 1; shim_failed; n++) {
        shim_failed = 0;
        shim_failing = n;
        x509 = read_cert(&scene.certs[0]);
        shim_failing = -1;
        ERR_clear_error();

        if (x509 == NULL) {
            continue;
        }

        bare += (X509_get0_pubkey(x509) == NULL);

        scene.cert = ngx_clientcert_certificate_create(NULL, x509, NULL, NULL);

        wrong += (ngx_clientcert_certificate_key(scene.cert, min)
                  != NGX_DECLINED);

        shim_failing = 1;
        shim_for_good = 1;
        rc = ngx_clientcert_certificate_key(scene.cert, min);
        shim_failing = -1;
        shim_for_good = 0;

        wrong += (rc == NGX_OK);
    }

    printf("# %d allocations, %d without a key, %d wrong\n", n, bare, wrong);

    report(wrong == 0 && bare > 0, "no memory for the key: never a yes");

    close_scene(&scene);
}


static void
test_text(void)
{
    scene_t  scene;

    memset(&scene, 0, sizeof(scene_t));

    add(&scene, "leaf", LEAF_KEY, "a\"\n\xc3\xa9", 0, 0);
    report(leads(&scene, NGX_ABORT,
                 "issuer \"CN=a\\x5C\\x22\\x0A\\xC3\\xA9\" isn't known"),
           "the issuer is escaped");
}


static int
holds(scene_t *scene, time_t when, ngx_int_t wanted, time_t first,
    time_t last)
{
    time_t     from, until;
    ngx_int_t  rc;

    from = 0;
    until = NGX_MAX_TIME_T_VALUE;

    rc = ngx_clientcert_chain_verify(scene->cert, scene->file,
                                     NGX_CLIENTCERT_PURPOSE_CLIENT, when,
                                     &from, &until);

    if (rc != wanted || from != first || until != last) {
        fprintf(stderr, "# %d %ld %ld instead of %d %ld %ld\n", (int) rc,
                (long) (from - now), (long) (until - now), (int) wanted,
                (long) (first - now), (long) (last - now));
    }

    return rc == wanted && from == first && until == last;
}


static void
test_dates(void)
{
    scene_t  scene;

    memset(&scene, 0, sizeof(scene_t));

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(&scene, "ca", 0, "root", 1, SENT);
    add(&scene, "root", 1, "root", 1, IN_FILE);
    scene.certs[0].no_ca = 1;
    scene.certs[1].from = now - 100;
    scene.certs[1].until = now + 100;
    scene.certs[2].from = now - 200;
    scene.certs[2].until = now + 50;
    open_scene(&scene);

    report(holds(&scene, now, NGX_OK, now - 100, now + 49),
           "an answer holds from and until");
    report(holds(&scene, now - 100, NGX_OK, now - 100, now + 49),
           "the clock is set back");
    report(holds(&scene, now - 101, NGX_DECLINED, now - 200, now - 101),
           "and farther: a negative one holds until it would be another");
    report(holds(&scene, now, NGX_OK, now - 100, now + 49), "and forth again");
    report(holds(&scene, now + 51, NGX_DECLINED, now + 51, now + 99),
           "and to where it has expired");

    close_scene(&scene);
}


static void
test_issuers(void)
{
    u_char          digest[EVP_MAX_MD_SIZE];
    scene_t         scene;
    ngx_array_t     stores;
    unsigned int    len;
    X509           *ca;

    memset(&scene, 0, sizeof(scene_t));

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(&scene, "ca", 0, "root", 1, STORE);
    add(&scene, "ca", 0, "evil", 2, SENT);
    add(&scene, "root", 1, "root", 1, OTHER);
    open_scene(&scene);

    memset(&stores, 0, sizeof(ngx_array_t));
    stores.elts = &scene.store;
    stores.nelts = 1;

    EVP_Digest(scene.certs[1].der, scene.certs[1].len, digest, &len,
               EVP_sha256(), NULL);
    ca = ngx_clientcert_chain_issuer_find(&scene.cas.all, &stores, digest,
                                          len);

    report(ca && ngx_clientcert_chain_signed(scene.cert, ca) == NGX_OK,
           "the issuer is found in a store");
    report(ngx_clientcert_chain_issuer(scene.cert, 0, digest, len) == NGX_OK,
           "and by the certificate");
    report(ngx_clientcert_chain_issuer_find(&scene.cas.all, NULL, digest, len)
           == NULL,
           "not elsewhere");

    EVP_Digest(scene.certs[3].der, scene.certs[3].len, digest, &len,
               EVP_sha1(), NULL);
    ca = ngx_clientcert_chain_issuer_find(&scene.cas.all, NULL, digest, len);

    report(ca && ngx_clientcert_chain_signed(scene.cert, ca) == NGX_DECLINED,
           "another CA is found in a file");

    EVP_Digest(scene.certs[2].der, scene.certs[2].len, digest, &len,
               EVP_sha1(), NULL);
    report(ngx_clientcert_chain_issuer(scene.cert, 1, digest, len)
           == NGX_DECLINED,
           "one that was only sent isn't the issuer");

    report(ngx_clientcert_ca_roots_only(scene.other), "a file of roots");

    close_scene(&scene);

    add(&scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(&scene, "ca", 0, "root", 1, IN_FILE);
    open_scene(&scene);
    report(!ngx_clientcert_ca_roots_only(scene.file), "and of others");
    close_scene(&scene);
}


/*
 * Lets each allocation fail in turn, alone or with all after it: never the
 * opposite of the right answer, and the right one after that.
 */

static void
sweep(scene_t *scene, ask_pt ask, ngx_int_t wanted, const char *what)
{    int        wrong, later, n;
    ngx_int_t  rc;

    wrong = 0;
    later = 0;

    open_scene(scene);
    scene->by = read_cert(&scene->certs[1]);

    EVP_Digest(scene->certs[1].der, scene->certs[1].len, scene->digest,
               &scene->digest_len, wanted == NGX_OK ? EVP_sha256()
                                                    : EVP_sha1(), NULL);

    for (shim_for_good = 0; shim_for_good < 2; shim_for_good++) {

        n = 1;

        do {
            shim_failed = 0;
            shim_failing = n;

            rc = ask(scene);

            shim_failing = -1;
            ERR_clear_error();

            wrong += (rc != wanted && rc != NGX_ERROR && rc != NGX_ABORT);

            later += (ask(scene) != wanted);

            connect_scene(scene);

            n += (n > MANY) ? 11 : shim_for_good ? 3 : 1;

        } while (shim_failed);
    }

    printf("# %s: %d allocations, %d wrong, %d wrong later\n", what, n, wrong,
           later);

    report(wrong == 0 && later == 0, what);

    X509_free(scene->by);
    close_scene(scene);
}


static void
sweep_leads(scene_t *scene)
{
    add(scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(scene, "ca", 0, "root", 1, SENT|VERIFIED);
    add(scene, "ca", 0, "old", 3, SENT);
    add(scene, "ca", 2, "root", 1, STORE);
    add(scene, "old", 3, "old", 3, IN_FILE);
    add(scene, "root", 1, "root", 1, STORE);
    sweep(scene, ask_leads, NGX_OK, "no memory for a yes");

    add(scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(scene, "ca", 0, "root", 1, SENT|VERIFIED);
    add(scene, "ca", 2, "root", 1, STORE);
    add(scene, "root", 1, "root", 1, STORE);
    sweep(scene, ask_leads, NGX_DECLINED, "no memory for a no");

    add(scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(scene, "ca", 0, "root", 1, SENT);
    add(scene, "old", 3, "old", 3, IN_FILE);
    sweep(scene, ask_leads, NGX_ABORT, "no memory for what isn't known");
}


static void
sweep_others(scene_t *scene)
{
    add(scene, "leaf", LEAF_KEY, "ca", 0, 0)->no_ca = 1;
    add(scene, "ca", 0, "root", 1, SENT);
    add(scene, "root", 1, "root", 1, IN_FILE);
    sweep(scene, ask_verify, NGX_OK, "no memory for a chain");

    add(scene, "leaf", LEAF_KEY, "ca", 0, 0)->no_ca = 1;
    add(scene, "ca", 0, "root", 1, SENT)->until = now - 1;
    add(scene, "root", 1, "root", 1, IN_FILE);
    sweep(scene, ask_verify, NGX_DECLINED, "no memory for one that expired");

    add(scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(scene, "ca", 0, "root", 1, STORE);
    sweep(scene, ask_issuer, NGX_OK, "no memory for an issuer of the store");

    add(scene, "leaf", LEAF_KEY, "ca", 0, VERIFIED);
    add(scene, "ca", 0, "root", 1, VERIFIED);
    sweep(scene, ask_issuer, NGX_OK, "and of the handshake");

    add(scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(scene, "ca", 0, "root", 1, SENT);
    sweep(scene, ask_issuer, NGX_DECLINED, "and for none");

    add(scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(scene, "ca", 0, "root", 1, SENT);
    sweep(scene, ask_signed, NGX_OK, "no memory for a key that signed");

    add(scene, "leaf", LEAF_KEY, "ca", 0, 0);
    add(scene, "ca", 1, "root", 2, SENT);
    sweep(scene, ask_signed, NGX_DECLINED, "and for one that didn't");
}


int
main(int argc, char **argv)
{
    int      i;
    char     path[128];
    scene_t  scene;

    CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free);

    if (mkdtemp(directory) == NULL) {
        perror("mkdtemp()");
        return 2;
    }

    (void) ngx_clientcert_certificate_init(NULL);

    cached_time.sec = now;
    srandom(argc > 2 ? atoi(argv[2]) : 1);

    for (i = 0; i < KEYS + 2; i++) {
        keys[i] = EVP_EC_gen("P-256");
    }

    strcpy(stranger.name, "stranger");
    strcpy(stranger.issuer, "stranger");
    stranger.key = keys[STRANGER];
    stranger.signer = keys[STRANGER];
    write_cert(&stranger);

    test_graphs(argc > 1 ? atoi(argv[1]) : GRAPHS);
    test_ends();
    test_forgeries();
    test_twins();
    test_limits();
    test_keys();
    test_unreadable();
    test_sizes();
    test_text();
    test_dates();
    test_issuers();

    /* OpenSSL doesn't free all when it fails */

    __lsan_disable();

    memset(&scene, 0, sizeof(scene_t));
    sweep_leads(&scene);
    sweep_others(&scene);
    test_read();

    __lsan_enable();

    for (i = 0; i < KEYS + 2; i++) {
        EVP_PKEY_free(keys[i]);
    }

    OPENSSL_free(stranger.der);

    snprintf(path, sizeof(path), "%s/file.pem", directory);
    unlink(path);
    snprintf(path, sizeof(path), "%s/other.pem", directory);
    unlink(path);
    rmdir(directory);

    printf("1..%d\n", tests);

    return failed;
}


/* no chain needs names */

ngx_clientcert_names_t *
ngx_clientcert_names_read(ngx_pool_t *pool, X509 *x509)
{
    return NULL;
}
