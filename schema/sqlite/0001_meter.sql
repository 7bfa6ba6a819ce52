-- 0001_meter.sql: measurements of one host. Written by pagemeterd only; everybody else reads.
--
-- Times are integers in nanoseconds. Memory is KiB. Usage is KiB*ns in two limbs: kib_s (whole
-- KiB*s) and kib_s_frac (KiB*ns, 0..999999999), so that sum() stays exact.
--
-- A tick is numbered over the whole store: its seq in the sample stream plus the tick_base of its
-- boot. What is closed never changes: triggers refuse it. Rows go only through `prune`.

CREATE TABLE host (
    host TEXT NOT NULL PRIMARY KEY CHECK (length(host) = 36)
) STRICT, WITHOUT ROWID;

-- The identity of this database file, and of the files that it was restored from.
CREATE TABLE store (
    number        INTEGER NOT NULL PRIMARY KEY,
    store         TEXT    NOT NULL UNIQUE CHECK (length(store) = 36),
    created_ns    INTEGER NOT NULL CHECK (created_ns >= 0),    -- UTC
    after_tick    INTEGER                                      -- restored: the last tick that came along
) STRICT;

CREATE TABLE boot (
    boot          INTEGER NOT NULL PRIMARY KEY,
    boot_uuid     TEXT    NOT NULL UNIQUE CHECK (length(boot_uuid) = 36),
    first_tick    INTEGER NOT NULL UNIQUE,
    tick_base     INTEGER NOT NULL                             -- tick = tick_base + seq
) STRICT;

-- The host booted, and no tick was taken since.
CREATE TABLE boot_announced (
    one           INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    boot_uuid     TEXT    NOT NULL CHECK (length(boot_uuid) = 36)
) STRICT;

-- From this tick on: which version measured, and under which rules.
CREATE TABLE restart (
    tick          INTEGER NOT NULL PRIMARY KEY,
    version       TEXT    NOT NULL,
    interval_ns   INTEGER NOT NULL CHECK (interval_ns > 0),
    max_gap_ns    INTEGER NOT NULL CHECK (max_gap_ns >= 0),
    mono_ns       INTEGER NOT NULL CHECK (mono_ns >= 0),       -- CLOCK_BOOTTIME of this tick
    utc_offset_ns INTEGER NOT NULL                             -- UTC less CLOCK_BOOTTIME, at this tick
) STRICT;

-- One row per tick: the proof that all open segments still hold. domains and kib are taken from
-- the samples, not from the segments: they are the segments' checksum.
CREATE TABLE tick (
    tick          INTEGER NOT NULL PRIMARY KEY,
    late_ns       INTEGER NOT NULL,                            -- see the view tick_time
    utc_diff_ns   INTEGER NOT NULL,
    window_ns     INTEGER NOT NULL CHECK (window_ns >= 0),     -- how long the reading took
    synchronised  INTEGER NOT NULL CHECK (synchronised IN (0, 1)),
    domains       INTEGER NOT NULL CHECK (domains >= 0),       -- samples that count
    kib           INTEGER NOT NULL CHECK (kib >= 0)            -- their sum
) STRICT;

CREATE TABLE gap (
    tick          INTEGER NOT NULL PRIMARY KEY,                -- the first tick after it
    from_tick     INTEGER NOT NULL CHECK (from_tick < tick),
    span_ns       INTEGER NOT NULL CHECK (span_ns > 0),
    cause         TEXT    NOT NULL
) STRICT;

CREATE TABLE clock_step (
    tick          INTEGER NOT NULL PRIMARY KEY,                -- the first tick after it
    step_ns       INTEGER NOT NULL CHECK (step_ns <> 0)        -- UTC went this far ahead (or back)
) STRICT;

-- The first tick of each UTC hour (and boot): every open segment is cut here, so that an hour
-- needs only its own ticks and the next one.
CREATE TABLE hour_cut (
    tick          INTEGER NOT NULL PRIMARY KEY,
    hour          INTEGER NOT NULL CHECK (hour >= 0),          -- hours since 1970, UTC
    first_segment INTEGER NOT NULL
) STRICT;

