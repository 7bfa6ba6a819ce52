-- money_conserved: over all lines of an account, a currency and a unit: all usage that there ever was,
-- times the price of its hour, is what was posted, and what is carried.
--
-- This looks at usage by the hour, the ledger, and what open lines have: not at what was rated or
-- adjusted on the way, but for hours that are gone (standing.hours_pruned): these are what was billed of
-- them, which usage_billed holds against their days. Exactly so when all that is derived has been charged; see usage_priced.
WITH
state AS (
    SELECT (SELECT coalesce(max(month), -1) FROM period) AS sealed,
           (SELECT count(*) FROM charged AS c LEFT JOIN standing AS n ON n.store = c.store
             WHERE c.stale_from IS NOT NULL OR n.store IS NULL) AS stale,
           (SELECT CASE WHEN count(c.tick) > 0 AND count(*) = count(c.tick) THEN 1 ELSE 0 END
              FROM standing AS n
              LEFT JOIN charged AS c
                ON c.store = n.store AND c.tick + n.base = coalesce(n.derived_tick, n.first_cut)
             WHERE n.first_cut IS NOT NULL) AS is_even,
           CASE WHEN EXISTS (SELECT 1 FROM period)
                THEN (SELECT coalesce(max(hours_pruned), 0) FROM standing) ELSE 0 END AS gone
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
       AND u.hour >= (SELECT gone FROM state)
     GROUP BY l.vm, u.hour
),
-- by VM: the sum over an account may not fit
part AS (
    SELECT r.account, r.currency, r.unit, r.nano_pennies, r.vm,
           CAST(sum(u.kib_s) AS bigint) AS kib_s, CAST(sum(u.kib_s_frac) AS bigint) AS kib_s_frac
      FROM used AS u
      JOIN rate AS r ON r.vm = u.vm AND r.from_hour <= u.hour AND r.to_hour > u.hour
     GROUP BY r.account, r.currency, r.unit, r.nano_pennies, r.vm
    UNION ALL
    SELECT l.account, l.currency, l.unit, b.nano_pennies, l.vm, CAST(sum(b.kib_s) AS bigint),
           CAST(sum(b.kib_s_frac) AS bigint)
      FROM (SELECT line, hour, nano_pennies, kib_s, kib_s_frac FROM rated
            UNION ALL
            SELECT line, hour, nano_pennies, kib_s, kib_s_frac FROM adjustment) AS b
      JOIN line AS l ON l.line = b.line
     WHERE b.hour < (SELECT gone FROM state)
     GROUP BY l.account, l.currency, l.unit, b.nano_pennies, l.vm
),
-- KiB*ns times nano-pennies in limbs: floor, the sign apart, six digits at a time, so that all fits 63
-- bits
whole AS (
    SELECT account, currency, unit, nano_pennies, kib_s + kib_s_frac / 1000000000 AS s, kib_s_frac % 1000000000 AS f
      FROM part
),
size AS (
    SELECT account, currency, unit, nano_pennies, CASE WHEN s < 0 THEN -1 ELSE 1 END AS sign,
           CASE WHEN s >= 0 THEN s WHEN f = 0 THEN -s ELSE -1 - s END AS s,
           CASE WHEN s >= 0 OR f = 0 THEN f ELSE 1000000000 - f END AS f
      FROM whole
),
digit AS (
    SELECT account, currency, unit, sign, nano_pennies % 1000000 AS p0, nano_pennies / 1000000 AS p1,
           f % 1000000 AS u0, f / 1000000 + s % 1000 * 1000 AS u1, s / 1000 % 1000000 AS u2,
           s / 1000000000 % 1000000 AS u3, s / 1000000000000000 AS u4
      FROM size
),
product AS (
    SELECT account, currency, unit, sign, u0 * p0 + (u0 * p1 + u1 * p0) * 1000000 AS low,
           u1 * p1 + u2 * p0 + (u2 * p1 + u3 * p0) * 1000000 AS middle,
           u3 * p1 + u4 * p0 + u4 * p1 * 1000000 AS high
      FROM digit
),
numerator AS (
    SELECT account, currency, unit, sign * (high + (middle + low / 1000000000000) / 1000000000000) AS high,
           sign * ((middle + low / 1000000000000) % 1000000000000) AS middle,
           sign * (low % 1000000000000) AS low
      FROM product
),
posted AS (
    SELECT l.account, l.currency, l.unit, CAST(sum(e.pennies) AS bigint) AS pennies
      FROM ledger AS e JOIN line AS l ON l.line = e.line
     GROUP BY l.account, l.currency, l.unit
),
sides AS (
    SELECT account, currency, unit, high, middle, low FROM numerator
    UNION ALL
    SELECT account, currency, unit,
           - CASE unit WHEN 'GiBh' THEN pennies * 3774 + pennies / 10000 * 8736
                  ELSE pennies * 3515 + pennies / 1000 * 625 END,
           - CASE unit WHEN 'GiBh' THEN pennies % 10000 * 873600000000
                  ELSE pennies % 1000 * 625000000000 END,
           0
      FROM posted
    UNION ALL
    -- the carries of open lines: their transfers are 0
    SELECT l.account, l.currency, l.unit,
           CASE l.unit WHEN 'GiBh' THEN l.posted * 3774 + l.posted / 10000 * 8736
                ELSE l.posted * 3515 + l.posted / 1000 * 625 END - l.carry_in_high - l.n_high,
           CASE l.unit WHEN 'GiBh' THEN l.posted % 10000 * 873600000000
                ELSE l.posted % 1000 * 625000000000 END - l.carry_in_middle - l.n_middle,
           - l.carry_in_low - l.n_low
      FROM line AS l JOIN state AS s ON l.month > s.sealed
),
difference AS (
    SELECT account, currency, unit, CAST(sum(high) AS bigint) AS high, CAST(sum(middle) AS bigint) AS middle,
           CAST(sum(low) AS bigint) AS low
      FROM sides
     GROUP BY account, currency, unit
),
-- carried over, so that only the highest limb has a sign
carried_low AS (
    SELECT account, currency, unit, high, (low % 1000000000000 + 1000000000000) % 1000000000000 AS low,
           middle + (low - (low % 1000000000000 + 1000000000000) % 1000000000000) / 1000000000000 AS middle
      FROM difference
),
rest AS (
    SELECT account, currency, unit, low, (middle % 1000000000000 + 1000000000000) % 1000000000000 AS middle,
           high + (middle - (middle % 1000000000000 + 1000000000000) % 1000000000000) / 1000000000000
               AS high
      FROM carried_low
)
SELECT r.account, r.currency, r.unit, r.high, r.middle, r.low,
       'is the value of all usage, less what was posted and is carried' AS finding
  FROM rest AS r JOIN state AS s ON s.stale = 0
 WHERE r.high < 0 OR (s.is_even = 1 AND (r.high <> 0 OR r.middle <> 0 OR r.low <> 0))
 ORDER BY 1, 2, 3;
