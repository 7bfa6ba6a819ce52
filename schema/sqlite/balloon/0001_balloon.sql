-- 0001_balloon.sql: memory on demand: what was set, what was decided, what guests said. Written by
-- pageballoond only; everybody else reads. Never for money.
--
-- Times are integers in nanoseconds of the wall clock (UTC). Memory is KiB. A VM is known by its
-- uuid; the host's own settings have the scope 'host'.

-- What the operator set, and nothing else: what is not here is as the configuration says.
CREATE TABLE setting (
    scope         TEXT    NOT NULL CHECK (scope = 'host' OR length(scope) = 36),
    key           TEXT    NOT NULL CHECK (length(key) BETWEEN 1 AND 23),
    value         TEXT    NOT NULL CHECK (length(value) BETWEEN 1 AND 63),
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

-- Who changed what. '' in old or new: it was not, or is no longer, set.
CREATE TABLE setting_change (
    change        INTEGER NOT NULL PRIMARY KEY,
    utc_ns        INTEGER NOT NULL,
    who           TEXT    NOT NULL CHECK (length(who) BETWEEN 1 AND 47),
    scope         TEXT    NOT NULL,
    key           TEXT    NOT NULL,
    old           TEXT    NOT NULL,
    new           TEXT    NOT NULL
) STRICT;
CREATE INDEX setting_change_scope ON setting_change (scope, change);

-- Memory kept free for a VM that is to come. vm is '' when only its name is known.
CREATE TABLE reservation (
    vm            TEXT    NOT NULL CHECK (vm = '' OR length(vm) = 36),
    name          TEXT    NOT NULL CHECK (length(name) <= 63 AND (vm <> '' OR name <> '')),
    size_kib      INTEGER NOT NULL CHECK (size_kib BETWEEN 1 AND 1099511627776),
    expires_ns    INTEGER NOT NULL,
    PRIMARY KEY (vm, name)
) STRICT, WITHOUT ROWID;

-- Each accepted decision with its inputs. Words are those of src/balloon/reason.h; failure '-': it
-- was carried out, 'dry-run': it was only decided.
CREATE TABLE decision (
    decision      INTEGER NOT NULL PRIMARY KEY,
    utc_ns        INTEGER NOT NULL,
    at_ns         INTEGER NOT NULL,                            -- CLOCK_BOOTTIME
    vm            TEXT    NOT NULL CHECK (length(vm) = 36),
    domid         INTEGER NOT NULL CHECK (domid BETWEEN 0 AND 65535),
    action        TEXT    NOT NULL
                  CHECK (action IN ('grow', 'shrink', 'cap', 'claim-end', 'nudge')),
    reason        TEXT    NOT NULL,
    failure       TEXT    NOT NULL,
    cause         TEXT    NOT NULL CHECK (cause IN ('timer', 'tick', 'record', 'operator')),
    cause_number  INTEGER NOT NULL CHECK (cause_number >= 0),  -- the tick's seq, or the record's
    cause_domid   INTEGER NOT NULL CHECK (cause_domid BETWEEN 0 AND 65535),
    before_kib    INTEGER NOT NULL CHECK (before_kib >= 0),
    target_kib    INTEGER NOT NULL CHECK (target_kib >= 0),
    cap_kib       INTEGER NOT NULL CHECK (cap_kib >= 0),
    claim_kib     INTEGER NOT NULL CHECK (claim_kib >= 0),
    need_kib      INTEGER NOT NULL CHECK (need_kib >= 0),
    available_kib INTEGER NOT NULL CHECK (available_kib >= 0),
    headroom_kib  INTEGER NOT NULL CHECK (headroom_kib >= 0),
    tot_kib       INTEGER NOT NULL CHECK (tot_kib >= 0),
    rate_kib_s    INTEGER NOT NULL CHECK (rate_kib_s >= 0),
    surplus_kib   INTEGER NOT NULL
) STRICT;
CREATE INDEX decision_time ON decision (utc_ns);
CREATE INDEX decision_vm ON decision (vm, utc_ns);

-- What guests said, thinned: one in ten seconds, but each by which available moved much.
CREATE TABLE figure (
    figure        INTEGER NOT NULL PRIMARY KEY,
    utc_ns        INTEGER NOT NULL,
    vm            TEXT    NOT NULL CHECK (length(vm) = 36),
    domid         INTEGER NOT NULL CHECK (domid BETWEEN 0 AND 65535),
    fallback      INTEGER NOT NULL CHECK (fallback IN (0, 1)), -- another agent's word
    seq           INTEGER NOT NULL CHECK (seq >= 0),
    up_ms         INTEGER NOT NULL CHECK (up_ms >= 0),
    tot_kib       INTEGER NOT NULL CHECK (tot_kib >= 0),       -- allocated, the hypervisor's word
    target_kib    INTEGER NOT NULL CHECK (target_kib >= 0),
    cap_kib       INTEGER NOT NULL CHECK (cap_kib >= 0),
    need_kib      INTEGER NOT NULL CHECK (need_kib >= 0),
    headroom_kib  INTEGER NOT NULL CHECK (headroom_kib >= 0),
    current_kib   INTEGER NOT NULL CHECK (current_kib >= 0),
    total_kib     INTEGER NOT NULL CHECK (total_kib >= 0),
    free_kib      INTEGER NOT NULL CHECK (free_kib >= 0),
    available_kib INTEGER NOT NULL CHECK (available_kib >= 0),
    cached_kib    INTEGER NOT NULL CHECK (cached_kib >= 0),
    swap_kib      INTEGER NOT NULL CHECK (swap_kib >= 0),
    swap_free_kib INTEGER NOT NULL CHECK (swap_free_kib >= 0),
    committed_kib INTEGER NOT NULL CHECK (committed_kib >= 0),
    -- counters of the guest's kernel; beyond 2^63 - 1 they stay there
    swap_in       INTEGER NOT NULL CHECK (swap_in >= 0),
    swap_out      INTEGER NOT NULL CHECK (swap_out >= 0),
    refaults      INTEGER NOT NULL CHECK (refaults >= 0),
    major_faults  INTEGER NOT NULL CHECK (major_faults >= 0),
    oom_kills     INTEGER NOT NULL CHECK (oom_kills >= 0),
    stall_some_us INTEGER NOT NULL CHECK (stall_some_us >= 0),
    stall_full_us INTEGER NOT NULL CHECK (stall_full_us >= 0),
    flags         INTEGER NOT NULL CHECK (flags >= 0)
) STRICT;
CREATE INDEX figure_time ON figure (utc_ns);
CREATE INDEX figure_vm ON figure (vm, utc_ns);

-- What a person should hear of, once when it begins.
CREATE TABLE alert (
    alert         INTEGER NOT NULL PRIMARY KEY,
    utc_ns        INTEGER NOT NULL,
    vm            TEXT    NOT NULL CHECK (length(vm) = 36),
    domid         INTEGER NOT NULL CHECK (domid BETWEEN 0 AND 65535),
    reason        TEXT    NOT NULL
) STRICT;
CREATE INDEX alert_time ON alert (utc_ns);

-- So many entries were not kept before this time, since the disk was slower than they came.
CREATE TABLE lost (
    lost          INTEGER NOT NULL PRIMARY KEY,
    utc_ns        INTEGER NOT NULL,
    entries       INTEGER NOT NULL CHECK (entries > 0)
) STRICT;

CREATE TRIGGER setting_change_kept BEFORE UPDATE ON setting_change
BEGIN SELECT raise(ABORT, 'who changed what never changes'); END;
CREATE TRIGGER setting_change_not_deleted BEFORE DELETE ON setting_change
BEGIN SELECT raise(ABORT, 'who changed what is never deleted'); END;
CREATE TRIGGER decision_kept BEFORE UPDATE ON decision
BEGIN SELECT raise(ABORT, 'a decision never changes'); END;
CREATE TRIGGER figure_kept BEFORE UPDATE ON figure
BEGIN SELECT raise(ABORT, 'a figure never changes'); END;
CREATE TRIGGER alert_kept BEFORE UPDATE ON alert
BEGIN SELECT raise(ABORT, 'an alert never changes'); END;
