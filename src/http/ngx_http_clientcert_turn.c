
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_http_clientcert_turn.h"


/*
 * What a request for the status, or why, costs is bounded, but the event loop
 * takes hundreds in one turn, and then all others wait for all of them.  So a
 * worker answers one in each turn, and others take their turns meanwhile.
 * Those that wait have no more than their connection and a place in the queue.
 */


/* far off, it never comes */
#define NGX_HTTP_CLIENTCERT_TURN_TIMER  (24 * 60 * 60 * 1000)


struct ngx_http_clientcert_turns_s {
    ngx_queue_t           waiting;

    /* posted for the next turn where this one has been used */
    ngx_event_t           event;
};


typedef struct {
    ngx_queue_t           queue;
    ngx_http_request_t   *request;      /* NULL: it waits no longer */
    void                **loc_conf;     /* of the location that is to answer */
    ngx_http_handler_pt   handler;
} ngx_http_clientcert_turn_t;


static ngx_int_t ngx_http_clientcert_turn_wait(ngx_http_request_t *r,
    ngx_http_handler_pt handler, ngx_http_clientcert_turns_t *turns);
static void ngx_http_clientcert_turn_next(ngx_event_t *ev);
static void ngx_http_clientcert_turn_leave(void *data);


ngx_http_clientcert_turns_t *
ngx_http_clientcert_turns_create(ngx_conf_t *cf)
{
    ngx_http_clientcert_turns_t  *turns;

    turns = ngx_pcalloc(cf->pool, sizeof(ngx_http_clientcert_turns_t));
    if (turns == NULL) {
        return NULL;
    }

    ngx_queue_init(&turns->waiting);

    turns->event.handler = ngx_http_clientcert_turn_next;
    turns->event.data = turns;
    turns->event.log = &cf->cycle->new_log;

    return turns;
}


ngx_int_t
ngx_http_clientcert_turn(ngx_http_request_t *r, ngx_http_handler_pt handler)
{
    ngx_http_clientcert_turns_t      *turns;
    ngx_http_clientcert_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_clientcert_policy_module);

    turns = mcf->turns;

    if (turns->event.posted) {
        return ngx_http_clientcert_turn_wait(r, handler, turns);
    }

    ngx_post_event(&turns->event, &ngx_posted_next_events);

    return handler(r);
}


static ngx_int_t
ngx_http_clientcert_turn_wait(ngx_http_request_t *r,
    ngx_http_handler_pt handler, ngx_http_clientcert_turns_t *turns)
{
    ngx_event_t                 *rev;
    ngx_http_cleanup_t          *cln;
    ngx_http_clientcert_turn_t  *turn;

    rev = r->connection->read;

    turn = ngx_palloc(r->pool, sizeof(ngx_http_clientcert_turn_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (turn == NULL
        || cln == NULL
        || ngx_handle_read_event(rev, 0) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    turn->request = r;
    turn->loc_conf = r->loc_conf;
    turn->handler = handler;

    cln->handler = ngx_http_clientcert_turn_leave;
    cln->data = turn;

    ngx_queue_insert_tail(&turns->waiting, &turn->queue);

    /* a client that leaves meanwhile needs no answer */

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_events);
    }

    r->read_event_handler = ngx_http_test_reading;
    r->main->count++;

    /* a worker that is to end waits for nothing but timers */

    if (!turns->event.timer_set) {
        ngx_add_timer(&turns->event, NGX_HTTP_CLIENTCERT_TURN_TIMER);
    }

    return NGX_DONE;
}


static void
ngx_http_clientcert_turn_next(ngx_event_t *ev)
{
    ngx_queue_t                  *q;
    ngx_connection_t             *c;
    ngx_http_request_t           *r;
    ngx_http_clientcert_turn_t   *turn;
    ngx_http_clientcert_turns_t  *turns;

    turns = ev->data;

    if (ngx_queue_empty(&turns->waiting)) {

        if (ev->timer_set) {
            ngx_del_timer(ev);
        }

        return;
    }

    if (!ev->posted) {
        ngx_post_event(ev, &ngx_posted_next_events);
    }

    q = ngx_queue_head(&turns->waiting);
    turn = ngx_queue_data(q, ngx_http_clientcert_turn_t, queue);

    r = turn->request;
    c = r->connection;

    ngx_http_clientcert_turn_leave(turn);

    /* the client has left, and there is a "post_action" for that */

    if (r->loc_conf != turn->loc_conf) {
        return;
    }

    ngx_http_set_log_request(c->log, r);

    r->read_event_handler = ngx_http_block_reading;

    ngx_http_finalize_request(r, turn->handler(r));

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_clientcert_turn_leave(void *data)
{
    ngx_http_clientcert_turn_t *turn = data;

    if (turn->request) {
        ngx_queue_remove(&turn->queue);
        turn->request = NULL;
    }
}
