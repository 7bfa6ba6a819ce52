-- books_whole: rows whose foreign key leads nowhere, and triggers that keep the books and are off.
SELECT 'account' AS row_of, a.account AS name, 0 AS number, 'change_log' AS missing
  FROM account AS a LEFT JOIN change_log AS c ON c.change = a.change
 WHERE c.change IS NULL
UNION ALL
SELECT 'vm_owner', o.vm, o.from_hour, 'change_log'
  FROM vm_owner AS o LEFT JOIN change_log AS c ON c.change = o.change
 WHERE c.change IS NULL
UNION ALL
SELECT 'vm_owner', o.vm, o.from_hour, 'account'
  FROM vm_owner AS o LEFT JOIN account AS a ON a.account = o.account
 WHERE a.account IS NULL
UNION ALL
SELECT 'vm_name', n.vm, n.change, 'change_log'
  FROM vm_name AS n LEFT JOIN change_log AS c ON c.change = n.change
 WHERE c.change IS NULL
UNION ALL
SELECT 'tariff', t.account, t.from_hour, 'change_log'
  FROM tariff AS t LEFT JOIN change_log AS c ON c.change = t.change
 WHERE c.change IS NULL
UNION ALL
SELECT 'line', l.vm, l.line, 'account'
  FROM line AS l LEFT JOIN account AS a ON a.account = l.account
 WHERE a.account IS NULL
UNION ALL
SELECT 'adjustment', '', x.adjustment, 'line'
  FROM adjustment AS x LEFT JOIN line AS l ON l.line = x.line
 WHERE l.line IS NULL
UNION ALL
SELECT 'rated', '', r.hour, 'line'
  FROM rated AS r LEFT JOIN line AS l ON l.line = r.line
 WHERE l.line IS NULL
UNION ALL
SELECT 'period', '', p.month, 'change_log'
  FROM period AS p LEFT JOIN change_log AS c ON c.change = p.change
 WHERE c.change IS NULL
UNION ALL
SELECT 'ledger', '', e.entry, 'line'
  FROM ledger AS e LEFT JOIN line AS l ON l.line = e.line
 WHERE l.line IS NULL
UNION ALL
SELECT 'trigger', t.tgname, 0, 'is off'
  FROM pg_trigger AS t
  JOIN pg_class AS c ON c.oid = t.tgrelid
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname = 'billing' AND t.tgenabled = 'D'
 ORDER BY 1, 2, 3;
