#!/bin/sh
# Shows the module at work: makes a CA and certificates, starts nginx on
# 127.0.0.1, sends requests with curl and compares each answer with the
# expected one.  On a terminal it then serves until Ctrl-C.

set -eu

: "${TEST_NGINX_BINARY:?run this by "make demo"}"

root=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/clientcert-demo-XXXXXX")
cert=$dir/cert
conf=$dir/nginx.conf
failed=0

stop() {
    trap '' INT TERM HUP
    if [ -f "$dir/nginx.pid" ]; then
        "$TEST_NGINX_BINARY" -p "$dir" -c "$conf" -s stop 2> /dev/null || :
        wait_until "stopped" [ ! -f "$dir/nginx.pid" ] || :
    fi
    rm -rf "$dir"
}

wait_until() {
    what=$1
    shift
    for _ in $(seq 100); do
        ! "$@" || return 0
        sleep 0.1
    done
    echo "$0: nginx not $what after 10 seconds" >&2
    return 1
}

write_conf() {
    cat > "$conf" << END
load_module ${TEST_NGINX_LOAD_MODULES:-};

pid $dir/nginx.pid;
error_log $dir/error.log notice;

events {
}

http {
    access_log off;
    client_body_temp_path $dir/body;
    proxy_temp_path $dir/proxy;
    fastcgi_temp_path $dir/fastcgi;
    uwsgi_temp_path $dir/uwsgi;
    scgi_temp_path $dir/scgi;

    clientcert_policy partners {
        allow thumbprint=$(cat "$cert/acme.sha1") label=acme;
    }

    clientcert_policy anyone_of_our_ca {
        trust chain;
        allow verified;
    }

    clientcert_store uploaded directory=$dir/uploaded;

    clientcert_policy uploaded {
        allow store=uploaded;
    }

    server {
        listen 127.0.0.1:$port ssl;
        server_name localhost;

        ssl_certificate $cert/server.crt;
        ssl_certificate_key $cert/server.key;

        ssl_client_certificate $cert/ca-a.crt;
        ssl_verify_client optional_no_ca;

        # nginx itself refuses some certificates: let the policy answer
        error_page 495 496 = @refused;

        add_header X-Reason \$clientcert_reason always;
        add_header X-Label \$clientcert_label always;

        location /orders/ {
            clientcert_require partners;
            proxy_pass http://127.0.0.1:$backend;
        }

        location /catalogue/ {
            clientcert_require anyone_of_our_ca;
            proxy_pass http://127.0.0.1:$backend;
        }

        location /uploads/ {
            clientcert_require uploaded;
            proxy_pass http://127.0.0.1:$backend;
        }

        location /health {
            clientcert_require off;
            proxy_pass http://127.0.0.1:$backend;
        }

        location @refused {
            clientcert_require partners;
            deny all;
        }
    }

    server {
        listen 127.0.0.1:$backend;
        return 200 "hello\n";
    }

    # without a policy: only this machine gets here
    server {
        listen 127.0.0.1:$page;
        root $dir/html;
        types { text/html html; text/css css; application/javascript js; }

        add_header Content-Security-Policy "default-src 'self'; img-src data:; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

        location = /status {
            clientcert_status json;
        }

        location = /explain {
            clientcert_explain;
        }
    }
}
END
}

start() {
    port=8443
    while [ $port -lt 8543 ]; do
        backend=$((port + 1))
        page=$((port + 2))
        write_conf
        if "$TEST_NGINX_BINARY" -p "$dir" -c "$conf" 2> "$dir/start.log"; then
            return
        fi
        grep -q 'Address already in use' "$dir/start.log" || break
        port=$((port + 3))
    done
    cat "$dir/start.log" >&2
    return 1
}

# the curl command of a client ("none" has no certificate) and a path
curl_line() {
    if [ "$1" = none ]; then
        echo "curl --cacert $cert/ca-a.crt https://localhost:$port$2"
    else
        echo "curl --cacert $cert/ca-a.crt --cert $cert/$1.pem" \
             "https://localhost:$port$2"
    fi
}

request() {
    client=$1 who=$2 path=$3 status=$4 reason=$5

    $(curl_line "$client" "$path") --noproxy '*' --resolve \
        "localhost:$port:127.0.0.1" --http1.1 --max-time 10 -s -o /dev/null \
        -D "$dir/headers" || :

    got=$(sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p' "$dir/headers")
    why=$(sed -n 's/^X-Reason: \([a-z_]*\).*/\1/p' "$dir/headers")

    if [ "$got" = "$status" ] && [ "$why" = "$reason" ]; then
        verdict=right
    else
        verdict="WRONG, not $status $reason"
        failed=1
    fi

    printf '%-28s %-13s %-6s  %-15s %s\n' \
        "$who" "$path" "${got:--}" "${why:--}" "$verdict"
}

logged() {
    grep -q "$1" "$dir/error.log"
}

trap stop EXIT
trap 'exit 1' INT TERM HUP

chmod 755 "$dir"
mkdir "$dir/uploaded"
chmod 755 "$dir/uploaded"
cp -r "$root/html" "$dir/html"
chmod -R a+rX "$dir/html"
echo "making a CA and certificates"
"$root/t/cert/make.sh" "$cert"
start
wait_until "started" [ -f "$dir/nginx.pid" ]

printf '%-28s %-13s %-6s  %-15s %s\n' client request status reason decision
request acme    "acme, pinned"             /orders/    200 ok
request globex  "globex, of our CA"        /orders/    401 no_match
request foreign "foreign, of another CA"   /orders/    401 no_match
request expired "expired, of our CA"       /orders/    401 expired
request none    "no certificate"           /orders/    401 no_certificate
request acme    "acme, pinned"             /catalogue/ 200 ok
request globex  "globex, of our CA"        /catalogue/ 200 ok
request foreign "foreign, of another CA"   /catalogue/ 401 untrusted
request none    "no certificate"           /health     200 ""
request globex  "globex, not uploaded"     /uploads/   401 no_match

cp "$cert/globex.crt" "$dir/uploaded/.globex.pem"
mv "$dir/uploaded/.globex.pem" "$dir/uploaded/globex.pem"
wait_until "following" logged '"uploaded": 1 added'
request globex  "globex, uploaded now"     /uploads/   200 ok

rm "$dir/uploaded/globex.pem"
wait_until "following" logged '"uploaded": 0 added, 1 removed'
request globex  "globex, removed again"    /uploads/   401 no_match

echo
echo "Why each one was refused:"
sed -n 's/.*\(client certificate rejected.*\), client: .*/  \1/p' \
    "$dir/error.log"

if curl --noproxy '*' -s "http://127.0.0.1:$page/status?view=refused" \
    | grep -q '"subject":"CN=globex,O=Example"'
then
    verdict="shows them"
else
    verdict="WRONG, doesn't show them"
    failed=1
fi

echo
echo "The page, http://127.0.0.1:$page/, $verdict."

echo
echo "Try it by hand:"
for client in acme globex foreign none; do
    echo "  $(curl_line $client /orders/) -i"
done

if [ $failed = 0 ] && [ -t 0 ] && [ -t 1 ]; then
    echo
    echo "The configuration is $conf. Serving until Ctrl-C."
    trap 'exit 0' INT TERM HUP
    while :; do
        sleep 1
    done
fi

exit $failed
