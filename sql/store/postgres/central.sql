-- What only a database of many hosts has.

-- :name MAKE_PARTITIONS
SELECT meter.make_partitions(3);

-- :name RETIRE_RESTORED
-- a store ends where another was restored in its place
SELECT count(meter.retire_store(e.store_no, e.created_ns, e.created_ns))
  FROM (SELECT o.store_no, min(n.created_ns) AS created_ns
          FROM meter.store AS n
          JOIN meter.store_mark AS o ON o.store_no = n.restored_from
         WHERE NOT EXISTS (SELECT 1 FROM meter.retired AS r WHERE r.store_no = o.store_no)
         GROUP BY o.store_no) AS e;

-- :name COUNT_ROLES
SELECT count(*) FROM pg_roles WHERE rolname = ?1;

-- :name ADD_HOST
SELECT meter.admit_host(?1, ?2);

-- :name SELECT_STORES
SELECT s.store_no, s.host, s.store,
       CASE WHEN r.store_no IS NOT NULL THEN 'retired'
            WHEN m.whole_to IS NULL THEN 'empty'
            WHEN EXISTS (SELECT 1 FROM meter.delivered AS d
                          WHERE d.store_no = s.store_no AND d.after_tick > m.whole_to) THEN 'holes'
            ELSE 'whole' END,
       m.whole_to % 1000000000000,
       coalesce((SELECT t.utc_ns FROM meter.ticks_between(s.store_no, m.whole_to, m.whole_to) AS t), 0),
       coalesce((SELECT t.utc_ns FROM meter.derived AS d
                   CROSS JOIN LATERAL meter.ticks_between(d.store_no, d.tick, d.tick) AS t
                  WHERE d.store_no = s.store_no), 0),
       (SELECT count(*) FROM meter.ship_conflict AS c WHERE c.store_no = s.store_no)
  FROM meter.store AS s
  LEFT JOIN meter.store_mark AS m ON m.store_no = s.store_no
  LEFT JOIN meter.retired AS r ON r.store_no = s.store_no
 ORDER BY s.store_no;

-- :name INSERT_RETIRED
SELECT meter.retire_store(?2 / 1000000000000, ?1, ?3);

-- :name SELECT_MARKS
-- a store that has not been derived yet begins at its first cut; the last synchronised tick is looked
-- for in the last packs, since it is one of them or there is none
SELECT s.host, s.store, s.store_no * 1000000000000, c.first_tick, c.derived, m.whole_to,
       coalesce((SELECT max(up_to_tick) FROM meter.prune AS p WHERE p.store_no = s.store_no), c.first_tick),
       coalesce((SELECT t.utc_ns
                   FROM (SELECT max(p.last_tick) AS tick FROM meter.tick_pack AS p
                          WHERE p.store_no = s.store_no AND p.last_tick <= m.whole_to
                            AND p.synchronised) AS l
                  CROSS JOIN LATERAL meter.ticks_between(s.store_no, l.tick, l.tick) AS t), -1),
       coalesce((SELECT t.utc_ns FROM meter.ticks_between(s.store_no, c.derived, c.derived) AS t), 0),
       coalesce((SELECT min(h.hour) FROM meter.hour_cut_row AS h
                  WHERE h.store_no = s.store_no AND h.tick >= c.derived AND h.tick <= m.whole_to),
                9223372036854775807),
       r.at_ns,
       (SELECT t.utc_ns FROM meter.ticks_between(s.store_no, m.whole_to, m.whole_to) AS t)
  FROM meter.store AS s
  JOIN meter.store_mark AS m ON m.store_no = s.store_no
  LEFT JOIN meter.retired AS r ON r.store_no = s.store_no
 CROSS JOIN LATERAL (SELECT min(h.tick) AS first_tick,
                            coalesce((SELECT d.tick FROM meter.derived AS d
                                       WHERE d.store_no = s.store_no), min(h.tick)) AS derived
                       FROM meter.hour_cut_row AS h
                      WHERE h.store_no = s.store_no AND h.tick <= m.whole_to) AS c
 WHERE c.first_tick IS NOT NULL
 ORDER BY s.store_no;
