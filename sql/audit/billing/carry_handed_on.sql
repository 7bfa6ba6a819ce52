-- carry_handed_on: what a line of a sealed month carries is carry_in of the same line a month later;
-- nothing else is ever carried in.
--
-- The carry is carry_in + n + transfers - posted * D, in limbs; D = 37748736 * 10^20 for GiB*h,
-- 3515625 * 10^21 for GB*h.
WITH
moved AS (
    SELECT line, CAST(sum(high) AS bigint) AS high, CAST(sum(middle) AS bigint) AS middle,
           CAST(sum(low) AS bigint) AS low
      FROM ledger
     WHERE kind = 'transfer'
     GROUP BY line
),
carry AS (
    SELECT l.account, l.vm, l.currency, l.unit, l.month + 1 AS month,
           l.carry_in_high + l.n_high + coalesce(m.high, 0)
               - CASE l.unit WHEN 'GiBh' THEN l.posted * 3774 + l.posted / 10000 * 8736
                      ELSE l.posted * 3515 + l.posted / 1000 * 625 END AS high,
           l.carry_in_middle + l.n_middle + coalesce(m.middle, 0)
               - CASE l.unit WHEN 'GiBh' THEN l.posted % 10000 * 873600000000
                      ELSE l.posted % 1000 * 625000000000 END AS middle,
           l.carry_in_low + l.n_low + coalesce(m.low, 0) AS low
      FROM line AS l
      JOIN period AS p ON p.month = l.month
      LEFT JOIN moved AS m ON m.line = l.line
    UNION ALL
    SELECT account, vm, currency, unit, month, -carry_in_high, -carry_in_middle, -carry_in_low FROM line
),
difference AS (
    SELECT account, vm, currency, unit, month, CAST(sum(high) AS bigint) AS high,
           CAST(sum(middle) AS bigint) AS middle, CAST(sum(low) AS bigint) AS low
      FROM carry
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
SELECT account, vm, currency, unit, 1970 + month / 12 AS year, month % 12 + 1 AS month, high, middle, low,
       'is what the month before handed on, less what was carried in' AS finding
  FROM rest
 WHERE high <> 0 OR middle <> 0 OR low <> 0
 ORDER BY 1, 2, 3, 4, 5, 6;
