-- What is another statement in PostgreSQL.

-- :name BILLING_INSERT_RATED
-- many rows at once, eight numbers each, of a line and hour one: a statement for each would take minutes to
-- seal a fleet's month
WITH n AS MATERIALIZED (SELECT CAST(?1 AS bigint[]) AS a)
INSERT INTO rated (line, hour, nano_pennies, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns)
SELECT n.a[i + 1], n.a[i + 2], n.a[i + 3], n.a[i + 4], n.a[i + 5], n.a[i + 6], n.a[i + 7], n.a[i + 8]
  FROM n
 CROSS JOIN generate_series(0, cardinality(n.a) - 8, 8) AS i
ON CONFLICT (line, hour) DO UPDATE
   SET kib_s = rated.kib_s + excluded.kib_s + (rated.kib_s_frac + excluded.kib_s_frac) / 1000000000,
       kib_s_frac = (rated.kib_s_frac + excluded.kib_s_frac) % 1000000000,
       measured_ns = rated.measured_ns + excluded.measured_ns,
       missing_ns = rated.missing_ns + excluded.missing_ns,
       excluded_ns = rated.excluded_ns + excluded.excluded_ns;
