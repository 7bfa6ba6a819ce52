-- 0001_meter.sql: what the hosts measured. Written by ship() and by who keeps the database; everybody
-- else reads.
--
-- Tables and columns mean what they mean in schema/sqlite/0001_meter.sql. Each store (a host's file) has
-- a number here, store_no, and every tick, boot, life and segment of it is numbered
-- store_no * 10^12 + its own number: so numbers are unique, are in order within a store, and say whose
-- they are. store_no is in every key for Citus (schema/citus/).
--
-- What hosts deliver lies in tables named ..._row and in tick_pack. It is read through views, which show
-- a store as it was at its tick whole_to, up to which nothing is missing (store_mark): no row of a later
-- tick, and no end that was recorded later. Batches lie wholly on one side of it.

CREATE SCHEMA IF NOT EXISTS meter;
SET LOCAL search_path = meter;

CREATE TABLE host (
    host          text COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(host) = 36)
);

-- Which host a role of the server delivers for.
CREATE TABLE host_role (
    role          text COLLATE "C" NOT NULL PRIMARY KEY,
    host          text COLLATE "C" NOT NULL REFERENCES host (host)
);

CREATE TABLE store (
    store_no      int NOT NULL PRIMARY KEY CHECK (store_no BETWEEN 1 AND 9000000),
    store         text COLLATE "C" NOT NULL UNIQUE CHECK (length(store) = 36),
    host          text COLLATE "C" NOT NULL REFERENCES host (host),
    number        bigint NOT NULL,                             -- in its own file, 1 until one is restored
    created_ns    bigint NOT NULL CHECK (created_ns >= 0),     -- UTC
    after_tick    bigint,                                      -- restored: the last tick that came along,
    restored_from int REFERENCES store (store_no),             -- in the numbers of this store
    CHECK ((after_tick IS NULL) = (restored_from IS NULL))
);
CREATE INDEX store_host ON store (host);

-- What has arrived: ticks behind the first up to and including the second. Ranges that touch are one.
CREATE TABLE delivered (
    store_no      int NOT NULL,
    after_tick    bigint NOT NULL,
    up_to_tick    bigint NOT NULL CHECK (up_to_tick > after_tick),
    is_whole      boolean NOT NULL DEFAULT false,              -- from the beginning of the store
    PRIMARY KEY (store_no, after_tick)
) WITH (fillfactor = 50);

-- Nothing more comes of this store.
CREATE TABLE retired (
    store_no      int NOT NULL PRIMARY KEY,
    at_ns         bigint NOT NULL CHECK (at_ns >= 0),          -- UTC: it measured until then
    tick          bigint NOT NULL,                             -- its last
    said_ns       bigint NOT NULL CHECK (said_ns >= 0)
);

-- Up to where nothing is missing. A restored store begins behind the ticks that came along, and one that
-- is retired ends with its last.
CREATE VIEW store_mark AS
SELECT d.store_no, s.host, d.after_tick + 1 AS first_tick, least(d.up_to_tick, r.tick) AS whole_to
  FROM delivered AS d
  JOIN store AS s ON s.store_no = d.store_no
  LEFT JOIN retired AS r ON r.store_no = d.store_no
 WHERE d.is_whole;

-- A row that contradicts what was delivered before: it changed nothing.
CREATE TABLE ship_conflict (
    store_no      int NOT NULL,
    row_of        text COLLATE "C" NOT NULL,                   -- a table of the host's store
    number        bigint NOT NULL,                             -- its key
    stored        jsonb,                                       -- NULL: was not there when its tick was whole
    said          jsonb NOT NULL,
    said_hash     text COLLATE "C" NOT NULL,                   -- each contradiction is kept once
    role          text COLLATE "C" NOT NULL,
    at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (store_no, row_of, number, said_hash)
);

CREATE TABLE boot_row (
    boot          bigint NOT NULL,
    boot_uuid     text COLLATE "C" NOT NULL CHECK (length(boot_uuid) = 36),
    first_tick    bigint NOT NULL,
    tick_base     bigint NOT NULL,                             -- tick = tick_base + seq
    store_no      int NOT NULL,
    PRIMARY KEY (boot, store_no)
);

CREATE TABLE restart_row (
    tick          bigint NOT NULL,
    version       text COLLATE "C" NOT NULL,
    interval_ns   bigint NOT NULL CHECK (interval_ns > 0),
    max_gap_ns    bigint NOT NULL CHECK (max_gap_ns >= 0),
    mono_ns       bigint NOT NULL CHECK (mono_ns >= 0),
    utc_offset_ns bigint NOT NULL,
    store_no      int NOT NULL,
    PRIMARY KEY (tick, store_no)
);

CREATE TABLE gap_row (
    tick          bigint NOT NULL,
    from_tick     bigint NOT NULL CHECK (from_tick < tick),
    span_ns       bigint NOT NULL CHECK (span_ns > 0),
    cause         text COLLATE "C" NOT NULL,
    store_no      int NOT NULL,
    PRIMARY KEY (tick, store_no)
);

