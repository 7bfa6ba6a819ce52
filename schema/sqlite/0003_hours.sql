-- 0003_hours.sql: up to which hour usage by the hour is gone, as PostgreSQL has it (schema/postgres/0005_hours.sql):
-- for SQL that both run.

DROP VIEW standing;
CREATE VIEW standing AS
SELECT 0 AS store_no, 9223372036854775807 AS store_size, 0 AS base,
       (SELECT host FROM host) AS host, (SELECT count(*) FROM host) AS hosts,
       (SELECT store FROM store ORDER BY number DESC LIMIT 1) AS store,
       1 AS is_last,                                           -- of its host
       0 AS is_continued,                                      -- its beginning is in another one
       (SELECT min(tick) FROM tick) AS first_tick, (SELECT max(tick) FROM tick) AS last_tick,
       (SELECT min(tick) FROM hour_cut) AS first_cut, (SELECT tick FROM derived) AS derived_tick,
       (SELECT max(up_to_tick) FROM prune) AS pruned_tick, (SELECT max(to_hour) FROM prune) AS pruned_hour,
       (SELECT tick FROM retired) AS retired_tick, (SELECT at_ns FROM retired) AS retired_ns,
       -- what was measured before may have been lost, by a restore
       (SELECT max(created_ns) FROM store WHERE after_tick IS NOT NULL) AS lost_before_ns,
       -- of hours before this one usage_hour has nothing any more: here they stay for ever
       CAST(NULL AS integer) AS hours_pruned;
