-- vms_without_tariff: VMs whose owner has no price for hours of theirs, nor has the default.
WITH
owed AS (
    SELECT l.vm, u.hour, u.kib_s,
           (SELECT o.account FROM vm_owner AS o
             WHERE o.vm = l.vm AND o.from_hour <= u.hour
             ORDER BY o.from_hour DESC, o.change DESC LIMIT 1) AS account
      FROM life AS l
      JOIN usage_hour AS u ON u.life = l.life
     WHERE l.billed = 1 AND (u.kib_s > 0 OR u.kib_s_frac > 0)
       AND NOT EXISTS (SELECT 1 FROM tariff AS t WHERE t.account = '' AND t.from_hour <= u.hour)
),
total AS (
    SELECT w.account, w.vm, min(w.hour) AS first_hour, max(w.hour) AS last_hour,
           CAST(sum(w.kib_s / 3774873600) AS bigint) AS whole,
           CAST(sum(w.kib_s % 3774873600) AS bigint) AS rest
      FROM owed AS w
     WHERE w.account IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM tariff AS t WHERE t.account = w.account AND t.from_hour <= w.hour)
     GROUP BY w.account, w.vm
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
