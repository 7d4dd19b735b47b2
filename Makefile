# make            builds build/ngx_http_clientcert_policy_module.so, or says
#                 which packages that needs
# make deps       installs what is missing for that
# make demo       shows the module at work
# make test       runs all tests; TESTS="t/110-decision.t" these,
#                 PROVE_FLAGS=-v is for prove
# make test-page  runs the test of the status page, in a browser
# make check      runs the static checks
# make fuzz       fuzzes for FUZZ_SECONDS a target
# make bench      counts instructions per request, measures stores
# make deb        builds the Debian package, in build/deb
# make deb-test   builds and tries it in bare Debians, as root; SUITES="trixie"
# make clean      removes what was built
#
# demo, test, test-page, check, fuzz, bench and deb-test first install what they
# need, and build; make deps-demo, deps-test, deps-page, deps-check, deps-deb and
# deps-deb-test do nothing but install that.
#
# NGINX_SRC=DIR   builds against that nginx source tree instead of the
#                 packaged nginx, in a folder of its own, build/VERSION-SUM,
#                 where SUM is a checksum of DIR's name.  The demo and the
#                 tests then run DIR/objs/nginx.
# NGINX_FLAGS=... adds flags of its configure script; paths in them are
#                 relative to the source tree
# TEST_NGINX_BINARY=FILE is the nginx that runs the demo and the tests
# NO_INSTALL=1    takes what is there, whatever packages it is of
#
# nginx is configured anew where NGINX_FLAGS, or the version, the headers or the
# packaged flags of nginx aren't what they were the last time.

PACKAGED_SRC = /usr/share/nginx/src
NGINX_SRC = $(PACKAGED_SRC)
NGINX_FLAGS =

override NGINX_SRC := $(abspath $(NGINX_SRC))

NGINX_VERSION := $(shell sed -n 's/^\#define NGINX_VERSION *"\(.*\)"/\1/p' \
                     $(NGINX_SRC)/src/core/nginx.h 2>/dev/null)

ifeq ($(NGINX_SRC),$(PACKAGED_SRC))
BUILD = $(CURDIR)/build
NGINX_PACKAGES = packaged
TEST_NGINX_BINARY ?= /usr/sbin/nginx
else
SUM := $(firstword $(shell echo '$(NGINX_SRC)' | cksum))
BUILD = $(CURDIR)/build/$(NGINX_VERSION)-$(SUM)
NGINX_PACKAGES = source
TEST_NGINX_BINARY ?= $(NGINX_SRC)/objs/nginx
endif

NAME = ngx_http_clientcert_policy_module
MODULE = $(BUILD)/$(NAME).so
OBJS = $(BUILD)/nginx

export TEST_NGINX_BINARY
export TEST_NGINX_LOAD_MODULES = $(MODULE)
export TEST_NGINX_CERT_DIR = $(BUILD)/cert
export TEST_NGINX_BUILD_DIR = $(BUILD)

# the real Test::Nginx where it is installed, else its stand-in of t/lib
TEST_NGINX_LIB = $(shell perl -MTest::Nginx::Socket -e 1 2>/dev/null \
                   || echo "-I$(CURDIR)/t/lib")
TESTS = t

UNIT_TESTS = $(addprefix $(BUILD)/,thumbprint_test store_test chain_test)

FUZZ_SECONDS = 60
FUZZ_TARGETS = thumbprint serial dn facts san der index
UNIT_CFLAGS = -g -O1 -Wall -Wextra -Wno-unused-parameter -Werror \
              $(addprefix -isystem ,$(OBJS) $(addprefix $(NGINX_SRC)/src/, \
              core event event/modules event/quic os/unix))
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all

# what was configured: if it changes, that is done anew
CONFIGURED = $(BUILD)/configured
HEADERS := $(firstword $(shell cd $(NGINX_SRC) 2>/dev/null \
               && find conf_flags src -name '*.h' -o -name conf_flags \
                   2>/dev/null | sort | xargs cat | cksum))
export CONFIGURED_FOR := nginx $(NGINX_VERSION) in $(NGINX_SRC), \
                         headers $(HEADERS), $(NGINX_FLAGS)

DEPS = deps-demo deps-test deps-page deps-check deps-deb deps-deb-test

.PHONY: all module ready deps $(DEPS) demo test test-page check fuzz bench deb \
        deb-test clean FORCE

all: module

module: $(OBJS)/Makefile
	@[ -f $(OBJS)/$(NAME).so ] || echo "compiling the module"
	@$(MAKE) --no-print-directory -s -f $(OBJS)/Makefile -C $(NGINX_SRC) modules
	@cmp -s $(OBJS)/$(NAME).so $(MODULE) || { \
	    install -m 644 $(OBJS)/$(NAME).so $(MODULE) \
	    && echo "built $(MODULE:$(CURDIR)/%=%)"; }

