-- stores_apart: money was taken for what the stores here have measured, and for nothing that another has.
--
-- An entry of the ledger names its host, and the last tick that was read for it, as the host's store
-- numbers it. A tick that no store of the host ever had, in an entry made since the store was, means two
-- stores of one host at one time: a copy goes on beside the original. What was charged before a restore,
-- from ticks that did not come along, is explained by it.
WITH
had AS (
    SELECT e.entry
      FROM ledger AS e
      JOIN standing AS n ON n.host = e.host
      LEFT JOIN tick AS t ON t.tick = e.tick + n.base
     WHERE t.tick IS NOT NULL OR e.tick + n.base < n.pruned_tick
)
SELECT 'ledger' AS row_of, e.entry AS number, e.host, e.tick,
       'is from the measurements of another host' AS finding
  FROM ledger AS e
 WHERE e.host <> '' AND e.host NOT IN (SELECT host FROM host)
UNION ALL
SELECT 'ledger', e.entry, e.host, e.tick, 'is from a tick that this store never had: of another store'
  FROM ledger AS e
 WHERE e.host IN (SELECT host FROM host)
   AND e.entry NOT IN (SELECT entry FROM had)
   AND NOT EXISTS (SELECT 1 FROM store AS s WHERE s.after_tick < e.tick AND s.created_ns > e.utc_ns)
UNION ALL
SELECT 'charged', c.tick, c.host, c.tick, 'is how far another store was charged'
  FROM charged AS c
 WHERE c.store NOT IN (SELECT store FROM store)
 ORDER BY 1, 2;
