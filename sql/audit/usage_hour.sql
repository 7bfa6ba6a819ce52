-- usage_hour: the hours that are billed must be what the raw segments and ticks give.
-- Hours that pruned rows gave to can't be recomputed one by one; usage_conserved looks at their sum.
WITH
raw AS MATERIALIZED (
    SELECT r.life, r.hour, r.kib_s, r.kib_s_frac, r.measured_ns, r.missing_ns, r.excluded_ns
      FROM usage_recomputed AS r
      JOIN standing AS n ON n.store_no = r.life / n.store_size
     WHERE r.hour > coalesce(n.pruned_hour, -1) AND r.hour >= coalesce(n.hours_pruned, 0)
)
SELECT r.life, r.hour, 'differs' AS finding,
       u.kib_s AS stored_kib_s, u.kib_s_frac AS stored_kib_s_frac,
       r.kib_s AS raw_kib_s, r.kib_s_frac AS raw_kib_s_frac,
       u.measured_ns AS stored_measured_ns, r.measured_ns AS raw_measured_ns,
       u.missing_ns AS stored_missing_ns, r.missing_ns AS raw_missing_ns,
       u.excluded_ns AS stored_excluded_ns, r.excluded_ns AS raw_excluded_ns
  FROM raw AS r
  LEFT JOIN usage_hour AS u ON u.life = r.life AND u.hour = r.hour
 WHERE u.life IS NULL
    OR u.kib_s <> r.kib_s OR u.kib_s_frac <> r.kib_s_frac
    OR u.measured_ns <> r.measured_ns OR u.missing_ns <> r.missing_ns
    OR u.excluded_ns <> r.excluded_ns
UNION ALL
SELECT u.life, u.hour, 'has no segments', u.kib_s, u.kib_s_frac, 0, 0,
       u.measured_ns, 0, u.missing_ns, 0, u.excluded_ns, 0
  FROM usage_hour AS u
  JOIN standing AS n ON n.store_no = u.life / n.store_size
  LEFT JOIN raw AS r ON r.life = u.life AND r.hour = u.hour
 WHERE r.life IS NULL
   AND u.hour > coalesce(n.pruned_hour, -1) AND u.hour >= coalesce(n.hours_pruned, 0)
 ORDER BY 1, 2;
