# What the tests share.

package=libnginx-mod-http-clientcert-policy
doc=/usr/share/doc/$package

fail() {
    echo "FAIL: $*" >&2
    tail -n 20 /var/log/nginx/error.log >&2 || :
    exit 1
}

# until COMMAND...: waits 30 seconds at most for what the command says
until_true() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -le 300 ] || return 1
        sleep .1
    done
}

# answers STATUS CURL...: whether the command of curl gets that status
answers() {
    status=$1
    shift
    [ "$("$@" -s -o /dev/null -w '%{http_code}')" = "$status" ]
}

# reload: until nobody is answered by the old configuration
reload() {
    old=$(cat /proc/$(cat /run/nginx.pid)/task/*/children)
    service nginx reload
    until_true ended || fail "no reload"
}

ended() {
    for pid in $old; do
        [ ! -d /proc/$pid ] || return 1
    done
}

# The example with one client that may pass, as README.Debian has it.
start_example() {
    sh $doc/examples/certificates.sh /etc/nginx/first-policy
    cp /etc/nginx/first-policy/acme.crt /etc/nginx/first-policy/partners/
    cp $doc/examples/first-policy.conf /etc/nginx/conf.d/
    cd /etc/nginx/first-policy

    service nginx status > /dev/null || service nginx start
    service nginx reload > /dev/null
    until_true answers 200 acme || fail "the example gives no 200"
}

# what acme gets of the example
acme() {
    curl --cacert server.crt --cert acme.pem "$@" https://localhost:8443/
}
