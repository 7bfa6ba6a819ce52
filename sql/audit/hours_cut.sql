-- hours_cut: the first tick of each UTC hour, and of each boot, is a cut, and no other tick is.
WITH
step AS (
    SELECT tick, utc_ns / 3600000000000 AS hour, from_utc_ns / 3600000000000 AS hour_before
      FROM tick_step
)
SELECT s.tick, s.hour, c.hour AS cut_hour,
       CASE WHEN c.tick IS NULL THEN 'is not cut' ELSE 'is a wrong cut' END AS finding
  FROM step AS s
  LEFT JOIN hour_cut AS c ON c.tick = s.tick
  LEFT JOIN boot AS b ON b.first_tick = s.tick
 WHERE (s.hour_before IS NULL OR s.hour_before <> s.hour OR b.boot IS NOT NULL) <> (c.tick IS NOT NULL)
    OR c.hour <> s.hour
UNION ALL
SELECT c.tick, NULL, c.hour, 'is no tick'
  FROM hour_cut AS c
  LEFT JOIN tick AS t ON t.tick = c.tick
 WHERE t.tick IS NULL
 ORDER BY 1;
