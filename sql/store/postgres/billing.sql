-- What is another statement in PostgreSQL.

-- :name BILLING_INSERT_RATED
-- many rows at once, eight numbers each: a statement for each would take minutes to seal a fleet's month
WITH n AS MATERIALIZED (SELECT CAST(?1 AS bigint[]) AS a)
INSERT INTO rated (line, hour, nano_pennies, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns)
SELECT r.line, r.hour, max(r.nano_pennies), sum(r.kib_s) + div(sum(r.kib_s_frac), 1000000000),
       mod(sum(r.kib_s_frac), 1000000000), sum(r.measured_ns), sum(r.missing_ns), sum(r.excluded_ns)
  FROM (SELECT n.a[i + 1] AS line, n.a[i + 2] AS hour, n.a[i + 3] AS nano_pennies, n.a[i + 4] AS kib_s,
               n.a[i + 5] AS kib_s_frac, n.a[i + 6] AS measured_ns, n.a[i + 7] AS missing_ns, n.a[i + 8] AS excluded_ns
          FROM n
         CROSS JOIN generate_series(0, cardinality(n.a) - 8, 8) AS i) AS r
 GROUP BY r.line, r.hour
ON CONFLICT (line, hour) DO UPDATE
   SET kib_s = rated.kib_s + excluded.kib_s + (rated.kib_s_frac + excluded.kib_s_frac) / 1000000000,
       kib_s_frac = (rated.kib_s_frac + excluded.kib_s_frac) % 1000000000,
       measured_ns = rated.measured_ns + excluded.measured_ns,
       missing_ns = rated.missing_ns + excluded.missing_ns,
       excluded_ns = rated.excluded_ns + excluded.excluded_ns;