CREATE TABLE clock_step_row (
    tick          bigint NOT NULL,
    step_ns       bigint NOT NULL CHECK (step_ns <> 0),
    store_no      int NOT NULL,
    PRIMARY KEY (tick, store_no)
);

CREATE TABLE hour_cut_row (
    tick          bigint NOT NULL,
    hour          bigint NOT NULL CHECK (hour >= 0),
    first_segment bigint NOT NULL,
    store_no      int NOT NULL,
    PRIMARY KEY (tick, store_no)
);

CREATE TABLE life_row (
    life          bigint NOT NULL,
    boot          bigint NOT NULL,
    first_tick    bigint NOT NULL,
    ran_tick      bigint CHECK (ran_tick >= first_tick),
    counted_tick  bigint CHECK (counted_tick >= ran_tick),
    last_tick     bigint CHECK (last_tick >= first_tick),
    domid         int NOT NULL CHECK (domid BETWEEN 0 AND 65535),
    store_no      int NOT NULL,
    billed        smallint NOT NULL CHECK (billed IN (0, 1)),
    vm            text COLLATE "C" NOT NULL CHECK (length(vm) = 36),
    PRIMARY KEY (life, store_no)
) WITH (fillfactor = 90);
CREATE INDEX life_vm ON life_row (vm);

-- hour: of the cut that it lies behind. The widest columns first, so that none is padded; room for an
-- end in most pages, so that no index learns of it; and a key of 16 bytes, up to which an index fills
-- its pages where rows of many stores are each added behind the last.
CREATE TABLE segment_row (
    segment       bigint NOT NULL,
    life          bigint NOT NULL,
    first_tick    bigint NOT NULL,
    last_tick     bigint CHECK (last_tick >= first_tick),
    kib           bigint NOT NULL CHECK (kib BETWEEN 0 AND 1099511627776),
    store_no      int NOT NULL,
    hour          int NOT NULL,
    counted       boolean NOT NULL,
    PRIMARY KEY (store_no, hour, segment)
) PARTITION BY RANGE (hour);
CREATE INDEX segment_hour ON segment_row USING brin (hour);

-- Segments of which the end came before the beginning, whose hour is not known yet.
CREATE TABLE segment_ahead (
    segment       bigint NOT NULL,
    life          bigint NOT NULL,
    first_tick    bigint NOT NULL,
    last_tick     bigint NOT NULL,
    kib           bigint NOT NULL,
    counted       boolean NOT NULL,
    store_no      int NOT NULL,
    PRIMARY KEY (segment, store_no)
);

-- The ticks of a batch: a row for each would take more than all the rest. A column's value at a tick is
-- its base plus the tick's element, or the base alone where it is NULL: then all are equal. Domains and
-- KiB stay for some ticks: their elements are of the ticks that held_from counts, and of those behind.
-- What is too far from the others, was timed by another restart, or lies behind what came before it, has a
-- row of its own. Without offsets every tick from the first to the last is there.
CREATE TABLE tick_pack (
    first_tick    bigint NOT NULL,
    last_tick     bigint NOT NULL,
    late_base     bigint NOT NULL,
    utc_diff_base bigint NOT NULL,
    window_base   bigint NOT NULL CHECK (window_base >= 0),
    kib_base      bigint NOT NULL CHECK (kib_base >= 0),
    store_no      int NOT NULL,
    hour          int NOT NULL,
    ticks         int NOT NULL CHECK (ticks > 0),
    domains_base  int NOT NULL CHECK (domains_base >= 0),
    synchronised  boolean NOT NULL,
    offsets       int[],
    late_ns       int[],
    utc_diff_ns   int[],
    window_ns     int[],
    held_from     smallint[],                                  -- 0: the first
    domains       int[],
    kib           int[],
    PRIMARY KEY (store_no, hour, first_tick)
) PARTITION BY RANGE (hour);

-- Derived from the above, and rebuildable. A store's rows of some days lie together.
CREATE TABLE usage_hour (
    life          bigint NOT NULL,
    hour          bigint NOT NULL CHECK (hour >= 0),
    kib_s         bigint NOT NULL CHECK (kib_s >= 0),
    kib_s_frac    bigint NOT NULL CHECK (kib_s_frac BETWEEN 0 AND 999999999),
    measured_ns   bigint NOT NULL CHECK (measured_ns >= 0),
    missing_ns    bigint NOT NULL CHECK (missing_ns >= 0),
    excluded_ns   bigint NOT NULL CHECK (excluded_ns >= 0),
    store_no      int NOT NULL,
    PRIMARY KEY (store_no, hour, life)
) PARTITION BY RANGE (hour);
CREATE INDEX usage_hour_hour ON usage_hour USING brin (hour);

-- Hours of months of which no tick was delivered: a gap spans them.
CREATE TABLE usage_hour_other PARTITION OF usage_hour DEFAULT;

