-- What pagemeter ship reads of meter.db: batches (after, up_to] of the ticks of one store, as they were at
-- up_to, whenever they are read. All of it is found by keys: segments and lives by the hour cuts, since no
-- segment leads over one.
--
-- An end is recorded at the tick behind the last: it belongs to the batch that has that one.

-- :name SHIP_ORIGINS
-- the stores of which this file has ticks: those that it was restored from, and itself
SELECT store, number, created_ns, after_tick FROM store ORDER BY number;

-- :name SHIP_TICK_AT
-- the last tick up to ?1
SELECT max(tick) FROM tick WHERE tick <= ?1;

-- :name SHIP_HOUR_BEGIN
-- the last tick before the hour that tick ?1 is in
SELECT max(tick) FROM tick WHERE tick < (SELECT max(tick) FROM hour_cut WHERE tick <= ?1);

-- :name SHIP_SPAN
-- What lies behind ?1 up to ?2: the first tick; its hour; up to where at most ?3 ticks of this hour lead; the segments
-- to look at (those that end at ?1 are of the hour before, when a cut follows); the first cut that is left, if
-- something behind ?1 was pruned.
WITH span AS MATERIALIZED (
    SELECT f.tick, coalesce((SELECT min(tick) FROM hour_cut WHERE tick > f.tick), 9223372036854775807) AS next_cut
      FROM (SELECT min(tick) AS tick FROM tick WHERE tick > ?1 AND tick <= ?2) AS f
     WHERE f.tick IS NOT NULL
)
SELECT s.tick, (SELECT hour FROM hour_cut WHERE tick <= s.tick ORDER BY tick DESC LIMIT 1),
       (SELECT max(tick) FROM (SELECT tick FROM tick WHERE tick > ?1 AND tick <= ?2 AND tick < s.next_cut
                                ORDER BY tick LIMIT ?3)),
       coalesce((SELECT first_segment FROM hour_cut WHERE tick <= ?1 ORDER BY tick DESC LIMIT 1),
                (SELECT first_segment FROM hour_cut WHERE tick <= s.tick ORDER BY tick DESC LIMIT 1)),
       coalesce((SELECT first_segment FROM hour_cut WHERE tick = s.next_cut),
                (SELECT max(segment) + 1 FROM segment), 0),
       (SELECT max(up_to_tick) FROM prune WHERE up_to_tick > ?1 + 1)
  FROM span AS s;

-- the parameters of what follows: ?1 after, ?2 up_to, ?3 the tick behind which this store begins, ?4 the first tick of the
-- batch, ?5 and ?6 the segments that are looked at, ?7 was something pruned behind ?1

-- :name SHIP_SEGMENT_TOO_MANY
-- where the segment begins that is too many, when ?7 may come: those that may end in the batch, and those that begin
SELECT first_tick FROM segment
 WHERE segment >= ?5 AND segment < ?6 AND first_tick > ?3
   AND (first_tick > ?1 OR last_tick IS NULL OR last_tick >= ?1)
 ORDER BY segment LIMIT 1 OFFSET ?7;

-- :name SHIP_TICKS
SELECT tick, late_ns, utc_diff_ns, window_ns, synchronised, domains, kib
  FROM tick
 WHERE tick > ?1 AND tick <= ?2
 ORDER BY tick;

-- :name SHIP_SEGMENTS
SELECT segment, life, first_tick, CASE WHEN last_tick < ?2 THEN last_tick ELSE -1 END, kib, counted
  FROM segment
 WHERE segment >= ?5 AND segment < ?6 AND first_tick > ?3 AND first_tick <= ?2
   AND (first_tick > ?1 OR (last_tick >= ?1 AND last_tick < ?2))
 ORDER BY segment;

-- :name SHIP_BOOTS
-- a restored store goes on in the boot of the store before it, and says it again
SELECT json_array(boot, boot_uuid, first_tick, tick_base)
  FROM boot
 WHERE (first_tick > ?1 OR ?1 = ?3) AND first_tick <= ?2
   AND first_tick >= (SELECT max(first_tick) FROM boot WHERE first_tick <= ?4)
 ORDER BY first_tick;

