-- 0001_billing.sql: customers, tariffs, periods, and the penny ledger. Written by `pagemeter`, one
-- command at a time; everybody else reads.
--
-- Hours are UTC hours since 1970, months are counted from January 1970. A price is integer
-- nano-pennies per GiB*h or GB*h; a penny is the minor unit of its currency. Usage is KiB*ns in two
-- limbs, as in meter.db. A numerator (KiB*ns times nano-pennies) is in three: high * 10^24 +
-- middle * 10^12 + low, so that sum() stays exact. What is said is never taken back: it is said anew.

-- Who changed what, and when. Every other row that somebody said names its change.
CREATE TABLE change_log (
    change        INTEGER NOT NULL PRIMARY KEY,
    utc_ns        INTEGER NOT NULL CHECK (utc_ns >= 0),
    who           TEXT    NOT NULL,
    what          TEXT    NOT NULL                             -- the command, in its normal form
) STRICT;

CREATE TABLE account (
    account       TEXT    NOT NULL PRIMARY KEY CHECK (length(account) BETWEEN 1 AND 64),
    name          TEXT    NOT NULL,                            -- the customer's own words: any text
    offset_h      INTEGER NOT NULL CHECK (offset_h BETWEEN -12 AND 14),
    change        INTEGER NOT NULL REFERENCES change_log (change)
) STRICT, WITHOUT ROWID;

-- From this hour on the VM is the account's: dated.h says which row holds.
CREATE TABLE vm_owner (
    vm            TEXT    NOT NULL CHECK (length(vm) = 36),
    from_hour     INTEGER NOT NULL CHECK (from_hour >= 0),
    change        INTEGER NOT NULL REFERENCES change_log (change),
    account       TEXT    NOT NULL REFERENCES account (account),
    PRIMARY KEY (vm, from_hour, change)
) STRICT, WITHOUT ROWID;

-- What people call a VM: the last one said.
CREATE TABLE vm_name (
    vm            TEXT    NOT NULL CHECK (length(vm) = 36),
    change        INTEGER NOT NULL REFERENCES change_log (change),
    name          TEXT    NOT NULL,                            -- the customer's own words: any text
    PRIMARY KEY (vm, change)
) STRICT, WITHOUT ROWID;

-- From this hour on; account '' is the default, for accounts that have none of their own.
CREATE TABLE tariff (
    account       TEXT    NOT NULL,
    from_hour     INTEGER NOT NULL CHECK (from_hour >= 0),
    change        INTEGER NOT NULL REFERENCES change_log (change),
    nano_pennies  INTEGER NOT NULL CHECK (nano_pennies BETWEEN 0 AND 100000000000),
    currency      TEXT    NOT NULL CHECK (length(currency) = 3),
    unit          TEXT    NOT NULL CHECK (unit IN ('GiBh', 'GBh')),
    PRIMARY KEY (account, from_hour, change)
) STRICT, WITHOUT ROWID;

-- How far a host's measurements have been charged: all intervals that begin before this tick are in
-- the sums of the lines. The tick is an hour cut of the host's store.
CREATE TABLE charged (
    host          TEXT    NOT NULL PRIMARY KEY CHECK (length(host) = 36),
    store         TEXT    NOT NULL CHECK (length(store) = 36), -- whose tick: another one after a restore
    tick          INTEGER NOT NULL,
    stale_from    INTEGER,                                     -- the sums from this hour on are to be made anew
    -- in open months, before that tick: usage that nobody owns, and that has no tariff
    unassigned_s  INTEGER NOT NULL CHECK (unassigned_s >= 0),
    unassigned_frac INTEGER NOT NULL CHECK (unassigned_frac BETWEEN 0 AND 999999999),
    unpriced_s    INTEGER NOT NULL CHECK (unpriced_s >= 0),
    unpriced_frac INTEGER NOT NULL CHECK (unpriced_frac BETWEEN 0 AND 999999999)
) STRICT, WITHOUT ROWID;

-- A charge line; vm '' is the account's pool, where the carries of VMs that are gone come together.
-- posted * D + carry_out = carry_in + n + transfers. n is of what was charged (see charged).
CREATE TABLE line (
    line          INTEGER NOT NULL PRIMARY KEY,
    account       TEXT    NOT NULL REFERENCES account (account),
    vm            TEXT    NOT NULL CHECK (length(vm) IN (0, 36)),
    currency      TEXT    NOT NULL CHECK (length(currency) = 3),
    unit          TEXT    NOT NULL CHECK (unit IN ('GiBh', 'GBh')),
    month         INTEGER NOT NULL CHECK (month >= 0),
    carry_in_high INTEGER NOT NULL, carry_in_middle INTEGER NOT NULL, carry_in_low INTEGER NOT NULL,
    n_high        INTEGER NOT NULL, n_middle        INTEGER NOT NULL, n_low        INTEGER NOT NULL,
    posted        INTEGER NOT NULL,                            -- pennies: the sum of its postings
    UNIQUE (month, account, vm, currency, unit),
    CHECK (carry_in_middle BETWEEN 0 AND 999999999999 AND carry_in_low BETWEEN 0 AND 999999999999),
    CHECK (n_middle BETWEEN 0 AND 999999999999 AND n_low BETWEEN 0 AND 999999999999)
) STRICT;

