-- database_whole: what is wrong with the database itself: what PostgreSQL does not keep, what hosts have
-- delivered in contradiction to themselves, and deliveries that do not fit together.
SELECT n.nspname || '.' || c.relname AS name, 'an index of it is not valid' AS finding
  FROM pg_index AS i
  JOIN pg_class AS c ON c.oid = i.indrelid
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('meter', 'billing') AND NOT (i.indisvalid AND i.indisready)
UNION ALL
SELECT n.nspname || '.' || c.relname, 'is not checked: ' || k.conname
  FROM pg_constraint AS k
  JOIN pg_class AS c ON c.oid = k.conrelid
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('meter', 'billing') AND NOT k.convalidated
 ORDER BY 1, 2;

SELECT s.host, s.store, c.row_of, c.number % 1000000000000 AS number, c.stored, c.said, c.role,
       'is contradicted by what was delivered later, which is not stored' AS finding
  FROM ship_conflict AS c
  JOIN store AS s ON s.store_no = c.store_no
 ORDER BY c.store_no, c.row_of, c.number, c.said_hash
 LIMIT 100;

SELECT s.store, a.segment % 1000000000000 AS number, 'ended, and nothing says that it began' AS finding
  FROM segment_ahead AS a
  JOIN store AS s ON s.store_no = a.store_no
  JOIN store_mark AS m ON m.store_no = a.store_no AND a.first_tick <= m.whole_to
UNION ALL
SELECT s.store, d.after_tick % 1000000000000, 'begins a delivery that another one covers'
  FROM delivered AS d
  JOIN delivered AS o ON o.store_no = d.store_no AND o.after_tick < d.after_tick AND o.up_to_tick >= d.after_tick
  JOIN store AS s ON s.store_no = d.store_no
UNION ALL
SELECT s.store, m.whole_to % 1000000000000, 'is the end of a delivery, and no tick'
  FROM store_mark AS m
  JOIN store AS s ON s.store_no = m.store_no
 WHERE NOT EXISTS (SELECT 1 FROM ticks_between(m.store_no, m.whole_to, m.whole_to))
 ORDER BY 1, 2, 3;
