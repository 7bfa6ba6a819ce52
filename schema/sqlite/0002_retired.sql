-- 0002_retired.sql: a host that is gone. And what SQL that PostgreSQL runs too reads beside the tables:
-- there the stores of many hosts are one database (schema/postgres/), with the same views.

-- Nothing more comes of this store: then the hour that was open is derived too.
CREATE TABLE retired (
    one           INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    at_ns         INTEGER NOT NULL CHECK (at_ns >= 0),         -- UTC: it measured until then
    tick          INTEGER NOT NULL,                            -- its last
    said_ns       INTEGER NOT NULL CHECK (said_ns >= 0)
) STRICT;

CREATE TRIGGER retired_at_its_end BEFORE INSERT ON retired
WHEN NEW.tick IS NOT (SELECT max(tick) FROM tick)
BEGIN SELECT raise(ABORT, 'a store is retired at its last tick'); END;
CREATE TRIGGER retired_kept BEFORE UPDATE ON retired
BEGIN SELECT raise(ABORT, 'a store is retired once'); END;
CREATE TRIGGER retired_not_deleted BEFORE DELETE ON retired
BEGIN SELECT raise(ABORT, 'a store is retired for ever'); END;
CREATE TRIGGER tick_not_retired BEFORE INSERT ON tick WHEN EXISTS (SELECT 1 FROM retired)
BEGIN SELECT raise(ABORT, 'this store is retired: it takes no more ticks'); END;

-- Where each store stands: here it is one. store_no = number / store_size of all its numbers, and
-- number - base is what the host itself calls it.
CREATE VIEW standing AS
SELECT 0 AS store_no, 9223372036854775807 AS store_size, 0 AS base,
       (SELECT host FROM host) AS host, (SELECT count(*) FROM host) AS hosts,
       (SELECT store FROM store ORDER BY number DESC LIMIT 1) AS store,
       1 AS is_last,                                           -- of its host
       0 AS is_continued,                                      -- its beginning is in another one
       (SELECT min(tick) FROM tick) AS first_tick, (SELECT max(tick) FROM tick) AS last_tick,
       (SELECT min(tick) FROM hour_cut) AS first_cut, (SELECT tick FROM derived) AS derived_tick,
       (SELECT max(up_to_tick) FROM prune) AS pruned_tick, (SELECT max(to_hour) FROM prune) AS pruned_hour,
       (SELECT tick FROM retired) AS retired_tick, (SELECT at_ns FROM retired) AS retired_ns,
       -- what was measured before may have been lost, by a restore
       (SELECT max(created_ns) FROM store WHERE after_tick IS NOT NULL) AS lost_before_ns;

-- Each tick and the one before it.
CREATE VIEW tick_step AS
SELECT tick, mono_ns, utc_ns, max_gap_ns, lag(tick) OVER w AS from_tick,
       lag(mono_ns) OVER w AS from_mono_ns, lag(utc_ns) OVER w AS from_utc_ns
  FROM tick_time
WINDOW w AS (ORDER BY tick);

-- Each tick and the one behind it.
CREATE VIEW tick_next AS
SELECT t.tick, (SELECT min(n.tick) FROM tick AS n WHERE n.tick > t.tick) AS next_tick FROM tick AS t;

-- A life as its host and its boot name it.
CREATE VIEW life_name AS
SELECT l.life, l.domid, l.vm, l.billed, l.first_tick - b.tick_base AS first_seq, b.boot_uuid, h.host
  FROM life AS l
  JOIN boot AS b ON b.boot = l.boot
  JOIN host AS h;
