-- accounts: what each account was charged, month by month: pennies, as posted.
-- :period is the beginning of the months, 2026 or 2026-11; without it, all of them.
WITH
charge AS (
    SELECT (1970 + month / 12) || '-'
               || substr('010203040506070809101112', CAST(month % 12 * 2 + 1 AS integer), 2) AS name,
           month, account, currency, posted
      FROM line
)
SELECT c.name AS month, c.account, a.name, CAST(sum(c.posted) AS bigint) AS pennies, c.currency, count(*) AS lines,
       CASE WHEN p.month IS NULL THEN 'open' ELSE 'sealed' END AS state
  FROM charge AS c
  JOIN account AS a ON a.account = c.account
  LEFT JOIN period AS p ON p.month = c.month
 WHERE c.name LIKE coalesce(CAST(:period AS text), '') || '%'
 GROUP BY c.month, c.name, c.account, a.name, c.currency, p.month
 ORDER BY c.month, c.account, c.currency;
