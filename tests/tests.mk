# Tests, checks and benchmarks; included by the Makefile.

# ---- unit tests: every tests/unit/test_*.c is a cmocka program of its own ----

unit_names = $(basename $(notdir $(wildcard tests/unit/test_*.c)))
unit_programs = $(unit_names:%=$(O)/test/unit/%)

$(O)/tests/%.o: tests/%.c $(generated) | $(O)/.deps-build $(O)/.deps-check
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Wno-missing-prototypes -MMD -MP -c -o $@ $<

# everything but the two mains, so that a test may use any module
test_objects = $(shared) $(billing_objects) $(charging_objects) $(chart_objects) $(safety_test) $(filter-out %/pagemeterd.o,$(daemon_objects)) \
    $(filter-out %/main.o,$(cli_objects)) $(agent_objects)

$(O)/test/unit/test_actuator: $(O)/src/balloon/actuator_xe.o
$(O)/test/unit/test_rivals: $(O)/src/balloon/rivals.o
$(O)/test/unit/test_guests_work: $(O)/src/xen/guests_work.o $(O)/src/xen/xenstore.o
# a libxenctrl of the tests' own: tests/unit/fake_xenctrl.h
hvm_tests = $(patsubst %,$(O)/test/unit/%,$(filter test_hvm%,$(unit_names)))
$(hvm_tests): $(O)/src/xen/actuator_xen.o
$(hvm_tests): ALL_LDFLAGS += -Wl,--wrap=access,--wrap=open,--wrap=clock_mono

# the wall clock of a test's machine may not be synchronised: then nothing is pruned
$(O)/test/unit/test_committer: ALL_LDFLAGS += -Wl,--wrap=clock_is_synchronised

# files that appear together: each of these calls fails once
$(O)/test/unit/test_publish: \
    ALL_LDFLAGS += $(foreach f,openat fsync renameat linkat unlinkat fstatat,-Wl,--wrap=$(f))

# killed at a step of the database
$(O)/test/unit/test_balloon_rollup: ALL_LDFLAGS += -Wl,--wrap=sqlite3_step

$(unit_programs): $(O)/test/unit/%: $(O)/tests/unit/%.o $(test_objects)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka -lxenctrl -lsqlite3 -linih -ljson-c -lnettle -lpq

$(O)/.deps-check: scripts/deps.sh
	@sh scripts/deps.sh build check
	@mkdir -p $(O) && touch $@

.PHONY: unit
unit: $(O)/.deps-check $(unit_programs) ## the unit tests only
	@for t in $(unit_programs); do echo "== $$(basename $$t)"; timeout 300 $$t || exit 1; done

# ---- memory on demand in virtual time ----

sim_names = model guest agent world time run
sim_objects = $(sim_names:%=$(O)/src/balloon/sim_%.o) $(sim_agent_objects)
$(O)/test/unit/test_actuator_sim: $(sim_objects)
sim_test_names = checker checker_watch rig hosts probe properties scenarios scenarios_guest scenarios_host main

$(O)/test/sim: $(sim_test_names:%=$(O)/tests/sim/%.o) $(sim_objects) $(shared) $(safety_test)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lsqlite3 -linih -ljson-c

.PHONY: sim
sim: $(O)/test/sim ## memory on demand on 100,000 simulated hosts
	$(O)/test/sim
	bash tests/sim/mutants.sh $(O)/test/sim

# ---- the arithmetic of bills, asked by an oracle in Python ----

$(O)/test/billing: $(O)/tests/billing/answer.o $(billing_objects) $(O)/src/common/error.o
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lnettle

# one file of an export, also of statements that no store would have
$(O)/test/write_export: $(O)/tests/billing/write_export.o $(charging_objects) $(billing_objects) $(shared) $(safety_test)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lsqlite3 -linih -lnettle -lpq

# ---- benchmarks ----

$(O)/test/bench: $(O)/tests/bench/bench.o $(test_objects:$(safety_test)=$(safety))
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc -o $@ $^ \
	    -lxenctrl -lsqlite3 -linih -ljson-c -lnettle -lpq

