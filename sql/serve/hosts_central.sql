-- hosts_central: hosts.sql for PostgreSQL, where each store is asked for its end.
SELECT n.host, n.store, e.last_ns AS utc_ns, coalesce(e.synchronised, 0) AS synchronised, e.domains, e.kib, n.retired_ns,
       coalesce(g.gaps, 0) AS gaps, coalesce(g.gap_ns, 0) AS gap_ns, n.last_tick, n.base
  FROM standing AS n
  LEFT JOIN store_ends() AS e ON e.store_no = n.store_no
  LEFT JOIN (SELECT store_no, count(*) AS gaps, CAST(sum(span_ns) AS bigint) AS gap_ns FROM gap GROUP BY store_no) AS g
    ON g.store_no = n.store_no
 WHERE n.is_last = 1
 ORDER BY n.host;
