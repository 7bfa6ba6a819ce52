-- stores_apart: money was taken for what this store has measured, and for nothing that another has.
--
-- An entry of the ledger names its host, and the last tick that was read for it. A tick that this
-- store never had, in an entry made since the store was, means two stores of one host at one time: a
-- copy goes on beside the original. What was charged before a restore, from ticks that did not come
-- along, is explained by it.
SELECT 'ledger' AS row_of, e.entry AS number, e.host, e.tick,
       'is from the measurements of another host' AS finding
  FROM ledger AS e
 WHERE e.host <> '' AND e.host NOT IN (SELECT host FROM host)
UNION ALL
SELECT 'ledger', e.entry, e.host, e.tick, 'is from a tick that this store never had: of another store'
  FROM ledger AS e
  LEFT JOIN tick AS t ON t.tick = e.tick
 WHERE e.host IN (SELECT host FROM host)
   AND t.tick IS NULL
   AND e.tick >= (SELECT coalesce(max(up_to_tick), e.tick) FROM prune)
   AND NOT EXISTS (SELECT 1 FROM store AS s WHERE s.after_tick < e.tick AND s.created_ns > e.utc_ns)
UNION ALL
SELECT 'charged', c.tick, c.host, c.tick, 'is how far another store was charged'
  FROM charged AS c
 WHERE c.store NOT IN (SELECT store FROM store)
 ORDER BY 1, 2;
