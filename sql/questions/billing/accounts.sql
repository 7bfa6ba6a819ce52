-- accounts: what each account was charged, month by month: pennies, as posted.
-- :period is the beginning of the months, 2026 or 2026-11; without it, all of them.
SELECT printf('%04d-%02d', 1970 + l.month / 12, l.month % 12 + 1) AS month, l.account, a.name,
       sum(l.posted) AS pennies, l.currency, count(*) AS lines,
       CASE WHEN p.month IS NULL THEN 'open' ELSE 'sealed' END AS state
  FROM line AS l
  JOIN account AS a ON a.account = l.account
  LEFT JOIN period AS p ON p.month = l.month
 WHERE printf('%04d-%02d', 1970 + l.month / 12, l.month % 12 + 1) LIKE coalesce(:period, '') || '%'
 GROUP BY l.month, l.account, a.name, l.currency, p.month
 ORDER BY l.month, l.account, l.currency;