# nginx's configure leaves a Makefile of its own in the source tree.
$(OBJS)/Makefile: config Makefile $(CONFIGURED)
	@echo "configuring against nginx $(NGINX_VERSION) in $(NGINX_SRC)"
	@rm -rf $(OBJS)
	@cd $(NGINX_SRC) && bash -c '[ ! -f conf_flags ] || . ./conf_flags; \
	    [ ! -f Makefile ] || cp -p Makefile $(BUILD)/Makefile.nginx; \
	    if [ -f configure ]; then c=./configure; else c=auto/configure; fi; \
	    $$c --with-compat --with-http_ssl_module "$${NGX_CONF_FLAGS[@]}" \
	        --with-cc-opt="-g -O2 -fPIC" $(NGINX_FLAGS) \
	        --builddir="$(OBJS)" --add-dynamic-module="$(CURDIR)"; rc=$$?; \
	    rm -f Makefile; \
	    [ ! -f $(BUILD)/Makefile.nginx ] || mv $(BUILD)/Makefile.nginx Makefile; \
	    exit $$rc' > $(BUILD)/configure.log 2>&1 \
	    || { sed -n '/error:/,$$p' $(BUILD)/configure.log; rm -f $@; \
	         echo "All that it said is in $(BUILD:$(CURDIR)/%=%)/configure.log," \
	              "compilers' errors are in $(OBJS:$(CURDIR)/%=%)/autoconf.err."; \
	         exit 1; } >&2

$(CONFIGURED): FORCE | ready
	@mkdir -p $(BUILD)
	@printf '%s\n' "$$CONFIGURED_FOR" | cmp -s - $@ \
	    || printf '%s\n' "$$CONFIGURED_FOR" > $@

ready:
	@.ci/install --check $(NGINX_PACKAGES)
	@[ -f $(NGINX_SRC)/src/core/nginx.h ] || { \
	    echo "$(NGINX_SRC) is no source tree of nginx:" \
	         "make NGINX_SRC=DIR names one" >&2; exit 1; }

deps:
	@.ci/install $(NGINX_PACKAGES)

$(DEPS): deps-%:
	@.ci/install $(NGINX_PACKAGES) $*

RUNNABLE = command -v $(TEST_NGINX_BINARY) > /dev/null || { \
    echo "there is no $(TEST_NGINX_BINARY) to run:" \
         "make TEST_NGINX_BINARY=FILE names an nginx" >&2; exit 1; }

demo: deps-demo
	@$(RUNNABLE)
	@$(MAKE) --no-print-directory module
	@docs/demo.sh

# promtool is taken out of Debian's prometheus, whose server nobody needs here
test: export PATH := $(PATH):$(BUILD)/bin
test: deps-test
	@$(RUNNABLE)
	@$(MAKE) --no-print-directory module $(UNIT_TESTS)
	@[ -n "$(NO_INSTALL)" ] || command -v promtool > /dev/null \
	    || { mkdir -p $(BUILD)/bin && cd $(BUILD) && rm -f prometheus_*.deb \
	         && apt-get -qq -o APT::Sandbox::User=root download prometheus \
	         && dpkg-deb --fsys-tarfile prometheus_*.deb \
	            | tar -x -C bin --strip-components 3 ./usr/bin/promtool \
	         && rm prometheus_*.deb; } \
	    || echo "there is no promtool, which some tests will skip" >&2
	@t/cert/make.sh $(TEST_NGINX_CERT_DIR)
	prove $(TEST_NGINX_LIB) $(PROVE_FLAGS) $(TESTS)

# of npm, as Debian has no package of it
PLAYWRIGHT = $(BUILD)/playwright/node_modules/playwright-core

test-page: deps-test deps-page
	@[ -n "$(NO_INSTALL)" ] || [ -d $(PLAYWRIGHT) ] \
	    || npm install --silent --no-save --no-package-lock --no-audit \
	           --no-fund --prefix $(BUILD)/playwright playwright-core@1 \
	    || echo "npm could not install playwright-core" >&2
	@$(MAKE) --no-print-directory test TESTS=t/600-page.t

check: deps-check
	@$(MAKE) --no-print-directory module
	@.ci/check $(NGINX_SRC) $(OBJS)

fuzz: deps-check
	@$(MAKE) --no-print-directory module $(FUZZ_TARGETS:%=$(BUILD)/%_fuzz)
	@t/cert/make.sh $(TEST_NGINX_CERT_DIR)
	@t/fuzz/seeds.sh $(BUILD)/corpus/thumbprint
	@t/fuzz/names-seeds.sh $(BUILD)/corpus $(TEST_NGINX_CERT_DIR)
	@t/fuzz/der-seeds.sh $(BUILD)/corpus/der $(TEST_NGINX_CERT_DIR)
	@mkdir -p $(BUILD)/corpus/index
	@$(MAKE) --no-print-directory --output-sync -j $(FUZZ_TARGETS:%=fuzz-%)

