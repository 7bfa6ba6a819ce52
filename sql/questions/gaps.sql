-- gaps: what was not measured in a period, when, for how long, and why.
-- :period is the beginning of their times, 2026, 2026-11 or 2026-11-22; without it, all of them.
-- UTC is that of the last tick before the gap and of the first behind it; NULL when that was pruned.
WITH
shown AS (
    SELECT strftime('%Y-%m-%dT%H:%M:%SZ', f.utc_ns / 1000000000, 'unixepoch') AS since,
           strftime('%Y-%m-%dT%H:%M:%SZ', z.utc_ns / 1000000000, 'unixepoch') AS until,
           g.span_ns, g.cause, g.from_tick, g.tick
      FROM gap AS g
      LEFT JOIN tick_time AS f ON f.tick = g.from_tick
      LEFT JOIN tick_time AS z ON z.tick = g.tick
)
SELECT since, until, span_ns, cause, from_tick, tick
  FROM shown
 WHERE CAST(:period AS text) IS NULL
    OR since LIKE CAST(:period AS text) || '%' OR until LIKE CAST(:period AS text) || '%'
 ORDER BY tick;
