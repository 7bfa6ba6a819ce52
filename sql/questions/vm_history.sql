-- vm_history: what a VM held, value by value, and whether it was billed.
-- :vm is its uuid.
-- Each row is one value of one domain, from the first tick that saw it to the last; until is NULL
-- while it holds. The first interval of a life is free all the same: docs/billing.md, rule 3.
WITH
held AS (
    SELECT l.life, l.domid, s.segment, s.first_tick, s.last_tick, s.kib, s.counted,
           CASE WHEN lag(s.kib) OVER w = s.kib AND lag(s.counted) OVER w = s.counted
                THEN 0 ELSE 1 END AS is_new
      FROM life AS l
      JOIN segment AS s ON s.life = l.life
     WHERE l.vm = lower(CAST(:vm AS text))
    WINDOW w AS (PARTITION BY l.life ORDER BY s.segment)
),
run AS (
    SELECT life, domid, first_tick, last_tick, kib, counted,
           CAST(sum(is_new) OVER (PARTITION BY life ORDER BY segment) AS bigint) AS run
      FROM held
),
value AS (
    SELECT life, domid, kib, counted, min(first_tick) AS first_tick,
           CASE WHEN count(*) = count(last_tick) THEN max(last_tick) END AS last_tick
      FROM run
     GROUP BY life, domid, kib, counted, run
)
SELECT substr(l.boot_uuid, 1, 8) || '/' || l.domid || '/' || l.first_seq AS life, l.host,
       strftime('%Y-%m-%dT%H:%M:%SZ', f.utc_ns / 1000000000, 'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%SZ', z.utc_ns / 1000000000, 'unixepoch') AS until,
       v.kib, CASE WHEN v.counted = 1 THEN 'billed' ELSE 'not billed' END AS counts
  FROM value AS v
  JOIN life_name AS l ON l.life = v.life
  JOIN tick_time AS f ON f.tick = v.first_tick
  LEFT JOIN tick_time AS z ON z.tick = v.last_tick
 ORDER BY v.first_tick, v.life;
