-- tick_checksum: at each tick, the segments that hold must be as many and as large as the samples
-- were. Count and sum in the tick were taken from the samples, not from the segments.
WITH
change AS (
    SELECT first_tick AS place, 0 AS is_tick, 1 AS domains, kib
      FROM segment WHERE counted = 1
    UNION ALL
    SELECT last_tick + 1, 0, -1, -kib
      FROM segment WHERE counted = 1 AND last_tick IS NOT NULL
    UNION ALL
    SELECT tick, 1, 0, 0
      FROM tick
),
held AS (
    SELECT c.place, c.is_tick,
           CAST(sum(c.domains) OVER w AS bigint) AS domains,
           CAST(sum(c.kib) OVER w AS bigint) AS kib
      FROM change AS c JOIN standing AS n ON n.store_no = c.place / n.store_size
    WINDOW w AS (PARTITION BY n.store_no ORDER BY c.place, c.is_tick ROWS UNBOUNDED PRECEDING)
)
SELECT t.tick, t.domains AS domains_sampled, h.domains AS domains_held,
       t.kib AS kib_sampled, h.kib AS kib_held
  FROM tick AS t
  JOIN held AS h ON h.place = t.tick AND h.is_tick = 1
 WHERE t.domains <> h.domains OR t.kib <> h.kib
 ORDER BY t.tick;
