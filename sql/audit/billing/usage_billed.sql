-- usage_billed: each hour of a VM in sealed months was billed, rated and adjusted together, for just the
-- usage that it has, to who owned it, at the price of the hour.
--
-- Usage that came behind the last charge is not expected yet (then more may have been used than billed,
-- never less); nor are hours from charged.stale_from on, of which something was said since, nor any when
-- the measurements were restored from a backup since. Of hours that are gone (standing.hours_pruned) whole
-- days of a VM are compared, whoever owned it (account ''), from its first owner on.
WITH RECURSIVE
state AS (
    SELECT (SELECT coalesce(max(month), -1) FROM period) AS sealed,
           (SELECT coalesce(min(CASE WHEN n.store IS NULL THEN 0 ELSE c.stale_from END), 9223372036854775807)
              FROM charged AS c LEFT JOIN standing AS n ON n.store = c.store) AS stale_from,
           (SELECT CASE WHEN count(c.tick) > 0 AND count(*) = count(c.tick) THEN 1 ELSE 0 END
              FROM standing AS n
              LEFT JOIN charged AS c
                ON c.store = n.store AND c.tick + n.base = coalesce(n.derived_tick, n.first_cut)
             WHERE n.first_cut IS NOT NULL) AS is_even,
           (SELECT coalesce(max(hours_pruned), 0) FROM standing) AS gone
),
calendar (month, first_hour, end_hour) AS (
    SELECT 0, -24, 744
    UNION ALL
    SELECT month + 1, end_hour,
           end_hour + 24 * CASE WHEN (month + 1) % 12 IN (3, 5, 8, 10) THEN 30
                                WHEN (month + 1) % 12 <> 1 THEN 31
                                WHEN (1970 + (month + 1) / 12) % 4 <> 0 THEN 28
                                WHEN (1970 + (month + 1) / 12) % 100 <> 0 THEN 29
                                WHEN (1970 + (month + 1) / 12) % 400 <> 0 THEN 28
                                ELSE 29 END
      FROM calendar
     WHERE month < (SELECT max(month) FROM period)
),
seal AS MATERIALIZED (
    SELECT c.end_hour FROM calendar AS c JOIN state AS s ON c.month = s.sealed
),
-- who owned a VM from when until when; of several sayings for one hour the last holds
owned AS (
    SELECT o.vm, o.account, o.from_hour,
           lead(o.from_hour, 1, 9223372036854775807) OVER (PARTITION BY o.vm ORDER BY o.from_hour)
               AS to_hour
      FROM vm_owner AS o
     WHERE o.change = (SELECT max(change) FROM vm_owner WHERE vm = o.vm AND from_hour = o.from_hour)
),
-- the same of prices; the default ('') holds for an account until it has a tariff of its own
said AS (
    SELECT t.account, t.nano_pennies, t.currency, t.unit, t.from_hour,
           lead(t.from_hour, 1, 9223372036854775807) OVER (PARTITION BY t.account ORDER BY t.from_hour)
               AS to_hour
      FROM tariff AS t
     WHERE t.change = (SELECT max(change) FROM tariff
                        WHERE account = t.account AND from_hour = t.from_hour)
),
own AS (
    SELECT a.account, coalesce(min(s.from_hour), 9223372036854775807) AS first_hour
      FROM account AS a LEFT JOIN said AS s ON s.account = a.account
     GROUP BY a.account
),
priced AS (
    SELECT account, nano_pennies, currency, unit, from_hour, to_hour FROM said WHERE account <> ''
    UNION ALL
    SELECT o.account, s.nano_pennies, s.currency, s.unit, s.from_hour,
           CASE WHEN s.to_hour < o.first_hour THEN s.to_hour ELSE o.first_hour END
      FROM said AS s CROSS JOIN own AS o
     WHERE s.account = '' AND s.from_hour < o.first_hour
),
rate AS MATERIALIZED (
    SELECT o.vm, o.account, a.offset_h, p.nano_pennies, p.currency, p.unit,
           CASE WHEN o.from_hour > p.from_hour THEN o.from_hour ELSE p.from_hour END AS from_hour,
           CASE WHEN o.to_hour < p.to_hour THEN o.to_hour ELSE p.to_hour END AS to_hour
      FROM owned AS o
      JOIN account AS a ON a.account = o.account
      JOIN priced AS p ON p.account = o.account AND p.from_hour < o.to_hour AND p.to_hour > o.from_hour
),
used AS (
    SELECT l.vm, u.hour, CAST(sum(u.kib_s) AS bigint) AS kib_s,
           CAST(sum(u.kib_s_frac) AS bigint) AS kib_s_frac
      FROM life AS l JOIN usage_hour AS u ON u.life = l.life
     WHERE l.billed = 1
       AND u.hour < (SELECT end_hour + 12 FROM seal) AND u.hour >= (SELECT gone FROM state)
     GROUP BY l.vm, u.hour
),
part AS (
    SELECT r.vm, u.hour, r.account, r.nano_pennies, r.currency, r.unit, u.kib_s, u.kib_s_frac
      FROM used AS u
      JOIN rate AS r ON r.vm = u.vm AND r.from_hour <= u.hour AND r.to_hour > u.hour
      JOIN seal AS c ON c.end_hour > u.hour + r.offset_h
    UNION ALL
    SELECT l.vm, b.hour, l.account, b.nano_pennies, l.currency, l.unit, -b.kib_s, -b.kib_s_frac
      FROM (SELECT line, hour, nano_pennies, kib_s, kib_s_frac FROM rated
            UNION ALL
            SELECT line, hour, nano_pennies, kib_s, kib_s_frac FROM adjustment) AS b
      JOIN line AS l ON l.line = b.line
     WHERE b.hour >= (SELECT gone FROM state)
    UNION ALL
    SELECT l.vm, d.day * 24, '', 0, '', '', d.kib_s, d.kib_s_frac
      FROM usage_day AS d JOIN life AS l ON l.life = d.life
     WHERE l.billed = 1 AND d.day < (SELECT gone FROM state) / 24
       AND d.day * 24 >= (SELECT min(o.from_hour) FROM vm_owner AS o WHERE o.vm = l.vm)
    UNION ALL
    SELECT l.vm, b.hour / 24 * 24, '', 0, '', '', -b.kib_s, -b.kib_s_frac
      FROM (SELECT line, hour, kib_s, kib_s_frac FROM rated
            UNION ALL
            SELECT line, hour, kib_s, kib_s_frac FROM adjustment) AS b
      JOIN line AS l ON l.line = b.line
     WHERE b.hour < (SELECT gone FROM state)
),
difference AS (
    SELECT vm, hour, account, nano_pennies, currency, unit, CAST(sum(kib_s) AS bigint) AS kib_s,
           CAST(sum(kib_s_frac) AS bigint) AS kib_s_frac
      FROM part
     GROUP BY vm, hour, account, nano_pennies, currency, unit
),
rest AS (
    SELECT vm, hour, account, nano_pennies, currency, unit,
           kib_s + (kib_s_frac - (kib_s_frac % 1000000000 + 1000000000) % 1000000000) / 1000000000 AS kib_s,
           (kib_s_frac % 1000000000 + 1000000000) % 1000000000 AS kib_s_frac
      FROM difference
)
SELECT r.vm, r.hour, r.account, r.nano_pennies, r.currency, r.unit, r.kib_s, r.kib_s_frac,
       CASE WHEN r.kib_s < 0 THEN 'more was billed than was used, by so much (below 0)'
            ELSE 'less was billed than was used, by so much' END AS finding
  FROM rest AS r JOIN state AS s ON r.hour < s.stale_from
 WHERE r.kib_s < 0 OR (s.is_even = 1 AND (r.kib_s <> 0 OR r.kib_s_frac <> 0))
 ORDER BY 1, 2, 3, 4, 5, 6;