CREATE TABLE life (
    life          INTEGER NOT NULL PRIMARY KEY,
    boot          INTEGER NOT NULL REFERENCES boot (boot),
    domid         INTEGER NOT NULL CHECK (domid BETWEEN 0 AND 65535),
    vm            TEXT    NOT NULL CHECK (length(vm) = 36),    -- the domain's uuid
    first_tick    INTEGER NOT NULL,
    ran_tick      INTEGER CHECK (ran_tick >= first_tick),      -- cpu time above 0 for the first time
    counted_tick  INTEGER CHECK (counted_tick >= ran_tick),    -- counts for the first time
    last_tick     INTEGER CHECK (last_tick >= first_tick),     -- open while the domain is listed
    billed        INTEGER NOT NULL CHECK (billed IN (0, 1))    -- 0: dom0 and service domains
) STRICT;
CREATE INDEX life_vm ON life (vm);
CREATE INDEX life_open ON life (domid) WHERE last_tick IS NULL;

-- One value of one life, over all ticks from the first to the last.
CREATE TABLE segment (
    segment       INTEGER NOT NULL PRIMARY KEY,
    life          INTEGER NOT NULL,
    first_tick    INTEGER NOT NULL,
    last_tick     INTEGER CHECK (last_tick >= first_tick),     -- open while the value holds
    kib           INTEGER NOT NULL CHECK (kib BETWEEN 0 AND 1099511627776),
    counted       INTEGER NOT NULL CHECK (counted IN (0, 1))
) STRICT;

-- Derived from the above, and rebuildable. Holds all intervals that begin before derived.tick.
CREATE TABLE usage_hour (
    life          INTEGER NOT NULL,
    hour          INTEGER NOT NULL CHECK (hour >= 0),
    kib_s         INTEGER NOT NULL CHECK (kib_s >= 0),
    kib_s_frac    INTEGER NOT NULL CHECK (kib_s_frac BETWEEN 0 AND 999999999),
    measured_ns   INTEGER NOT NULL CHECK (measured_ns >= 0),
    missing_ns    INTEGER NOT NULL CHECK (missing_ns >= 0),
    excluded_ns   INTEGER NOT NULL CHECK (excluded_ns >= 0),
    PRIMARY KEY (life, hour)
) STRICT, WITHOUT ROWID;

