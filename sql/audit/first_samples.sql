-- first_samples: a life's first counted tick is where its first counted segment begins (that sample is
-- free), and it had run by then. Lives that began before what was pruned can't be looked at.
WITH
first AS (
    SELECT life, min(first_tick) AS tick FROM segment WHERE counted = 1 GROUP BY life
)
SELECT l.life, l.ran_tick, l.counted_tick, f.tick AS first_counted_segment
  FROM life AS l
  JOIN standing AS n ON n.store_no = l.life / n.store_size
  LEFT JOIN first AS f ON f.life = l.life
 WHERE l.first_tick >= coalesce(n.pruned_tick, l.first_tick)
   AND (coalesce(l.counted_tick, -1) <> coalesce(f.tick, -1)
        OR (l.counted_tick IS NOT NULL AND (l.ran_tick IS NULL OR l.ran_tick > l.counted_tick)))
 ORDER BY l.life;
