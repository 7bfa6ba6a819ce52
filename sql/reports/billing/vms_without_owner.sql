-- vms_without_owner: VMs with usage that belongs to nobody: never charged, and no month can be closed.
SELECT l.vm,
       (SELECT n.name FROM vm_name AS n WHERE n.vm = l.vm ORDER BY n.change DESC LIMIT 1) AS name,
       strftime('%Y-%m-%dT%H:%M:%SZ', min(u.hour) * 3600, 'unixepoch') AS first_hour,
       strftime('%Y-%m-%dT%H:%M:%SZ', max(u.hour) * 3600, 'unixepoch') AS last_hour,
       round(sum(u.kib_s / 3774873600.0), 9) AS gib_h
  FROM life AS l
  JOIN usage_hour AS u ON u.life = l.life
 WHERE l.billed = 1 AND (u.kib_s > 0 OR u.kib_s_frac > 0)
   AND NOT EXISTS (SELECT 1 FROM vm_owner AS o WHERE o.vm = l.vm AND o.from_hour <= u.hour)
 GROUP BY l.vm
 ORDER BY l.vm;
