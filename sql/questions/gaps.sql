-- gaps: what was not measured in a period, when, for how long, and why.
-- :period is the beginning of their times, 2026, 2026-11 or 2026-11-22; without it, all of them.
-- Ticks are numbered as in the store of their host. UTC is that of the last tick before the gap and of the first behind it; NULL when that was pruned.
WITH
shown AS (
    SELECT strftime('%Y-%m-%dT%H:%M:%SZ', f.utc_ns / 1000000000, 'unixepoch') AS since,
           strftime('%Y-%m-%dT%H:%M:%SZ', z.utc_ns / 1000000000, 'unixepoch') AS until,
           g.span_ns, g.cause, n.host, g.from_tick, g.tick, n.store_size
      FROM gap AS g
      JOIN standing AS n ON n.store_no = g.tick / n.store_size
      LEFT JOIN tick_time AS f ON f.tick = g.from_tick
      LEFT JOIN tick_time AS z ON z.tick = g.tick
)
SELECT since, until, span_ns, cause, host, from_tick % store_size AS from_tick,
       tick % store_size AS tick
  FROM shown
 WHERE CAST(:period AS text) IS NULL
    OR since LIKE CAST(:period AS text) || '%' OR until LIKE CAST(:period AS text) || '%'
 ORDER BY shown.tick;
