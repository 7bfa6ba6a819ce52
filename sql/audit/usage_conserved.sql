-- usage_conserved: all that is billed must be all that was measured: what pruned rows gave when
-- they went, and what the raw rows that are left give. In seconds and nanoseconds, since the times
-- of many VMs together do not fit 63 bits of nanoseconds.
WITH
part AS (
    SELECT 1 AS sign, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns FROM usage_hour
    UNION ALL
    SELECT -1, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns FROM prune
    UNION ALL
    SELECT -1, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns FROM usage_recomputed
),
rest AS (
    SELECT sum(sign * (kib_s / 1000000000)) AS kib_gs,
           sum(sign * (kib_s % 1000000000)) AS kib_s, sum(sign * kib_s_frac) AS kib_s_frac,
           sum(sign * (measured_ns / 1000000000)) AS measured_s,
           sum(sign * (measured_ns % 1000000000)) AS measured_ns,
           sum(sign * (missing_ns / 1000000000)) AS missing_s,
           sum(sign * (missing_ns % 1000000000)) AS missing_ns,
           sum(sign * (excluded_ns / 1000000000)) AS excluded_s,
           sum(sign * (excluded_ns % 1000000000)) AS excluded_ns
      FROM part
)
SELECT 'billed less measured' AS finding, kib_gs, kib_s, kib_s_frac,
       measured_s, measured_ns, missing_s, missing_ns, excluded_s, excluded_ns
  FROM rest
 WHERE kib_s_frac % 1000000000 <> 0 OR (kib_s + kib_s_frac / 1000000000) % 1000000000 <> 0
    OR kib_gs + (kib_s + kib_s_frac / 1000000000) / 1000000000 <> 0
    OR measured_ns % 1000000000 <> 0 OR measured_s + measured_ns / 1000000000 <> 0
    OR missing_ns % 1000000000 <> 0 OR missing_s + missing_ns / 1000000000 <> 0
    OR excluded_ns % 1000000000 <> 0 OR excluded_s + excluded_ns / 1000000000 <> 0;
