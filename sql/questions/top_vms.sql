-- top_vms: the VMs that held most, in the days of a period: GiB*h, for reading.
-- :period is the beginning of their dates, 2026, 2026-11 or 2026-11-22; without it, all that is stored.
WITH
total AS (
    SELECT l.vm, CAST(sum(u.kib_s / 3774873600) AS bigint) AS whole,
           CAST(sum(u.kib_s % 3774873600) AS bigint) AS rest,
           count(DISTINCT l.life) AS lives
      FROM usage_day AS u
      JOIN life AS l ON l.life = u.life
     WHERE l.billed = 1
       AND strftime('%Y-%m-%d', u.day * 86400, 'unixepoch') LIKE coalesce(CAST(:period AS text), '') || '%'
     GROUP BY l.vm
),
-- in whole GiB*h, and billionths
sized AS (
    SELECT vm, lives, whole + rest / 3774873600 AS whole,
           (rest % 3774873600 * 1000000000 + 1887436800) / 3774873600 AS parts
      FROM total
)
SELECT vm, (whole + parts / 1000000000) || '.' || substr(CAST(1000000000 + parts % 1000000000 AS text), 2) AS gib_h,
       lives
  FROM sized
 ORDER BY whole DESC, parts DESC, vm
 LIMIT 20;
