-- vms_without_tariff: VMs whose owner has no price for hours of theirs, nor has the default.
WITH
-- who owned a VM from when until when; of several sayings for one hour the last holds
owned AS MATERIALIZED (
    SELECT o.vm, o.account, o.from_hour,
           lead(o.from_hour, 1, 9223372036854775807) OVER (PARTITION BY o.vm ORDER BY o.from_hour) AS to_hour
      FROM vm_owner AS o
     WHERE o.change = (SELECT max(change) FROM vm_owner WHERE vm = o.vm AND from_hour = o.from_hour)
),
-- from when on there is a price: the account's own, or the default ('')
priced AS MATERIALIZED (
    SELECT account, min(from_hour) AS from_hour FROM tariff GROUP BY account
),
used AS MATERIALIZED (
    SELECT l.vm, u.hour, CAST(sum(u.kib_s / 3774873600) AS bigint) AS whole,
           CAST(sum(u.kib_s % 3774873600) AS bigint) AS rest
      FROM life AS l
      JOIN usage_hour AS u ON u.life = l.life
     WHERE l.billed = 1 AND (u.kib_s > 0 OR u.kib_s_frac > 0)
     GROUP BY l.vm, u.hour
),
total AS (
    SELECT o.account, u.vm, min(u.hour) AS first_hour, max(u.hour) AS last_hour,
           CAST(sum(u.whole) AS bigint) AS whole, CAST(sum(u.rest) AS bigint) AS rest
      FROM used AS u
      JOIN owned AS o ON o.vm = u.vm AND o.from_hour <= u.hour AND o.to_hour > u.hour
      LEFT JOIN priced AS p ON p.account = o.account
      LEFT JOIN priced AS d ON d.account = ''
     WHERE u.hour < coalesce(p.from_hour, 9223372036854775807) AND u.hour < coalesce(d.from_hour, 9223372036854775807)
     GROUP BY o.account, u.vm
),
-- in whole GiB*h, and billionths
sized AS (
    SELECT account, vm, first_hour, last_hour, whole + rest / 3774873600 AS whole,
           (rest % 3774873600 * 1000000000 + 1887436800) / 3774873600 AS parts
      FROM total
)
SELECT account, vm,
       strftime('%Y-%m-%dT%H:%M:%SZ', first_hour * 3600, 'unixepoch') AS first_hour,
       strftime('%Y-%m-%dT%H:%M:%SZ', last_hour * 3600, 'unixepoch') AS last_hour,
       (whole + parts / 1000000000) || '.' || substr(CAST(1000000000 + parts % 1000000000 AS text), 2) AS gib_h
  FROM sized
 ORDER BY account, vm;
