# mod_llmq: build, install, check, bench, fuzz. `make help` lists the targets.
#
#   SAN=address   AddressSanitizer and UndefinedBehaviorSanitizer
#   SAN=thread    ThreadSanitizer (library and unit tests)
#   CC=clang      another compiler

SHELL   := /bin/bash
SAN     ?=
BUILD   ?= build
OUT     := $(BUILD)/$(if $(SAN),$(SAN),release)
APXS    ?= $(shell command -v apxs || command -v apxs2)
PKG     := json-c libcurl hiredis libjwt libssl libcrypto apr-1 apr-util-1
PYTEST  ?= /usr/bin/python3 -m pytest

ifeq ($(SAN),)
SANFLAGS :=
OPT      ?= -O2 -g
else ifeq ($(SAN),address)
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined
OPT      ?= -O1 -g -fno-omit-frame-pointer
else ifeq ($(SAN),thread)
SANFLAGS := -fsanitize=thread
OPT      ?= -O1 -g -fno-omit-frame-pointer
else
$(error SAN must be empty, address or thread)
endif

WARN     := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wpointer-arith -Wwrite-strings -Wvla
CFLAGS   ?=
# apr.h wants the feature macros that apxs was built with.
ALLFLAGS := -std=gnu11 $(OPT) -fPIC -pthread -fstack-protector-strong $(WARN) $(SANFLAGS) \
            $(CFLAGS) $(shell $(APXS) -q CPPFLAGS) -D_GNU_SOURCE -Imod_llmq \
            $(shell pkg-config --cflags $(PKG))
HTTPDINC := -isystem $(shell $(APXS) -q INCLUDEDIR)
LIBS     := $(shell pkg-config --libs $(PKG)) -lpthread -lm

LIBDIRS  := base core queue store backend bus dispatch
LIBSRC   := $(wildcard $(LIBDIRS:%=mod_llmq/%/*.c))
MODSRC   := $(wildcard mod_llmq/*.c mod_llmq/cfg/*.c mod_llmq/http/*.c mod_llmq/glue/*.c)
TOOLSRC  := $(wildcard mod_llmq/tools/*.c)
UNITSRC  := $(wildcard tests/unit/*.c)
GENSRC   := $(BUILD)/gen/store_migrations.c
SQL      := $(sort $(wildcard sql/pgsql/*.sql sql/sqlite3/*.sql))

LIBOBJ   := $(LIBSRC:%.c=$(OUT)/%.o) $(OUT)/gen/store_migrations.o
MODOBJ   := $(MODSRC:%.c=$(OUT)/%.o)
TOOLOBJ  := $(TOOLSRC:%.c=$(OUT)/%.o)
UNITOBJ  := $(UNITSRC:%.c=$(OUT)/%.o)

.PHONY: all help install check check-unit check-lint lint format check-integration check-all \
        bench fuzz check-fuzz clean
all: $(OUT)/libllmq.a $(OUT)/mod_llmq.so $(OUT)/llmqctl

help:
	@sed -n 's/^#: //p' $(MAKEFILE_LIST)

#: make                    build libllmq.a, mod_llmq.so and llmqctl under build/release
$(OUT)/libllmq.a: $(LIBOBJ)
	@rm -f $@
	ar rcs $@ $^

# nodelete: the parent keeps callbacks of this code over a graceful restart, during which
# httpd unloads and reloads its modules.
$(OUT)/mod_llmq.so: $(MODOBJ) $(OUT)/libllmq.a
	$(CC) $(ALLFLAGS) -shared -Wl,-z,nodelete -o $@ $(MODOBJ) $(OUT)/libllmq.a $(LIBS)

$(OUT)/llmqctl: $(TOOLOBJ) $(OUT)/libllmq.a
	$(CC) $(ALLFLAGS) -o $@ $(TOOLOBJ) $(OUT)/libllmq.a $(LIBS)

$(OUT)/mod_llmq/%.o: mod_llmq/%.c
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) $(if $(filter $(MODSRC),$<),$(HTTPDINC)) -MMD -MP -c -o $@ $<

$(OUT)/gen/%.o: $(BUILD)/gen/%.c
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) -Itests/unit $(shell pkg-config --cflags check) -MMD -MP -c -o $@ $<

$(GENSRC): scripts/gen-migrations.sh $(SQL)
	@mkdir -p $(@D)
	scripts/gen-migrations.sh $(SQL) >$@.tmp && mv $@.tmp $@

$(OUT)/unit_tests: $(UNITOBJ) $(OUT)/libllmq.a
	$(CC) $(ALLFLAGS) -o $@ $(UNITOBJ) $(OUT)/libllmq.a $(shell pkg-config --libs check) $(LIBS)

#: make install            install the module with apxs, the configuration beside it
install: $(OUT)/mod_llmq.so $(OUT)/llmqctl
	scripts/install.sh $(OUT)/mod_llmq.so "$(APXS)" "$(DESTDIR)"

#: make check              unit tests, corpus replay and drift checks; no services
check: check-unit check-fuzz check-lint

check-unit: $(OUT)/unit_tests
	$(OUT)/unit_tests

#: make lint               the drift checks, formatting and static analysis
lint: check-lint
	tests/checks/run.sh --deep
check-lint: $(GENSRC)
	tests/checks/run.sh

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

#: make check-integration  the tests against a real httpd, on SQLite and PostgreSQL
check-integration: all
	$(PYTEST) -q tests/integration

check-all: check check-integration

#: make bench              rates beside the ceiling of the same httpd; see docs/performance.md
bench: all
	scripts/bench.sh

#: make fuzz               fuzz each parser for FUZZ_SECONDS (60) with libFuzzer
fuzz:
	tests/fuzz/run.sh
check-fuzz: $(OUT)/libllmq.a
	tests/fuzz/run.sh --replay

clean:
	rm -rf $(BUILD)

-include $(LIBOBJ:.o=.d) $(MODOBJ:.o=.d) $(TOOLOBJ:.o=.d) $(UNITOBJ:.o=.d)
