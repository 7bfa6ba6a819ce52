-- held_central: held.sql for PostgreSQL, where segments are found by store and hour.
WITH
last_cut AS MATERIALIZED (
    SELECT n.host, n.store_no, h.hour, h.first_segment,
           (SELECT x.utc_ns FROM ticks_between(n.store_no, n.last_tick, n.last_tick) AS x) AS utc_ns
      FROM standing AS n
     CROSS JOIN LATERAL (SELECT c.hour, c.first_segment FROM hour_cut_row AS c
                          WHERE c.store_no = n.store_no AND c.tick BETWEEN n.base AND n.last_tick
                          ORDER BY c.tick DESC LIMIT 1) AS h
     WHERE n.is_last = 1 AND n.retired_ns IS NULL AND n.last_tick IS NOT NULL
),
held AS MATERIALIZED (
    SELECT c.host, s.life, s.kib, s.counted, c.utc_ns
      FROM last_cut AS c
      JOIN segment AS s ON s.store_no = c.store_no AND s.hour = c.hour AND s.segment >= c.first_segment
                       AND s.last_tick IS NULL
)
SELECT l.vm, h.host, l.domid, l.billed, h.kib, h.counted, h.utc_ns
  FROM held AS h
  JOIN life AS l ON l.life = h.life AND l.last_tick IS NULL
 ORDER BY l.vm, l.life;
