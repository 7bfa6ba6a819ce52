-- 0001_ship.sql: how far a host's measurements were shipped. Written by pagemeter ship, one process at a
-- time; for people, and for pagemeter ship --status.
--
-- A file of its own beside the cursor that pagemeterd reads, in a directory of ship's own. What is here was
-- true once: PostgreSQL itself knows what it has, and is asked. So the file may be lost.

-- One store, at one destination.
CREATE TABLE shipped (
    destination   TEXT    NOT NULL,                            -- the URI, which has no password
    store         TEXT    NOT NULL CHECK (length(store) = 36),
    tick          INTEGER NOT NULL CHECK (tick >= -1),         -- nothing up to it is missing there; -1: nothing is there
    utc_ns        INTEGER NOT NULL,                            -- of that tick; -1: not known
    confirmed_ns  INTEGER NOT NULL,                            -- UTC: when that was said
    conflicts     INTEGER NOT NULL CHECK (conflicts >= 0),     -- rows that were otherwise there, each time they were sent
    pruned_to     INTEGER NOT NULL CHECK (pruned_to >= -1),    -- what is before this tick was pruned before it was
    PRIMARY KEY (destination, store)                           -- shipped; -1: nothing was
) STRICT, WITHOUT ROWID;

-- The last time that it did not work.
CREATE TABLE failure (
    destination   TEXT    NOT NULL PRIMARY KEY,
    error         TEXT    NOT NULL,
    since_ns      INTEGER NOT NULL,                            -- UTC
    last_ns       INTEGER NOT NULL CHECK (last_ns >= since_ns),
    ended_ns      INTEGER                                      -- it works again; NULL: it does not
) STRICT, WITHOUT ROWID;
