-- vms_without_owner: VMs with usage that belongs to nobody: never charged, and no month can be closed.
WITH
owned AS MATERIALIZED (
    SELECT vm, min(from_hour) AS from_hour FROM vm_owner GROUP BY vm
),
total AS (
    SELECT l.vm, min(u.hour) AS first_hour, max(u.hour) AS last_hour,
           CAST(sum(u.kib_s / 3774873600) AS bigint) AS whole,
           CAST(sum(u.kib_s % 3774873600) AS bigint) AS rest
      FROM life AS l
      JOIN usage_hour AS u ON u.life = l.life
      LEFT JOIN owned AS o ON o.vm = l.vm
     WHERE l.billed = 1 AND (u.kib_s > 0 OR u.kib_s_frac > 0) AND u.hour < coalesce(o.from_hour, 9223372036854775807)
     GROUP BY l.vm
),
-- in whole GiB*h, and billionths
sized AS (
    SELECT vm, first_hour, last_hour, whole + rest / 3774873600 AS whole,
           (rest % 3774873600 * 1000000000 + 1887436800) / 3774873600 AS parts
      FROM total
)
SELECT s.vm,
       (SELECT n.name FROM vm_name AS n WHERE n.vm = s.vm ORDER BY n.change DESC LIMIT 1) AS name,
       strftime('%Y-%m-%dT%H:%M:%SZ', s.first_hour * 3600, 'unixepoch') AS first_hour,
       strftime('%Y-%m-%dT%H:%M:%SZ', s.last_hour * 3600, 'unixepoch') AS last_hour,
       (s.whole + s.parts / 1000000000) || '.' || substr(CAST(1000000000 + s.parts % 1000000000 AS text), 2)
           AS gib_h
  FROM sized AS s
 ORDER BY s.vm;
