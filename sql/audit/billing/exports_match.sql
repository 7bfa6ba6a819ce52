-- exports_match: each export named the head of the ledger of its time, and that is still there: so
-- the ledger was not cut behind it, nor written anew. (What the files say is compared by `pagemeter
-- audit --exports DIR`, with sql/audit/manifest/.)
SELECT x.run, x.format, x.from_hour, x.to_hour, x.entry,
       CASE WHEN e.entry IS NULL AND x.entry > 0 THEN 'named an entry that is not in the ledger'
            WHEN x.entry > 0 THEN 'named another hash of its entry'
            ELSE 'named a hash without an entry' END AS finding
  FROM export_run AS x
  LEFT JOIN ledger AS e ON e.entry = x.entry
 WHERE (x.entry > 0 AND (e.entry IS NULL OR e.hash <> x.hash))
    OR (x.entry = 0 AND replace(x.hash, '0', '') <> '')
UNION ALL
SELECT x.run, x.format, x.from_hour, x.to_hour, x.entry, 'has no hours'
  FROM export_run AS x
 WHERE x.from_hour >= x.to_hour
 ORDER BY 1;