-- What arrived, or was changed, after its month was sealed: billed in a later one. Usage may be
-- negative (what is taken back): kib_s is, kib_s_frac never.
CREATE TABLE adjustment (
    adjustment    INTEGER NOT NULL PRIMARY KEY,
    line          INTEGER NOT NULL REFERENCES line (line),
    hour          INTEGER NOT NULL CHECK (hour >= 0),          -- of the service
    nano_pennies  INTEGER NOT NULL CHECK (nano_pennies BETWEEN 0 AND 100000000000),
    kib_s         INTEGER NOT NULL,
    kib_s_frac    INTEGER NOT NULL CHECK (kib_s_frac BETWEEN 0 AND 999999999),
    cause         TEXT    NOT NULL CHECK (cause IN ('late', 'owner', 'tariff')),
    utc_ns        INTEGER NOT NULL
) STRICT;
CREATE INDEX adjustment_line ON adjustment (line);

-- What a sealed line billed, hour by hour: with its adjustments all of its n.
CREATE TABLE rated (
    line          INTEGER NOT NULL REFERENCES line (line),
    hour          INTEGER NOT NULL CHECK (hour >= 0),
    nano_pennies  INTEGER NOT NULL CHECK (nano_pennies BETWEEN 0 AND 100000000000),
    kib_s         INTEGER NOT NULL CHECK (kib_s >= 0),
    kib_s_frac    INTEGER NOT NULL CHECK (kib_s_frac BETWEEN 0 AND 999999999),
    measured_ns   INTEGER NOT NULL CHECK (measured_ns >= 0),
    missing_ns    INTEGER NOT NULL CHECK (missing_ns >= 0),
    excluded_ns   INTEGER NOT NULL CHECK (excluded_ns >= 0),
    PRIMARY KEY (line, hour)
) STRICT, WITHOUT ROWID;

CREATE TABLE period (
    month         INTEGER NOT NULL PRIMARY KEY CHECK (month >= 0),
    sealed_ns     INTEGER NOT NULL CHECK (sealed_ns >= 0),
    entry         INTEGER NOT NULL,                            -- the last of the ledger when it was sealed
    change        INTEGER NOT NULL REFERENCES change_log (change),
    missing_hosts TEXT    NOT NULL                             -- sealed by force without these: on the bill
) STRICT;

-- Append-only. A posting is money; a transfer moves what is less than a penny between a VM's line
-- and its account's pool, and the two of it sum to 0.
CREATE TABLE ledger (
    entry         INTEGER NOT NULL PRIMARY KEY,
    utc_ns        INTEGER NOT NULL CHECK (utc_ns >= 0),
    kind          TEXT    NOT NULL CHECK (kind IN ('posting', 'transfer')),
    line          INTEGER NOT NULL REFERENCES line (line),
    pennies       INTEGER NOT NULL,                            -- posting: taken, or given back
    high          INTEGER NOT NULL, middle INTEGER NOT NULL, low INTEGER NOT NULL, -- transfer
    host          TEXT    NOT NULL,                            -- whose measurements it is from, '' for several
    tick          INTEGER NOT NULL,                            -- read up to this one
    hash          TEXT    NOT NULL UNIQUE CHECK (length(hash) = 64),
    CHECK ((kind = 'posting') = (pennies <> 0)),
    CHECK (middle BETWEEN 0 AND 999999999999 AND low BETWEEN 0 AND 999999999999)
) STRICT;
CREATE INDEX ledger_line ON ledger (line);

-- What was written for others, so that it can be compared with the ledger.
CREATE TABLE export_run (
    run           INTEGER NOT NULL PRIMARY KEY,
    utc_ns        INTEGER NOT NULL,
    format        TEXT    NOT NULL CHECK (format IN ('accountant', 'focus', 'journal', 'json')),
    from_hour     INTEGER NOT NULL,
    to_hour       INTEGER NOT NULL,
    watermark     TEXT    NOT NULL,
    entry         INTEGER NOT NULL,                            -- the head of the ledger
    hash          TEXT    NOT NULL,
    files         INTEGER NOT NULL,
    manifest      TEXT    NOT NULL                             -- sha256 of it
) STRICT;