.PHONY: bench
bench: all $(O)/.deps-check $(O)/test/bench ## print what metering costs
	@bash tests/bench/run.sh $(O)/bin $(O)/test/bench

$(O)/test/bench-balloon: $(O)/tests/bench/balloon.o $(O)/tests/bench/rivals.o $(sim_objects) \
    $(shared) $(safety)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lsqlite3 -linih -ljson-c

.PHONY: bench-billing
bench-billing: all ## what a month's bills of 10,000 VMs cost
	@python3 tests/bench/billing.py $(O)/bin

.PHONY: bench-fleet
bench-fleet: all ## 200 hosts and one PostgreSQL: rows a second, lag, bytes a sample, bills
	@python3 tests/bench/fleet.py $(O)/bin
	@python3 tests/bench/bill.py $(O)/bin

$(O)/test/bench-chart: $(O)/tests/bench/chart.o $(drawing_objects) $(chart_objects) $(cli_for_charts:%=$(O)/src/cli/%.o) \
    $(shipping_objects) $(billing_objects) $(charging_objects) $(shared) $(safety)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcairo -lm -lsqlite3 -linih -lnettle -lpq

.PHONY: bench-chart
bench-chart: all $(O)/test/bench-chart ## what a chart of a month costs, and those of all VMs
	@python3 tests/bench/chart.py $(O)/bin $(O)/test/bench-chart

.PHONY: bench-serve
bench-serve: all ## 500 readers of charts of a month, and the meter beside them
	@python3 tests/bench/serve.py $(O)/bin

.PHONY: bench-balloon
bench-balloon: $(O)/test/bench-balloon ## memory on demand beside the rules of others
	@$(O)/test/bench-balloon

# ---- crashes and faults ----

crash_programs = $(O)/test/crash/pagemeterd $(O)/test/crash/pagemeter

$(O)/test/crash/pagemeterd: $(daemon_objects) $(shared) $(safety_test) $(O)/tests/crash/fault.o
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) $(foreach f,step exec open_v2 close_v2,-Wl,--wrap=sqlite3_$(f)) \
	    -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc \
	    -o $@ $^ -lxenctrl -lsqlite3 -linih

$(O)/test/crash/pagemeter: $(cli_objects) $(billing_objects) $(charging_objects) $(shared) \
    $(safety_test) $(O)/tests/crash/fault.o
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) $(foreach f,step exec open_v2 close_v2,-Wl,--wrap=sqlite3_$(f)) \
	    -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc \
	    -o $@ $^ -lsqlite3 -linih -ljson-c -lnettle -lpq

# ---- the whole ----

# all that `check` runs, built but not run: what make -j may do side by side, once .deps-check is there
.PHONY: check-programs
check-programs: $(O)/.deps-check all test-programs $(crash_programs) $(O)/test/sim $(O)/test/billing $(O)/test/write_export \
    $(unit_programs)

