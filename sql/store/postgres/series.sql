-- The same as ../series.sql of a database of many hosts: a number tells the store that it is of.

-- :name SERIES_SEGMENTS
-- behind cuts of the hours ?5 to ?6
SELECT s.life, s.first_tick, coalesce(s.last_tick, ?3), s.kib, s.counted
  FROM segment AS s
 WHERE s.store_no = ?3 / 1000000000000 AND s.segment >= ?1 AND s.segment < ?2 AND s.first_tick <= ?3
   AND s.life = ANY (SELECT CAST(e AS bigint) FROM jsonb_array_elements_text(CAST(?4 AS jsonb)) AS e)
   AND s.hour >= ?5 AND s.hour <= ?6
 ORDER BY s.segment;

-- :name SERIES_TICKS
-- '[[tick,hour],...]', the hour being that of the cut before it: of the packs of these hours the elements
-- that are asked for. Arrays are unpacked once for each pack, and not for each of its ticks.
WITH wanted AS MATERIALIZED (
    SELECT CAST(e ->> 0 AS bigint) AS tick, CAST(e ->> 1 AS int) AS hour,
           CAST(CAST(e ->> 0 AS bigint) / 1000000000000 AS int) AS store_no
      FROM jsonb_array_elements(CAST(?1 AS jsonb)) AS e
),
pack AS MATERIALIZED (
    SELECT p.store_no, p.hour, p.first_tick, p.last_tick, p.late_base, p.utc_diff_base,
           CASE WHEN p.offsets IS NOT NULL THEN p.offsets || CAST('{}' AS int[]) END AS offsets,
           p.late_ns || CAST('{}' AS int[]) AS late_ns,
           p.utc_diff_ns || CAST('{}' AS int[]) AS utc_diff_ns
      FROM tick_pack AS p
      JOIN (SELECT DISTINCT store_no, hour FROM wanted) AS w ON w.store_no = p.store_no AND w.hour = p.hour
),
place AS (
    SELECT w.tick, p.store_no, p.first_tick, p.late_base, p.utc_diff_base, p.late_ns, p.utc_diff_ns,
           CASE WHEN p.offsets IS NULL THEN w.tick - p.first_tick + 1
                ELSE array_position(p.offsets, CAST(w.tick - p.first_tick AS int)) END AS i
      FROM wanted AS w
      JOIN pack AS p ON p.store_no = w.store_no AND p.hour = w.hour
       AND p.first_tick <= w.tick AND p.last_tick >= w.tick
)
SELECT t.tick,
       r.mono_ns + (t.tick - r.tick) * r.interval_ns + t.late_base + coalesce(t.late_ns[t.i], 0),
       r.mono_ns + (t.tick - r.tick) * r.interval_ns + t.late_base + coalesce(t.late_ns[t.i], 0)
           + r.utc_offset_ns + t.utc_diff_base + coalesce(t.utc_diff_ns[t.i], 0),
       r.max_gap_ns, CASE WHEN b.boot IS NOT NULL THEN 1 ELSE 0 END
  FROM place AS t
 CROSS JOIN LATERAL (SELECT n.* FROM restart_row AS n
                      WHERE n.store_no = t.store_no AND n.tick <= t.tick
                      ORDER BY n.tick DESC LIMIT 1) AS r
  LEFT JOIN boot_row AS b ON b.first_tick = t.tick AND b.store_no = t.store_no
 WHERE t.i IS NOT NULL;

-- :name SERIES_NEXT_TICK
SELECT coalesce(min(t.tick), -1)
  FROM ticks_between(?1 / 1000000000000, ?1 + 1, least(?1 + 100000, ?2)) AS t;
