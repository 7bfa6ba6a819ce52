-- ledger_whole: the entries are numbered 1, 2, 3 and so on; a line has posted what its entries say;
-- and nothing was entered for a month after its seal. (That no entry was changed, the chain says.)
WITH
posted AS (
    SELECT line, CAST(sum(pennies) AS bigint) AS pennies FROM ledger GROUP BY line
)
SELECT e.entry AS number, 'is not behind ' || (e.entry - 1) AS finding, 0 AS stored, 0 AS entered
  FROM ledger AS e LEFT JOIN ledger AS b ON b.entry = e.entry - 1
 WHERE e.entry < 1 OR (e.entry > 1 AND b.entry IS NULL)
UNION ALL
SELECT l.line, 'is the line that has not posted what was entered', l.posted, coalesce(p.pennies, 0)
  FROM line AS l LEFT JOIN posted AS p ON p.line = l.line
 WHERE l.posted <> coalesce(p.pennies, 0)
UNION ALL
SELECT e.entry, 'came behind the seal of its month', p.entry, e.entry
  FROM ledger AS e
  JOIN line AS l ON l.line = e.line
  JOIN period AS p ON p.month = l.month
 WHERE e.entry > p.entry
UNION ALL
SELECT e.entry, 'moves a fraction in a month that is not sealed', 0, e.entry
  FROM ledger AS e
  JOIN line AS l ON l.line = e.line
  LEFT JOIN period AS p ON p.month = l.month
 WHERE e.kind = 'transfer' AND p.month IS NULL
UNION ALL
SELECT p.entry, 'was there when a month was sealed, and is not now', p.entry, 0
  FROM period AS p LEFT JOIN ledger AS e ON e.entry = p.entry
 WHERE p.entry > 0 AND e.entry IS NULL
 ORDER BY 2, 1;
