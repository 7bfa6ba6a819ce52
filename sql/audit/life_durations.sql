-- life_durations: measured, missing and excluded time of a life must add up to its length. Lives
-- that have ended, and whose hours are all derived; of those that began before what was pruned,
-- usage_conserved sees the sum.
WITH
derived_life AS (
    SELECT l.life, l.vm, l.first_tick, l.last_tick
      FROM life AS l
      JOIN standing AS n ON n.store_no = l.life / n.store_size
     WHERE l.last_tick < n.derived_tick
)
SELECT l.life, l.vm, z.mono_ns - f.mono_ns AS length_ns,
       CAST(coalesce(sum(u.measured_ns + u.missing_ns + u.excluded_ns), 0) AS bigint) AS parts_ns
  FROM derived_life AS l
  JOIN tick_time AS f ON f.tick = l.first_tick
  JOIN tick_time AS z ON z.tick = l.last_tick
  LEFT JOIN usage_hour AS u ON u.life = l.life
 GROUP BY l.life, l.vm, f.mono_ns, z.mono_ns
HAVING coalesce(sum(u.measured_ns + u.missing_ns + u.excluded_ns), 0) <> z.mono_ns - f.mono_ns
 ORDER BY l.life;
