-- lives: the lives of one VM, the latest first.
-- :vm is its uuid. Of ticks that were pruned there is no time, but the hours in which there was usage are kept.
SELECT substr(m.boot_uuid, 1, 8) || '/' || m.domid || '/' || m.first_seq AS life, m.host,
       f.utc_ns AS since, z.utc_ns AS until,
       CASE WHEN l.last_tick IS NULL THEN 1 ELSE 0 END AS is_open, l.billed,
       (SELECT min(u.hour) FROM usage_hour AS u WHERE u.life = l.life) AS first_hour,
       (SELECT max(u.hour) FROM usage_hour AS u WHERE u.life = l.life) AS last_hour
  FROM life AS l
  JOIN life_name AS m ON m.life = l.life
  LEFT JOIN tick_time AS f ON f.tick = l.first_tick
  LEFT JOIN tick_time AS z ON z.tick = l.last_tick
 WHERE l.vm = lower(CAST(:vm AS text))
 ORDER BY l.life DESC;
