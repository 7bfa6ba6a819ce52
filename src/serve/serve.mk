# pagemeter-serve: HTTP, in a program of its own, so that dom0 needs no libmicrohttpd. Included by the Makefile.

serve = request link access weeks reader answer answer_fleet answer_vm answer_series answer_balloon \
    answer_account exposition metrics metrics_balloon metrics_meter metrics_ship totals cache response slow listen server
serve_pages = $(wildcard src/serve/page/*) third_party/uplot/uPlot.esm.js third_party/uplot/uPlot.min.css docs/openapi.json
serve_sql = $(wildcard sql/serve/*.sql)
serve_objects = $(serve:%=$(O)/src/serve/%.o) $(O)/gen/serve_files.o

$(O)/gen/serve_files.c: $(serve_pages) $(serve_sql) scripts/embed-serve.sh
	@mkdir -p $(@D)
	sh scripts/embed-serve.sh $(serve_pages) -- $(serve_sql) >$@.new
	@mv $@.new $@

$(O)/bin/pagemeter-serve: $(O)/src/serve/main.o $(serve_objects) $(chart_objects) $(billing_objects) $(charging_objects) $(shipping_objects) $(shared) $(safety)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lmicrohttpd -lsqlite3 -linih -lnettle -lpq

$(O)/test/bin/pagemeter-serve: $(O)/src/serve/main.o $(serve_objects) $(chart_objects) $(billing_objects) \
    $(charging_objects) $(shipping_objects) $(shared) $(safety_test)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lmicrohttpd -lsqlite3 -linih -lnettle -lpq

test_programs += $(O)/test/bin/pagemeter-serve
$(O)/test/unit/test_cache: $(O)/src/serve/cache.o
$(O)/test/unit/test_weeks: $(O)/src/serve/weeks.o
$(O)/test/unit/test_slow: $(O)/src/serve/slow.o

programs += $(O)/bin/pagemeter-serve
cli_objects += $(O)/src/cli/serve.o $(O)/src/cli/link.o $(O)/src/serve/link.o

.PHONY: check-serve
check-serve: all test-programs $(O)/.deps-check $(O)/browser/.installed ## what pagemeter serve answers, and what it refuses
	python3 tests/serve/api.py $(O)/bin
	bash tests/serve/mutants.sh $(O)
	python3 tests/serve/engines.py $(O)/bin
	python3 tests/serve/metrics.py $(O)/bin
	python3 tests/serve/grafana.py $(O)/bin
	python3 tests/serve/page.py $(O)/bin $(O)/browser $(O)/serve
check: check-serve

# playwright-core alone, by the lock file; the browser is Debian's
$(O)/browser/.installed: tests/serve/package.json tests/serve/package-lock.json | $(O)/.deps-check
	@sh scripts/deps.sh browser
	@mkdir -p $(@D)
	cp tests/serve/package.json tests/serve/package-lock.json $(@D)
	cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@
