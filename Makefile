# make            builds build/ngx_http_clientcert_policy_module.so
# make demo       installs what is missing, builds, shows the module at work
# make test       installs what is missing, builds, runs all tests
# make check      installs what is missing, runs the static checks
# make fuzz       installs what is missing, fuzzes for FUZZ_SECONDS a target
# make bench      installs what is missing, counts instructions per request
#
# NGINX_SRC=DIR   builds against that nginx source tree instead of the
#                 packaged nginx; then TEST_NGINX_BINARY=FILE is the nginx
#                 that runs the demo and the tests
# NGINX_FLAGS=... adds flags of its configure script

BUILD = $(CURDIR)/build
NAME = ngx_http_clientcert_policy_module
MODULE = $(BUILD)/$(NAME).so

PACKAGED_SRC = /usr/share/nginx/src
NGINX_SRC = $(PACKAGED_SRC)
NGINX_FLAGS =
OBJS = $(BUILD)/nginx

export TEST_NGINX_BINARY ?= /usr/sbin/nginx
export TEST_NGINX_LOAD_MODULES = $(MODULE)
export TEST_NGINX_CERT_DIR = $(BUILD)/cert
export TEST_NGINX_BUILD_DIR = $(BUILD)

# the real Test::Nginx where it is installed, else its stand-in of t/lib
TEST_NGINX_LIB = $(shell perl -MTest::Nginx::Socket -e 1 2>/dev/null \
                   || echo "-I$(CURDIR)/t/lib")
TESTS = t

UNIT_TESTS = $(addprefix $(BUILD)/,thumbprint_test store_test chain_test)

FUZZ_SECONDS = 60
FUZZ_TARGETS = thumbprint dn facts san der index
UNIT_CFLAGS = -g -O1 -Wall -Wextra -Wno-unused-parameter -Werror \
              -I$(OBJS) $(addprefix -I$(NGINX_SRC)/src/,core event \
              event/modules event/quic os/unix)
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all

.PHONY: all module demo test check fuzz bench clean

all: module

module: $(OBJS)/Makefile
	@$(MAKE) --no-print-directory -s -f $(OBJS)/Makefile -C $(NGINX_SRC) modules
	@cmp -s $(OBJS)/$(NAME).so $(MODULE) \
	    || install -m 644 $(OBJS)/$(NAME).so $(MODULE)

$(OBJS)/Makefile: config Makefile
	@.ci/install build
	@mkdir -p $(BUILD)
	cd $(NGINX_SRC) && bash -c '[ ! -f conf_flags ] || . ./conf_flags; \
	    if [ -f configure ]; then c=./configure; else c=auto/configure; fi; \
	    $$c --with-compat --with-http_ssl_module "$${NGX_CONF_FLAGS[@]}" \
	        --with-cc-opt="-g -O2 -fPIC -Wall -Wextra -Wno-unused-parameter \
	        -Wshadow -Wstrict-prototypes -Werror" $(NGINX_FLAGS) \
	        --builddir="$(OBJS)" --add-dynamic-module="$(CURDIR)"' \
	    > $(BUILD)/configure.log || { cat $(BUILD)/configure.log; exit 1; }

demo:
	@.ci/install build demo
	@$(MAKE) --no-print-directory module
	@docs/demo.sh

test:
	@.ci/install build test
	@$(MAKE) --no-print-directory module $(UNIT_TESTS)
	@t/cert/make.sh $(TEST_NGINX_CERT_DIR)
	prove $(TEST_NGINX_LIB) $(PROVE_FLAGS) $(TESTS)

check:
	@.ci/install build check
	@$(MAKE) --no-print-directory module
	@.ci/check $(NGINX_SRC) $(OBJS)

fuzz:
	@.ci/install build check
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

bench:
	@.ci/install build test bench
	@$(MAKE) --no-print-directory module $(BUILD)/load
	@t/cert/make.sh $(TEST_NGINX_CERT_DIR)
	@bench/instructions
	@bench/store

$(BUILD)/load: bench/load.c
	$(CC) -O2 -Wall -Wextra -Werror -o $@ bench/load.c -lssl -lcrypto

$(BUILD)/thumbprint_test: t/unit/thumbprint.c \
                          src/cert/ngx_clientcert_thumbprint.[ch]
	$(CC) $(UNIT_CFLAGS) $(SANITIZE) -o $@ t/unit/thumbprint.c \
	    src/cert/ngx_clientcert_thumbprint.c

$(BUILD)/store_test: t/unit/store.c src/store/ngx_clientcert_store.[ch] \
                     src/store/ngx_clientcert_index.[ch]
	$(CC) $(UNIT_CFLAGS) $(SANITIZE) -o $@ t/unit/store.c \
	    src/store/ngx_clientcert_store.c src/store/ngx_clientcert_index.c

CHAIN_SRCS = $(addprefix src/cert/ngx_clientcert_,ca.c certificate.c chain.c \
             chain_walk.c error.c signer.c time.c)

$(BUILD)/chain_test: t/unit/chain.c $(CHAIN_SRCS) $(wildcard src/cert/*.h)
	$(CC) $(UNIT_CFLAGS) -D_GNU_SOURCE $(SANITIZE) -Wl,--wrap=X509_verify \
	    -o $@ t/unit/chain.c $(CHAIN_SRCS) -lcrypto

$(BUILD)/thumbprint_fuzz: t/fuzz/thumbprint.c \
                          src/cert/ngx_clientcert_thumbprint.[ch]
	clang $(UNIT_CFLAGS) $(SANITIZE) -fsanitize=fuzzer -o $@ \
	    t/fuzz/thumbprint.c src/cert/ngx_clientcert_thumbprint.c

$(BUILD)/der_fuzz: t/fuzz/der.c src/cert/ngx_clientcert_der.[ch]
	clang $(UNIT_CFLAGS) $(SANITIZE) -fsanitize=fuzzer -o $@ \
	    t/fuzz/der.c src/cert/ngx_clientcert_der.c -lcrypto

$(BUILD)/index_fuzz: t/fuzz/index.c src/store/ngx_clientcert_index.[ch]
	clang $(UNIT_CFLAGS) $(SANITIZE) -fsanitize=fuzzer -o $@ \
	    t/fuzz/index.c src/store/ngx_clientcert_index.c

NAMES_SRCS = t/fuzz/shim.c $(addprefix src/cert/ngx_clientcert_,pattern.c \
             names.c dn.c error.c)

$(BUILD)/%_fuzz: t/fuzz/%.c t/fuzz/shim.h $(NAMES_SRCS) $(wildcard src/*/*.h)
	clang $(UNIT_CFLAGS) -D_GNU_SOURCE $(SANITIZE) -fsanitize=fuzzer -o $@ \
	    $< $(NAMES_SRCS) -lcrypto

clean:
	rm -rf $(BUILD) t/servroot
