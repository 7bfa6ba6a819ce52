-- account_gaps: what was not measured of the VMs that were ever an account's, in a stretch of time.
-- :account is its id; :from_ns and :to_ns are UTC.
SELECT l.vm, f.utc_ns AS since, z.utc_ns AS until, g.span_ns, g.cause
  FROM gap AS g
  JOIN standing AS n ON n.store_no = g.tick / n.store_size
  JOIN tick_time AS f ON f.tick = g.from_tick
  JOIN tick_time AS z ON z.tick = g.tick
  JOIN life AS l ON l.life / n.store_size = n.store_no AND l.counted_tick < g.from_tick
                AND (l.last_tick IS NULL OR l.last_tick >= g.tick)
 WHERE z.utc_ns > CAST(:from_ns AS bigint) AND f.utc_ns < CAST(:to_ns AS bigint) AND l.billed = 1
   AND l.vm IN (SELECT vm FROM vm_owner WHERE account = CAST(:account AS text))
 ORDER BY z.utc_ns DESC, l.vm;
