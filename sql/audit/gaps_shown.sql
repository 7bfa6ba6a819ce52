-- gaps_shown: every interval longer than max_gap has its row in gap, and no other has.
WITH
span AS (
    SELECT lag(tick) OVER w AS from_tick, tick,
           mono_ns - lag(mono_ns) OVER w AS span_ns, max_gap_ns
      FROM tick_time
    WINDOW w AS (ORDER BY tick)
),
long AS MATERIALIZED (
    SELECT s.from_tick, s.tick, s.span_ns
      FROM span AS s
      LEFT JOIN boot AS b ON b.first_tick = s.tick
     WHERE b.boot IS NULL AND s.span_ns > s.max_gap_ns
)
SELECT l.from_tick, l.tick, l.span_ns, 'is not shown' AS finding
  FROM long AS l
  LEFT JOIN gap AS g ON g.tick = l.tick
 WHERE g.tick IS NULL OR g.from_tick <> l.from_tick OR g.span_ns <> l.span_ns
UNION ALL
SELECT g.from_tick, g.tick, g.span_ns, 'is no gap'
  FROM gap AS g
  LEFT JOIN long AS l ON l.tick = g.tick
 WHERE l.tick IS NULL
   AND g.from_tick >= (SELECT coalesce(max(up_to_tick), g.from_tick) FROM prune)
 ORDER BY 2;
