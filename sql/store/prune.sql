-- What goes when it is older than the retention.

-- :name SELECT_OLDEST_CUTS
SELECT tick, hour FROM hour_cut WHERE tick >= ?1 AND tick <= ?2 ORDER BY tick LIMIT 3;

-- :name INSERT_PRUNE
INSERT INTO prune (up_to_tick, pruned_ns, to_hour, ticks, segments, kib_s, kib_s_frac, measured_ns,
                   missing_ns, excluded_ns)
VALUES (?1, ?2, ?3, (SELECT count(*) FROM tick WHERE tick < ?1),
        (SELECT count(*) FROM segment
          WHERE segment < (SELECT first_segment FROM hour_cut WHERE tick = ?1)),
        ?4, ?5, ?6, ?7, ?8);

-- :name DELETE_OLD_SEGMENTS
DELETE FROM segment WHERE segment < (SELECT first_segment FROM hour_cut WHERE tick = ?1);

-- :name DELETE_OLD_TICKS
DELETE FROM tick WHERE tick < ?1;

-- :name DELETE_OLD_CUTS
DELETE FROM hour_cut WHERE tick < ?1;
