# Pagemeter. `make help` lists the targets; README.md says what to expect of them.

VERSION = 0.1.0

PREFIX ?= /usr/local
DESTDIR ?=
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
LIBEXECDIR ?= $(PREFIX)/libexec/pagemeter
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system

# where things are built; the targets asan, torture and cover use folders of their own
O ?= build
CC = gcc
CFLAGS ?= -O2 -g
SANITIZE =
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -pthread -fstack-protector-strong -D_FORTIFY_SOURCE=2 \
    -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
    -Werror=implicit -Werror=int-conversion -Werror=incompatible-pointer-types -Isrc -I$(O)/gen $(CFLAGS) $(SANITIZE)
ALL_LDFLAGS = -pthread -Wl,-z,relro,-z,now -Wl,--as-needed $(SANITIZE) $(LDFLAGS)

common = error number units uuid calendar clock lines log notify config local_socket csv utf8 cell json uri
meter = record trace_read trace_write meter lives integrate source source_replay source_sim \
    sim_host stream_connect replay
store = db sqlite store_open migrate store_append store_load store_derive store_usage store_audit \
    store_prune store_backup ship_cursor
balloon = reason policy ledger share figures_parse growth alerts vm controller_grow \
    controller_shrink plan plan_done engine mail actuator_dry ask reply request recent settings \
    journal control report decision memo ticks operator tally reaction
balloon_store = balloon_store balloon_read balloon_rollup balloon_lines balloon_tally
billing = currency price charge_line month dated chain figure
daemon = pagemeterd daemon sampler committer queue stream host_id
# from usage to postings: needs billing, and billing.db
charging = book vm_names sheet late ledger charge sealing hours statement statement_usage statement_span \
    statement_names totals publish table export export_parts export_accountant export_totals export_json \
    invoice export_focus export_journal
billing_store = billing_store billing_lines billing_rated billing_export query postgres postgres_place postgres_text \
    central central_migrate store_retire
# a store to PostgreSQL
shipping = ship_read ship_send ship_store borrow
cli = main cli usage usage_table audit replay replay_central record subscription top names backup db db_host balloon \
    balloon_list balloon_change balloon_simulate explain answer books account tariff \
    charge close export report nightly nightly_export audit_exports chart \
    ship ship_run ship_notes ship_status
# what pagemeter balloon simulate has of src/balloon
simulate = history simulate sim_model sim_guest sim_agent sim_world sim_time sim_run

objects = $(common:%=src/common/%.o) $(meter:%=src/meter/%.o) $(store:%=src/store/%.o) \
    gen/sql_files.o
meter_objects = $(addprefix $(O)/,$(objects))
balloon_objects = $(balloon:%=$(O)/src/balloon/%.o) $(balloon_store:%=$(O)/src/store/%.o)
shared = $(meter_objects) $(balloon_objects)
# pagemeter only, not the daemons; needs -lnettle
billing_objects = $(billing:%=$(O)/src/billing/%.o)
charging_objects = $(charging:%=$(O)/src/billing/%.o) $(billing_store:%=$(O)/src/store/%.o)
shipping_objects = $(shipping:%=$(O)/src/store/%.o)
# what charts read
series_store = series series_range series_ticks series_check series_place
charging_objects += $(series_store:%=$(O)/src/store/%.o)
# charts as data; and drawn, which needs -lcairo
chart = series points downsample scale label size cost guest chart caption chart_json
drawing = theme picture picture_plot picture_legend page save many
chart_objects = $(chart:%=$(O)/src/chart/%.o)
drawing_objects = $(drawing:%=$(O)/src/chart/%.o)
cli_for_charts = cli books names usage_table
# guests in a simulation have modd's own pace
sim_agent_objects = $(O)/src/agent/pace.o $(O)/src/agent/figures_format.o
cli_objects = $(cli:%=$(O)/src/cli/%.o) $(shipping_objects) $(simulate:%=$(O)/src/balloon/%.o) $(sim_agent_objects)
daemon_objects = $(daemon:%=$(O)/src/meter/%.o) $(O)/src/xen/source_xen.o $(O)/src/xen/hypervisor.o
# what pageballoond has of src/xen; needs -lxenctrl -lxenstore
actuator_objects = $(patsubst %,$(O)/src/xen/%.o,hypervisor xenstore guests_work guests actuator_xen)
balloond_objects = $(patsubst %,$(O)/src/balloon/%.o,pageballoond balloond actuator_xe rivals) \
    $(actuator_objects)
safety = $(O)/src/common/safety.o
safety_test = $(O)/src/common/safety_test.o

