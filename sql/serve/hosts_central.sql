-- hosts_central: hosts.sql for PostgreSQL, where ticks lie in packs: one of them ends with the last.
WITH
last_pack AS MATERIALIZED (
    SELECT n.store_no, p.synchronised, width_bucket(CAST(p.ticks - 1 AS smallint), p.held_from) AS held,
           p.domains_base, p.domains, p.kib_base, p.kib
      FROM standing AS n
     CROSS JOIN LATERAL (SELECT c.hour FROM hour_cut_row AS c
                          WHERE c.store_no = n.store_no AND c.tick BETWEEN n.base AND n.last_tick
                          ORDER BY c.tick DESC LIMIT 1) AS h
      JOIN tick_pack AS p ON p.store_no = n.store_no AND p.hour = h.hour AND p.last_tick = n.last_tick
     WHERE n.is_last = 1
)
SELECT n.host, n.store,
       (SELECT x.utc_ns FROM ticks_between(n.store_no, n.last_tick, n.last_tick) AS x) AS utc_ns,
       CASE WHEN p.synchronised THEN 1 ELSE 0 END AS synchronised,
       p.domains_base + coalesce(p.domains[p.held], 0) AS domains, p.kib_base + coalesce(p.kib[p.held], 0) AS kib,
       n.retired_ns,
       (SELECT count(*) FROM gap_row AS g WHERE g.store_no = n.store_no AND g.tick <= n.last_tick) AS gaps,
       (SELECT CAST(coalesce(sum(g.span_ns), 0) AS bigint) FROM gap_row AS g
         WHERE g.store_no = n.store_no AND g.tick <= n.last_tick) AS gap_ns,
       n.last_tick, n.base
  FROM standing AS n
  LEFT JOIN last_pack AS p ON p.store_no = n.store_no
 WHERE n.is_last = 1
 ORDER BY n.host;
