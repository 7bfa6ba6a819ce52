-- usage_day: a day must be the sum of its hours. (Of days whose hours are gone, usage_billed compares what was
-- billed, and usage_conserved the sum.)
WITH
hours AS (
    SELECT life, hour / 24 AS day,
           CAST(sum(kib_s) AS bigint) + CAST(sum(kib_s_frac) AS bigint) / 1000000000 AS kib_s,
           CAST(sum(kib_s_frac) AS bigint) % 1000000000 AS kib_s_frac,
           CAST(sum(measured_ns) AS bigint) AS measured_ns, CAST(sum(missing_ns) AS bigint) AS missing_ns,
           CAST(sum(excluded_ns) AS bigint) AS excluded_ns
      FROM usage_hour
     WHERE hour >= (SELECT coalesce(max(hours_pruned), 0) FROM standing)
     GROUP BY life, hour / 24
)
SELECT h.life, h.day, 'differs from its hours' AS finding
  FROM hours AS h
  LEFT JOIN usage_day AS d ON d.life = h.life AND d.day = h.day
 WHERE d.life IS NULL
    OR d.kib_s <> h.kib_s OR d.kib_s_frac <> h.kib_s_frac
    OR d.measured_ns <> h.measured_ns OR d.missing_ns <> h.missing_ns
    OR d.excluded_ns <> h.excluded_ns
UNION ALL
SELECT d.life, d.day, 'has no hours'
  FROM usage_day AS d
  LEFT JOIN hours AS h ON h.life = d.life AND h.day = d.day
 WHERE h.life IS NULL
   AND d.day >= (SELECT coalesce(max(hours_pruned), 0) FROM standing) / 24
 ORDER BY 1, 2;
