-- rated_priced: n of each line of a sealed month is what was rated, hour by hour, times its price, and
-- the adjustments that the month billed.
WITH
part AS (
    SELECT line, nano_pennies, CAST(sum(kib_s) AS bigint) AS kib_s,
           CAST(sum(kib_s_frac) AS bigint) AS kib_s_frac
      FROM (SELECT line, nano_pennies, kib_s, kib_s_frac FROM rated
            UNION ALL
            SELECT line, nano_pennies, kib_s, kib_s_frac FROM adjustment) AS billed
     GROUP BY line, nano_pennies
),
-- KiB*ns times nano-pennies in limbs: floor, the sign apart, six digits at a time, so that all fits 63
-- bits
whole AS (
    SELECT line, nano_pennies, kib_s + kib_s_frac / 1000000000 AS s, kib_s_frac % 1000000000 AS f
      FROM part
),
size AS (
    SELECT line, nano_pennies, CASE WHEN s < 0 THEN -1 ELSE 1 END AS sign,
           CASE WHEN s >= 0 THEN s WHEN f = 0 THEN -s ELSE -1 - s END AS s,
           CASE WHEN s >= 0 OR f = 0 THEN f ELSE 1000000000 - f END AS f
      FROM whole
),
digit AS (
    SELECT line, sign, nano_pennies % 1000000 AS p0, nano_pennies / 1000000 AS p1,
           f % 1000000 AS u0, f / 1000000 + s % 1000 * 1000 AS u1, s / 1000 % 1000000 AS u2,
           s / 1000000000 % 1000000 AS u3, s / 1000000000000000 AS u4
      FROM size
),
product AS (
    SELECT line, sign, u0 * p0 + (u0 * p1 + u1 * p0) * 1000000 AS low,
           u1 * p1 + u2 * p0 + (u2 * p1 + u3 * p0) * 1000000 AS middle,
           u3 * p1 + u4 * p0 + u4 * p1 * 1000000 AS high
      FROM digit
),
numerator AS (
    SELECT line, sign * (high + (middle + low / 1000000000000) / 1000000000000) AS high,
           sign * ((middle + low / 1000000000000) % 1000000000000) AS middle,
           sign * (low % 1000000000000) AS low
      FROM product
),
difference AS (
    SELECT line, CAST(sum(high) AS bigint) AS high, CAST(sum(middle) AS bigint) AS middle,
           CAST(sum(low) AS bigint) AS low
      FROM (SELECT line, high, middle, low FROM numerator
            UNION ALL
            SELECT line, -n_high, -n_middle, -n_low FROM line) AS sides
     GROUP BY line
),
-- carried over, so that only the highest limb has a sign
carried_low AS (
    SELECT line, high, (low % 1000000000000 + 1000000000000) % 1000000000000 AS low,
           middle + (low - (low % 1000000000000 + 1000000000000) % 1000000000000) / 1000000000000 AS middle
      FROM difference
),
rest AS (
    SELECT line, low, (middle % 1000000000000 + 1000000000000) % 1000000000000 AS middle,
           high + (middle - (middle % 1000000000000 + 1000000000000) % 1000000000000) / 1000000000000
               AS high
      FROM carried_low
)
SELECT l.line, l.account, l.vm, l.currency, l.unit, 1970 + l.month / 12 AS year, l.month % 12 + 1 AS month,
       r.high, r.middle, r.low, 'is what was rated and adjusted, less n' AS finding
  FROM rest AS r
  JOIN line AS l ON l.line = r.line
  JOIN period AS p ON p.month = l.month
 WHERE r.high <> 0 OR r.middle <> 0 OR r.low <> 0
 ORDER BY l.line;
