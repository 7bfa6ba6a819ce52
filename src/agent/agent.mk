# modd, the guest's agent: static and small, so that a guest needs nothing for it and hardly notices it.
# Included by the Makefile.

agent = kernel_text figures_format pace wire guest xenbus agent
agent_objects = $(agent:%=$(O)/src/agent/%.o)
agent_sources = $(agent:%=src/agent/%.c)
modd_objects = $(patsubst %,$(O)/modd/src/%.o,$(agent:%=agent/%) agent/files agent/modd common/number)

# No thread, no sanitizer, no table that only a debugger or an unwinder reads.
MODD_CC ?= musl-gcc
MODD_CFLAGS = -std=gnu11 -D_GNU_SOURCE -Os -fstack-protector-strong -ffunction-sections -fdata-sections \
    -fno-asynchronous-unwind-tables -fno-ident -fno-pie \
    -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
    -Werror=implicit -Isrc -I$(O)/gen
MODD_LDFLAGS = -static -no-pie -s -Wl,--gc-sections -Wl,-z,relro,-z,now -Wl,-z,noseparate-code \
    -Wl,--build-id=none

# Less than the dom0 programs need: it may be built in a guest.
$(O)/.deps-guest: scripts/deps.sh
	@sh scripts/deps.sh guest
	@mkdir -p $(O) && touch $@

$(O)/modd/src/%.o: src/%.c $(O)/gen/version.h | $(O)/.deps-guest
	@mkdir -p $(@D)
	$(MODD_CC) $(MODD_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/bin/modd: $(modd_objects)
	@mkdir -p $(@D)
	$(MODD_CC) $(MODD_CFLAGS) $(MODD_LDFLAGS) -o $@ $^

.PHONY: modd
modd: $(O)/bin/modd ## the guest's agent only, in build/bin/

modd_bytes_max = 32768

.PHONY: modd-size
modd-size: $(O)/bin/modd ## print the agent's size, and fail when it is above its mark
	@size=$$(stat -c %s $<); echo "modd: $$size bytes of at most $(modd_bytes_max)"; \
	    [ $$size -le $(modd_bytes_max) ]

# What the guest starts services with: systemd or sysv. For DESTDIR say which.
INIT ?= $(if $(wildcard $(DESTDIR)/run/systemd/system $(DESTDIR)/lib/systemd/systemd $(DESTDIR)/usr/lib/systemd/systemd),systemd,sysv)

.PHONY: install-guest
install-guest: $(O)/bin/modd ## the agent, its unit or init script (INIT=systemd|sysv), its manual
	install -D -m 755 $< $(DESTDIR)$(SBINDIR)/modd
	install -D -m 644 docs/man/modd.8 $(DESTDIR)$(MANDIR)/man8/modd.8
ifeq ($(INIT),systemd)
	install -d $(DESTDIR)$(UNITDIR)
	sed 's|/usr/sbin/|$(SBINDIR)/|g' etc/modd.service >$(DESTDIR)$(UNITDIR)/modd.service
	@echo "To start it now and at each boot: systemctl enable --now modd"
else
	install -d $(DESTDIR)$(SYSCONFDIR)/init.d
	sed 's|/usr/sbin/|$(SBINDIR)/|g' etc/modd.init >$(DESTDIR)$(SYSCONFDIR)/init.d/modd
	chmod 755 $(DESTDIR)$(SYSCONFDIR)/init.d/modd
	@echo "To start it now: $(SYSCONFDIR)/init.d/modd start; at each boot: update-rc.d modd defaults, or chkconfig --add modd"
endif

.PHONY: lab-modd
lab-modd: $(O)/bin/modd ## the agent in guests of a real Xen, and what it holds locked there
	bash tests/lab/build.sh
	bash tests/lab/run.sh -0 640 -t 560 -o build/lab/results/modd -g $<:/etc/rc.d/modd -c tests/lab/modd.sh
