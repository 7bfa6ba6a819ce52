-- The same as ../series.sql of a database of many hosts: a number tells the store that it is of.

-- :name SERIES_SEGMENTS
SELECT s.life, s.first_tick, coalesce(s.last_tick, ?2), s.kib, s.counted
  FROM segment AS s
 WHERE s.store_no = ?1 / 1000000000000
   AND s.segment >= (SELECT c.first_segment FROM hour_cut_row AS c
                      WHERE c.tick = ?1 AND c.store_no = ?1 / 1000000000000)
   AND s.segment < coalesce((SELECT min(c.first_segment) FROM hour_cut_row AS c
                              WHERE c.tick > ?2 AND c.tick < (?1 / 1000000000000 + 1) * 1000000000000
                                AND c.store_no = ?1 / 1000000000000),
                            (?1 / 1000000000000 + 1) * 1000000000000)
   AND s.first_tick <= ?2
   AND s.life IN (SELECT CAST(e AS bigint) FROM jsonb_array_elements_text(CAST(?3 AS jsonb)) AS e)
 ORDER BY s.segment;

-- :name SERIES_TICKS
-- of each pack that has some of them, those elements alone
WITH wanted AS MATERIALIZED (
    SELECT CAST(e AS bigint) AS tick FROM jsonb_array_elements_text(CAST(?1 AS jsonb)) AS e
),
place AS (
    SELECT w.tick, p.store_no, p.first_tick, p.late_base, p.utc_diff_base, p.late_ns, p.utc_diff_ns,
           CASE WHEN p.offsets IS NULL THEN w.tick - p.first_tick + 1
                ELSE array_position(p.offsets, CAST(w.tick - p.first_tick AS int)) END AS i
      FROM wanted AS w
     CROSS JOIN LATERAL (SELECT n.* FROM tick_pack AS n
                          WHERE n.store_no = w.tick / 1000000000000 AND n.first_tick <= w.tick
                            AND n.last_tick >= w.tick) AS p
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
