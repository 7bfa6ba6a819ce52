-- export_manifest: an export's manifest is one that billing.db has noted, the entry of the ledger that
-- it names is there with the hash that it names, and what it says was posted in a month is what the
-- ledger's entries of that month say, up to that one.
-- :manifest is its text, :sha256 the sum of its bytes.
-- Who keeps the manifests where others can't change them finds a ledger whose end was cut.
WITH
named AS (
    SELECT json_extract(:manifest, '$.ledger.entry') AS entry,
           json_extract(:manifest, '$.ledger.hash') AS hash,
           json_extract(:manifest, '$.period') AS period
),
said AS (
    SELECT json_extract(m.value, '$.currency') AS currency, json_extract(m.value, '$.unit') AS unit,
           CAST(json_extract(m.value, '$.posted_pennies') AS integer) AS pennies
      FROM json_each(:manifest, '$.sums.money') AS m
),
entered AS (
    SELECT l.currency, l.unit, sum(e.pennies) AS pennies
      FROM named AS n
      JOIN line AS l ON (1970 + l.month / 12) || '-'
           || substr('010203040506070809101112', CAST(l.month % 12 * 2 + 1 AS integer), 2) = n.period
      JOIN ledger AS e ON e.line = l.line AND e.entry <= n.entry
     GROUP BY l.currency, l.unit
)
SELECT n.entry, 'is not noted in billing.db, or was changed since' AS finding
  FROM named AS n
 WHERE NOT EXISTS (SELECT 1 FROM export_run WHERE manifest = :sha256)
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
