-- 0002_rollup.sql: guests' figures by five minutes, for charts of months, long after the figures
-- themselves are gone.

-- The limits that held when the guest spoke. NULL: not kept yet then.
ALTER TABLE figure ADD COLUMN floor_kib INTEGER CHECK (floor_kib >= 0);
ALTER TABLE figure ADD COLUMN ceiling_kib INTEGER CHECK (ceiling_kib >= 0);

-- A VM's uuid is long, and these rows are many.
CREATE TABLE rolled_vm (
    number        INTEGER NOT NULL PRIMARY KEY,
    vm            TEXT    NOT NULL UNIQUE CHECK (length(vm) = 36)
) STRICT;

-- What a guest said in five minutes: of each line its average, and how far below and above that it was.
-- Most of these differences are 0, which take no room. used: total less available; swap: what is in use.
CREATE TABLE figure_5min (
    number        INTEGER NOT NULL,                            -- of rolled_vm
    five_min      INTEGER NOT NULL CHECK (five_min >= 0),      -- utc_ns / 300000000000
    figures       INTEGER NOT NULL CHECK (figures > 0),        -- so many were rolled up
    used_kib      INTEGER NOT NULL CHECK (used_kib >= 0),
    used_below    INTEGER NOT NULL CHECK (used_below BETWEEN 0 AND used_kib),
    used_above    INTEGER NOT NULL CHECK (used_above >= 0),
    free_kib      INTEGER NOT NULL CHECK (free_kib >= 0),
    free_below    INTEGER NOT NULL CHECK (free_below BETWEEN 0 AND free_kib),
    free_above    INTEGER NOT NULL CHECK (free_above >= 0),
    cached_kib    INTEGER NOT NULL CHECK (cached_kib >= 0),
    cached_below  INTEGER NOT NULL CHECK (cached_below BETWEEN 0 AND cached_kib),
    cached_above  INTEGER NOT NULL CHECK (cached_above >= 0),
    swap_kib      INTEGER NOT NULL CHECK (swap_kib >= 0),
    swap_below    INTEGER NOT NULL CHECK (swap_below BETWEEN 0 AND swap_kib),
    swap_above    INTEGER NOT NULL CHECK (swap_above >= 0),
    need_kib      INTEGER NOT NULL CHECK (need_kib >= 0),
    need_below    INTEGER NOT NULL CHECK (need_below BETWEEN 0 AND need_kib),
    need_above    INTEGER NOT NULL CHECK (need_above >= 0),
    target_kib    INTEGER NOT NULL CHECK (target_kib >= 0),
    target_below  INTEGER NOT NULL CHECK (target_below BETWEEN 0 AND target_kib),
    target_above  INTEGER NOT NULL CHECK (target_above >= 0),
    floor_kib     INTEGER CHECK (floor_kib >= 0),              -- NULL: not kept then
    floor_below   INTEGER CHECK (floor_below BETWEEN 0 AND floor_kib),
    floor_above   INTEGER CHECK (floor_above >= 0),
    ceiling_kib   INTEGER CHECK (ceiling_kib >= 0),
    ceiling_below INTEGER CHECK (ceiling_below BETWEEN 0 AND ceiling_kib),
    ceiling_above INTEGER CHECK (ceiling_above >= 0),
    PRIMARY KEY (number, five_min)
) STRICT, WITHOUT ROWID;

-- Figures of all five minutes before this one are rolled up. One that comes later with an earlier time
-- (the clock was set back) sets it back.
CREATE TABLE rolled (
    one           INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    five_min      INTEGER NOT NULL CHECK (five_min >= 0)
) STRICT;

-- The same in full, for questions in SQL.
CREATE VIEW figure_rolled AS
SELECT v.vm, f.five_min * 300000000000 AS utc_ns, f.figures,
       f.used_kib - f.used_below AS used_least_kib, f.used_kib,
       f.used_kib + f.used_above AS used_most_kib,
       f.free_kib - f.free_below AS free_least_kib, f.free_kib,
       f.free_kib + f.free_above AS free_most_kib,
       f.cached_kib - f.cached_below AS cached_least_kib, f.cached_kib,
       f.cached_kib + f.cached_above AS cached_most_kib,
       f.swap_kib - f.swap_below AS swap_least_kib, f.swap_kib,
       f.swap_kib + f.swap_above AS swap_most_kib,
       f.need_kib - f.need_below AS need_least_kib, f.need_kib,
       f.need_kib + f.need_above AS need_most_kib,
       f.target_kib - f.target_below AS target_least_kib, f.target_kib,
       f.target_kib + f.target_above AS target_most_kib,
       f.floor_kib - f.floor_below AS floor_least_kib, f.floor_kib,
       f.floor_kib + f.floor_above AS floor_most_kib,
       f.ceiling_kib - f.ceiling_below AS ceiling_least_kib, f.ceiling_kib,
       f.ceiling_kib + f.ceiling_above AS ceiling_most_kib
  FROM rolled_vm AS v JOIN figure_5min AS f ON f.number = v.number;
