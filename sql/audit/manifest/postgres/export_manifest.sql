-- export_manifest: as sql/audit/manifest/export_manifest.sql, which explains it: the same with
-- PostgreSQL's functions for JSON.
-- :manifest is its text, :sha256 the sum of its bytes.
WITH
text AS (
    SELECT CAST(CAST(:manifest AS text) AS jsonb) AS manifest
),
named AS (
    SELECT CAST(manifest #>> '{ledger,entry}' AS bigint) AS entry, manifest #>> '{ledger,hash}' AS hash,
           manifest ->> 'period' AS period
      FROM text
),
said AS (
    SELECT m.said ->> 'currency' AS currency, m.said ->> 'unit' AS unit,
           CAST(m.said ->> 'posted_pennies' AS bigint) AS pennies
      FROM text AS t
      CROSS JOIN LATERAL jsonb_array_elements(CASE WHEN jsonb_typeof(t.manifest #> '{sums,money}') = 'array'
                                                   THEN t.manifest #> '{sums,money}' ELSE '[]' END) AS m (said)
),
entered AS (
    SELECT l.currency, l.unit, CAST(sum(e.pennies) AS bigint) AS pennies
      FROM named AS n
      JOIN line AS l ON (1970 + l.month / 12) || '-'
           || substr('010203040506070809101112', CAST(l.month % 12 * 2 + 1 AS integer), 2) = n.period
      JOIN ledger AS e ON e.line = l.line AND e.entry <= n.entry
     GROUP BY l.currency, l.unit
)
SELECT n.entry, 'is not noted in billing.db, or was changed since' AS finding
  FROM named AS n
 WHERE NOT EXISTS (SELECT 1 FROM export_run WHERE manifest = CAST(:sha256 AS text))
UNION ALL
SELECT n.entry, 'names an entry that the ledger does not have: it was cut'
  FROM named AS n
 WHERE n.entry > (SELECT coalesce(max(entry), 0) FROM ledger)
UNION ALL
SELECT n.entry, 'names another hash of its entry: the ledger was written anew'
  FROM named AS n
  JOIN ledger AS e ON e.entry = n.entry
 WHERE e.hash <> n.hash
UNION ALL
SELECT s.pennies, 'pennies ' || s.currency || ' per ' || s.unit || ' does it name, and the ledger has '
                      || coalesce(e.pennies, 0)
  FROM named AS n
  JOIN said AS s ON length(n.period) = 7
  LEFT JOIN entered AS e ON e.currency = s.currency AND e.unit = s.unit
 WHERE s.pennies <> coalesce(e.pennies, 0)
UNION ALL
SELECT e.pennies, 'pennies ' || e.currency || ' per ' || e.unit || ' has the ledger, and it names none'
  FROM entered AS e
 WHERE e.pennies <> 0 AND NOT EXISTS (SELECT 1 FROM said AS s WHERE s.currency = e.currency AND s.unit = e.unit)
 ORDER BY 2;
