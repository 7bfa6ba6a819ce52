-- rated_times: the times that a sealed month shows of an hour are no longer than what was measured of the
-- VM in that hour. (They may be shorter: what came later is an adjustment, which has no times. Nothing is
-- said of months that were sealed before a restore, which may have lost some, nor of hours that are gone.)
WITH
measured AS (
    SELECT l.vm, u.hour, CAST(sum(u.measured_ns) AS bigint) AS measured_ns,
           CAST(sum(u.missing_ns) AS bigint) AS missing_ns,
           CAST(sum(u.excluded_ns) AS bigint) AS excluded_ns
      FROM life AS l JOIN usage_hour AS u ON u.life = l.life
     WHERE l.billed = 1
     GROUP BY l.vm, u.hour
)
SELECT r.line, l.vm, r.hour, r.measured_ns, m.measured_ns AS most_measured_ns, r.missing_ns,
       m.missing_ns AS most_missing_ns, r.excluded_ns, m.excluded_ns AS most_excluded_ns,
       'shows more time than was measured' AS finding
  FROM rated AS r
  JOIN line AS l ON l.line = r.line
  JOIN period AS p ON p.month = l.month
  LEFT JOIN measured AS m ON m.vm = l.vm AND m.hour = r.hour
 WHERE r.hour >= (SELECT coalesce(max(hours_pruned), 0) FROM standing)
   AND p.sealed_ns >= (SELECT coalesce(max(lost_before_ns), 0) FROM standing)
   AND (r.measured_ns > coalesce(m.measured_ns, 0) OR r.missing_ns > coalesce(m.missing_ns, 0)
        OR r.excluded_ns > coalesce(m.excluded_ns, 0))
 ORDER BY r.line, r.hour;
