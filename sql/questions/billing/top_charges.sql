-- top_charges: the VMs that cost most in the months of a period: pennies, as posted.
-- :period is the beginning of the months, 2026 or 2026-11; without it, all of them.
-- A row without a VM is the account's pool: pennies that fractions of VMs that are gone came to.
SELECT l.account, l.vm,
       (SELECT n.name FROM vm_name AS n WHERE n.vm = l.vm ORDER BY n.change DESC LIMIT 1) AS name,
       sum(l.posted) AS pennies, l.currency, count(DISTINCT l.month) AS months
  FROM line AS l
 WHERE printf('%04d-%02d', 1970 + l.month / 12, l.month % 12 + 1) LIKE coalesce(:period, '') || '%'
 GROUP BY l.account, l.vm, l.currency
HAVING sum(l.posted) <> 0
 ORDER BY sum(l.posted) DESC, l.account, l.vm, l.currency
 LIMIT 20;
