-- top_vms: the VMs that held most, over all hours that are stored: GiB*h for reading.
SELECT l.vm, round(sum(u.kib_s / 3774873600.0), 9) AS gib_h, count(DISTINCT l.life) AS lives
  FROM usage_day AS u
  JOIN life AS l ON l.life = u.life
 WHERE l.billed = 1
 GROUP BY l.vm
 ORDER BY 2 DESC
 LIMIT 20;
