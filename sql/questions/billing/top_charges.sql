-- top_charges: the VMs that cost most in the months of a period: pennies, as posted.
-- :period is the beginning of the months, 2026 or 2026-11; without it, all of them.
-- A row without a VM is the account's pool: pennies that fractions of VMs that are gone came to.
WITH
charge AS (
    SELECT (1970 + month / 12) || '-'
               || substr('010203040506070809101112', CAST(month % 12 * 2 + 1 AS integer), 2) AS name,
           month, account, vm, currency, posted
      FROM line
)
SELECT c.account, c.vm,
       (SELECT n.name FROM vm_name AS n WHERE n.vm = c.vm ORDER BY n.change DESC LIMIT 1) AS name,
       CAST(sum(c.posted) AS bigint) AS pennies, c.currency, count(DISTINCT c.month) AS months
  FROM charge AS c
 WHERE c.name LIKE coalesce(CAST(:period AS text), '') || '%'
 GROUP BY c.account, c.vm, c.currency
HAVING sum(c.posted) <> 0
 ORDER BY sum(c.posted) DESC, c.account, c.vm, c.currency
 LIMIT 20;
