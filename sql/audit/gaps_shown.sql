-- gaps_shown: every interval longer than max_gap has its row in gap, and no other has.
WITH
long AS MATERIALIZED (
    SELECT s.from_tick, s.tick, s.mono_ns - s.from_mono_ns AS span_ns
      FROM tick_step AS s
      LEFT JOIN boot AS b ON b.first_tick = s.tick
     WHERE b.boot IS NULL AND s.mono_ns - s.from_mono_ns > s.max_gap_ns
)
SELECT l.from_tick, l.tick, l.span_ns, 'is not shown' AS finding
  FROM long AS l
  LEFT JOIN gap AS g ON g.tick = l.tick
 WHERE g.tick IS NULL OR g.from_tick <> l.from_tick OR g.span_ns <> l.span_ns
UNION ALL
SELECT g.from_tick, g.tick, g.span_ns, 'is no gap'
  FROM gap AS g
  JOIN standing AS n ON n.store_no = g.tick / n.store_size
  LEFT JOIN long AS l ON l.tick = g.tick
 WHERE l.tick IS NULL
   AND g.from_tick >= coalesce(n.pruned_tick, g.from_tick)
   AND NOT (n.is_continued = 1 AND g.tick = n.first_tick)
 ORDER BY 2;
