-- last_gaps: the latest stretches that were not measured, of all hosts.
SELECT n.host, f.utc_ns AS since, z.utc_ns AS until, g.span_ns, g.cause
  FROM (SELECT tick, from_tick, span_ns, cause FROM gap ORDER BY tick DESC LIMIT 50) AS g
  JOIN standing AS n ON n.store_no = g.tick / n.store_size
  JOIN tick_time AS f ON f.tick = g.from_tick
  JOIN tick_time AS z ON z.tick = g.tick
 ORDER BY z.utc_ns DESC;
