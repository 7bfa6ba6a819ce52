-- top_vms: the VMs that held most, in the days of a period: GiB*h, for reading.
-- :period is the beginning of their dates, 2026, 2026-11 or 2026-11-22; without it, all that is stored.
SELECT l.vm, round(sum(u.kib_s / 3774873600.0), 9) AS gib_h, count(DISTINCT l.life) AS lives
  FROM usage_day AS u
  JOIN life AS l ON l.life = u.life
 WHERE l.billed = 1
   AND strftime('%Y-%m-%d', u.day * 86400, 'unixepoch') LIKE coalesce(:period, '') || '%'
 GROUP BY l.vm
 ORDER BY sum(u.kib_s) DESC, l.vm
 LIMIT 20;