.PHONY: check
check: check-programs unit ## run the tests (installs what they need)
	bash tests/schema/frozen.sh
	bash tests/golden/run.sh $(O)/bin
	python3 tests/property/run.py $(O)/bin
	python3 tests/property/mutants.py $(O)/test/bin
	python3 tests/billing/oracle.py $(O)/test/billing
	python3 tests/billing/run.py $(O)/bin
	python3 tests/billing/mutants.py $(O)/test/bin
	python3 tests/billing/audit.py $(O)/bin
	python3 tests/billing/questions.py $(O)/bin
	python3 tests/billing/nightly.py $(O)/bin
	python3 tests/billing/money.py $(O)/bin
	python3 tests/billing/sound.py $(O)/bin
	python3 tests/billing/postgres.py $(O)/bin
	python3 tests/billing/exports.py $(O)/bin/pagemeter
	python3 tests/billing/focus_rules.py $(O)/bin/pagemeter $(O)/test/write_export
	python3 tests/billing/journal.py $(O)/bin/pagemeter $(O)/test/write_export
	python3 tests/fleet/schema.py --every 4 $(O)/bin
	python3 tests/fleet/upgrade.py $(O)/bin
	python3 tests/fleet/same.py $(O)/bin
	python3 tests/fleet/replay.py $(O)/bin
	python3 tests/fleet/books.py --histories 4 $(O)/test/bin
	python3 tests/fleet/tls.py $(O)/bin
	python3 tests/fleet/roles.py $(O)/bin
	python3 tests/fleet/broken.py $(O)/bin
	python3 tests/fleet/fleet.py $(O)/bin
	python3 tests/fleet/ship.py $(O)/bin
	bash tests/fleet/mutants.sh $(O)
	python3 tests/fleet/retention.py $(O)/test/bin
	python3 tests/fleet/awaited.py $(O)/test/bin
	python3 tests/fleet/turns.py $(O)/test/bin
	python3 tests/chart/run.py $(O)/bin
	python3 tests/chart/fleet.py $(O)/bin
	python3 tests/chart/top.py $(O)/bin
	python3 tests/crash/run.py --every 4 $(O)
	python3 tests/crash/billing.py --every 12 $(O)
	bash tests/crash/mutants.sh $(O)
	$(O)/test/sim --seed 7000000 # the same hosts each time; `make sim` takes others
	bash tests/sim/mutants.sh $(O)/test/sim
	mandoc -T lint -W warning docs/man/*.[1-9]

.PHONY: check-citus check-citus-own
check-citus: all ## the fleet on a Citus cluster: make check-citus CITUS=postgresql://... of an empty database, or CITUS=own
	@test -n "$(CITUS)" || { echo "no cluster was named: make check-citus CITUS=postgresql://..., an empty database of it,"; \
	    echo "or CITUS=own, for clusters of the tests' own where Citus is installed beside PostgreSQL"; exit 1; }
	$(if $(filter own,$(CITUS)),$(MAKE) check-citus-own,python3 tests/fleet/same.py --citus '$(CITUS)' $(O)/bin)

check-citus-own: export PAGEMETER_TEST_CITUS = 1
check-citus-own: all test-programs
	python3 tests/fleet/same.py $(O)/bin
	python3 tests/fleet/schema.py --every 0 $(O)/bin
	python3 tests/fleet/fleet.py $(O)/bin
	python3 tests/fleet/ship.py $(O)/bin
	python3 tests/fleet/retention.py --safe $(O)/test/bin
	python3 tests/fleet/awaited.py $(O)/test/bin
	python3 tests/serve/engines.py $(O)/bin

.PHONY: lab
lab: all $(O)/test/source_contract $(O)/test/actuator_contract ## the tests on a real Xen under QEMU
	bash tests/lab/test.sh $(O)/bin

.PHONY: lab-balloon
lab-balloon: all ## every scenario of memory on demand on a real Xen, an hour
	bash tests/lab/balloon.sh -b $(O)/bin all

.PHONY: picture
picture: all ## docs/140-users.png made again: a web server under 140 users on a real Xen
	bash tests/lab/balloon.sh -b $(O)/bin web
	bash scripts/picture.sh build/lab/balloon/web docs/140-users.png $(O)/bin

.PHONY: lab-rates
lab-rates: all ## tests/hardware/rates.sh on the emulated host: that it measures, not how fast that is
	bash tests/lab/build.sh
	bash tests/lab/run.sh -V -m 3072 -0 640 -t 900 -o build/lab/rates $(programs:%=-p %) \
	    -p "$$(command -v sqlite3)" -g $(O)/bin/modd:/bin/modd \
	    -g tests/lab/balloon/guest-start:/etc/rc.d/guest-start -f tests/lab/balloon/lib.sh \
	    -f tests/hardware/rates.sh -c tests/lab/rates.sh

.PHONY: demo
demo: all ## meter a real Xen host and show its bill
	@bash scripts/demo.sh $(O)/bin

$(O)/test/source_contract: $(O)/tests/unit/source_contract.o $(test_objects)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka -lxenctrl -lsqlite3 -linih -ljson-c -lnettle -lpq

# in a dom0: tests/lab/run.sh -p build/test/actuator_contract -c tests/lab/actuator.sh
$(O)/test/actuator_contract: $(O)/tests/unit/actuator_contract.o $(actuator_objects) \
    $(patsubst %,$(O)/src/balloon/%.o,mail actuator_dry) $(common:%=$(O)/src/common/%.o) $(safety)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka -lxenctrl -lxenstore -linih

# what tests/hardware/rates.sh needs: hog in the guest, memwatch in dom0
$(O)/hardware/hog: $(addprefix tests/lab/src/,hog.c memfile.c memfile.h)
	@mkdir -p $(@D)
	$(MODD_CC) -std=gnu11 -O2 -Wall -Wextra -static -s -o $@ $(filter %.c,$^)

$(O)/hardware/memwatch: tests/lab/src/memwatch.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -pthread -o $@ $< -lxenctrl -lxenstore

.PHONY: hardware
hardware: $(O)/.deps-build $(O)/hardware/hog $(O)/hardware/memwatch ## what measuring a real host needs: tests/hardware/README.md

.PHONY: torture
torture: all $(O)/.deps-check test-programs $(crash_programs) ## fail or kill at every store call, disk operation, allocation
	python3 tests/crash/run.py $(O)
	python3 tests/crash/billing.py $(O)

.PHONY: asan
asan: ## the tests with address and undefined behaviour sanitizers
	$(MAKE) O=build/asan SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined' \
	    CFLAGS='-O1 -g -fno-omit-frame-pointer' all unit
	bash tests/golden/run.sh build/asan/bin
	python3 tests/property/run.py --lives 10000 build/asan/bin

# ---- fuzzing: clang's libFuzzer, a minute each unless FUZZ_SECONDS says otherwise ----

FUZZ_SECONDS ?= 60
fuzz_names = $(basename $(notdir $(wildcard tests/fuzz/fuzz_*.c)))
fuzz_sources = $(filter-out src/common/safety.c src/common/safety_test.c,$(patsubst $(O)/%.o,%.c,$(filter $(O)/src/%,$(shared) $(billing_objects)))) src/common/safety.c src/serve/request.c src/serve/link.c src/cli/cli.c $(agent_sources) \
    $(patsubst %,src/chart/%.c,label size)

$(O)/fuzz/%: tests/fuzz/%.c $(fuzz_sources) $(generated) | $(O)/.deps-check
	@mkdir -p $(@D)
	clang -std=gnu11 -D_GNU_SOURCE -pthread -g -O1 -fsanitize=fuzzer,address,undefined \
	    -Isrc -I$(O)/gen -o $@ $< $(fuzz_sources) $(O)/gen/sql_files.c -lsqlite3 -linih -lnettle -lpq

.PHONY: fuzz
fuzz: $(fuzz_names:%=$(O)/fuzz/%) ## fuzz every parser for a minute
	@for f in $(fuzz_names); do \
	    mkdir -p $(O)/fuzz/corpus/$$f; echo "== $$f"; \
	    $(O)/fuzz/$$f -max_total_time=$(FUZZ_SECONDS) -verbosity=0 -print_final_stats=1 \
	        $(O)/fuzz/corpus/$$f $$(ls -d tests/fuzz/corpus/$${f#fuzz_} 2>/dev/null) || exit 1; done

.PHONY: cover
cover: ## line and branch coverage of the unit and golden tests
	@sh scripts/deps.sh cover
	$(MAKE) O=build/cover CFLAGS='-O0 -g --coverage' LDFLAGS=--coverage all unit
	bash tests/golden/run.sh build/cover/bin
	python3 tests/property/run.py --lives 5000 build/cover/bin
	gcovr --root . --filter src/ --object-directory build/cover --print-summary --sort-uncovered

# ---- style ----

c_files = $(shell git ls-files 'src/*.[ch]' 'tests/*.[ch]')
scripts = $(shell git ls-files '*.sh' .ci/run)

.PHONY: lint
lint: all ## clang-tidy, shellcheck, mandoc
	@sh scripts/deps.sh lint check
	clang-tidy --quiet $(filter src/%.c,$(c_files)) -- -std=gnu11 -D_GNU_SOURCE -Isrc -I$(O)/gen $(shell pkg-config --cflags libpq cairo)
	shellcheck $(scripts)
	mandoc -T lint -W warning docs/man/*.[1-9]

.PHONY: format
format: ## clang-format over all C files
	@sh scripts/deps.sh lint
	clang-format -i $(c_files)