-- :name SHIP_RESTARTS
SELECT json_array(tick, version, interval_ns, max_gap_ns, mono_ns, utc_offset_ns)
  FROM restart
 WHERE tick > ?1 AND tick <= ?2 AND tick >= (SELECT max(tick) FROM restart WHERE tick <= ?4)
 ORDER BY tick;

-- :name SHIP_GAPS
SELECT json_array(tick, from_tick, span_ns, cause) FROM gap WHERE tick >= ?4 AND tick <= ?2 ORDER BY tick;

-- :name SHIP_CLOCK_STEPS
SELECT json_array(tick, step_ns) FROM clock_step WHERE tick >= ?4 AND tick <= ?2 ORDER BY tick;

-- :name SHIP_HOUR_CUTS
SELECT json_array(tick, hour, first_segment) FROM hour_cut WHERE tick >= ?4 AND tick <= ?2 ORDER BY tick;

-- :name SHIP_LIVES
-- a life is found by its segments; one that ended in what was pruned has none left
SELECT json_array(life, boot, domid, vm, first_tick, CASE WHEN ran_tick <= ?2 THEN ran_tick END,
                  CASE WHEN counted_tick <= ?2 THEN counted_tick END, CASE WHEN last_tick < ?2 THEN last_tick END,
                  billed)
  FROM life
 WHERE life IN (SELECT life FROM segment
                 WHERE segment >= ?5 AND segment < ?6 AND first_tick <= ?2 AND (last_tick IS NULL OR last_tick >= ?1)
                UNION ALL
                SELECT life FROM life WHERE ?7 = 1 AND first_tick <= ?1 AND last_tick >= ?1)
   AND first_tick > ?3 AND first_tick <= ?2
   AND (first_tick > ?1 OR (ran_tick > ?1 AND ran_tick <= ?2) OR (counted_tick > ?1 AND counted_tick <= ?2)
        OR (last_tick >= ?1 AND last_tick < ?2))
 ORDER BY life;

-- :name SHIP_TICK_UTC
SELECT r.mono_ns + (t.tick - r.tick) * r.interval_ns + t.late_ns + r.utc_offset_ns + t.utc_diff_ns
  FROM tick AS t
  JOIN restart AS r ON r.tick = (SELECT max(tick) FROM restart WHERE tick <= ?1)
 WHERE t.tick = ?1;

-- ---- ship.db, and the call ----

-- :name SHIP_CONFIRM
INSERT INTO shipped (destination, store, tick, utc_ns, confirmed_ns, conflicts, pruned_to)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (destination, store) DO UPDATE
   SET tick = excluded.tick, utc_ns = excluded.utc_ns, confirmed_ns = excluded.confirmed_ns,
       conflicts = conflicts + excluded.conflicts, pruned_to = max(pruned_to, excluded.pruned_to);

-- :name SHIP_FAIL
INSERT INTO failure (destination, error, since_ns, last_ns) VALUES (?1, ?3, ?2, ?2)
ON CONFLICT (destination) DO UPDATE
   SET since_ns = CASE WHEN ended_ns IS NULL THEN min(since_ns, excluded.since_ns) ELSE excluded.since_ns END,
       error = excluded.error, last_ns = max(last_ns, excluded.last_ns), ended_ns = NULL;

-- :name SHIP_RECOVER
UPDATE failure SET ended_ns = ?2 WHERE destination = ?1 AND ended_ns IS NULL;

-- :name SHIP_SELECT_SHIPPED
SELECT s.destination, s.store, s.tick, s.utc_ns, s.confirmed_ns, s.conflicts, s.pruned_to,
       f.error, f.since_ns, f.last_ns, f.ended_ns
  FROM shipped AS s
  LEFT JOIN failure AS f ON f.destination = s.destination
UNION ALL
SELECT f.destination, NULL, -1, -1, 0, 0, -1, f.error, f.since_ns, f.last_ns, f.ended_ns
  FROM failure AS f
 WHERE NOT EXISTS (SELECT 1 FROM shipped AS s WHERE s.destination = f.destination)
 ORDER BY 1, 5, 2;

-- :name SHIP_CALL
SELECT delivered, conflicts
  FROM ship(CAST(?1 AS int), ?2, ?3, ?4, nullif(?5, ''), nullif(?6, -1), ?7, ?8, ?9, CAST(?10 AS jsonb),
            CAST(?11 AS bigint[]), CAST(?12 AS bigint[]));
