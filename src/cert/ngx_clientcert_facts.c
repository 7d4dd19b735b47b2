
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_facts.h"
#include "ngx_clientcert_text.h"


static void ngx_clientcert_facts_issuer(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_facts_t *facts);
static void ngx_clientcert_facts_serial(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_facts_t *facts);
static void ngx_clientcert_facts_sans(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_facts_t *facts);
static ngx_str_t ngx_clientcert_facts_value(ngx_clientcert_name_t *name,
    u_char *address);


const char  *ngx_clientcert_facts_san[] = {
    NULL, NULL, NULL, NULL, "dns:", "uri:", "email:", "ip:", "upn:"
};


void
ngx_clientcert_facts(ngx_clientcert_certificate_t *cert, ngx_uint_t san,
    ngx_clientcert_facts_t *facts)
{
    facts->subject = *ngx_clientcert_certificate_subject(cert);

    facts->san.data = facts->san_text;
    facts->san.len = 0;

    /* extensions were read with the certificate */

    facts->self_signed = (X509_get_extension_flags(cert->x509) & EXFLAG_SS)
                         != 0;

    ngx_clientcert_facts_issuer(cert, facts);
    ngx_clientcert_facts_serial(cert, facts);

    if (san) {
        ngx_clientcert_facts_sans(cert, facts);
    }
}


static void
ngx_clientcert_facts_issuer(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_facts_t *facts)
{
    facts->issuer.data = facts->issuer_text;

    if (ngx_clientcert_certificate_name(X509_get_issuer_name(cert->x509),
                                        facts->issuer_text,
                                        &facts->issuer.len)
        != NGX_OK)
    {
        facts->issuer.len = 0;
    }
}


static void
ngx_clientcert_facts_serial(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_facts_t *facts)
{
    int                  len, room;
    u_char              *p;
    const ASN1_INTEGER  *serial;

    serial = X509_get0_serialNumber(cert->x509);
    len = ASN1_STRING_length(serial);

    p = facts->serial_text;
    facts->serial.data = p;

    if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER) {
        *p++ = '-';
    }

    room = (NGX_CLIENTCERT_FACTS_SERIAL - 4) / 2;

    p = ngx_hex_dump(p, (u_char *) ASN1_STRING_get0_data(serial),
                     ngx_min(len, room));

    if (len > room) {
        p = ngx_cpymem(p, "...", 3);
    }

    facts->serial.len = p - facts->serial_text;
}


/* those that match nothing as well: a person must see them */

static void
ngx_clientcert_facts_sans(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_facts_t *facts)
{
    u_char                  *p, *last;
    ngx_str_t                value;
    ngx_uint_t               i;
    const char              *type;
    ngx_clientcert_name_t   *name;
    ngx_clientcert_names_t  *names;
    u_char                   address[NGX_INET6_ADDRSTRLEN];

    names = ngx_clientcert_certificate_names(cert);

    if (names == NULL) {
        return;
    }

    p = facts->san_text;
    last = p + NGX_CLIENTCERT_FACTS_SAN;
    name = names->elts;

    for (i = 0; i < names->nelts; i++) {

        type = ngx_clientcert_facts_san[name[i].type];

        if (type == NULL) {
            continue;
        }

        /* with room for what says that there is more */

        if (last - p < 32) {
            p = ngx_cpymem(p, "...", 3);
            break;
        }

        p = ngx_sprintf(p, "%s%s", (p == facts->san_text) ? "" : "\n", type);

        value = ngx_clientcert_facts_value(&name[i], address);

        p = ngx_clientcert_text_cut(p, last - p - 4, &value);
    }

    facts->san.len = p - facts->san_text;
}


static ngx_str_t
ngx_clientcert_facts_value(ngx_clientcert_name_t *name, u_char *address)
{
    ngx_str_t   value;
    ngx_uint_t  family;

    if (name->type != NGX_CLIENTCERT_IP) {
        return name->value;
    }

    family = (name->value.len == 4) ? AF_INET : AF_INET6;

    value.data = address;
    value.len = 0;

    if (name->value.len == 4 || name->value.len == 16) {
        value.len = ngx_inet_ntop(family, name->value.data, address,
                                  NGX_INET6_ADDRSTRLEN);
    }

    return value;
}
