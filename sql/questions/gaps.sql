-- gaps: what was not measured, when, for how long, and why. UTC is that of the last tick before.
SELECT strftime('%Y-%m-%dT%H:%M:%SZ', t.utc_ns / 1000000000, 'unixepoch') AS since,
       g.span_ns, g.cause, g.from_tick, g.tick
  FROM gap AS g
  LEFT JOIN tick_time AS t ON t.tick = g.from_tick
 ORDER BY g.tick;