CREATE TABLE usage_day (
    life          bigint NOT NULL,
    day           bigint NOT NULL CHECK (day >= 0),
    kib_s         bigint NOT NULL CHECK (kib_s >= 0),
    kib_s_frac    bigint NOT NULL CHECK (kib_s_frac BETWEEN 0 AND 999999999),
    measured_ns   bigint NOT NULL CHECK (measured_ns >= 0),
    missing_ns    bigint NOT NULL CHECK (missing_ns >= 0),
    excluded_ns   bigint NOT NULL CHECK (excluded_ns >= 0),
    store_no      int NOT NULL,
    PRIMARY KEY (store_no, day, life)
);

CREATE TABLE derived (
    store_no      int NOT NULL PRIMARY KEY,
    tick          bigint NOT NULL                              -- an hour_cut, or the last of a retired store
);

CREATE TABLE prune (
    up_to_tick    bigint NOT NULL,
    pruned_ns     bigint NOT NULL,
    to_hour       bigint NOT NULL,
    ticks         bigint NOT NULL,
    segments      bigint NOT NULL,
    kib_s         bigint NOT NULL CHECK (kib_s >= 0),
    kib_s_frac    bigint NOT NULL CHECK (kib_s_frac BETWEEN 0 AND 999999999),
    measured_ns   bigint NOT NULL,
    missing_ns    bigint NOT NULL,
    excluded_ns   bigint NOT NULL,
    store_no      int NOT NULL,
    PRIMARY KEY (up_to_tick, store_no)
);

-- ---- partitions: a UTC month each ----

-- The first hour of the month that an hour is in. What is older than 2015 (a clock that was never set)
-- is all together, so that clocks can't make any number of partitions.
CREATE FUNCTION month_begin(p_hour bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
SELECT CASE WHEN p_hour < 394464 THEN 0
            ELSE extract(epoch FROM date_trunc('month', timestamp '1970-01-01' + p_hour * interval '1 hour'))::bigint
                     / 3600 END
$$;

CREATE FUNCTION month_end(p_hour bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
SELECT CASE WHEN p_hour < 394464 THEN 394464
            ELSE extract(epoch FROM date_trunc('month', timestamp '1970-01-01' + p_hour * interval '1 hour')
                                        + interval '1 month')::bigint / 3600 END
$$;

-- Makes the partitions of the month of this hour, if they are not there. They are attached, since to
-- create them in place would wait for every reader of the table.
CREATE FUNCTION make_month(p_hour bigint) RETURNS int LANGUAGE plpgsql SET search_path = meter, pg_temp AS $$
DECLARE
    v_month text := CASE WHEN p_hour < 394464 THEN 'before_2015'
                         ELSE to_char(timestamp '1970-01-01' + p_hour * interval '1 hour', 'YYYY_MM') END;
    v_made int := 0;
    v_of record;
BEGIN
    IF to_regclass('segment_row_' || v_month) IS NOT NULL AND to_regclass('tick_pack_' || v_month) IS NOT NULL
            AND to_regclass('usage_hour_' || v_month) IS NOT NULL THEN
        RETURN 0;
    END IF;
    LOCK TABLE segment_row IN SHARE UPDATE EXCLUSIVE MODE;     -- one at a time; all others go on
    FOR v_of IN SELECT * FROM (VALUES ('segment_row', 'WITH (fillfactor = 90)'), ('tick_pack', ''),
                                      ('usage_hour', '')) AS t (name, storage)
    LOOP
        CONTINUE WHEN to_regclass(v_of.name || '_' || v_month) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) %s', v_of.name || '_' || v_month, v_of.name,
                       v_of.storage);
        IF v_of.name = 'usage_hour' AND EXISTS (SELECT 1 FROM usage_hour_other AS u
                                                 WHERE u.hour >= month_begin(p_hour) AND u.hour < month_end(p_hour)) THEN
            EXECUTE format('WITH moved AS (DELETE FROM usage_hour_other WHERE hour >= %s AND hour < %s RETURNING *)'
                           ' INSERT INTO %I SELECT * FROM moved', month_begin(p_hour), month_end(p_hour),
                           v_of.name || '_' || v_month);
        END IF;
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', v_of.name,
                       v_of.name || '_' || v_month, month_begin(p_hour), month_end(p_hour));
        v_made := v_made + 1;
    END LOOP;
    RETURN v_made;
END
$$;

-- This month's partitions, and those of so many months ahead. Returns how many were not there.
CREATE FUNCTION make_partitions(p_months int) RETURNS int LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = meter, pg_temp AS $$
DECLARE
    v_hour bigint := extract(epoch FROM now())::bigint / 3600;
    v_made int := 0;
BEGIN
    IF p_months IS NULL OR p_months NOT BETWEEN 0 AND 120 THEN
        RAISE EXCEPTION 'partitions are made for 0 to 120 months ahead, and not for %', p_months;
    END IF;
    FOR i IN 0 .. p_months LOOP
        v_made := v_made + make_month(v_hour);
        v_hour := month_end(v_hour);
    END LOOP;
    RETURN v_made;
END
$$;

-- ---- what is there of each store, as of whole_to ----

