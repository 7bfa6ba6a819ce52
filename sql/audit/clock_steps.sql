-- clock_steps: every step of the wall clock beyond 100 ms has its row, and no other tick has.
WITH
difference AS (
    -- a clock that went from one end of time to the other: the step is what an integer can hold. (Time goes
    -- back where the host booted, and there only: it is not asked for.)
    SELECT m.tick,
           CASE WHEN m.mono_ns < m.from_mono_ns THEN 0
                WHEN m.utc_ns - m.from_utc_ns < -9223372036854775807 + (m.mono_ns - m.from_mono_ns)
                THEN -9223372036854775807
                ELSE m.utc_ns - m.from_utc_ns - (m.mono_ns - m.from_mono_ns) END AS step_ns
      FROM tick_step AS m
      LEFT JOIN boot AS b ON b.first_tick = m.tick
     WHERE b.boot IS NULL
),
step AS (
    SELECT tick, step_ns FROM difference WHERE step_ns > 100000000 OR step_ns < -100000000
)
SELECT s.tick, s.step_ns, c.step_ns AS stored_step_ns, 'is not shown' AS finding
  FROM step AS s
  LEFT JOIN clock_step AS c ON c.tick = s.tick
 WHERE c.tick IS NULL OR c.step_ns <> s.step_ns
UNION ALL
SELECT c.tick, NULL, c.step_ns, 'is no step'
  FROM clock_step AS c
  JOIN standing AS n ON n.store_no = c.tick / n.store_size
  LEFT JOIN step AS s ON s.tick = c.tick
 WHERE s.tick IS NULL
   AND c.tick > coalesce(n.pruned_tick, c.tick - 1)
   AND NOT (n.is_continued = 1 AND c.tick = n.first_tick)
 ORDER BY 1;
