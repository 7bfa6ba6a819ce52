-- hosts: where each host stands, and how much of it was not measured.
SELECT n.host, n.store, (SELECT x.utc_ns FROM tick_time AS x WHERE x.tick = n.last_tick) AS utc_ns,
       t.synchronised, t.domains, t.kib, n.retired_ns,
       (SELECT count(*) FROM gap AS g WHERE g.tick BETWEEN n.base AND n.last_tick) AS gaps,
       (SELECT CAST(coalesce(sum(g.span_ns), 0) AS bigint) FROM gap AS g
         WHERE g.tick BETWEEN n.base AND n.last_tick) AS gap_ns,
       n.last_tick, n.base
  FROM standing AS n
  LEFT JOIN tick AS t ON t.tick = n.last_tick
 WHERE n.is_last = 1 AND n.host IS NOT NULL
 ORDER BY n.host;
