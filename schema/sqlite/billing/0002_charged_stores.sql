-- 0002_charged_stores.sql: how far measurements have been charged is said of each store, since a host
-- may have had several, and a database many hosts.
CREATE TABLE charged_store (
    store         TEXT    NOT NULL PRIMARY KEY CHECK (length(store) = 36), -- whose tick
    host          TEXT    NOT NULL CHECK (length(host) = 36),
    tick          INTEGER NOT NULL,
    stale_from    INTEGER,                                     -- the sums from this hour on are to be made anew
    -- in open months, before that tick: usage that nobody owns, and that has no tariff
    unassigned_s  INTEGER NOT NULL CHECK (unassigned_s >= 0),
    unassigned_frac INTEGER NOT NULL CHECK (unassigned_frac BETWEEN 0 AND 999999999),
    unpriced_s    INTEGER NOT NULL CHECK (unpriced_s >= 0),
    unpriced_frac INTEGER NOT NULL CHECK (unpriced_frac BETWEEN 0 AND 999999999)
) STRICT, WITHOUT ROWID;
INSERT INTO charged_store (store, host, tick, stale_from, unassigned_s, unassigned_frac, unpriced_s,
                           unpriced_frac)
SELECT store, host, tick, stale_from, unassigned_s, unassigned_frac, unpriced_s, unpriced_frac
  FROM charged;
DROP TABLE charged;
ALTER TABLE charged_store RENAME TO charged;
