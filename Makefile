# SPDX-License-Identifier: Apache-2.0
# One Makefile, no configure step. `make help` lists the targets.
#
#   SANITIZER=address|undefined|thread   builds into a directory of its own (address brings undefined too)
#   WERROR=1                             warnings are errors (the tests' builds say so)

SHELL := /bin/bash
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

# Dependencies come first: what follows looks at what is installed. make starts anew once this file is made.
ifneq ($(filter-out help clean deps deb rpm,$(or $(MAKECMDGOALS),all)),)
include build/deps.mk
build/deps.mk: tools/deps.sh
	@tools/deps.sh
	@mkdir -p $(@D) && touch $@
endif

VERSION  := 0.1.0
PREFIX   ?= /usr/local
SYSCONF  ?= /etc
DESTDIR  ?=
UNITDIR  ?= $(PREFIX)/lib/systemd/system
CC       := gcc
CLANG    ?= clang
BPFTOOL  ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/bin/bpftool) bpftool)
SANITIZER ?=
B        := build/$(if $(SANITIZER),$(SANITIZER),plain)

WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla $(if $(WERROR),-Werror)
CFLAGS ?= $(if $(SANITIZER),-O1 -g1,-O2 -g)
CPPFLAGS ?=
LDFLAGS ?=
ifeq ($(SANITIZER),address)
SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else ifeq ($(SANITIZER),undefined)
SAN := -fsanitize=undefined -fno-sanitize-recover=undefined
else ifeq ($(SANITIZER),thread)
SAN := -fsanitize=thread
else ifneq ($(SANITIZER),)
$(error SANITIZER is '$(SANITIZER)': address, undefined or thread)
endif

PKGS   := libuv openssl libpcre2-8 sqlite3 yaml-0.1 jansson zlib libdeflate libisal libseccomp libcap libsystemd \
	  libnl-3.0 libnl-route-3.0 libbpf
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LIBS       = $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lnl-idiag-3 -lpthread
# Debian ships llhttp as sources below node-llhttp, the RHEL family as a library.
# awsmaskctl's alone.
CURSES     = -Wl,--as-needed $(shell pkg-config --libs ncursesw 2>/dev/null) -lm
LLHTTP_SRC := $(firstword $(wildcard /usr/share/llhttp))
LLHTTP_INC := $(firstword $(wildcard /usr/share/include/llhttp /usr/include))
LLHTTP_LIB := $(if $(LLHTTP_SRC),,-lllhttp)

ALL_CFLAGS = $(CPPFLAGS) -std=gnu11 -D_GNU_SOURCE -DAWSMASK_VERSION='"$(VERSION)"' $(CFLAGS) $(WARN) $(SAN) \
	-fstack-protector-strong -Iinclude -I$(B) -I$(dir $(image)) $(PKG_CFLAGS) -isystem $(LLHTTP_INC)

