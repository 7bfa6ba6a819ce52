-- one_vm_twice: domains with one uuid that counted at the same time. Both are billed.
--
-- A toolstack should never let it happen. (In a migration only one of the two counts.)
SELECT DISTINCT a.vm, a.life AS life, b.life AS other_life, a.domid AS domid, b.domid AS other_domid
  FROM life AS a
  JOIN life AS b ON b.vm = a.vm AND b.life > a.life AND a.domid <> 0
   AND a.boot = b.boot AND b.first_tick <= coalesce(a.last_tick, b.first_tick)
  JOIN segment AS s ON s.life = a.life AND s.counted = 1
  JOIN segment AS o ON o.life = b.life AND o.counted = 1
   AND o.first_tick <= coalesce(s.last_tick, o.first_tick)
   AND s.first_tick <= coalesce(o.last_tick, s.first_tick)
 ORDER BY a.vm, a.life, b.life;
