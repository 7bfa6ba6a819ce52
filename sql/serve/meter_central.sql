-- meter_central: meter.sql for PostgreSQL, where each store is asked for its end.
SELECT n.host, n.store, r.version, r.interval_ns, r.max_gap_ns, e.last_ns AS utc_ns, e.window_ns, e.synchronised,
       e.domains, e.kib, n.last_tick - n.base AS tick, c.restarts, coalesce(s.clock_steps, 0) AS clock_steps,
       CASE WHEN e.derived_tick IS NULL THEN NULL ELSE e.derived_ns END AS derived_ns
  FROM standing AS n
  JOIN store_ends() AS e ON e.store_no = n.store_no
  JOIN (SELECT store_no, count(*) AS restarts, max(tick) AS tick FROM restart GROUP BY store_no) AS c
    ON c.store_no = n.store_no
  JOIN restart AS r ON r.store_no = c.store_no AND r.tick = c.tick
  LEFT JOIN (SELECT store_no, count(*) AS clock_steps FROM clock_step GROUP BY store_no) AS s
    ON s.store_no = n.store_no
 WHERE n.is_last = 1 AND n.retired_ns IS NULL AND e.window_ns IS NOT NULL
 ORDER BY n.host;
