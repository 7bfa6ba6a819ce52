-- 0002_billing.sql: customers, tariffs, periods, and the penny ledger. Written by the commands of
-- `pagemeter` that keep books, one at a time; everybody else reads.
--
-- Tables and columns are those of schema/sqlite/billing/. What is said is never taken back: it is said
-- anew, and triggers refuse the rest.

CREATE SCHEMA IF NOT EXISTS billing;
SET LOCAL search_path = billing;

-- Who changed what, and when. Every other row that somebody said names its change.
CREATE TABLE change_log (
    change        bigint NOT NULL PRIMARY KEY,
    utc_ns        bigint NOT NULL CHECK (utc_ns >= 0),
    who           text COLLATE "C" NOT NULL,
    what          text COLLATE "C" NOT NULL                    -- the command, in its normal form
);

CREATE TABLE account (
    account       text COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(account) BETWEEN 1 AND 64),
    name          text COLLATE "C" NOT NULL,                   -- the customer's own words: any text
    offset_h      bigint NOT NULL CHECK (offset_h BETWEEN -12 AND 14),
    change        bigint NOT NULL REFERENCES change_log (change)
);

-- From this hour on the VM is the account's: dated.h says which row holds.
CREATE TABLE vm_owner (
    vm            text COLLATE "C" NOT NULL CHECK (length(vm) = 36),
    from_hour     bigint NOT NULL CHECK (from_hour >= 0),
    change        bigint NOT NULL REFERENCES change_log (change),
    account       text COLLATE "C" NOT NULL REFERENCES account (account),
    PRIMARY KEY (vm, from_hour, change)
);

-- What people call a VM: the last one said.
CREATE TABLE vm_name (
    vm            text COLLATE "C" NOT NULL CHECK (length(vm) = 36),
    change        bigint NOT NULL REFERENCES change_log (change),
    name          text COLLATE "C" NOT NULL,                   -- the customer's own words: any text
    PRIMARY KEY (vm, change)
);

-- From this hour on; account '' is the default, for accounts that have none of their own.
CREATE TABLE tariff (
    account       text COLLATE "C" NOT NULL,
    from_hour     bigint NOT NULL CHECK (from_hour >= 0),
    change        bigint NOT NULL REFERENCES change_log (change),
    nano_pennies  bigint NOT NULL CHECK (nano_pennies BETWEEN 0 AND 100000000000),
    currency      text COLLATE "C" NOT NULL CHECK (length(currency) = 3),
    unit          text COLLATE "C" NOT NULL CHECK (unit IN ('GiBh', 'GBh')),
    PRIMARY KEY (account, from_hour, change)
);

-- How far a store's measurements have been charged: all intervals that begin before this tick, an hour
-- cut in the store's own numbers, are in the sums of the lines.
CREATE TABLE charged (
    store         text COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(store) = 36),
    host          text COLLATE "C" NOT NULL CHECK (length(host) = 36),
    tick          bigint NOT NULL,
    stale_from    bigint,                                      -- the sums from this hour on are to be made anew
    -- in open months, before that tick: usage that nobody owns, and that has no tariff
    unassigned_s  bigint NOT NULL CHECK (unassigned_s >= 0),
    unassigned_frac bigint NOT NULL CHECK (unassigned_frac BETWEEN 0 AND 999999999),
    unpriced_s    bigint NOT NULL CHECK (unpriced_s >= 0),
    unpriced_frac bigint NOT NULL CHECK (unpriced_frac BETWEEN 0 AND 999999999)
);

-- A charge line; vm '' is the account's pool, where the carries of VMs that are gone come together.
-- posted * D + carry_out = carry_in + n + transfers. n is of what was charged (see charged).
CREATE TABLE line (
    line          bigint NOT NULL PRIMARY KEY,
    account       text COLLATE "C" NOT NULL REFERENCES account (account),
    vm            text COLLATE "C" NOT NULL CHECK (length(vm) IN (0, 36)),
    currency      text COLLATE "C" NOT NULL CHECK (length(currency) = 3),
    unit          text COLLATE "C" NOT NULL CHECK (unit IN ('GiBh', 'GBh')),
    month         bigint NOT NULL CHECK (month >= 0),
    carry_in_high bigint NOT NULL, carry_in_middle bigint NOT NULL, carry_in_low bigint NOT NULL,
    n_high        bigint NOT NULL, n_middle        bigint NOT NULL, n_low        bigint NOT NULL,
    posted        bigint NOT NULL,                             -- pennies: the sum of its postings
    UNIQUE (month, account, vm, currency, unit),
    CHECK (carry_in_middle BETWEEN 0 AND 999999999999 AND carry_in_low BETWEEN 0 AND 999999999999),
    CHECK (n_middle BETWEEN 0 AND 999999999999 AND n_low BETWEEN 0 AND 999999999999)
);