pure_src   := $(wildcard user/mask/*.c user/wire/*.c)
daemon_src := $(filter-out user/daemon/main.c,$(wildcard user/daemon/*.c))
ctl_src    := $(filter-out user/ctl/ctl.c,$(wildcard user/ctl/*.c))
unit_src   := $(wildcard tests/unit/test_*.c)
fuzz_src   := $(wildcard tests/fuzz/fuzz_*.c)

obj = $(patsubst %.c,$(B)/%.o,$(1))
llhttp_obj := $(patsubst /usr/share/llhttp/%.c,$(B)/llhttp/%.o,$(wildcard /usr/share/llhttp/*.c))
unit_bin := $(patsubst tests/unit/%.c,$(B)/unit/%,$(unit_src))
fuzz_bin := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(fuzz_src))

##@ Building

all: $(B)/awsmaskd $(B)/awsmaskctl $(B)/awsmask-catalogue.7 ## build the daemon, awsmaskctl and generated manuals

deps: ## install every dependency (apt or dnf; asks nothing)
	@tools/deps.sh

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(B)/llhttp/%.o: /usr/share/llhttp/%.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CFLAGS) $(SAN) -DLLHTTP_STRICT_MODE=1 -I$(LLHTTP_INC) -c $< -o $@

$(B)/awsmask.bpf.o: bpf/awsmask.bpf.c
	@mkdir -p $(@D)
	@echo "  BPF   $<"
	@$(CLANG) -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/') \
		-Wall -Wextra $(if $(WERROR),-Werror) -Iinclude -I/usr/include/$(shell uname -m)-linux-gnu \
		-MMD -MP -MF $(@:.o=.d) -MT $@ -c $< -o $@.tmp
	@llvm-strip -g $@.tmp && mv $@.tmp $@

$(B)/awsmask.skel.h: $(B)/awsmask.bpf.o
	@echo "  SKEL  $@"
	@$(BPFTOOL) gen skeleton $< name awsmask > $@

$(call obj,user/daemon/redirect.c user/daemon/redirect_program.c): $(B)/awsmask.skel.h

# What is found out about the catalogue while building: the same for all kinds of builds, so it is made by the plain one.
image := build/plain/catalogue_image
ifeq ($(SANITIZER),)
$(image): $(call obj,tools/catalogue_image.c $(filter-out %/catalogue_image.c,$(wildcard user/mask/*.c)))
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lpcre2-8

$(image).h: $(image)
	@echo "  IMAGE $@"
	@$< > $@
else
$(image).h: FORCE
	@$(MAKE) -s SANITIZER= $@

.PHONY: FORCE
FORCE:
endif

$(call obj,user/mask/catalogue_image.c): $(image).h

# The style sheet of the report's page, as a string.
$(B)/page_css.h: user/ctl/page.css
	@mkdir -p $(@D)
	@echo "  CSS   $<"
	@{ echo '#define PAGE_CSS \'; sed -E '/^(\/| )\*/d; /^$$/d; s/["\\]/\\&/g; s/^\t*(.*)$$/"\1\\n" \\/' $<; echo; } > $@

$(call obj,user/ctl/page_style.c): $(B)/page_css.h

$(B)/libawsmask.a: $(call obj,$(pure_src)) $(llhttp_obj)
	@echo "  AR    $@"
	@rm -f $@ && ar rcs $@ $^

$(B)/libawsmaskd.a: $(call obj,$(daemon_src))
	@echo "  AR    $@"
	@rm -f $@ && ar rcs $@ $^

$(B)/awsmaskd: $(call obj,user/daemon/main.c) $(B)/libawsmaskd.a $(B)/libawsmask.a
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) $(SAN) $(LDFLAGS) -o $@ $^ $(LLHTTP_LIB) $(LIBS)

$(B)/libawsmaskctl.a: $(call obj,$(ctl_src))
	@echo "  AR    $@"
	@rm -f $@ && ar rcs $@ $^

$(B)/awsmaskctl: $(call obj,user/ctl/ctl.c) $(B)/libawsmaskctl.a $(B)/libawsmaskd.a $(B)/libawsmask.a
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) $(SAN) $(LDFLAGS) -o $@ $^ $(LLHTTP_LIB) $(LIBS) $(CURSES)

$(B)/catalogue_man: $(call obj,tools/catalogue_man.c) $(B)/libawsmask.a
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) $(SAN) $(LDFLAGS) -o $@ $^ $(LLHTTP_LIB) $(LIBS)

$(B)/awsmask-catalogue.7: $(B)/catalogue_man
	@echo "  MAN   $@"
	@$< > $@

