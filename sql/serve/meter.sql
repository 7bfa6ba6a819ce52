-- meter: how measuring goes on each host: its last tick, under which rules it was taken, and what went wrong so far.
SELECT n.host, n.store, r.version, r.interval_ns, r.max_gap_ns,
       (SELECT x.utc_ns FROM tick_time AS x WHERE x.tick = n.last_tick) AS utc_ns,
       t.window_ns, t.synchronised, t.domains, t.kib, n.last_tick - n.base AS tick,
       (SELECT count(*) FROM restart AS c WHERE c.tick BETWEEN n.base AND n.last_tick) AS restarts,
       (SELECT count(*) FROM clock_step AS c WHERE c.tick BETWEEN n.base AND n.last_tick) AS clock_steps,
       (SELECT x.utc_ns FROM tick_time AS x WHERE x.tick = n.derived_tick) AS derived_ns
  FROM standing AS n
  JOIN tick AS t ON t.tick = n.last_tick
  JOIN restart AS r ON r.tick = (SELECT max(c.tick) FROM restart AS c WHERE c.tick BETWEEN n.base AND n.last_tick)
 WHERE n.is_last = 1 AND n.host IS NOT NULL AND n.retired_ns IS NULL
 ORDER BY n.host;