fuzz-%:
	cd $(BUILD) && ./$*_fuzz -max_total_time=$(FUZZ_SECONDS) \
	    -max_len=4096 -print_final_stats=1 -verbosity=0 corpus/$*

bench: deps-test
	@$(RUNNABLE)
	@$(MAKE) --no-print-directory module $(BUILD)/load
	@t/cert/make.sh $(TEST_NGINX_CERT_DIR)
	@bench/instructions
	@bench/store

$(BUILD)/load: bench/load.c
	$(CC) -O2 -Wall -Wextra -Werror -o $@ bench/load.c -lssl -lcrypto

$(UNIT_TESTS) $(FUZZ_TARGETS:%=$(BUILD)/%_fuzz): $(OBJS)/Makefile

THUMBPRINT_SRCS = $(addprefix src/cert/ngx_clientcert_,thumbprint.c unicode.c)

$(BUILD)/thumbprint_test: t/unit/thumbprint.c $(THUMBPRINT_SRCS) \
                          $(wildcard src/cert/*.h)
	$(CC) $(UNIT_CFLAGS) $(SANITIZE) -o $@ t/unit/thumbprint.c \
	    $(THUMBPRINT_SRCS)

SHIM = t/unit/shim.c
STORE_SRCS = $(addprefix src/store/ngx_clientcert_,store.c index.c census.c) \
             src/stats/ngx_clientcert_used.c

$(BUILD)/store_test: t/unit/store.c $(SHIM) t/unit/shim.h $(STORE_SRCS) \
                     $(wildcard src/*/*.h)
	$(CC) $(UNIT_CFLAGS) -D_GNU_SOURCE $(SANITIZE) -o $@ t/unit/store.c \
	    $(SHIM) $(STORE_SRCS) -lcrypto

CHAIN_SRCS = $(addprefix src/cert/ngx_clientcert_,ca.c certificate.c chain.c \
             chain_walk.c der.c der_text.c error.c signer.c text.c time.c \
             unicode.c)

$(BUILD)/chain_test: t/unit/chain.c $(SHIM) t/unit/shim.h $(CHAIN_SRCS) \
                     $(wildcard src/cert/*.h)
	$(CC) $(UNIT_CFLAGS) -D_GNU_SOURCE $(SANITIZE) -Wl,--wrap=X509_verify \
	    -o $@ t/unit/chain.c $(SHIM) $(CHAIN_SRCS) -lcrypto

$(BUILD)/thumbprint_fuzz: t/fuzz/thumbprint.c $(THUMBPRINT_SRCS) \
                          $(wildcard src/cert/*.h)
	clang $(UNIT_CFLAGS) $(SANITIZE) -fsanitize=fuzzer -o $@ \
	    t/fuzz/thumbprint.c $(THUMBPRINT_SRCS)

DER_SRCS = $(addprefix src/cert/ngx_clientcert_,der.c der_text.c unicode.c)

$(BUILD)/der_fuzz: t/fuzz/der.c $(SHIM) t/unit/shim.h $(DER_SRCS) \
                   $(wildcard src/cert/*.h)
	clang $(UNIT_CFLAGS) -D_GNU_SOURCE $(SANITIZE) -fsanitize=fuzzer -o $@ \
	    t/fuzz/der.c $(SHIM) $(DER_SRCS) -lcrypto

$(BUILD)/index_fuzz: t/fuzz/index.c src/store/ngx_clientcert_index.[ch]
	clang $(UNIT_CFLAGS) $(SANITIZE) -fsanitize=fuzzer -o $@ \
	    t/fuzz/index.c src/store/ngx_clientcert_index.c

NAMES_SRCS = $(addprefix src/cert/ngx_clientcert_,pattern.c \
             names.c dn.c oid.c error.c serial.c certificate.c text.c time.c \
             unicode.c)

$(BUILD)/%_fuzz: t/fuzz/%.c $(SHIM) t/unit/shim.h $(NAMES_SRCS) \
                 $(wildcard src/*/*.h)
	clang $(UNIT_CFLAGS) -D_GNU_SOURCE $(SANITIZE) -fsanitize=fuzzer -o $@ \
	    $< $(SHIM) $(NAMES_SRCS) -lcrypto

# by the package's own rules, for the packaged nginx
deb:
	@.ci/install --check packaged deb
	@.ci/deb

SUITES = bookworm trixie

deb-test: deps-deb-test
	@.ci/deb-test $(SUITES)

clean:
	rm -rf build t/servroot