# What goes where, below the prefix unless it says otherwise: MODE, source, place.
define INSTALLED
0755 $(B)/awsmaskd sbin/awsmaskd
0755 $(B)/awsmaskctl sbin/awsmaskctl
0644 $(B)/awsmaskd.service $(UNITDIR)/awsmaskd.service
0644 $(B)/awsmask-worker.service $(UNITDIR)/awsmask-worker.service
0644 deploy/systemd/awsmask-worker.socket $(UNITDIR)/awsmask-worker.socket
0644 deploy/systemd/awsmask.slice $(UNITDIR)/awsmask.slice
0644 deploy/sysusers/awsmask.conf lib/sysusers.d/awsmask.conf
0644 deploy/tmpfiles/awsmask.conf lib/tmpfiles.d/awsmask.conf
0644 deploy/completion/awsmaskctl.bash share/bash-completion/completions/awsmaskctl
0644 deploy/RUNBOOK.md share/doc/awsmask/RUNBOOK.md
0644 deploy/ci/README.md share/doc/awsmask/README.ci.md
0644 $(B)/awsmask.rules.yml share/awsmask/prometheus/awsmask.rules.yml
0644 deploy/grafana/awsmask.json share/awsmask/grafana/awsmask.json
0755 deploy/ci/awsmask-job bin/awsmask-job
$(foreach f,$(wildcard deploy/ci/*/*),$(if $(wildcard $f/.),,$(if $(filter %.sh %/environment %/pre-exit,$f),0755,0644) $f share/awsmask/$(patsubst deploy/%,%,$f)
))
$(foreach m,$(wildcard deploy/man/*.[1-8]) $(B)/awsmask-catalogue.7,0644 $(m) share/man/man$(patsubst .%,%,$(suffix $(m)))/$(notdir $(m))
)
endef
export INSTALLED
placed = $$(case $(1) in (/*) echo $(1) ;; (*) echo $(PREFIX)/$(1) ;; esac)

install: all ## install into $(DESTDIR)$(PREFIX); a configuration that is there is kept
	@for unit in awsmaskd awsmask-worker; do \
		sed 's|@sbindir@|$(PREFIX)/sbin|' "deploy/systemd/$$unit.service.in" >"$(B)/$$unit.service" || exit 1; \
	done
	@sed 's|/usr/share/doc|$(PREFIX)/share/doc|' deploy/prometheus/awsmask.rules.yml >"$(B)/awsmask.rules.yml"
	@while read -r mode from to; do \
		[ -z "$$to" ] || install -D -m "$$mode" "$$from" "$(DESTDIR)$(call placed,$$to)" || exit 1; \
	done <<<"$$INSTALLED"
	@[ -e "$(DESTDIR)$(SYSCONF)/awsmask/awsmask.yaml" ] || \
		install -D -m 0644 deploy/awsmask.yaml "$(DESTDIR)$(SYSCONF)/awsmask/awsmask.yaml"

uninstall: ## remove what install brought, but the configuration
	@while read -r mode from to; do \
		[ -z "$$to" ] || rm -f "$(DESTDIR)$(call placed,$$to)" || exit 1; \
	done <<<"$$INSTALLED"

clean: ## remove what was built
	rm -rf build

# A package is built from a copy, so that nothing of the build, nor of a checkout, gets into it or is changed by it.
define package_source
	@rm -rf build/$(1) && mkdir -p build/$(1)/awsmask-$(VERSION)
	@tar --exclude=./build --exclude=./.git -cf - . | tar -xf - -C build/$(1)/awsmask-$(VERSION)
endef

deb: ## a package for Debian and its family, in build/deb (needs debhelper; says what else)
	$(call package_source,deb)
	@cp -r deploy/debian build/deb/awsmask-$(VERSION)/debian
	@cd build/deb/awsmask-$(VERSION) && [ "$$(dpkg-parsechangelog -S Version)" = "$(VERSION)-1" ] || { \
		echo "deploy/debian/changelog is not of version $(VERSION)" >&2; exit 1; }
	@cd build/deb/awsmask-$(VERSION) && env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage -b -us -uc
	@ls build/deb/*.deb

# Where packages are Debian's, rpm knows of none of what is installed.
RPMFLAGS ?= $(if $(wildcard /etc/debian_version),--nodeps)
rpm: ## a package for the RHEL family and SUSE, in build/rpm (needs rpmbuild)
	$(call package_source,rpm)
	@tar -C build/rpm -czf build/rpm/awsmask-$(VERSION).tar.gz awsmask-$(VERSION)
	@rpmbuild --quiet -bb $(RPMFLAGS) --define '_topdir $(CURDIR)/build/rpm' --define '_sourcedir $(CURDIR)/build/rpm' \
		--define 'version_of_source $(VERSION)' deploy/rpm/awsmask.spec
	@find build/rpm/RPMS -name '*.rpm'

##@ Seeing it work

demo: all ## the main job before your eyes, in network namespaces of its own (CMD='...' runs that instead)
	@tools/demo.sh $(B) $(if $(CMD),-- $(CMD))

##@ Testing

# Criterion cannot start under the thread sanitizer, and takes more than the tests under the others: tests/sanitizer
# has a small one that can. The tests' own code is not what is to be fast.
criterion := $(if $(SANITIZER),-isystem tests/sanitizer,-lcriterion)
unit_cflags := $(if $(SANITIZER),-O0,-Og) -g1

$(B)/unit/%: tests/unit/%.c $(B)/libawsmaskctl.a $(B)/libawsmaskd.a $(B)/libawsmask.a
	@mkdir -p $(@D)
	@echo "  UNIT  $@"
	@$(CC) $(ALL_CFLAGS) $(unit_cflags) -Itests -MMD -MP -MF $@.d -o $@ $(filter %.c %.a,$^) $(LLHTTP_LIB) $(LIBS) $(CURSES) $(criterion)

# The kernel side's tests are one program, for root: it makes network namespaces and cgroups.
$(B)/bpf/test_bpf: $(wildcard tests/bpf/*.c tests/bpf/*.h) $(B)/awsmask.skel.h $(B)/libawsmaskd.a $(B)/libawsmask.a
	@mkdir -p $(@D)
	@echo "  KTEST $@"
	@$(CC) $(ALL_CFLAGS) -o $@ $(filter %.c %.a,$^) $(LIBS)

unit-build: $(unit_bin)

unit: $(unit_bin) ## run the unit tests (SANITIZER= applies)
	@tests/run unit $(unit_bin)

# Fuzzers are libFuzzer programs: clang, address and undefined sanitizers. What they test is compiled once for all:
# the daemon's configuration and its control protocol are the parts of it that are not in libawsmask.a.
fuzz_cc = $(CLANG) -std=gnu11 -D_GNU_SOURCE -g -O1 -fsanitize=$(1),address,undefined -fno-sanitize-recover=undefined \
	-Iinclude -I$(dir $(image)) -isystem $(LLHTTP_INC) -DLLHTTP_STRICT_MODE=1 -DAWSMASK_VERSION='"$(VERSION)"' -MMD -MP
fuzz_obj := $(patsubst %.c,build/fuzz/obj/%.o,$(pure_src) user/daemon/err.c $(wildcard user/daemon/config*.c) \
		user/daemon/audit_line.c user/daemon/audit_record.c user/ctl/audit_verify.c \
		user/daemon/control_job.c user/daemon/control_answer.c user/daemon/control_flows.c user/daemon/board.c user/daemon/json_text.c \
		user/daemon/shared.c user/daemon/clock.c user/daemon/log.c user/daemon/metrics_text.c \
		user/daemon/stats.c user/daemon/report_day.c) \
	$(patsubst /usr/share/llhttp/%.c,build/fuzz/obj/llhttp/%.o,$(wildcard /usr/share/llhttp/*.c))

build/fuzz/obj/llhttp/%.o: /usr/share/llhttp/%.c
	@mkdir -p $(@D)
	@$(call fuzz_cc,fuzzer-no-link) -c $< -o $@

build/fuzz/obj/user/mask/catalogue_image.o: $(image).h

build/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	@$(call fuzz_cc,fuzzer-no-link) -c $< -o $@

build/fuzz/obj/libfuzzed.a: $(fuzz_obj)
	@rm -f $@ && ar rcs $@ $^

build/fuzz/%: tests/fuzz/%.c build/fuzz/obj/libfuzzed.a
	@mkdir -p $(@D)
	@echo "  FUZZ  $@"
	@$(call fuzz_cc,fuzzer) -MF $@.d -o $@ $(filter %.c %.a,$^) $(LLHTTP_LIB) -lpcre2-8 -lz -ldeflate -lisal -lyaml -ljansson -lcrypto

fuzz-build: $(fuzz_bin)

FUZZ_SECONDS ?= 60
fuzz: $(fuzz_bin) ## run each fuzzer for FUZZ_SECONDS (60)
	@tests/run fuzz $(FUZZ_SECONDS) $(fuzz_bin)

test: deps ## every test: unit (three sanitizers), kernel, end to end; under ten minutes
	@tests/run all

test-full: deps ## the slow ones too: long fuzzing, more of the corpus, kills by the fifty
	@tests/run full

kernel_vm := $(B)/bpf/test_bpf $(addprefix $(B)/unit/test_,features sandbox confine)

test-kernel: $(kernel_vm) ## the kernel side on Debian's own kernel, in a virtual machine; 4 minutes (KERNEL=FILE: another)
	@KERNEL=$(KERNEL) tests/qemu/run.sh $(B)

SEED ?= 1
score: all ## what is found in the corpus and what is not, type by type (SEED=1)
	@python3 -B tests/corpus/score.py --seed $(SEED) --mask '$(B)/awsmaskctl mask --vault {vault}' \
		--unmask '$(B)/awsmaskctl unmask --vault {vault}'

test-fleet: lint ## packages and the Ansible role on a machine of their own (debootstrap, systemd-nspawn); installs what they need
	@tests/e2e/fleet.sh

test-metrics: all ## a real Prometheus reads a daemon and raises the alerts; installs it; 40 s
	@tools/deps.sh --metrics
	@tests/e2e/metrics.sh $(B)

test-browser: all ## pages of `report --html` in a real browser, light and dark, screen, phone and paper; installs it; 1 minute
	@tools/deps.sh --browser
	@tests/e2e/browser.sh $(B)

test-neon: ## what NEON does, in unit tests compiled for 64-bit ARM and run by qemu; installs both; a minute
	@tools/deps.sh --neon
	@tests/neon/run.sh build/neon

test-claude: all ## the real Claude Code CLI from npm against the stand-in origin
	@tests/e2e/claude.sh $(B)

# Hyperscan is measured beside our own engine where it happens to be; nothing needs it.
HS_FLAGS = $(shell pkg-config --exists libhs 2>/dev/null && echo -DBENCH_HYPERSCAN -lhs)
bench_bin := $(B)/bench/scan $(B)/bench/origin $(B)/bench/load

$(B)/bench/scan: tests/bench/engines.c tests/bench/rivals.c tests/bench/rank.c tests/bench/turns.c tests/hostile.h
$(B)/bench/load: tests/bench/client.c tests/bench/watch.c
$(B)/bench/origin: tests/bench/watch.c
$(B)/bench/%: tests/bench/%.c tests/bench/gen.c tests/bench/answer.c $(wildcard tests/bench/*.h) $(B)/libawsmaskd.a $(B)/libawsmask.a
	@mkdir -p $(@D)
	@echo "  BENCH $@"
	@$(CC) $(ALL_CFLAGS) -o $@ $(filter %.c,$^) $(filter %.a,$^) $(LLHTTP_LIB) $(LIBS) $(HS_FLAGS) -lm

bench-scan: $(B)/bench/scan ## measure the engines alone (QUICK=1: fewer rounds)
	@mkdir -p build/bench
	@$< $(if $(QUICK),--quick) build/bench/scan.json

# A peer that cannot be installed is told of in the table.
bench: all ## measure all that has a goal, beside nginx and others; for root, 5 to 6 minutes (QUICK=1: two; ONLY=streams,memory)
	@tools/deps.sh --bench || true
	@$(MAKE) -s $(bench_bin)
	@QUICK=$(QUICK) ONLY=$(ONLY) tests/bench/run.sh $(B)

soak: all $(bench_bin) ## ten minutes of requests, and nothing may grow; for root (SOAK_SECONDS=600)
	@tests/bench/soak.sh $(B) $(or $(SOAK_SECONDS),600)

check: ## format, clang-tidy, cppcheck, shellcheck, purity of libawsmask.a
	@tools/check.sh $(B)

lint: all ## what is installed and packaged: lintian, rpmlint, mandoc, systemd-analyze, promtool, ansible-lint; installs them
	@tools/deps.sh --fleet
	@$(MAKE) -s deb rpm >build/packages.log 2>&1 || { cat build/packages.log; exit 1; }
	@tools/lint.sh

help: ## this list
	@awk 'BEGIN { FS = ":.*##" } /^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*##/ { printf "  %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: all test-fleet test-metrics test-browser test-neon deps install uninstall clean deb rpm demo unit-build unit fuzz-build fuzz test test-full test-kernel score \
	test-claude bench bench-scan soak check lint help

# This build's own: another one, at work beside it, may have written half of a file.
-include $(shell find $(B) $(if $(findstring fuzz,$(MAKECMDGOALS)),build/fuzz) -name '*.d' 2>/dev/null)
