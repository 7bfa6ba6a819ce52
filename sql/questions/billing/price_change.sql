-- price_change: what the usage of a period would have cost at another price, beside what it costs.
-- :nano_pennies is the other price, for a GiB*h or GB*h (0.0042 EUR are 420000000); it is needed.
-- :period is the beginning of the hours' dates (UTC), 2026, 2026-11 or 2026-11-22; :account one account.
-- Whole pennies, rounded down once over all of an account, exact before; what was billed later for
-- other hours is not in it. The price is taken in the currency and unit of each account's tariff.
WITH
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
-- of hours that are gone it would say too little: what is no number ends it
whole_period AS MATERIALIZED (
    SELECT CASE WHEN g.gone > 0 AND strftime('%Y-%m-%d', (g.gone - 1) * 3600, 'unixepoch') >= g.period
                THEN CAST('usage by the hour before '
                          || strftime('%Y-%m-%d', CAST(g.gone AS bigint) * 3600, 'unixepoch')
                          || ' is gone: name a period behind it' AS bigint)
                ELSE 9223372036854775807 END AS end_hour
      FROM (SELECT coalesce(max(hours_pruned), 0) AS gone, coalesce(CAST(:period AS text), '') AS period
              FROM standing) AS g
),
used AS (
    SELECT l.vm, u.hour, CAST(sum(u.kib_s) AS bigint) AS kib_s,
           CAST(sum(u.kib_s_frac) AS bigint) AS kib_s_frac
      FROM life AS l JOIN usage_hour AS u ON u.life = l.life
     WHERE l.billed = 1
       AND u.hour < (SELECT end_hour FROM whole_period)
       AND strftime('%Y-%m-%d', u.hour * 3600, 'unixepoch') LIKE coalesce(CAST(:period AS text), '') || '%'
     GROUP BY l.vm, u.hour
),
service AS MATERIALIZED (
    SELECT r.account, r.currency, r.unit, r.nano_pennies, r.vm,
           CAST(sum(u.kib_s) AS bigint) AS kib_s, CAST(sum(u.kib_s_frac) AS bigint) AS kib_s_frac
      FROM used AS u
      JOIN rate AS r ON r.vm = u.vm AND r.from_hour <= u.hour AND r.to_hour > u.hour
     WHERE r.account = coalesce(CAST(:account AS text), r.account)
     GROUP BY r.account, r.currency, r.unit, r.nano_pennies, r.vm
),
part AS (
    SELECT account, currency, unit, 'then' AS price, nano_pennies, kib_s, kib_s_frac FROM service
    UNION ALL
    SELECT account, currency, unit, 'other', CAST(:nano_pennies AS bigint), kib_s, kib_s_frac FROM service
),
-- KiB*ns times nano-pennies in limbs: floor, the sign apart, six digits at a time, so that all fits 63
-- bits
whole AS (
    SELECT account, currency, unit, price, nano_pennies, kib_s + kib_s_frac / 1000000000 AS s, kib_s_frac % 1000000000 AS f
      FROM part
),
size AS (
    SELECT account, currency, unit, price, nano_pennies, CASE WHEN s < 0 THEN -1 ELSE 1 END AS sign,
           CASE WHEN s >= 0 THEN s WHEN f = 0 THEN -s ELSE -1 - s END AS s,
           CASE WHEN s >= 0 OR f = 0 THEN f ELSE 1000000000 - f END AS f
      FROM whole
),
digit AS (
    SELECT account, currency, unit, price, sign, nano_pennies % 1000000 AS p0, nano_pennies / 1000000 AS p1,
           f % 1000000 AS u0, f / 1000000 + s % 1000 * 1000 AS u1, s / 1000 % 1000000 AS u2,
           s / 1000000000 % 1000000 AS u3, s / 1000000000000000 AS u4
      FROM size
),
product AS (
    SELECT account, currency, unit, price, sign, u0 * p0 + (u0 * p1 + u1 * p0) * 1000000 AS low,
           u1 * p1 + u2 * p0 + (u2 * p1 + u3 * p0) * 1000000 AS middle,
           u3 * p1 + u4 * p0 + u4 * p1 * 1000000 AS high
      FROM digit
),
numerator AS (
    SELECT account, currency, unit, price, sign * (high + (middle + low / 1000000000000) / 1000000000000) AS high,
           sign * ((middle + low / 1000000000000) % 1000000000000) AS middle,
           sign * (low % 1000000000000) AS low
      FROM product
),
total AS (
    SELECT account, currency, unit, price, CAST(sum(high) AS bigint) AS high,
           CAST(sum(middle) AS bigint) AS middle, CAST(sum(low) AS bigint) AS low
      FROM numerator
     GROUP BY account, currency, unit, price
),
-- a penny is 37748736 * 10^20 or 3515625 * 10^21
cost AS (
    SELECT account, currency, unit, price,
           CASE unit WHEN 'GiBh' THEN (high * 10000 + (middle + low / 1000000000000) / 100000000) / 37748736
                ELSE (high * 1000 + (middle + low / 1000000000000) / 1000000000) / 3515625 END AS pennies
      FROM total
),
-- in whole units, and millionths
sized AS (
    SELECT account, currency, unit, CASE unit WHEN 'GiBh' THEN 3774873600 ELSE 3515625000 END AS size, kib_s
      FROM service
),
volume AS (
    SELECT account, currency, unit,
           CAST(sum(kib_s / size) AS bigint) + CAST(sum(kib_s % size) AS bigint) / size AS whole,
           (CAST(sum(kib_s % size) AS bigint) % size * 1000000 + size / 2) / size AS parts
      FROM sized
     GROUP BY account, currency, unit, size
)
SELECT v.account, (v.whole + v.parts / 1000000) || '.' || substr(CAST(1000000 + v.parts % 1000000 AS text), 2) AS units,
       v.unit, v.currency, t.pennies AS pennies, o.pennies AS other_pennies,
       o.pennies - t.pennies AS difference
  FROM volume AS v
  JOIN cost AS t ON t.account = v.account AND t.currency = v.currency AND t.unit = v.unit AND t.price = 'then'
  JOIN cost AS o ON o.account = v.account AND o.currency = v.currency AND o.unit = v.unit AND o.price = 'other'
 ORDER BY v.account, v.currency, v.unit;
