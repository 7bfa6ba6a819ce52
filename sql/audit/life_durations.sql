-- life_durations: measured, missing and excluded time of a life must add up to its length. Lives
-- that have ended, and whose hours are all derived; of those that began before what was pruned,
-- usage_conserved sees the sum. Where hours are gone their days are there.
WITH
derived_life AS (
    SELECT l.life, l.vm, l.first_tick, l.last_tick
      FROM life AS l
      JOIN standing AS n ON n.store_no = l.life / n.store_size
     WHERE l.last_tick < n.derived_tick
),
part AS (
    SELECT life, measured_ns + missing_ns + excluded_ns AS ns FROM usage_hour
     WHERE hour >= (SELECT coalesce(max(hours_pruned), 0) FROM standing)
    UNION ALL
    SELECT life, measured_ns + missing_ns + excluded_ns FROM usage_day
     WHERE day < (SELECT coalesce(max(hours_pruned), 0) FROM standing) / 24
),
length AS (
    SELECT life, CAST(sum(ns) AS bigint) AS ns FROM part GROUP BY life
)
SELECT l.life, l.vm, z.mono_ns - f.mono_ns AS length_ns,
       coalesce(u.ns, 0) AS parts_ns
  FROM derived_life AS l
  JOIN tick_time AS f ON f.tick = l.first_tick
  JOIN tick_time AS z ON z.tick = l.last_tick
  LEFT JOIN length AS u ON u.life = l.life
 WHERE coalesce(u.ns, 0) <> z.mono_ns - f.mono_ns
 ORDER BY l.life;
