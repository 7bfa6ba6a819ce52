-- What a chart reads: segments of some lives, and only the ticks at which something changes. Lists of
-- numbers are JSON: '[1,2,3]'.

-- :name SERIES_LIVES
SELECT life, first_tick, coalesce(last_tick, 9223372036854775807), coalesce(counted_tick, -1), billed
  FROM life
 WHERE vm = ?1
 ORDER BY life;

-- :name SERIES_CUTS
SELECT tick, hour, first_segment FROM hour_cut WHERE tick >= ?1 AND tick <= ?2 ORDER BY tick;

-- :name SERIES_MAX_GAP
SELECT coalesce(max(max_gap_ns), 0) FROM restart WHERE tick >= ?1 AND tick <= ?2;

-- :name SERIES_GAPS
SELECT from_tick, tick, span_ns, cause FROM gap WHERE tick > ?1 AND tick <= ?2 ORDER BY tick;

-- :name SERIES_STEPS
SELECT tick FROM clock_step WHERE tick > ?1 AND tick <= ?2 ORDER BY tick;

-- :name SERIES_PRUNED_HOUR
SELECT coalesce(max(to_hour), -1) FROM prune WHERE up_to_tick >= ?1 AND up_to_tick <= ?2;

-- :name SERIES_SEGMENTS
-- from segment ?1 up to before ?2, of some lives, those that begin up to tick ?3; the open ones hold to it.
-- Lives ?5 to ?6 are all of them: a plain comparison first, since most segments are others'
SELECT life, first_tick, coalesce(last_tick, ?3), kib, counted
  FROM segment
 WHERE segment >= ?1 AND segment < ?2 AND first_tick <= ?3
   AND life BETWEEN ?5 AND ?6 AND life IN (SELECT value FROM json_each(?4))
 ORDER BY segment;

-- :name SERIES_TICKS
-- as SELECT_TIMELINE, of some ticks: tick_time would look at every restart for each
SELECT t.tick,
       r.mono_ns + (t.tick - r.tick) * r.interval_ns + t.late_ns,
       r.mono_ns + (t.tick - r.tick) * r.interval_ns + t.late_ns + r.utc_offset_ns + t.utc_diff_ns,
       r.max_gap_ns, b.boot IS NOT NULL
  FROM json_each(?1) AS e
 CROSS JOIN tick AS t ON t.tick = e.value
 CROSS JOIN restart AS r ON r.tick = (SELECT max(n.tick) FROM restart AS n WHERE n.tick <= t.tick)
  LEFT JOIN boot AS b ON b.first_tick = t.tick;

-- :name SERIES_NEXT_TICK
SELECT coalesce(min(tick), -1) FROM tick WHERE tick > ?1 AND tick <= ?2;
