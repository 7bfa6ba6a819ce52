-- held_central: held.sql for PostgreSQL, where segments are found by store and hour.
WITH
last_cut AS MATERIALIZED (
    SELECT n.host, e.store_no, e.hour, e.first_segment, e.last_ns
      FROM store_ends() AS e
      JOIN (SELECT host, max(store_no) AS store_no FROM store GROUP BY host) AS n ON n.store_no = e.store_no
      LEFT JOIN (SELECT store_no FROM retired) AS r ON r.store_no = e.store_no
     WHERE r.store_no IS NULL
)
SELECT l.vm, c.host, l.domid, l.billed, s.kib, s.counted, c.last_ns AS utc_ns
  FROM segment AS s
  JOIN life AS l ON l.life = s.life AND l.store_no = s.store_no AND l.last_tick IS NULL
  JOIN last_cut AS c ON c.store_no = s.store_no AND c.hour = s.hour AND c.first_segment <= s.segment
 WHERE s.last_tick IS NULL
 ORDER BY l.vm, l.life;
