-- charged_cut: how far a host was charged is an hour cut of its store, or was one before it was
-- pruned, and is not beyond what has been derived. (After a restore the next charge sees to it.)
SELECT c.host, c.tick,
       CASE WHEN c.tick > d.tick THEN 'is beyond what has been derived'
            ELSE 'is no hour cut' END AS finding
  FROM charged AS c
  JOIN host AS h ON h.host = c.host
  LEFT JOIN derived AS d ON d.one = 1
 WHERE c.store = (SELECT store FROM store ORDER BY number DESC LIMIT 1)
   AND (c.tick > d.tick
        OR (c.tick NOT IN (SELECT tick FROM hour_cut)
            AND c.tick >= (SELECT coalesce(max(up_to_tick), c.tick) FROM prune)))
 ORDER BY 1;
