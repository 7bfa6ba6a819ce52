-- segments_adjacent: a life has one value at every tick, from its first to its last: its segments
-- follow each other without a hole and without an overlap.
WITH
ordered AS (
    SELECT segment, life, first_tick, last_tick,
           lead(first_tick) OVER w AS next_first,
           lag(segment) OVER w AS previous
      FROM segment
    WINDOW w AS (PARTITION BY life ORDER BY segment)
),
life_of AS (
    SELECT l.life, l.first_tick, l.last_tick, n.pruned_tick
      FROM life AS l JOIN standing AS n ON n.store_no = l.life / n.store_size
)
SELECT o.segment, o.life, o.first_tick, o.last_tick, o.next_first,
       CASE WHEN l.life IS NULL THEN 'belongs to no life'
            WHEN o.next_first IS NOT NULL AND o.last_tick IS NULL THEN 'is open, but not the last'
            WHEN o.next_first IS NOT NULL THEN 'is not followed at the next tick'
            WHEN o.previous IS NULL THEN 'begins when its life does not'
            ELSE 'ends when its life does not' END AS finding
  FROM ordered AS o
  LEFT JOIN life_of AS l ON l.life = o.life
  LEFT JOIN tick_next AS t ON t.tick = o.last_tick
 WHERE l.life IS NULL
    OR (o.next_first IS NOT NULL
        AND (o.last_tick IS NULL OR t.next_tick IS NULL OR o.next_first <> t.next_tick))
    OR (o.next_first IS NULL AND coalesce(o.last_tick, -1) <> coalesce(l.last_tick, -1))
    OR (o.previous IS NULL AND o.first_tick <> l.first_tick
        AND l.first_tick >= coalesce(l.pruned_tick, l.first_tick))
UNION ALL
SELECT 0, l.life, l.first_tick, l.last_tick, NULL, 'has no segment'
  FROM life_of AS l
 WHERE NOT EXISTS (SELECT 1 FROM segment AS s WHERE s.life = l.life)
   AND coalesce(l.last_tick, 9223372036854775807) >= coalesce(l.pruned_tick, l.first_tick)
UNION ALL
SELECT s.segment, s.life, s.first_tick, s.last_tick, NULL, 'begins or ends at a tick that is not there'
  FROM segment AS s
  LEFT JOIN tick AS f ON f.tick = s.first_tick
  LEFT JOIN tick AS z ON z.tick = coalesce(s.last_tick, s.first_tick)
 WHERE f.tick IS NULL OR z.tick IS NULL
 ORDER BY 2, 1, 6;