-- What arrived, or was changed, after its month was sealed: billed in a later one. Usage may be
-- negative (what is taken back): kib_s is, kib_s_frac never.
CREATE TABLE adjustment (
    adjustment    bigint NOT NULL PRIMARY KEY,
    line          bigint NOT NULL REFERENCES line (line),
    hour          bigint NOT NULL CHECK (hour >= 0),           -- of the service
    nano_pennies  bigint NOT NULL CHECK (nano_pennies BETWEEN 0 AND 100000000000),
    kib_s         bigint NOT NULL,
    kib_s_frac    bigint NOT NULL CHECK (kib_s_frac BETWEEN 0 AND 999999999),
    cause         text COLLATE "C" NOT NULL CHECK (cause IN ('late', 'owner', 'tariff')),
    utc_ns        bigint NOT NULL
);
CREATE INDEX adjustment_line ON adjustment (line);

-- What a sealed line billed, hour by hour: with its adjustments all of its n.
CREATE TABLE rated (
    line          bigint NOT NULL,                             -- of a line: none_late() looks
    hour          bigint NOT NULL CHECK (hour >= 0),
    nano_pennies  bigint NOT NULL CHECK (nano_pennies BETWEEN 0 AND 100000000000),
    kib_s         bigint NOT NULL CHECK (kib_s >= 0),
    kib_s_frac    bigint NOT NULL CHECK (kib_s_frac BETWEEN 0 AND 999999999),
    measured_ns   bigint NOT NULL CHECK (measured_ns >= 0),
    missing_ns    bigint NOT NULL CHECK (missing_ns >= 0),
    excluded_ns   bigint NOT NULL CHECK (excluded_ns >= 0),
    PRIMARY KEY (line, hour)
);

CREATE TABLE period (
    month         bigint NOT NULL PRIMARY KEY CHECK (month >= 0),
    sealed_ns     bigint NOT NULL CHECK (sealed_ns >= 0),
    entry         bigint NOT NULL,                             -- the last of the ledger when it was sealed
    change        bigint NOT NULL REFERENCES change_log (change),
    missing_hosts text COLLATE "C" NOT NULL                    -- sealed by force without these: on the bill
);

-- Append-only. A posting is money; a transfer moves what is less than a penny between a VM's line
-- and its account's pool, and the two of it sum to 0.
CREATE TABLE ledger (
    entry         bigint NOT NULL PRIMARY KEY,
    utc_ns        bigint NOT NULL CHECK (utc_ns >= 0),
    kind          text COLLATE "C" NOT NULL CHECK (kind IN ('posting', 'transfer')),
    line          bigint NOT NULL REFERENCES line (line),
    pennies       bigint NOT NULL,                             -- posting: taken, or given back
    high          bigint NOT NULL, middle bigint NOT NULL, low bigint NOT NULL, -- transfer
    host          text COLLATE "C" NOT NULL,                   -- whose measurements it is from, '' for several
    tick          bigint NOT NULL,                             -- read up to this one
    hash          text COLLATE "C" NOT NULL UNIQUE CHECK (length(hash) = 64),
    CHECK ((kind = 'posting') = (pennies <> 0)),
    CHECK (middle BETWEEN 0 AND 999999999999 AND low BETWEEN 0 AND 999999999999)
);
CREATE INDEX ledger_line ON ledger (line);

-- What was written for others, so that it can be compared with the ledger.
CREATE TABLE export_run (
    run           bigint NOT NULL PRIMARY KEY,
    utc_ns        bigint NOT NULL,
    format        text COLLATE "C" NOT NULL CHECK (format IN ('accountant', 'focus', 'journal', 'json')),
    from_hour     bigint NOT NULL,
    to_hour       bigint NOT NULL,
    watermark     text COLLATE "C" NOT NULL,
    entry         bigint NOT NULL,                             -- the head of the ledger
    hash          text COLLATE "C" NOT NULL,
    files         bigint NOT NULL,
    manifest      text COLLATE "C" NOT NULL                    -- sha256 of it
);

-- ---- what is said, posted or sealed stays ----

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0];
END
$$;

DO $$
DECLARE
    v record;