sql_sources = $(wildcard schema/*/*.sql schema/*/*/*.sql sql/*/*.sql sql/*/*/*.sql sql/*/*/*/*.sql)
generated = $(O)/gen/store/sql.h $(O)/gen/version.h

programs = $(O)/bin/pagemeterd $(O)/bin/pageballoond $(O)/bin/pagemeter $(O)/bin/pagemeter-names \
    $(O)/bin/pagemeter-chart $(O)/bin/modd
test_programs = $(O)/test/bin/pagemeterd $(O)/test/bin/pagemeter

.DEFAULT_GOAL = all
include src/serve/serve.mk

.PHONY: all
all: $(O)/.deps-build $(programs) ## the programs, in build/bin/ (the default)

include src/agent/agent.mk
include tests/tests.mk

$(O)/.deps-build: scripts/deps.sh
	@sh scripts/deps.sh build
	@mkdir -p $(O) && touch $@

$(O)/gen/store/sql.h $(O)/gen/sql_files.c &: $(sql_sources) scripts/embed.sh
	@mkdir -p $(O)/gen/store
	sh scripts/embed.sh $(O)/gen/store/sql.h $(O)/gen/sql_files.c

$(O)/gen/version.h: Makefile
	@mkdir -p $(O)/gen
	@printf '#define PAGEMETER_VERSION "%s"\n' '$(VERSION)' >$@

$(O)/src/%.o: src/%.c $(generated) | $(O)/.deps-build
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/src/store/postgres.o: ALL_CFLAGS += $(shell pkg-config --cflags libpq)
$(drawing_objects): ALL_CFLAGS += $(shell pkg-config --cflags cairo)

$(O)/gen/%.o: $(O)/gen/%.c $(generated) | $(O)/.deps-build
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/bin/pagemeterd: $(daemon_objects) $(meter_objects) $(safety)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lxenctrl -lsqlite3 -linih

$(O)/bin/pagemeter: $(cli_objects) $(billing_objects) $(charging_objects) $(shared) $(safety)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lsqlite3 -linih -ljson-c -lnettle -lpq

$(O)/bin/pagemeter-chart: $(O)/src/chart/pagemeter_chart.o $(drawing_objects) $(chart_objects) $(shipping_objects) \
    $(cli_for_charts:%=$(O)/src/cli/%.o) $(billing_objects) $(charging_objects) $(shared) $(safety)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcairo -lm -lsqlite3 -linih -lnettle -lpq

$(O)/bin/pageballoond: $(balloond_objects) $(shared) $(safety)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lxenctrl -lxenstore -lsqlite3 -linih

$(O)/bin/pagemeter-names: $(O)/src/xen/names_main.o
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lxenstore

# The same programs with safeties that a test can turn off.
$(O)/test/bin/pagemeterd: $(daemon_objects) $(meter_objects) $(safety_test)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lxenctrl -lsqlite3 -linih

# a month of a test has few hours: they are sealed a few at a time, as those of a fleet are
$(O)/test/sealing.o: src/billing/sealing.c $(generated) | $(O)/.deps-build
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -DRATED_AT_ONCE=3 -MMD -MP -c -o $@ $<

$(O)/test/bin/pagemeter: $(cli_objects) $(billing_objects) $(charging_objects:%/sealing.o=$(O)/test/sealing.o) $(shared) $(safety_test)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lsqlite3 -linih -ljson-c -lnettle -lpq

-include $(shell find $(O) -name '*.d' 2>/dev/null)

.PHONY: test-programs
test-programs: $(O)/.deps-build $(test_programs)

.PHONY: install
install: all ## programs, unit, manuals, schema, queries, example configuration
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(SBINDIR) $(DESTDIR)$(LIBEXECDIR) \
	    $(DESTDIR)$(UNITDIR) $(DESTDIR)$(SYSCONFDIR)/pagemeter $(DESTDIR)$(DATADIR)/pagemeter
	install -m 755 $(O)/bin/pagemeter $(O)/bin/pagemeter-serve $(DESTDIR)$(BINDIR)
	install -m 755 $(O)/bin/pagemeterd $(O)/bin/pageballoond $(DESTDIR)$(SBINDIR)
	install -m 755 $(O)/bin/pagemeter-names $(O)/bin/pagemeter-chart $(DESTDIR)$(LIBEXECDIR)
	for page in docs/man/*.[1-9]; do \
	    install -D -m 644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit 1; done
	for unit in $(filter-out etc/modd.service,$(wildcard etc/*.service etc/*.timer)); do \
	    sed 's|/usr/sbin/|$(SBINDIR)/|g; s|/usr/bin/pagemeter|$(BINDIR)/pagemeter|g' $$unit \
	        >$(DESTDIR)$(UNITDIR)/$${unit##*/} || exit 1; done
	install -D -m 644 etc/pagemeter.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/pagemeter.conf
	install -d $(DESTDIR)$(DATADIR)/doc/pagemeter
	install -m 644 docs/*.md README.md CHANGELOG.md LICENSE $(DESTDIR)$(DATADIR)/doc/pagemeter
	cp -R schema sql reports $(DESTDIR)$(DATADIR)/pagemeter/
	install -m 644 etc/pagemeter.conf $(DESTDIR)$(DATADIR)/pagemeter/pagemeter.conf.example
	test -e $(DESTDIR)$(SYSCONFDIR)/pagemeter/pagemeter.conf || \
	    install -m 644 etc/pagemeter.conf $(DESTDIR)$(SYSCONFDIR)/pagemeter/

.PHONY: clean
clean: ## remove what was built, but not the lab's images
	rm -rf $(O)/src $(O)/gen $(O)/bin $(O)/modd $(O)/test $(O)/.deps-* build/asan build/cover build/torture

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
