-- orphans: rows that belong to nothing.
SELECT 'usage_hour' AS row_of, u.life AS number, 'belongs to no life' AS finding
  FROM usage_hour AS u LEFT JOIN life AS l ON l.life = u.life
 WHERE l.life IS NULL
UNION ALL
SELECT 'life', l.life, 'belongs to no boot'
  FROM life AS l LEFT JOIN boot AS b ON b.boot = l.boot
 WHERE b.boot IS NULL
UNION ALL
SELECT 'tick', n.first_tick, 'comes before the first start of a meter'
  FROM standing AS n
 WHERE n.first_tick < (SELECT coalesce(min(r.tick), 9223372036854775807) FROM restart AS r
                        WHERE r.tick / n.store_size = n.store_no)
UNION ALL
SELECT 'boot', b.boot, 'has no first tick'
  FROM boot AS b
  JOIN standing AS n ON n.store_no = b.boot / n.store_size
  LEFT JOIN tick AS t ON t.tick = b.first_tick
 WHERE t.tick IS NULL
   AND b.first_tick >= coalesce(n.pruned_tick, b.first_tick)
   AND NOT (n.is_continued = 1 AND b.first_tick < n.first_tick)
UNION ALL
SELECT 'host', n.hosts, 'is not one host'
  FROM standing AS n
 WHERE n.hosts <> 1 AND n.first_tick IS NOT NULL
 ORDER BY 1, 2;