-- The same by UTC day (day = hour / 24), so that a month's bill need not read 720 rows a life.
CREATE TABLE usage_day (
    life          INTEGER NOT NULL,
    day           INTEGER NOT NULL CHECK (day >= 0),
    kib_s         INTEGER NOT NULL CHECK (kib_s >= 0),
    kib_s_frac    INTEGER NOT NULL CHECK (kib_s_frac BETWEEN 0 AND 999999999),
    measured_ns   INTEGER NOT NULL CHECK (measured_ns >= 0),
    missing_ns    INTEGER NOT NULL CHECK (missing_ns >= 0),
    excluded_ns   INTEGER NOT NULL CHECK (excluded_ns >= 0),
    PRIMARY KEY (life, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE derived (
    one           INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    tick          INTEGER NOT NULL                             -- an hour_cut
) STRICT;

-- Raw rows of ticks before up_to_tick are gone; these are the sums that they gave to usage_hour.
CREATE TABLE prune (
    up_to_tick    INTEGER NOT NULL PRIMARY KEY,                -- an hour_cut, not itself pruned
    pruned_ns     INTEGER NOT NULL,                            -- UTC
    to_hour       INTEGER NOT NULL,                            -- the last hour that they gave to
    ticks         INTEGER NOT NULL,
    segments      INTEGER NOT NULL,
    kib_s         INTEGER NOT NULL CHECK (kib_s >= 0),
    kib_s_frac    INTEGER NOT NULL CHECK (kib_s_frac BETWEEN 0 AND 999999999),
    measured_ns   INTEGER NOT NULL,
    missing_ns    INTEGER NOT NULL,
    excluded_ns   INTEGER NOT NULL
) STRICT;

-- The times of a tick in full.
CREATE VIEW tick_time AS
SELECT t.tick,
       r.mono_ns + (t.tick - r.tick) * r.interval_ns + t.late_ns AS mono_ns,
       r.mono_ns + (t.tick - r.tick) * r.interval_ns + t.late_ns
           + r.utc_offset_ns + t.utc_diff_ns AS utc_ns,
       r.max_gap_ns,
       t.window_ns, t.synchronised, t.domains, t.kib
  FROM (SELECT tick, interval_ns, max_gap_ns, mono_ns, utc_offset_ns,
               lead(tick, 1, 9223372036854775807) OVER (ORDER BY tick) AS next_tick
          FROM restart) AS r
  JOIN tick AS t ON t.tick >= r.tick AND t.tick < r.next_tick;

-- usage_hour again, in SQL alone, from what is raw: for the audit. Up to derived.tick.
--
-- An interval leads from a tick to the next of the same boot. It lies in the UTC hour of its first
-- tick up to that hour's end (own_ns); what is left (rest_ns) spills into the hours behind. Between
-- two cuts all intervals begin in one hour, and every segment lies between two cuts: so a segment's
-- time in that hour is the difference of two running sums.
CREATE VIEW usage_recomputed AS
WITH RECURSIVE
cut AS MATERIALIZED (
    SELECT c.tick AS cut, c.first_segment, c.tick < d.tick AS is_derived,
           lead(c.first_segment, 1, 9223372036854775807) OVER (ORDER BY c.tick) AS end_segment
      FROM hour_cut AS c, derived AS d
     WHERE c.tick <= d.tick
),
span AS (
    SELECT max(c.tick) OVER w AS cut, t.tick, t.utc_ns / 3600000000000 AS hour,
           3600000000000 - t.utc_ns % 3600000000000 AS room_ns,
           lead(t.tick) OVER w AS next_tick,
           lead(t.mono_ns) OVER w - t.mono_ns AS span_ns,
           lead(t.max_gap_ns) OVER w AS max_gap_ns
      FROM tick_time AS t
      LEFT JOIN hour_cut AS c ON c.tick = t.tick
    WINDOW w AS (ORDER BY t.tick)
),
part AS (
    SELECT cut, tick, hour, span_ns > max_gap_ns AS is_gap,
           CASE WHEN b.first_tick IS NOT NULL OR span_ns IS NULL THEN 0
                WHEN span_ns < room_ns THEN span_ns ELSE room_ns END AS own_ns,
           CASE WHEN b.first_tick IS NOT NULL OR span_ns IS NULL OR span_ns < room_ns THEN 0
                ELSE span_ns - room_ns END AS rest_ns
      FROM span
      LEFT JOIN boot AS b ON b.first_tick = next_tick
),
run AS MATERIALIZED (
    SELECT cut, tick, hour, is_gap, own_ns, rest_ns,
           coalesce(sum(CASE WHEN is_gap THEN 0 ELSE own_ns END) OVER w, 0) AS whole_before,
           coalesce(sum(CASE WHEN is_gap THEN own_ns ELSE 0 END) OVER w, 0) AS gap_before
      FROM part
    WINDOW w AS (PARTITION BY cut ORDER BY tick ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
seg AS MATERIALIZED (
    SELECT c.cut, c.is_derived, s.life, s.first_tick,
           coalesce(s.last_tick, (SELECT max(tick) FROM tick)) AS last_tick,
           s.kib, s.counted, s.first_tick = l.counted_tick AND s.counted = 1 AS is_first,
           lead(s.counted) OVER (PARTITION BY s.life ORDER BY s.segment) AS next_counted
      FROM cut AS c
      JOIN segment AS s ON s.segment >= c.first_segment AND s.segment < c.end_segment
      JOIN life AS l ON l.life = s.life
),
-- the hours behind the first of an interval, one by one
spill (cut, tick, is_gap, hour, ns, rest_ns) AS (
    SELECT cut, tick, is_gap, hour + 1,
           CASE WHEN rest_ns < 3600000000000 THEN rest_ns ELSE 3600000000000 END,
           CASE WHEN rest_ns < 3600000000000 THEN 0 ELSE rest_ns - 3600000000000 END
      FROM run
     WHERE rest_ns > 0
    UNION ALL
    SELECT cut, tick, is_gap, hour + 1,
           CASE WHEN rest_ns < 3600000000000 THEN rest_ns ELSE 3600000000000 END,
           CASE WHEN rest_ns < 3600000000000 THEN 0 ELSE rest_ns - 3600000000000 END
      FROM spill
     WHERE rest_ns > 0
),
piece AS (
    -- between the ticks of a segment, less the first interval of a life's first counted segment
    SELECT s.life, f.hour, s.kib, s.counted AS is_billed, 0 AS is_gap,
           z.whole_before - f.whole_before
               - CASE WHEN s.is_first AND s.last_tick > s.first_tick AND NOT f.is_gap
                      THEN f.own_ns ELSE 0 END AS ns
      FROM seg AS s
      JOIN run AS f ON f.cut = s.cut AND f.tick = s.first_tick
      JOIN run AS z ON z.cut = s.cut AND z.tick = s.last_tick
     WHERE s.is_derived
    UNION ALL
    SELECT s.life, f.hour, s.kib, s.counted, 1,
           z.gap_before - f.gap_before
               - CASE WHEN s.is_first AND s.last_tick > s.first_tick AND f.is_gap
                      THEN f.own_ns ELSE 0 END
      FROM seg AS s
      JOIN run AS f ON f.cut = s.cut AND f.tick = s.first_tick
      JOIN run AS z ON z.cut = s.cut AND z.tick = s.last_tick
     WHERE s.is_derived
    UNION ALL
    -- that first interval
    SELECT s.life, f.hour, s.kib, 0, f.is_gap, f.own_ns
      FROM seg AS s
      JOIN run AS f ON f.cut = s.cut AND f.tick = s.first_tick
     WHERE s.is_derived AND s.is_first AND s.last_tick > s.first_tick
    UNION ALL
    -- the interval behind the last tick of a segment, when the life goes on
    SELECT s.life, z.hour, s.kib,
           s.counted = 1 AND s.next_counted = 1 AND NOT (s.is_first AND s.first_tick = s.last_tick),
           z.is_gap, z.own_ns
      FROM seg AS s
      JOIN run AS z ON z.cut = s.cut AND z.tick = s.last_tick
     WHERE s.is_derived AND s.next_counted IS NOT NULL
    UNION ALL
    -- what spills
    SELECT s.life, p.hour, s.kib,
           s.counted = 1 AND NOT (s.is_first AND s.first_tick = p.tick)
               AND (p.tick < s.last_tick OR s.next_counted = 1),
           p.is_gap, p.ns
      FROM spill AS p
      JOIN seg AS s ON s.cut = p.cut AND s.first_tick <= p.tick AND s.last_tick >= p.tick
     WHERE s.is_derived AND (p.tick < s.last_tick OR s.next_counted IS NOT NULL)
),
-- kib * ns is up to 2^82: ns = s * 10^9 + h * 32768 + r, and every product below fits 63 bits
product AS (
    SELECT life, hour, is_billed, is_gap, ns,
           CASE WHEN is_billed AND NOT is_gap THEN kib ELSE 0 END AS kib,
           ns / 1000000000 AS s, ns % 1000000000 / 32768 AS h, ns % 1000000000 % 32768 AS r
      FROM piece
     WHERE ns > 0
),
limb AS (
    SELECT life, hour, is_billed, is_gap, ns,
           kib * s + kib * h / 1000000000 * 32768
               + (kib * h % 1000000000 * 32768 + kib * r) / 1000000000 AS kib_s,
           (kib * h % 1000000000 * 32768 + kib * r) % 1000000000 AS kib_s_frac
      FROM product
)
-- the casts give the columns a type, so that a join with usage_hour can use both
SELECT CAST(life AS bigint) AS life, CAST(hour AS bigint) AS hour,
       sum(kib_s) + sum(kib_s_frac) / 1000000000 AS kib_s,
       sum(kib_s_frac) % 1000000000 AS kib_s_frac,
       sum(CASE WHEN is_billed AND NOT is_gap THEN ns ELSE 0 END) AS measured_ns,
       sum(CASE WHEN is_billed AND is_gap THEN ns ELSE 0 END) AS missing_ns,
       sum(CASE WHEN is_billed THEN 0 ELSE ns END) AS excluded_ns
  FROM limb
 GROUP BY life, hour;

-- Closed rows stay as they are.
CREATE TRIGGER host_kept BEFORE UPDATE ON host
BEGIN SELECT raise(ABORT, 'a store belongs to one host for ever'); END;
CREATE TRIGGER host_only_one BEFORE INSERT ON host WHEN EXISTS (SELECT 1 FROM host)
BEGIN SELECT raise(ABORT, 'a store belongs to one host'); END;
CREATE TRIGGER host_not_deleted BEFORE DELETE ON host
BEGIN SELECT raise(ABORT, 'a store belongs to one host for ever'); END;
CREATE TRIGGER boot_kept BEFORE UPDATE ON boot
BEGIN SELECT raise(ABORT, 'a boot never changes'); END;
CREATE TRIGGER boot_not_deleted BEFORE DELETE ON boot
BEGIN SELECT raise(ABORT, 'boots are never deleted'); END;
CREATE TRIGGER restart_kept BEFORE UPDATE ON restart
BEGIN SELECT raise(ABORT, 'a restart never changes'); END;
CREATE TRIGGER restart_not_deleted BEFORE DELETE ON restart
BEGIN SELECT raise(ABORT, 'restarts are never deleted'); END;
CREATE TRIGGER tick_kept BEFORE UPDATE ON tick
BEGIN SELECT raise(ABORT, 'a tick never changes'); END;
CREATE TRIGGER tick_not_deleted BEFORE DELETE ON tick
WHEN OLD.tick >= (SELECT coalesce(max(up_to_tick), -9223372036854775808) FROM prune)
BEGIN SELECT raise(ABORT, 'a tick is deleted only by pruning'); END;
CREATE TRIGGER gap_kept BEFORE UPDATE ON gap
BEGIN SELECT raise(ABORT, 'a gap never changes'); END;
CREATE TRIGGER gap_not_deleted BEFORE DELETE ON gap
BEGIN SELECT raise(ABORT, 'gaps are never deleted'); END;
CREATE TRIGGER clock_step_kept BEFORE UPDATE ON clock_step
BEGIN SELECT raise(ABORT, 'a clock step never changes'); END;
CREATE TRIGGER clock_step_not_deleted BEFORE DELETE ON clock_step
BEGIN SELECT raise(ABORT, 'clock steps are never deleted'); END;
CREATE TRIGGER hour_cut_kept BEFORE UPDATE ON hour_cut
BEGIN SELECT raise(ABORT, 'an hour cut never changes'); END;
CREATE TRIGGER hour_cut_not_deleted BEFORE DELETE ON hour_cut
WHEN OLD.tick >= (SELECT coalesce(max(up_to_tick), -9223372036854775808) FROM prune)
BEGIN SELECT raise(ABORT, 'an hour cut is deleted only by pruning'); END;
CREATE TRIGGER life_kept BEFORE UPDATE ON life
WHEN OLD.last_tick IS NOT NULL
  OR (OLD.ran_tick IS NOT NULL AND NEW.ran_tick IS NOT OLD.ran_tick)
  OR (OLD.counted_tick IS NOT NULL AND NEW.counted_tick IS NOT OLD.counted_tick)
  OR NEW.life <> OLD.life OR NEW.boot <> OLD.boot OR NEW.domid <> OLD.domid
  OR NEW.vm <> OLD.vm OR NEW.first_tick <> OLD.first_tick OR NEW.billed <> OLD.billed
BEGIN SELECT raise(ABORT, 'what is known of a life never changes'); END;
CREATE TRIGGER life_not_deleted BEFORE DELETE ON life
BEGIN SELECT raise(ABORT, 'lives are never deleted'); END;
CREATE TRIGGER segment_kept BEFORE UPDATE ON segment
WHEN OLD.last_tick IS NOT NULL
  OR NEW.segment <> OLD.segment OR NEW.life <> OLD.life OR NEW.first_tick <> OLD.first_tick
  OR NEW.kib <> OLD.kib OR NEW.counted <> OLD.counted
BEGIN SELECT raise(ABORT, 'a closed segment never changes'); END;
CREATE TRIGGER segment_not_deleted BEFORE DELETE ON segment
WHEN OLD.first_tick >= (SELECT coalesce(max(up_to_tick), -9223372036854775808) FROM prune)
BEGIN SELECT raise(ABORT, 'a segment is deleted only by pruning'); END;
CREATE TRIGGER prune_kept BEFORE UPDATE ON prune
BEGIN SELECT raise(ABORT, 'a pruning never changes'); END;
CREATE TRIGGER prune_not_deleted BEFORE DELETE ON prune
BEGIN SELECT raise(ABORT, 'prunings are never deleted'); END;
