-- usage_priced: n of each line of an open month is the usage by the hour, by who owned the VM, times
-- the price of that hour, and the adjustments that the month bills.
--
-- Exactly so when all that is derived has been charged: `pagemeter charge` sees to it each minute. While
-- it has not been, a line may have less than its usage, and never more. When something was said of
-- the past since the last charge (charged.stale_from), or the measurements were restored from a backup
-- (charged.store), nothing is compared before the next one.
WITH RECURSIVE
state AS (
    SELECT (SELECT coalesce(max(month), -1) FROM period) AS sealed,
           (SELECT count(*) FROM charged AS c LEFT JOIN standing AS n ON n.store = c.store
             WHERE c.stale_from IS NOT NULL OR n.store IS NULL) AS stale,
           (SELECT CASE WHEN count(c.tick) > 0 AND count(*) = count(c.tick) THEN 1 ELSE 0 END
              FROM standing AS n
              LEFT JOIN charged AS c
                ON c.store = n.store AND c.tick + n.base = coalesce(n.derived_tick, n.first_cut)
             WHERE n.first_cut IS NOT NULL) AS is_even
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
     WHERE end_hour <= (SELECT max(hour) + 14 FROM usage_hour)
),
open_month AS MATERIALIZED (
    SELECT c.month, c.first_hour, c.end_hour FROM calendar AS c JOIN state AS s ON c.month > s.sealed
     WHERE c.end_hour > (SELECT min(hour) - 14 FROM usage_hour)
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
      FROM life AS l CROSS JOIN usage_hour AS u
     WHERE l.billed = 1 AND u.life = l.life
       AND u.hour >= (SELECT min(first_hour) - 14 FROM open_month)
     GROUP BY l.vm, u.hour
),
part AS (
    SELECT r.account, r.vm, r.currency, r.unit, c.month, r.nano_pennies,
           CAST(sum(u.kib_s) AS bigint) AS kib_s, CAST(sum(u.kib_s_frac) AS bigint) AS kib_s_frac
      FROM used AS u
      JOIN rate AS r ON r.vm = u.vm AND r.from_hour <= u.hour AND r.to_hour > u.hour
      JOIN open_month AS c
        ON c.first_hour <= u.hour + r.offset_h AND c.end_hour > u.hour + r.offset_h
     GROUP BY r.account, r.vm, r.currency, r.unit, c.month, r.nano_pennies
    UNION ALL
    SELECT l.account, l.vm, l.currency, l.unit, l.month, a.nano_pennies,
           CAST(sum(a.kib_s) AS bigint), CAST(sum(a.kib_s_frac) AS bigint)
      FROM adjustment AS a
      JOIN line AS l ON l.line = a.line
      JOIN state AS s ON l.month > s.sealed
     GROUP BY l.account, l.vm, l.currency, l.unit, l.month, a.nano_pennies
),
-- KiB*ns times nano-pennies in limbs: floor, the sign apart, six digits at a time, so that all fits 63
-- bits
whole AS (
    SELECT account, vm, currency, unit, month, nano_pennies, kib_s + kib_s_frac / 1000000000 AS s, kib_s_frac % 1000000000 AS f
      FROM part
),
size AS (
    SELECT account, vm, currency, unit, month, nano_pennies, CASE WHEN s < 0 THEN -1 ELSE 1 END AS sign,
           CASE WHEN s >= 0 THEN s WHEN f = 0 THEN -s ELSE -1 - s END AS s,
           CASE WHEN s >= 0 OR f = 0 THEN f ELSE 1000000000 - f END AS f
      FROM whole
),
digit AS (
    SELECT account, vm, currency, unit, month, sign, nano_pennies % 1000000 AS p0, nano_pennies / 1000000 AS p1,
           f % 1000000 AS u0, f / 1000000 + s % 1000 * 1000 AS u1, s / 1000 % 1000000 AS u2,
           s / 1000000000 % 1000000 AS u3, s / 1000000000000000 AS u4
      FROM size
),
product AS (
    SELECT account, vm, currency, unit, month, sign, u0 * p0 + (u0 * p1 + u1 * p0) * 1000000 AS low,
           u1 * p1 + u2 * p0 + (u2 * p1 + u3 * p0) * 1000000 AS middle,
           u3 * p1 + u4 * p0 + u4 * p1 * 1000000 AS high
      FROM digit
),
numerator AS (
    SELECT account, vm, currency, unit, month, sign * (high + (middle + low / 1000000000000) / 1000000000000) AS high,
           sign * ((middle + low / 1000000000000) % 1000000000000) AS middle,
           sign * (low % 1000000000000) AS low
      FROM product
),
difference AS (
    SELECT account, vm, currency, unit, month, CAST(sum(high) AS bigint) AS high,
           CAST(sum(middle) AS bigint) AS middle, CAST(sum(low) AS bigint) AS low
      FROM (SELECT account, vm, currency, unit, month, high, middle, low FROM numerator
            UNION ALL
            SELECT l.account, l.vm, l.currency, l.unit, l.month, -l.n_high, -l.n_middle, -l.n_low
              FROM line AS l JOIN state AS s ON l.month > s.sealed) AS sides
     GROUP BY account, vm, currency, unit, month
),
-- carried over, so that only the highest limb has a sign
carried_low AS (
    SELECT account, vm, currency, unit, month, high, (low % 1000000000000 + 1000000000000) % 1000000000000 AS low,
           middle + (low - (low % 1000000000000 + 1000000000000) % 1000000000000) / 1000000000000 AS middle
      FROM difference
),
rest AS (
    SELECT account, vm, currency, unit, month, low, (middle % 1000000000000 + 1000000000000) % 1000000000000 AS middle,
           high + (middle - (middle % 1000000000000 + 1000000000000) % 1000000000000) / 1000000000000
               AS high
      FROM carried_low
)
SELECT r.account, r.vm, r.currency, r.unit, 1970 + r.month / 12 AS year, r.month % 12 + 1 AS month,
       r.high, r.middle, r.low,
       CASE WHEN r.high < 0 THEN 'more was charged than was used, by so much (below 0)'
            ELSE 'less was charged than was used, by so much' END AS finding
  FROM rest AS r JOIN state AS s ON s.stale = 0
 WHERE r.high < 0 OR (s.is_even = 1 AND (r.high <> 0 OR r.middle <> 0 OR r.low <> 0))
 ORDER BY 1, 2, 3, 4, 5, 6;
