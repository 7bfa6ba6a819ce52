-- charged_cut: how far a store was charged is an hour cut of it, or was one before it was pruned, or the
-- last tick of one that is retired, and is not beyond what has been derived. (After a restore the next
-- charge sees to it.)
SELECT c.host, c.tick,
       CASE WHEN c.tick + n.base > n.derived_tick THEN 'is beyond what has been derived'
            ELSE 'is no hour cut' END AS finding
  FROM charged AS c
  JOIN standing AS n ON n.store = c.store
  LEFT JOIN hour_cut AS h ON h.tick = c.tick + n.base
 WHERE c.tick + n.base > n.derived_tick
    OR (h.tick IS NULL AND c.tick + n.base <> coalesce(n.retired_tick, -1)
        AND c.tick + n.base >= coalesce(n.pruned_tick, c.tick + n.base))
 ORDER BY 1, 2;
