-- From segments to usage_hour and usage_day, and what `usage` reads.

-- :name SELECT_NEXT_CUT
-- a store that is retired ends with its last tick, which is the end of its last hour
SELECT coalesce((SELECT min(tick) FROM hour_cut WHERE tick > ?1 AND tick <= ?2),
                (SELECT min(tick) FROM retired WHERE tick > ?1 AND tick <= ?2));

-- :name UPSERT_DERIVED
INSERT INTO derived (one, tick) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET tick = excluded.tick;

-- :name SELECT_TIMELINE
SELECT t.tick, t.mono_ns, t.utc_ns, t.max_gap_ns, CASE WHEN b.boot IS NOT NULL THEN 1 ELSE 0 END
  FROM tick_time AS t
  LEFT JOIN boot AS b ON b.first_tick = t.tick
 WHERE t.tick >= ?1 AND t.tick <= ?2
 ORDER BY t.tick;

-- :name SELECT_SEGMENTS
-- from the cut at ?1 up to and including those that begin at tick ?2; the open ones hold to ?2
SELECT s.life, s.first_tick, coalesce(s.last_tick, ?2), s.kib, s.counted,
       coalesce(l.counted_tick, -1)
  FROM segment AS s
  JOIN life AS l ON l.life = s.life
 WHERE s.segment >= (SELECT first_segment FROM hour_cut WHERE tick = ?1)
   AND s.first_tick <= ?2
   AND s.segment < coalesce((SELECT first_segment FROM hour_cut WHERE tick > ?2
                              ORDER BY tick LIMIT 1), 9223372036854775807)
 ORDER BY s.life, s.segment;

-- :name UPSERT_USAGE_HOUR
INSERT INTO usage_hour (life, hour, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (life, hour) DO UPDATE
   SET kib_s = usage_hour.kib_s + excluded.kib_s
                   + (usage_hour.kib_s_frac + excluded.kib_s_frac) / 1000000000,
       kib_s_frac = (usage_hour.kib_s_frac + excluded.kib_s_frac) % 1000000000,
       measured_ns = usage_hour.measured_ns + excluded.measured_ns,
       missing_ns = usage_hour.missing_ns + excluded.missing_ns,
       excluded_ns = usage_hour.excluded_ns + excluded.excluded_ns;

-- :name UPSERT_USAGE_DAY
INSERT INTO usage_day (life, day, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (life, day) DO UPDATE
   SET kib_s = usage_day.kib_s + excluded.kib_s
                   + (usage_day.kib_s_frac + excluded.kib_s_frac) / 1000000000,
       kib_s_frac = (usage_day.kib_s_frac + excluded.kib_s_frac) % 1000000000,
       measured_ns = usage_day.measured_ns + excluded.measured_ns,
       missing_ns = usage_day.missing_ns + excluded.missing_ns,
       excluded_ns = usage_day.excluded_ns + excluded.excluded_ns;

-- :name SELECT_MARKS
-- the last synchronised tick is looked for from the end: it is one of the last, or there is none
SELECT h.host, (SELECT store FROM store ORDER BY number DESC LIMIT 1), 0, m.first_tick, m.derived,
       (SELECT max(tick) FROM tick),
       coalesce((SELECT max(up_to_tick) FROM prune), m.first_tick),
       coalesce((SELECT utc_ns FROM tick_time
                  WHERE tick = (SELECT tick FROM tick WHERE synchronised = 1
                                 ORDER BY tick DESC LIMIT 1)), -1),
       (SELECT utc_ns FROM tick_time WHERE tick = m.derived),
       coalesce((SELECT min(hour) FROM hour_cut WHERE tick >= m.derived), 9223372036854775807),
       (SELECT at_ns FROM retired),
       (SELECT utc_ns FROM tick_time WHERE tick = (SELECT max(tick) FROM tick))
  FROM (SELECT min(tick) AS first_tick,
               coalesce((SELECT tick FROM derived), min(tick)) AS derived FROM hour_cut) AS m
  JOIN host AS h
 WHERE m.first_tick IS NOT NULL;

-- :name SELECT_SILENT_HOSTS
-- a file has one host, which wrote it
SELECT host, 0 FROM host WHERE false;

-- :name SELECT_HAS_OPEN_LIFE
-- a store that another was restored in the place of, or that is retired, has ended with all its lives
SELECT CASE WHEN EXISTS (SELECT 1 FROM life AS l
                           JOIN standing AS n ON n.store_no = l.life / n.store_size
                          WHERE l.vm = ?1 AND l.last_tick IS NULL AND n.is_last = 1
                            AND n.retired_tick IS NULL) THEN 1 ELSE 0 END;

-- the lives come first (CROSS JOIN keeps the order in SQLite): a seek for each, and only the rows of
-- the range are read, however many years the store has

-- :name SELECT_USAGE_HOURS
SELECT u.life, u.hour, u.kib_s, u.kib_s_frac, u.measured_ns, u.missing_ns, u.excluded_ns
  FROM life AS l CROSS JOIN usage_hour AS u
 WHERE u.life = l.life AND u.hour >= ?1 AND u.hour < ?2
 ORDER BY l.life, u.hour;

-- :name SELECT_USAGE_DAYS
-- not summed here: years of a large VM do not fit 63 bits
SELECT u.life, u.kib_s, u.kib_s_frac, u.measured_ns, u.missing_ns, u.excluded_ns
  FROM life AS l CROSS JOIN usage_day AS u
 WHERE u.life = l.life AND u.day >= ?1 AND u.day < ?2
 ORDER BY l.life, u.day;

-- :name SELECT_USAGE_HOURS_OF_LIFE
SELECT life, hour, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns
  FROM usage_hour
 WHERE life = ?3 AND hour >= ?1 AND hour < ?2;

-- :name SELECT_USAGE_DAYS_OF_LIFE
SELECT life, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns
  FROM usage_day
 WHERE life = ?3 AND day >= ?1 AND day < ?2;

-- :name SELECT_LIVES
SELECT life, domid, vm, billed, first_seq, boot_uuid, host FROM life_name ORDER BY life;

-- :name SELECT_LIVES_OF_VM
SELECT life, domid, vm, billed, first_seq, boot_uuid, host
  FROM life_name
 WHERE vm = ?1
 ORDER BY life;

-- :name DELETE_DERIVED
DELETE FROM derived;

-- :name DELETE_USAGE
DELETE FROM usage_hour;

-- :name DELETE_USAGE_DAY
DELETE FROM usage_day;

-- :name SELECT_GAPS
SELECT count(*), CAST(coalesce(sum(span_ns), 0) AS bigint) FROM gap;

-- :name INSERT_RETIRED
INSERT INTO retired (one, at_ns, tick, said_ns) VALUES (1, ?1, ?2, ?3);