BEGIN
    FOR v IN SELECT * FROM (VALUES
        ('change_log', true, 'what was changed stays written'),
        ('account', true, 'an account never changes, and stays'),
        ('vm_owner', true, 'who owned what stays written: say it anew'),
        ('vm_name', true, 'names stay written: say it anew'),
        ('tariff', true, 'a tariff never changes, and stays: say it anew'),
        ('line', false, 'lines are never deleted'),
        ('adjustment', true, 'an adjustment never changes, and stays'),
        ('rated', false, 'what was rated never changes'),
        ('period', true, 'a seal is never broken'),
        ('ledger', true, 'the ledger is append-only'),
        ('export_run', true, 'what was exported stays written')) AS t (name, is_fixed, message)
    LOOP
        IF v.is_fixed THEN
            EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION refuse(%L)',
                           v.name || '_kept', v.name, v.message);
        END IF;
        EXECUTE format('CREATE TRIGGER %I BEFORE DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse(%L)',
                       v.name || '_not_deleted', v.name, v.message);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse(%L)',
                       v.name || '_not_truncated', v.name, v.message);
    END LOOP;
END
$$;

CREATE FUNCTION line_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.line <> NEW.line OR OLD.account <> NEW.account OR OLD.vm <> NEW.vm
            OR OLD.currency <> NEW.currency OR OLD.unit <> NEW.unit OR OLD.month <> NEW.month
            OR EXISTS (SELECT 1 FROM billing.period AS p WHERE p.month = OLD.month) THEN
        RAISE EXCEPTION 'a sealed line never changes';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER line_kept BEFORE UPDATE ON line FOR EACH ROW EXECUTE FUNCTION line_kept();

CREATE FUNCTION line_not_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM billing.period AS p WHERE p.month = NEW.month) THEN
        RAISE EXCEPTION 'a sealed period gets no lines';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER line_not_late BEFORE INSERT ON line FOR EACH ROW EXECUTE FUNCTION line_not_late();

-- For tables whose rows belong to a line.
CREATE FUNCTION not_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM billing.line AS l JOIN billing.period AS p ON p.month = l.month
                WHERE l.line = NEW.line) THEN
        RAISE EXCEPTION '%', TG_ARGV[0];
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER adjustment_not_late BEFORE INSERT ON adjustment
    FOR EACH ROW EXECUTE FUNCTION not_late('a sealed period gets no adjustments');
-- The same of the rows of a statement together, and that their lines are there: a month of a fleet has
-- millions.
CREATE FUNCTION none_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1
                 FROM (SELECT DISTINCT r.line FROM added AS r) AS a
                 LEFT JOIN billing.line AS l ON l.line = a.line
                 LEFT JOIN billing.period AS p ON p.month = l.month
                WHERE l.line IS NULL OR p.month IS NOT NULL) THEN
        RAISE EXCEPTION '%', TG_ARGV[0];
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER rated_not_late AFTER INSERT ON rated REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION none_late('a sealed period is rated, or a line is not there');
CREATE TRIGGER rated_sealed BEFORE UPDATE ON rated
    FOR EACH ROW EXECUTE FUNCTION not_late('what was rated never changes');
CREATE TRIGGER rated_kept BEFORE UPDATE ON rated FOR EACH ROW
    WHEN (OLD.line <> NEW.line OR OLD.hour <> NEW.hour OR OLD.nano_pennies <> NEW.nano_pennies)
    EXECUTE FUNCTION refuse('what was rated never changes');
CREATE TRIGGER ledger_not_late BEFORE INSERT ON ledger
    FOR EACH ROW EXECUTE FUNCTION not_late('a sealed period gets no entries');

CREATE FUNCTION ledger_at_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.entry <> (SELECT coalesce(max(e.entry), 0) + 1 FROM billing.ledger AS e) THEN
        RAISE EXCEPTION 'the ledger goes on at its end';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER ledger_at_end BEFORE INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION ledger_at_end();

-- ---- who listens hears of postings ----

CREATE VIEW posting AS
SELECT e.entry, e.utc_ns, l.account, l.vm, l.month, l.currency, l.unit, e.pennies
  FROM ledger AS e
  JOIN line AS l ON l.line = e.line
 WHERE e.kind = 'posting';

-- Any role of the server may listen to a channel, and notify it: a host's too. So it hears a number, and
-- what that says is read from the view posting, by who may.
CREATE FUNCTION notify_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('pagemeter_posting', json_build_object('entry', NEW.entry)::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER ledger_told AFTER INSERT ON ledger FOR EACH ROW WHEN (NEW.kind = 'posting')
    EXECUTE FUNCTION notify_posting();
