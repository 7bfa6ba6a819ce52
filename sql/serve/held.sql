-- held: what each domain holds at the last tick of its host. Segments are cut at each hour, so that
-- what holds is behind the last cut. The hour is that tick's, which may be long ago.
WITH
last_cut AS (
    SELECT n.host, n.base, n.last_tick,
           (SELECT max(c.tick) FROM hour_cut AS c WHERE c.tick BETWEEN n.base AND n.last_tick) AS cut
      FROM standing AS n
     WHERE n.is_last = 1 AND n.retired_ns IS NULL AND n.last_tick IS NOT NULL
)
SELECT l.vm, c.host, l.domid, l.billed, s.kib, s.counted, t.utc_ns
  FROM last_cut AS c
  JOIN tick_time AS t ON t.tick = c.last_tick
  JOIN hour_cut AS h ON h.tick = c.cut
  JOIN segment AS s ON s.segment >= h.first_segment AND s.first_tick BETWEEN c.cut AND c.last_tick
                   AND s.last_tick IS NULL
  JOIN life AS l ON l.life = s.life AND l.last_tick IS NULL
 ORDER BY l.vm, l.life;