CREATE VIEW boot AS
SELECT r.boot, r.boot_uuid, r.first_tick, r.tick_base, r.store_no
  FROM boot_row AS r
  JOIN store_mark AS m ON m.store_no = r.store_no AND r.first_tick <= m.whole_to;

CREATE VIEW restart AS
SELECT r.tick, r.version, r.interval_ns, r.max_gap_ns, r.mono_ns, r.utc_offset_ns, r.store_no
  FROM restart_row AS r
  JOIN store_mark AS m ON m.store_no = r.store_no AND r.tick <= m.whole_to;

CREATE VIEW gap AS
SELECT r.tick, r.from_tick, r.span_ns, r.cause, r.store_no
  FROM gap_row AS r
  JOIN store_mark AS m ON m.store_no = r.store_no AND r.tick <= m.whole_to;

CREATE VIEW clock_step AS
SELECT r.tick, r.step_ns, r.store_no
  FROM clock_step_row AS r
  JOIN store_mark AS m ON m.store_no = r.store_no AND r.tick <= m.whole_to;

CREATE VIEW hour_cut AS
SELECT r.tick, r.hour, r.first_segment, r.store_no
  FROM hour_cut_row AS r
  JOIN store_mark AS m ON m.store_no = r.store_no AND r.tick <= m.whole_to;

-- the last tick of what has ended is known at the tick behind it
CREATE VIEW life AS
SELECT r.life, r.boot, CAST(r.domid AS bigint) AS domid, r.vm, r.first_tick,
       CASE WHEN r.ran_tick <= m.whole_to THEN r.ran_tick END AS ran_tick,
       CASE WHEN r.counted_tick <= m.whole_to THEN r.counted_tick END AS counted_tick,
       CASE WHEN r.last_tick < m.whole_to THEN r.last_tick END AS last_tick,
       CAST(r.billed AS bigint) AS billed, r.store_no
  FROM life_row AS r
  JOIN store_mark AS m ON m.store_no = r.store_no AND r.first_tick <= m.whole_to;

CREATE VIEW segment AS
SELECT r.segment, r.life, r.first_tick,
       CASE WHEN r.last_tick < m.whole_to THEN r.last_tick END AS last_tick,
       r.kib, CASE WHEN r.counted THEN bigint '1' ELSE 0 END AS counted, r.store_no, r.hour
  FROM segment_row AS r
  JOIN store_mark AS m ON m.store_no = r.store_no AND r.first_tick <= m.whole_to;

-- a pack is of one batch, and so wholly before whole_to or wholly behind it
CREATE VIEW tick AS
SELECT p.first_tick + coalesce(u.tick_offset, u.i) AS tick,
       p.late_base + coalesce(u.late_ns, 0) AS late_ns,
       p.utc_diff_base + coalesce(u.utc_diff_ns, 0) AS utc_diff_ns,
       p.window_base + coalesce(u.window_ns, 0) AS window_ns,
       CASE WHEN p.synchronised THEN bigint '1' ELSE 0 END AS synchronised,
       CAST(p.domains_base + coalesce(p.domains[width_bucket(CAST(u.i AS smallint), p.held_from)], 0) AS bigint)
           AS domains,
       p.kib_base + coalesce(p.kib[width_bucket(CAST(u.i AS smallint), p.held_from)], 0) AS kib, p.store_no
  FROM tick_pack AS p
  JOIN store_mark AS m ON m.store_no = p.store_no AND p.last_tick <= m.whole_to
  CROSS JOIN LATERAL ROWS FROM (generate_series(0, p.ticks - 1), unnest(p.offsets), unnest(p.late_ns),
                                unnest(p.utc_diff_ns), unnest(p.window_ns))
                 AS u (i, tick_offset, late_ns, utc_diff_ns, window_ns);

CREATE VIEW restart_span AS
SELECT tick, interval_ns, max_gap_ns, mono_ns, utc_offset_ns, store_no,
       lead(tick, 1, 9223372036854775807) OVER (PARTITION BY store_no ORDER BY tick) AS next_tick
  FROM restart;

-- The times of a tick in full. A pack has one restart.
CREATE VIEW tick_time AS
SELECT p.first_tick + coalesce(u.tick_offset, u.i) AS tick,
       r.mono_ns + (p.first_tick + coalesce(u.tick_offset, u.i) - r.tick) * r.interval_ns
           + (p.late_base + coalesce(u.late_ns, 0)) AS mono_ns,
       r.mono_ns + (p.first_tick + coalesce(u.tick_offset, u.i) - r.tick) * r.interval_ns
           + (p.late_base + coalesce(u.late_ns, 0)) + r.utc_offset_ns
           + (p.utc_diff_base + coalesce(u.utc_diff_ns, 0)) AS utc_ns,
       r.max_gap_ns,
       p.window_base + coalesce(u.window_ns, 0) AS window_ns,
       CASE WHEN p.synchronised THEN bigint '1' ELSE 0 END AS synchronised,
       CAST(p.domains_base + coalesce(p.domains[width_bucket(CAST(u.i AS smallint), p.held_from)], 0) AS bigint)
           AS domains,
       p.kib_base + coalesce(p.kib[width_bucket(CAST(u.i AS smallint), p.held_from)], 0) AS kib, p.store_no
  FROM tick_pack AS p
  JOIN store_mark AS m ON m.store_no = p.store_no AND p.last_tick <= m.whole_to
  JOIN restart_span AS r ON r.store_no = p.store_no AND p.first_tick >= r.tick AND p.first_tick < r.next_tick
  CROSS JOIN LATERAL ROWS FROM (generate_series(0, p.ticks - 1), unnest(p.offsets), unnest(p.late_ns),
                                unnest(p.utc_diff_ns), unnest(p.window_ns))
                 AS u (i, tick_offset, late_ns, utc_diff_ns, window_ns);

