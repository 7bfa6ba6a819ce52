-- gap_causes: how many there were, by host and cause.
SELECT n.host, g.cause, count(*) AS gaps, CAST(sum(g.span_ns) AS bigint) AS span_ns
  FROM gap AS g
  JOIN standing AS n ON n.store_no = g.tick / n.store_size
 GROUP BY n.host, g.cause
 ORDER BY n.host, g.cause;
