-- transfers_balance: what is moved out of the lines of VMs that are gone comes into the pool of their
-- account, in the same month, currency and unit: the transfers of each sum to 0.
--
-- A numerator is high * 10^24 + middle * 10^12 + low; the sum of each limb is exact.
WITH
total AS (
    SELECT l.account, l.currency, l.unit, l.month, CAST(sum(e.high) AS bigint) AS high,
           CAST(sum(e.middle) AS bigint) AS middle, CAST(sum(e.low) AS bigint) AS low
      FROM ledger AS e JOIN line AS l ON l.line = e.line
     WHERE e.kind = 'transfer'
     GROUP BY l.account, l.currency, l.unit, l.month
)
SELECT account, currency, unit, 1970 + month / 12 AS year, month % 12 + 1 AS month,
       high, middle, low, 'is what its transfers do not sum to 0 by' AS finding
  FROM total
 WHERE low % 1000000000000 <> 0
    OR (middle + low / 1000000000000) % 1000000000000 <> 0
    OR high + (middle + low / 1000000000000) / 1000000000000 <> 0
 ORDER BY 1, 2, 3, 4, 5;
