-- balloon.db: figures by five minutes, and what a chart reads.

-- :name BALLOON_SELECT_ROLLED_TO
SELECT coalesce((SELECT five_min FROM rolled), 0);

-- :name BALLOON_SET_ROLLED_TO
INSERT INTO rolled (one, five_min) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET five_min = excluded.five_min;

-- :name BALLOON_SET_ROLLED_BACK
UPDATE rolled SET five_min = ?1 WHERE five_min > ?1;

-- :name BALLOON_SELECT_NEXT_FIGURE
SELECT coalesce(min(utc_ns), -1) FROM figure WHERE utc_ns >= ?1;

-- :name BALLOON_ROLL_VMS
INSERT OR IGNORE INTO rolled_vm (vm) SELECT vm FROM figure WHERE utc_ns >= ?1 AND utc_ns < ?2;

-- :name BALLOON_ROLL
-- averages are rounded to the nearest; what was rolled up from more figures, some of which are gone,
-- stays; no sum passes 63 bits, whatever a guest says
WITH said AS (
    SELECT vm,
           CASE WHEN total_kib > available_kib THEN min(total_kib - available_kib, 1099511627776)
                ELSE 0 END AS used,
           min(free_kib, 1099511627776) AS free,
           min(cached_kib, 1099511627776) AS cached,
           CASE WHEN swap_kib > swap_free_kib THEN min(swap_kib - swap_free_kib, 1099511627776)
                ELSE 0 END AS swap,
           min(need_kib, 1099511627776) AS need,
           min(target_kib, 1099511627776) AS target,
           min(floor_kib, 1099511627776) AS floor,
           min(ceiling_kib, 1099511627776) AS ceiling
      FROM figure
     WHERE utc_ns >= ?1 AND utc_ns < ?2
),
summed AS (
    SELECT v.number, ?1 / 300000000000 AS five_min, count(*) AS figures,
           (sum(used) + count(*) / 2) / count(*) AS used,
           min(used) AS used_least, max(used) AS used_most,
           (sum(free) + count(*) / 2) / count(*) AS free,
           min(free) AS free_least, max(free) AS free_most,
           (sum(cached) + count(*) / 2) / count(*) AS cached,
           min(cached) AS cached_least, max(cached) AS cached_most,
           (sum(swap) + count(*) / 2) / count(*) AS swap,
           min(swap) AS swap_least, max(swap) AS swap_most,
           (sum(need) + count(*) / 2) / count(*) AS need,
           min(need) AS need_least, max(need) AS need_most,
           (sum(target) + count(*) / 2) / count(*) AS target,
           min(target) AS target_least, max(target) AS target_most,
           (sum(floor) + count(floor) / 2) / count(floor) AS floor,
           min(floor) AS floor_least, max(floor) AS floor_most,
           (sum(ceiling) + count(ceiling) / 2) / count(ceiling) AS ceiling,
           min(ceiling) AS ceiling_least, max(ceiling) AS ceiling_most
      FROM said AS s JOIN rolled_vm AS v ON v.vm = s.vm
     GROUP BY v.number
)
INSERT INTO figure_5min (number, five_min, figures,
                         used_kib, used_below, used_above,
                         free_kib, free_below, free_above,
                         cached_kib, cached_below, cached_above,
                         swap_kib, swap_below, swap_above,
                         need_kib, need_below, need_above,
                         target_kib, target_below, target_above,
                         floor_kib, floor_below, floor_above,
                         ceiling_kib, ceiling_below, ceiling_above)
SELECT number, five_min, figures,
       used, used - used_least, used_most - used,
       free, free - free_least, free_most - free,
       cached, cached - cached_least, cached_most - cached,
       swap, swap - swap_least, swap_most - swap,
       need, need - need_least, need_most - need,
       target, target - target_least, target_most - target,
       floor, floor - floor_least, floor_most - floor,
       ceiling, ceiling - ceiling_least, ceiling_most - ceiling
  FROM summed
 WHERE true
