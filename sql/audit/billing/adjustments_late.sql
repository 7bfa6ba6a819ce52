-- adjustments_late: an adjustment is of an hour whose month was sealed before the month that bills
-- it: by the clock of the account that it bills.
WITH RECURSIVE
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
     WHERE month < (SELECT max(month) FROM line)
)
SELECT a.adjustment, a.line, a.hour, a.cause,
       CASE WHEN p.month IS NULL THEN 'is billed in a month before any other is sealed'
            ELSE 'is not of a month that was sealed before' END AS finding
  FROM adjustment AS a
  JOIN line AS l ON l.line = a.line
  JOIN account AS o ON o.account = l.account
  JOIN calendar AS c ON c.month = l.month
  LEFT JOIN period AS p ON p.month = l.month - 1
 WHERE p.month IS NULL OR a.hour + o.offset_h >= c.first_hour
 ORDER BY a.adjustment;