-- The same of some ticks of one store, from the first to the last, which is behind a cut that is there: a
-- range of tick_time that is found by an index. No pack lies on both sides of an hour cut.
CREATE FUNCTION ticks_between(p_store_no bigint, p_from bigint, p_to bigint)
    RETURNS TABLE (tick bigint, mono_ns bigint, utc_ns bigint, max_gap_ns bigint, synchronised bigint)
    LANGUAGE sql STABLE AS $$
SELECT t.tick, t.mono_ns, t.utc_ns, t.max_gap_ns, t.synchronised
  FROM (SELECT p.first_tick + coalesce(u.tick_offset, u.i) AS tick,
               r.mono_ns + (p.first_tick + coalesce(u.tick_offset, u.i) - r.tick) * r.interval_ns
                   + (p.late_base + coalesce(u.late_ns, 0)) AS mono_ns,
               r.mono_ns + (p.first_tick + coalesce(u.tick_offset, u.i) - r.tick) * r.interval_ns
                   + (p.late_base + coalesce(u.late_ns, 0)) + r.utc_offset_ns
                   + (p.utc_diff_base + coalesce(u.utc_diff_ns, 0)) AS utc_ns,
               r.max_gap_ns, CASE WHEN p.synchronised THEN bigint '1' ELSE 0 END AS synchronised
          FROM meter.tick_pack AS p
          JOIN meter.store_mark AS m ON m.store_no = p.store_no AND p.last_tick <= m.whole_to
          JOIN meter.restart_span AS r
            ON r.store_no = p.store_no AND p.first_tick >= r.tick AND p.first_tick < r.next_tick
          CROSS JOIN LATERAL ROWS FROM (generate_series(0, p.ticks - 1), unnest(p.offsets),
                                        unnest(p.late_ns), unnest(p.utc_diff_ns))
                         AS u (i, tick_offset, late_ns, utc_diff_ns)
         WHERE p.store_no = p_store_no AND p.first_tick <= p_to AND p.last_tick >= p_from
           AND p.hour >= (SELECT min(c.hour) FROM meter.hour_cut_row AS c
                           WHERE c.store_no = p_store_no AND c.tick <= p_to
                             AND c.tick >= (SELECT max(f.tick) FROM meter.hour_cut_row AS f
                                             WHERE f.store_no = p_store_no AND f.tick <= p_from
                                               AND f.tick >= p_store_no * 1000000000000))
           AND p.hour <= (SELECT max(c.hour) FROM meter.hour_cut_row AS c
                           WHERE c.store_no = p_store_no AND c.tick <= p_to
                             AND c.tick >= (SELECT max(f.tick) FROM meter.hour_cut_row AS f
                                             WHERE f.store_no = p_store_no AND f.tick <= p_from
                                               AND f.tick >= p_store_no * 1000000000000))) AS t
 WHERE t.tick >= p_from AND t.tick <= p_to
$$;

-- ---- what SQL for both engines reads, beside the tables: see schema/sqlite/0002_retired.sql ----

-- Where each store stands. store_no = number / store_size of all its numbers, and number - base is what
-- the host itself calls it.
CREATE VIEW standing AS
SELECT CAST(s.store_no AS bigint) AS store_no, bigint '1000000000000' AS store_size,
       s.store_no * bigint '1000000000000' AS base, s.host, bigint '1' AS hosts, s.store,
       CASE WHEN n.store_no = s.store_no THEN bigint '1' ELSE 0 END AS is_last,
       CASE WHEN s.restored_from IS NULL THEN bigint '0' ELSE 1 END AS is_continued,
       c.first_tick, m.whole_to AS last_tick, c.first_tick AS first_cut, d.tick AS derived_tick,
       p.pruned_tick, p.pruned_hour, r.tick AS retired_tick, r.at_ns AS retired_ns,
       CAST(NULL AS bigint) AS lost_before_ns
  FROM store AS s
  JOIN (SELECT host, max(store_no) AS store_no FROM store GROUP BY host) AS n ON n.host = s.host
  LEFT JOIN store_mark AS m ON m.store_no = s.store_no
  LEFT JOIN (SELECT store_no, min(tick) AS first_tick FROM hour_cut GROUP BY store_no) AS c
    ON c.store_no = s.store_no
  LEFT JOIN derived AS d ON d.store_no = s.store_no
  LEFT JOIN (SELECT store_no, max(up_to_tick) AS pruned_tick, max(to_hour) AS pruned_hour
               FROM prune GROUP BY store_no) AS p ON p.store_no = s.store_no
  LEFT JOIN retired AS r ON r.store_no = s.store_no;