ON CONFLICT (number, five_min) DO UPDATE
   SET figures = excluded.figures,
       used_kib = excluded.used_kib, used_below = excluded.used_below,
       used_above = excluded.used_above,
       free_kib = excluded.free_kib, free_below = excluded.free_below,
       free_above = excluded.free_above,
       cached_kib = excluded.cached_kib, cached_below = excluded.cached_below,
       cached_above = excluded.cached_above,
       swap_kib = excluded.swap_kib, swap_below = excluded.swap_below,
       swap_above = excluded.swap_above,
       need_kib = excluded.need_kib, need_below = excluded.need_below,
       need_above = excluded.need_above,
       target_kib = excluded.target_kib, target_below = excluded.target_below,
       target_above = excluded.target_above,
       floor_kib = excluded.floor_kib, floor_below = excluded.floor_below,
       floor_above = excluded.floor_above,
       ceiling_kib = excluded.ceiling_kib, ceiling_below = excluded.ceiling_below,
       ceiling_above = excluded.ceiling_above
 WHERE excluded.figures >= figure_5min.figures;

-- :name BALLOON_PRUNE_ROLLED
DELETE FROM figure_5min
 WHERE (number, five_min) IN (SELECT f.number, f.five_min
                                FROM rolled_vm AS v CROSS JOIN figure_5min AS f
                               WHERE f.number = v.number AND f.five_min < ?1 / 300000000000
                               LIMIT 10000);

-- :name BALLOON_PRUNE_ROLLED_VMS
DELETE FROM rolled_vm
 WHERE NOT EXISTS (SELECT 1 FROM figure_5min AS f WHERE f.number = rolled_vm.number)
   AND NOT EXISTS (SELECT 1 FROM figure AS r WHERE r.vm = rolled_vm.vm);

-- The first five minutes of which all figures are still there: those of the oldest one, unless more were rolled up
-- than are left. -1: there is none.
-- :name BALLOON_SELECT_FIRST_WHOLE
WITH oldest (five_min) AS (SELECT min(utc_ns) / 300000000000 FROM figure WHERE vm = ?1)
SELECT coalesce(o.five_min + EXISTS (
           SELECT 1
             FROM rolled_vm AS v CROSS JOIN figure_5min AS f
            WHERE v.vm = ?1 AND f.number = v.number AND f.five_min = o.five_min
              AND f.figures > (SELECT count(*) FROM figure AS r
                                WHERE r.vm = ?1 AND r.utc_ns < (o.five_min + 1) * 300000000000)), -1)
  FROM oldest AS o;

-- :name BALLOON_SELECT_LINES
SELECT utc_ns,
       CASE WHEN total_kib > available_kib THEN total_kib - available_kib ELSE 0 END,
       free_kib,
       cached_kib,
       CASE WHEN swap_kib > swap_free_kib THEN swap_kib - swap_free_kib ELSE 0 END,
       need_kib,
       target_kib,
       floor_kib,
       ceiling_kib
  FROM figure
 WHERE vm = ?1 AND utc_ns >= ?2 AND utc_ns < ?3
 ORDER BY utc_ns, figure;

-- :name BALLOON_SELECT_ROLLED_LINES
SELECT f.five_min * 300000000000,
       f.used_kib - f.used_below, f.used_kib, f.used_kib + f.used_above,
       f.free_kib - f.free_below, f.free_kib, f.free_kib + f.free_above,
       f.cached_kib - f.cached_below, f.cached_kib, f.cached_kib + f.cached_above,
       f.swap_kib - f.swap_below, f.swap_kib, f.swap_kib + f.swap_above,
       f.need_kib - f.need_below, f.need_kib, f.need_kib + f.need_above,
       f.target_kib - f.target_below, f.target_kib, f.target_kib + f.target_above,
       f.floor_kib - f.floor_below, f.floor_kib, f.floor_kib + f.floor_above,
       f.ceiling_kib - f.ceiling_below, f.ceiling_kib, f.ceiling_kib + f.ceiling_above
  FROM figure_5min AS f
 WHERE f.number = (SELECT number FROM rolled_vm WHERE vm = ?1)
   AND f.five_min >= ?2 / 300000000000 AND f.five_min < ?3 / 300000000000
 ORDER BY f.five_min;
