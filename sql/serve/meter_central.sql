-- meter_central: meter.sql for PostgreSQL, where ticks lie in packs: one of them ends with the last.
WITH
last_pack AS MATERIALIZED (
    SELECT n.host, n.store, n.store_no, n.base, n.last_tick, n.derived_tick, p.synchronised,
           p.window_base + coalesce(p.window_ns[p.ticks], 0) AS window_ns,
           width_bucket(CAST(p.ticks - 1 AS smallint), p.held_from) AS held, p.domains_base, p.domains,
           p.kib_base, p.kib
      FROM standing AS n
     CROSS JOIN LATERAL (SELECT c.hour FROM hour_cut_row AS c
                          WHERE c.store_no = n.store_no AND c.tick BETWEEN n.base AND n.last_tick
                          ORDER BY c.tick DESC LIMIT 1) AS h
      JOIN tick_pack AS p ON p.store_no = n.store_no AND p.hour = h.hour AND p.last_tick = n.last_tick
     WHERE n.is_last = 1 AND n.retired_ns IS NULL
)
SELECT n.host, n.store, r.version, r.interval_ns, r.max_gap_ns,
       (SELECT x.utc_ns FROM ticks_between(n.store_no, n.last_tick, n.last_tick) AS x) AS utc_ns,
       n.window_ns, CASE WHEN n.synchronised THEN 1 ELSE 0 END AS synchronised,
       n.domains_base + coalesce(n.domains[n.held], 0) AS domains, n.kib_base + coalesce(n.kib[n.held], 0) AS kib,
       n.last_tick - n.base AS tick,
       (SELECT count(*) FROM restart_row AS c WHERE c.store_no = n.store_no AND c.tick <= n.last_tick) AS restarts,
       (SELECT count(*) FROM clock_step_row AS c WHERE c.store_no = n.store_no AND c.tick <= n.last_tick) AS clock_steps,
       (SELECT x.utc_ns FROM ticks_between(n.store_no, n.derived_tick, n.derived_tick) AS x) AS derived_ns
  FROM last_pack AS n
 CROSS JOIN LATERAL (SELECT c.version, c.interval_ns, c.max_gap_ns FROM restart_row AS c
                      WHERE c.store_no = n.store_no AND c.tick <= n.last_tick
                      ORDER BY c.tick DESC LIMIT 1) AS r
 ORDER BY n.host;
