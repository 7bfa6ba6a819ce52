-- books_orphans: rows of billing.db that belong to nothing. (What a foreign key says, books_whole
-- looks at.)
SELECT 'tariff' AS row_of, t.account AS name, t.from_hour AS number, 'belongs to no account' AS finding
  FROM tariff AS t LEFT JOIN account AS a ON a.account = t.account
 WHERE t.account <> '' AND a.account IS NULL
UNION ALL
SELECT 'line', l.vm, l.line, 'is of a VM that was never measured'
  FROM line AS l
 WHERE l.vm <> '' AND NOT EXISTS (SELECT 1 FROM life AS x WHERE x.vm = l.vm)
UNION ALL
SELECT 'charged', c.host, c.tick, 'is of a host that was never measured'
  FROM charged AS c LEFT JOIN host AS h ON h.host = c.host
 WHERE h.host IS NULL
UNION ALL
SELECT 'line', min(l.account), count(*), 'lines were charged, and none says up to which tick'
  FROM line AS l
HAVING count(*) > 0 AND NOT EXISTS (SELECT 1 FROM charged)
UNION ALL
SELECT 'adjustment', '', a.adjustment, 'is of a pool: pools have no usage'
  FROM adjustment AS a JOIN line AS l ON l.line = a.line
 WHERE l.vm = ''
UNION ALL
SELECT 'rated', '', r.line, 'is of a pool: pools have no usage'
  FROM rated AS r JOIN line AS l ON l.line = r.line
 WHERE l.vm = ''
 ORDER BY 1, 2, 3;
