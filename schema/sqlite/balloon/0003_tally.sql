-- 0003_tally.sql: how often something has happened, since the file was made: what is counted here does not go
-- back when the rows that it counts are deleted by age. For counters of a monitoring system.

-- vm '': of the host, and of VMs of which nothing was counted for so long that their rows were added up.
-- what 'refusal': it wanted to grow, and from then on might not (reason); 'hostile': a record was not believed.
CREATE TABLE tally (
    vm            TEXT    NOT NULL CHECK (vm = '' OR length(vm) = 36),
    what          TEXT    NOT NULL CHECK (what IN ('decision', 'alert', 'refusal', 'hostile', 'lost')),
    action        TEXT    NOT NULL,                            -- of a decision, else '-'
    reason        TEXT    NOT NULL,                            -- a word of src/balloon/reason.h
    failure       TEXT    NOT NULL,                            -- of a decision, else '-'
    total         INTEGER NOT NULL CHECK (total >= 0),
    utc_ns        INTEGER NOT NULL,                            -- of the last that was counted
    PRIMARY KEY (vm, what, action, reason, failure)
) STRICT, WITHOUT ROWID;

-- What is there already.
INSERT INTO tally (vm, what, action, reason, failure, total, utc_ns)
SELECT vm, 'decision', action, reason, failure, count(*), max(utc_ns)
  FROM decision
 GROUP BY vm, action, reason, failure;
INSERT INTO tally (vm, what, action, reason, failure, total, utc_ns)
SELECT vm, 'alert', '-', reason, '-', count(*), max(utc_ns) FROM alert GROUP BY vm, reason;
INSERT INTO tally (vm, what, action, reason, failure, total, utc_ns)
SELECT '', 'lost', '-', '-', '-', sum(entries), max(utc_ns) FROM lost HAVING count(*) > 0;

-- Counted with the row itself: neither is there without the other.
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