-- Each tick and the one before it in its store.
CREATE VIEW tick_step AS
SELECT tick, mono_ns, utc_ns, max_gap_ns, lag(tick) OVER w AS from_tick,
       lag(mono_ns) OVER w AS from_mono_ns, lag(utc_ns) OVER w AS from_utc_ns, store_no
  FROM tick_time
WINDOW w AS (PARTITION BY store_no ORDER BY tick);

-- Each tick and the one behind it.
CREATE VIEW tick_next AS
SELECT tick, lead(tick) OVER (PARTITION BY store_no ORDER BY tick) AS next_tick, store_no FROM tick;

-- A life as its host and its boot name it.
CREATE VIEW life_name AS
SELECT l.life, l.domid, l.vm, l.billed, l.first_tick - b.tick_base AS first_seq, b.boot_uuid, s.host,
       l.store_no
  FROM life AS l
  JOIN boot AS b ON b.boot = l.boot AND b.store_no = l.store_no
  JOIN store AS s ON s.store_no = l.store_no;

-- usage_hour again, in SQL alone, from what is raw: for the audit. schema/sqlite/0001_meter.sql explains
-- it; here cuts and segments, runs and segments meet by store and hour too, so that they can be hashed.
CREATE VIEW usage_recomputed AS
WITH RECURSIVE
cut AS MATERIALIZED (
    SELECT c.store_no, c.hour, c.tick AS cut, c.first_segment, c.tick < d.tick AS is_derived, m.whole_to,
           lead(c.first_segment, 1, 9223372036854775807) OVER (PARTITION BY c.store_no ORDER BY c.tick)
               AS end_segment
      FROM hour_cut_row AS c
      JOIN derived AS d ON d.store_no = c.store_no AND c.tick <= d.tick
      JOIN store_mark AS m ON m.store_no = c.store_no AND c.tick <= m.whole_to
),
span AS (
    SELECT t.store_no, max(c.tick) OVER w AS cut, t.tick, t.utc_ns / 3600000000000 AS hour,
           3600000000000 - t.utc_ns % 3600000000000 AS room_ns,
           lead(t.tick) OVER w AS next_tick,
           lead(t.mono_ns) OVER w - t.mono_ns AS span_ns,
           lead(t.max_gap_ns) OVER w AS max_gap_ns
      FROM tick_time AS t
      LEFT JOIN hour_cut AS c ON c.tick = t.tick AND c.store_no = t.store_no
    WINDOW w AS (PARTITION BY t.store_no ORDER BY t.tick)
),
part AS (
    SELECT s.store_no, s.cut, s.tick, s.hour, s.span_ns > s.max_gap_ns AS is_gap,
           CASE WHEN b.first_tick IS NOT NULL OR s.span_ns IS NULL THEN 0
                WHEN s.span_ns < s.room_ns THEN s.span_ns ELSE s.room_ns END AS own_ns,
           CASE WHEN b.first_tick IS NOT NULL OR s.span_ns IS NULL OR s.span_ns < s.room_ns THEN 0
                ELSE s.span_ns - s.room_ns END AS rest_ns
      FROM span AS s
      LEFT JOIN boot AS b ON b.first_tick = s.next_tick AND b.store_no = s.store_no
),
run AS MATERIALIZED (
    SELECT store_no, cut, tick, hour, is_gap, own_ns, rest_ns,
           CAST(coalesce(sum(CASE WHEN is_gap THEN 0 ELSE own_ns END) OVER w, 0) AS bigint) AS whole_before,
           CAST(coalesce(sum(CASE WHEN is_gap THEN own_ns ELSE 0 END) OVER w, 0) AS bigint) AS gap_before
      FROM part
    WINDOW w AS (PARTITION BY store_no, cut ORDER BY tick ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
seg AS MATERIALIZED (
    SELECT s.store_no, c.cut, c.is_derived, s.life, s.first_tick, least(s.last_tick, c.whole_to) AS last_tick,
           s.kib, s.counted AS is_counted, s.first_tick = l.counted_tick AND s.counted AS is_first,
           lead(s.counted) OVER (PARTITION BY s.store_no, s.life ORDER BY s.segment) AS next_counted
      FROM cut AS c
      JOIN segment_row AS s ON s.store_no = c.store_no AND s.hour = c.hour AND s.first_tick <= c.whole_to
       AND s.segment >= c.first_segment AND s.segment < c.end_segment
      JOIN life_row AS l ON l.life = s.life AND l.store_no = s.store_no
),
-- the hours behind the first of an interval, one by one
spill (store_no, cut, tick, is_gap, hour, ns, rest_ns) AS (
    SELECT store_no, cut, tick, is_gap, hour + 1,
           CASE WHEN rest_ns < 3600000000000 THEN rest_ns ELSE 3600000000000 END,
           CASE WHEN rest_ns < 3600000000000 THEN 0 ELSE rest_ns - 3600000000000 END
      FROM run
     WHERE rest_ns > 0
    UNION ALL
    SELECT store_no, cut, tick, is_gap, hour + 1,
           CASE WHEN rest_ns < 3600000000000 THEN rest_ns ELSE 3600000000000 END,
           CASE WHEN rest_ns < 3600000000000 THEN 0 ELSE rest_ns - 3600000000000 END
      FROM spill
     WHERE rest_ns > 0
),
piece AS (
    -- between the ticks of a segment, less the first interval of a life's first counted segment
    SELECT s.store_no, s.life, f.hour, s.kib, s.is_counted AS is_billed, false AS is_gap,
           z.whole_before - f.whole_before
               - CASE WHEN s.is_first AND s.last_tick > s.first_tick AND NOT f.is_gap
                      THEN f.own_ns ELSE 0 END AS ns
      FROM seg AS s
      JOIN run AS f ON f.store_no = s.store_no AND f.cut = s.cut AND f.tick = s.first_tick
      JOIN run AS z ON z.store_no = s.store_no AND z.cut = s.cut AND z.tick = s.last_tick
     WHERE s.is_derived
    UNION ALL
    SELECT s.store_no, s.life, f.hour, s.kib, s.is_counted, true,
           z.gap_before - f.gap_before
               - CASE WHEN s.is_first AND s.last_tick > s.first_tick AND f.is_gap
                      THEN f.own_ns ELSE 0 END
      FROM seg AS s
      JOIN run AS f ON f.store_no = s.store_no AND f.cut = s.cut AND f.tick = s.first_tick
      JOIN run AS z ON z.store_no = s.store_no AND z.cut = s.cut AND z.tick = s.last_tick
     WHERE s.is_derived
    UNION ALL
    -- that first interval
    SELECT s.store_no, s.life, f.hour, s.kib, false, f.is_gap, f.own_ns
      FROM seg AS s
      JOIN run AS f ON f.store_no = s.store_no AND f.cut = s.cut AND f.tick = s.first_tick
     WHERE s.is_derived AND s.is_first AND s.last_tick > s.first_tick
    UNION ALL
    -- the interval behind the last tick of a segment, when the life goes on
    SELECT s.store_no, s.life, z.hour, s.kib,
           s.is_counted AND s.next_counted AND NOT (s.is_first AND s.first_tick = s.last_tick),
           z.is_gap, z.own_ns
      FROM seg AS s
      JOIN run AS z ON z.store_no = s.store_no AND z.cut = s.cut AND z.tick = s.last_tick
     WHERE s.is_derived AND s.next_counted IS NOT NULL
    UNION ALL
    -- what spills
    SELECT s.store_no, s.life, p.hour, s.kib,
           s.is_counted AND NOT (s.is_first AND s.first_tick = p.tick)
               AND (p.tick < s.last_tick OR s.next_counted),
           p.is_gap, p.ns
      FROM spill AS p
      JOIN seg AS s ON s.store_no = p.store_no AND s.cut = p.cut AND s.first_tick <= p.tick
       AND s.last_tick >= p.tick
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
SELECT life, hour,
       CAST(sum(kib_s) AS bigint) + CAST(sum(kib_s_frac) AS bigint) / 1000000000 AS kib_s,
       CAST(sum(kib_s_frac) AS bigint) % 1000000000 AS kib_s_frac,
       CAST(sum(CASE WHEN is_billed AND NOT is_gap THEN ns ELSE 0 END) AS bigint) AS measured_ns,
       CAST(sum(CASE WHEN is_billed AND is_gap THEN ns ELSE 0 END) AS bigint) AS missing_ns,
       CAST(sum(CASE WHEN is_billed THEN 0 ELSE ns END) AS bigint) AS excluded_ns
  FROM limb
 GROUP BY life, hour;

-- As SQLite's, of the parts that this project's SQL uses: %Y %m %d %H %M %S of a Unix time, UTC.
CREATE FUNCTION strftime(p_format text, p_seconds bigint, p_modifier text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT AS $$
SELECT replace(replace(replace(replace(replace(replace(p_format,
           '%Y', to_char(t.at, 'YYYY')), '%m', to_char(t.at, 'MM')), '%d', to_char(t.at, 'DD')),
           '%H', to_char(t.at, 'HH24')), '%M', to_char(t.at, 'MI')), '%S', to_char(t.at, 'SS'))
  FROM (SELECT timestamp '1970-01-01' + p_seconds * interval '1 second' AS at) AS t
$$;

-- ---- what a keeper does to stores ----

-- A role of the server, of the group pagemeter_host, and the host that it delivers for.
CREATE FUNCTION admit_host(p_role text, p_host text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = meter, pg_temp AS $$
BEGIN
    IF p_host !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' THEN
        RAISE EXCEPTION '% is no host id', p_host USING HINT = 'It is in the file host-id beside the host''s store.';
    END IF;
    IF EXISTS (SELECT 1 FROM host_role AS r WHERE r.role = p_role AND r.host <> p_host) THEN
        RAISE EXCEPTION 'role % delivers for another host', p_role USING HINT = 'Each host has a role of its own.';
    END IF;
    INSERT INTO host (host) VALUES (p_host) ON CONFLICT DO NOTHING;
    INSERT INTO host_role (role, host) VALUES (p_role, p_host) ON CONFLICT DO NOTHING;
END
$$;

-- The host is gone for good, or goes on with another store: this one ends with its last tick that nothing
-- is missing before. Returns that tick. Said again it changes nothing.
CREATE FUNCTION retire_store(p_store_no bigint, p_at_ns bigint, p_said_ns bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = meter, pg_temp AS $$
DECLARE
    v_tick bigint;
BEGIN
    PERFORM 1 FROM store AS s WHERE s.store_no = p_store_no FOR NO KEY UPDATE;    -- no batch meanwhile
    SELECT r.tick INTO v_tick FROM retired AS r WHERE r.store_no = p_store_no;
    IF FOUND THEN
        RETURN v_tick;
    END IF;
    SELECT m.whole_to INTO v_tick FROM store_mark AS m WHERE m.store_no = p_store_no;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'store % has delivered nothing that could be the last', p_store_no;
    END IF;
    INSERT INTO retired (store_no, at_ns, tick, said_ns) VALUES (p_store_no, p_at_ns, v_tick, p_said_ns);
    RETURN v_tick;
END
$$;

-- Raw rows of a store before this cut go; what their intervals gave to usage_hour is written down.
CREATE FUNCTION prune_store(p_store_no bigint, p_up_to_tick bigint, p_pruned_ns bigint, p_to_hour bigint,
                            p_kib_s bigint, p_kib_s_frac bigint, p_measured_ns bigint, p_missing_ns bigint,
                            p_excluded_ns bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = meter, pg_temp AS $$
DECLARE
    v_base bigint := p_store_no * 1000000000000;
    v_first_segment bigint;
    v_hours int[];
    v_ticks bigint;
    v_segments bigint;
BEGIN
    SELECT c.first_segment INTO v_first_segment
      FROM hour_cut AS c
      JOIN derived AS d ON d.store_no = c.store_no AND d.tick >= c.tick
     WHERE c.store_no = p_store_no AND c.tick = p_up_to_tick;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'store % can''t be pruned up to tick %', p_store_no, p_up_to_tick
            USING HINT = 'Rows are pruned up to an hour cut that usage is derived up to.';
    END IF;
    v_hours := ARRAY(SELECT DISTINCT c.hour FROM hour_cut_row AS c
                      WHERE c.store_no = p_store_no AND c.tick >= v_base AND c.tick < p_up_to_tick);
    WITH gone AS (
        DELETE FROM segment_row AS s
         WHERE s.store_no = p_store_no AND s.hour = ANY (v_hours) AND s.segment < v_first_segment
        RETURNING 1
    )
    SELECT count(*) INTO v_segments FROM gone;
    WITH gone AS (
        DELETE FROM tick_pack AS p
         WHERE p.store_no = p_store_no AND p.hour = ANY (v_hours) AND p.first_tick < p_up_to_tick
        RETURNING p.ticks
    )
    SELECT coalesce(sum(ticks), 0) INTO v_ticks FROM gone;
    DELETE FROM hour_cut_row AS c
     WHERE c.store_no = p_store_no AND c.tick >= v_base AND c.tick < p_up_to_tick;
    INSERT INTO prune (store_no, up_to_tick, pruned_ns, to_hour, ticks, segments, kib_s, kib_s_frac,
                       measured_ns, missing_ns, excluded_ns)
    VALUES (p_store_no, p_up_to_tick, p_pruned_ns, p_to_hour, v_ticks, v_segments, p_kib_s, p_kib_s_frac,
            p_measured_ns, p_missing_ns, p_excluded_ns);
END
$$;

-- Months of which all raw rows are pruned: their partitions go. Returns how many. usage_hour stays.
CREATE FUNCTION drop_empty_partitions() RETURNS int LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = meter, pg_temp AS $$
DECLARE
    v_dropped int := 0;
    v_name text;
    v_is_empty boolean;
BEGIN
    FOR v_name IN
        SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
         WHERE i.inhparent IN ('segment_row'::regclass, 'tick_pack'::regclass)
           AND right(c.relname, 7) < to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM') AND c.relname ~ '_[0-9]{4}_[0-9]{2}$'
    LOOP
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', v_name);
        EXECUTE format('SELECT NOT EXISTS (SELECT 1 FROM %I)', v_name) INTO v_is_empty;
        IF v_is_empty THEN
            EXECUTE format('DROP TABLE %I', v_name);
            v_dropped := v_dropped + 1;
        END IF;
    END LOOP;
    RETURN v_dropped;
END
$$;
