-- periods_whole: months are sealed one after the other; what was rated, and by whom, belongs to a
-- month that is sealed, and its hours lie in that month by the account's own clock.
--
-- Months count from January 1970, which begins with hour 0 for all, west of UTC a little early.
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
     WHERE month < (SELECT max(month) FROM period)
)
SELECT p.month - 1 AS number, 'is open, and the month behind it is sealed' AS finding
  FROM period AS p LEFT JOIN period AS b ON b.month = p.month - 1
 WHERE b.month IS NULL AND p.month > (SELECT min(month) FROM period)
UNION ALL
SELECT l.line, 'is a line of a month before those that are sealed'
  FROM line AS l
 WHERE l.month < (SELECT min(month) FROM period)
UNION ALL
SELECT DISTINCT l.line, 'is a line that was rated before its month was sealed'
  FROM line AS l
  JOIN rated AS r ON r.line = l.line
  LEFT JOIN period AS p ON p.month = l.month
 WHERE p.month IS NULL
UNION ALL
SELECT DISTINCT l.line, 'is a line with hours of another month'
  FROM line AS l
  JOIN account AS a ON a.account = l.account
  JOIN calendar AS c ON c.month = l.month
  JOIN rated AS r ON r.line = l.line
 WHERE r.hour + a.offset_h < c.first_hour OR r.hour + a.offset_h >= c.end_hour
 ORDER BY 2, 1;
