-- orphans: rows that belong to nothing.
SELECT 'usage_hour' AS row_of, u.life AS number, 'belongs to no life' AS finding
  FROM usage_hour AS u LEFT JOIN life AS l ON l.life = u.life
 WHERE l.life IS NULL
UNION ALL
SELECT 'life', l.life, 'belongs to no boot'
  FROM life AS l LEFT JOIN boot AS b ON b.boot = l.boot
 WHERE b.boot IS NULL
UNION ALL
SELECT 'tick', min(t.tick), 'comes before the first start of a meter'
  FROM tick AS t
HAVING min(t.tick) < (SELECT coalesce(min(tick), 9223372036854775807) FROM restart)
UNION ALL
SELECT 'boot', b.boot, 'has no first tick'
  FROM boot AS b LEFT JOIN tick AS t ON t.tick = b.first_tick
 WHERE t.tick IS NULL
   AND b.first_tick >= (SELECT coalesce(max(up_to_tick), b.first_tick) FROM prune)
UNION ALL
SELECT 'host', count(*), 'is not one host'
  FROM host
HAVING count(*) <> 1 AND EXISTS (SELECT 1 FROM tick)
 ORDER BY 1, 2;
