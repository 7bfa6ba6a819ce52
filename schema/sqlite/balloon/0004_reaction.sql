-- 0004_reaction.sql: how long needs waited for memory, and how often VMs were turned round.

-- Of the host. A need is counted once, with the least bound that it did not exceed: a histogram adds them up.
CREATE TABLE reaction (
    up_to_ms      INTEGER NOT NULL PRIMARY KEY CHECK (up_to_ms >= 0), -- 0: it took longer than any bound
    total         INTEGER NOT NULL CHECK (total >= 0),
    ns            INTEGER NOT NULL CHECK (ns >= 0)             -- that they took together
) STRICT;

CREATE TRIGGER reaction_goes_on BEFORE UPDATE ON reaction WHEN NEW.total < OLD.total OR NEW.ns < OLD.ns
BEGIN SELECT raise(ABORT, 'what was counted is not taken back'); END;

-- tally again, with one word more: 'reversal', a VM was shrunk after it had grown, or the other way round.
DROP TRIGGER decision_counted;
DROP TRIGGER alert_counted;
DROP TRIGGER lost_counted;
DROP TRIGGER tally_goes_on;
ALTER TABLE tally RENAME TO tally_before;

CREATE TABLE tally (
    vm            TEXT    NOT NULL CHECK (vm = '' OR length(vm) = 36),
    what          TEXT    NOT NULL CHECK (what IN ('decision', 'alert', 'refusal', 'hostile', 'lost', 'reversal')),
    action        TEXT    NOT NULL,                            -- of a decision, else '-'
    reason        TEXT    NOT NULL,                            -- a word of src/balloon/reason.h
    failure       TEXT    NOT NULL,                            -- of a decision, else '-'
    total         INTEGER NOT NULL CHECK (total >= 0),
    utc_ns        INTEGER NOT NULL,                            -- of the last that was counted
    PRIMARY KEY (vm, what, action, reason, failure)
) STRICT, WITHOUT ROWID;

INSERT INTO tally SELECT * FROM tally_before;
DROP TABLE tally_before;

CREATE TRIGGER decision_counted AFTER INSERT ON decision
BEGIN
    INSERT INTO tally (vm, what, action, reason, failure, total, utc_ns)
    VALUES (NEW.vm, 'decision', NEW.action, NEW.reason, NEW.failure, 1, NEW.utc_ns)
        ON CONFLICT (vm, what, action, reason, failure)
        DO UPDATE SET total = total + 1, utc_ns = max(utc_ns, excluded.utc_ns);
END;
CREATE TRIGGER alert_counted AFTER INSERT ON alert
BEGIN
    INSERT INTO tally (vm, what, action, reason, failure, total, utc_ns)
    VALUES (NEW.vm, 'alert', '-', NEW.reason, '-', 1, NEW.utc_ns)
        ON CONFLICT (vm, what, action, reason, failure)
        DO UPDATE SET total = total + 1, utc_ns = max(utc_ns, excluded.utc_ns);
END;
CREATE TRIGGER lost_counted AFTER INSERT ON lost
BEGIN
    INSERT INTO tally (vm, what, action, reason, failure, total, utc_ns)
    VALUES ('', 'lost', '-', '-', '-', NEW.entries, NEW.utc_ns)
        ON CONFLICT (vm, what, action, reason, failure)
        DO UPDATE SET total = total + excluded.total, utc_ns = max(utc_ns, excluded.utc_ns);
END;
CREATE TRIGGER tally_goes_on BEFORE UPDATE ON tally WHEN NEW.total < OLD.total
BEGIN SELECT raise(ABORT, 'what was counted is not taken back'); END;