-- What is said, posted or sealed stays.
CREATE TRIGGER change_log_kept BEFORE UPDATE ON change_log
BEGIN SELECT raise(ABORT, 'what was changed stays written'); END;
CREATE TRIGGER change_log_not_deleted BEFORE DELETE ON change_log
BEGIN SELECT raise(ABORT, 'what was changed stays written'); END;
CREATE TRIGGER account_kept BEFORE UPDATE ON account
BEGIN SELECT raise(ABORT, 'an account never changes'); END;
CREATE TRIGGER account_not_deleted BEFORE DELETE ON account
BEGIN SELECT raise(ABORT, 'accounts are never deleted'); END;
CREATE TRIGGER vm_owner_kept BEFORE UPDATE ON vm_owner
BEGIN SELECT raise(ABORT, 'who owned what stays written: say it anew'); END;
CREATE TRIGGER vm_owner_not_deleted BEFORE DELETE ON vm_owner
BEGIN SELECT raise(ABORT, 'who owned what stays written: say it anew'); END;
CREATE TRIGGER vm_name_kept BEFORE UPDATE ON vm_name
BEGIN SELECT raise(ABORT, 'names stay written: say it anew'); END;
CREATE TRIGGER vm_name_not_deleted BEFORE DELETE ON vm_name
BEGIN SELECT raise(ABORT, 'names stay written: say it anew'); END;
CREATE TRIGGER tariff_kept BEFORE UPDATE ON tariff
BEGIN SELECT raise(ABORT, 'a tariff never changes: say it anew'); END;
CREATE TRIGGER tariff_not_deleted BEFORE DELETE ON tariff
BEGIN SELECT raise(ABORT, 'tariffs are never deleted'); END;
CREATE TRIGGER line_kept BEFORE UPDATE ON line
WHEN OLD.line <> NEW.line OR OLD.account <> NEW.account OR OLD.vm <> NEW.vm
  OR OLD.currency <> NEW.currency OR OLD.unit <> NEW.unit OR OLD.month <> NEW.month
  OR EXISTS (SELECT 1 FROM period WHERE month = OLD.month)
BEGIN SELECT raise(ABORT, 'a sealed line never changes'); END;
CREATE TRIGGER line_not_deleted BEFORE DELETE ON line
BEGIN SELECT raise(ABORT, 'lines are never deleted'); END;
CREATE TRIGGER line_not_late BEFORE INSERT ON line
WHEN EXISTS (SELECT 1 FROM period WHERE month = NEW.month)
BEGIN SELECT raise(ABORT, 'a sealed period gets no lines'); END;
CREATE TRIGGER adjustment_kept BEFORE UPDATE ON adjustment
BEGIN SELECT raise(ABORT, 'an adjustment never changes'); END;
CREATE TRIGGER adjustment_not_deleted BEFORE DELETE ON adjustment
BEGIN SELECT raise(ABORT, 'adjustments are never deleted'); END;
CREATE TRIGGER adjustment_not_late BEFORE INSERT ON adjustment
WHEN EXISTS (SELECT 1 FROM line JOIN period USING (month) WHERE line.line = NEW.line)
BEGIN SELECT raise(ABORT, 'a sealed period gets no adjustments'); END;
CREATE TRIGGER rated_kept BEFORE UPDATE ON rated
WHEN EXISTS (SELECT 1 FROM line JOIN period USING (month) WHERE line.line = NEW.line)
  OR OLD.line <> NEW.line OR OLD.hour <> NEW.hour OR OLD.nano_pennies <> NEW.nano_pennies
BEGIN SELECT raise(ABORT, 'what was rated never changes'); END;
CREATE TRIGGER rated_not_deleted BEFORE DELETE ON rated
BEGIN SELECT raise(ABORT, 'what was rated never changes'); END;
CREATE TRIGGER rated_not_late BEFORE INSERT ON rated
WHEN EXISTS (SELECT 1 FROM line JOIN period USING (month) WHERE line.line = NEW.line)
BEGIN SELECT raise(ABORT, 'a sealed period is rated'); END;
CREATE TRIGGER period_kept BEFORE UPDATE ON period
BEGIN SELECT raise(ABORT, 'a seal is never broken'); END;
CREATE TRIGGER period_not_deleted BEFORE DELETE ON period
BEGIN SELECT raise(ABORT, 'a seal is never broken'); END;
CREATE TRIGGER ledger_kept BEFORE UPDATE ON ledger
BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_not_deleted BEFORE DELETE ON ledger
BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_not_late BEFORE INSERT ON ledger
WHEN EXISTS (SELECT 1 FROM line JOIN period USING (month) WHERE line.line = NEW.line)
  OR NEW.entry <> (SELECT coalesce(max(entry), 0) + 1 FROM ledger)
BEGIN SELECT raise(ABORT, 'the ledger goes on at its end, and not in a sealed period'); END;
CREATE TRIGGER export_run_kept BEFORE UPDATE ON export_run
BEGIN SELECT raise(ABORT, 'what was exported stays written'); END;
CREATE TRIGGER export_run_not_deleted BEFORE DELETE ON export_run
BEGIN SELECT raise(ABORT, 'what was exported stays written'); END;
