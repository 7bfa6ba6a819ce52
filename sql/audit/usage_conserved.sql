-- usage_conserved: all that is billed must be all that was measured: what pruned rows gave when
-- they went, and what the raw rows that are left give. In seconds and nanoseconds, since the times
-- of many VMs together do not fit 63 bits of nanoseconds. Where hours are gone (standing.hours_pruned) their
-- days are there.
WITH
part AS (
    SELECT 1 AS sign, life AS number, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns FROM usage_hour
     WHERE hour >= (SELECT coalesce(max(hours_pruned), 0) FROM standing)
    UNION ALL
    SELECT 1, life, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns FROM usage_day
     WHERE day < (SELECT coalesce(max(hours_pruned), 0) FROM standing) / 24
    UNION ALL
    SELECT -1, up_to_tick, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns FROM prune
    UNION ALL
    SELECT -1, life, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns FROM usage_recomputed
),
rest AS (
    SELECT n.store,
           CAST(sum(p.sign * (p.kib_s / 1000000000)) AS bigint) AS kib_gs,
           CAST(sum(p.sign * (p.kib_s % 1000000000)) AS bigint) AS kib_s,
           CAST(sum(p.sign * p.kib_s_frac) AS bigint) AS kib_s_frac,
           CAST(sum(p.sign * (p.measured_ns / 1000000000)) AS bigint) AS measured_s,
           CAST(sum(p.sign * (p.measured_ns % 1000000000)) AS bigint) AS measured_ns,
           CAST(sum(p.sign * (p.missing_ns / 1000000000)) AS bigint) AS missing_s,
           CAST(sum(p.sign * (p.missing_ns % 1000000000)) AS bigint) AS missing_ns,
           CAST(sum(p.sign * (p.excluded_ns / 1000000000)) AS bigint) AS excluded_s,
           CAST(sum(p.sign * (p.excluded_ns % 1000000000)) AS bigint) AS excluded_ns
      FROM part AS p JOIN standing AS n ON n.store_no = p.number / n.store_size
     GROUP BY n.store
)
SELECT 'billed less measured' AS finding, kib_gs, kib_s, kib_s_frac,
       measured_s, measured_ns, missing_s, missing_ns, excluded_s, excluded_ns, store
  FROM rest
 WHERE kib_s_frac % 1000000000 <> 0 OR (kib_s + kib_s_frac / 1000000000) % 1000000000 <> 0
    OR kib_gs + (kib_s + kib_s_frac / 1000000000) / 1000000000 <> 0
    OR measured_ns % 1000000000 <> 0 OR measured_s + measured_ns / 1000000000 <> 0
    OR missing_ns % 1000000000 <> 0 OR missing_s + missing_ns / 1000000000 <> 0
    OR excluded_ns % 1000000000 <> 0 OR excluded_s + excluded_ns / 1000000000 <> 0
 ORDER BY store;
