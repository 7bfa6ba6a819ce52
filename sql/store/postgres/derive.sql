-- The same as ../derive.sql of a database of many hosts: a number tells the store that it is of.

-- :name UPSERT_DERIVED
INSERT INTO derived (store_no, tick) VALUES (?1 / 1000000000000, ?1)
ON CONFLICT (store_no) DO UPDATE SET tick = excluded.tick;

-- :name SELECT_TIMELINE
SELECT tick, mono_ns, utc_ns, max_gap_ns, is_boot
  FROM ticks_between(?1 / 1000000000000, ?1, ?2)
 ORDER BY tick;

-- :name SELECT_SEGMENTS
-- from the cut at ?1 up to and including those that begin at tick ?2; the open ones hold to ?2. Store, hour
-- and segment are named, so that the index is used whatever is known of the table.
SELECT s.life, s.first_tick, coalesce(s.last_tick, ?2), s.kib, s.counted, coalesce(l.counted_tick, -1)
  FROM segment AS s
  JOIN life AS l ON l.life = s.life AND l.store_no = s.store_no
 WHERE s.store_no = ?1 / 1000000000000
   AND s.hour >= (SELECT min(c.hour) FROM hour_cut_row AS c
                   WHERE c.store_no = ?1 / 1000000000000 AND c.tick >= ?1 AND c.tick <= ?2)
   AND s.hour <= (SELECT max(c.hour) FROM hour_cut_row AS c
                   WHERE c.store_no = ?1 / 1000000000000 AND c.tick >= ?1 AND c.tick <= ?2)
   AND s.segment >= (SELECT c.first_segment FROM hour_cut_row AS c
                      WHERE c.store_no = ?1 / 1000000000000 AND c.tick = ?1)
   AND s.segment < coalesce((SELECT min(c.first_segment) FROM hour_cut_row AS c
                              WHERE c.store_no = ?1 / 1000000000000 AND c.tick > ?2
                                AND c.tick < (?1 / 1000000000000 + 1) * 1000000000000),
                            (?1 / 1000000000000 + 1) * 1000000000000)
   AND s.first_tick <= ?2
 ORDER BY s.life, s.segment;

-- :name UPSERT_USAGE_HOUR
INSERT INTO usage_hour (life, hour, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns, store_no)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?1 / 1000000000000)
ON CONFLICT (store_no, hour, life) DO UPDATE
   SET kib_s = usage_hour.kib_s + excluded.kib_s
                   + (usage_hour.kib_s_frac + excluded.kib_s_frac) / 1000000000,
       kib_s_frac = (usage_hour.kib_s_frac + excluded.kib_s_frac) % 1000000000,
       measured_ns = usage_hour.measured_ns + excluded.measured_ns,
       missing_ns = usage_hour.missing_ns + excluded.missing_ns,
       excluded_ns = usage_hour.excluded_ns + excluded.excluded_ns;

-- :name UPSERT_USAGE_DAY
INSERT INTO usage_day (life, day, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns, store_no)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?1 / 1000000000000)
ON CONFLICT (store_no, day, life) DO UPDATE
   SET kib_s = usage_day.kib_s + excluded.kib_s
                   + (usage_day.kib_s_frac + excluded.kib_s_frac) / 1000000000,
       kib_s_frac = (usage_day.kib_s_frac + excluded.kib_s_frac) % 1000000000,
       measured_ns = usage_day.measured_ns + excluded.measured_ns,
       missing_ns = usage_day.missing_ns + excluded.missing_ns,
       excluded_ns = usage_day.excluded_ns + excluded.excluded_ns;

-- :name SELECT_USAGE_HOURS
-- in no order: nobody asks for one, and millions of rows would be sorted on a disk
SELECT life, hour, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns
  FROM usage_hour
 WHERE hour >= ?1 AND hour < ?2;

-- :name SELECT_USAGE_DAYS
-- summed by some years, which fit 63 bits: a row for each life instead of one a day
SELECT life, CAST(sum(kib_s) AS bigint), CAST(sum(kib_s_frac) AS bigint), CAST(sum(measured_ns) AS bigint),
       CAST(sum(missing_ns) AS bigint), CAST(sum(excluded_ns) AS bigint)
  FROM usage_day
 WHERE day >= ?1 AND day < ?2
 GROUP BY life, day / 1024;

-- :name SELECT_USAGE_HOURS_OF_LIFE
SELECT life, hour, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns
  FROM usage_hour
 WHERE life = ?3 AND store_no = ?3 / 1000000000000 AND hour >= ?1 AND hour < ?2;

-- :name SELECT_USAGE_DAYS_OF_LIFE
SELECT life, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns
  FROM usage_day
 WHERE life = ?3 AND store_no = ?3 / 1000000000000 AND day >= ?1 AND day < ?2;
