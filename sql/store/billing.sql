-- What `pagemeter` reads from and writes to billing.db.

-- :name BILLING_INSERT_CHANGE
INSERT INTO change_log (change, utc_ns, who, what)
SELECT coalesce(max(change), 0) + 1, ?1, ?2, ?3 FROM change_log
RETURNING change;

-- :name BILLING_INSERT_ACCOUNT
INSERT INTO account (account, name, offset_h, change) VALUES (?1, ?2, ?3, ?4);

-- :name BILLING_INSERT_OWNER
INSERT INTO vm_owner (vm, from_hour, change, account) VALUES (?1, ?2, ?3, ?4);

-- :name BILLING_INSERT_NAME
INSERT INTO vm_name (vm, change, name) VALUES (?1, ?2, ?3);

-- :name BILLING_INSERT_TARIFF
INSERT INTO tariff (account, from_hour, change, nano_pennies, currency, unit)
VALUES (?1, ?2, ?3, ?4, ?5, ?6);

-- :name BILLING_MARK_STALE
UPDATE charged SET stale_from = ?1 WHERE stale_from IS NULL OR stale_from > ?1;

-- :name BILLING_SELECT_ACCOUNTS
SELECT account, name, offset_h FROM account ORDER BY account;

-- :name BILLING_SELECT_OWNERS
SELECT vm, from_hour, change, account FROM vm_owner ORDER BY vm, from_hour, change;

-- :name BILLING_SELECT_TARIFFS
SELECT account, from_hour, change, nano_pennies, currency, unit
  FROM tariff
 ORDER BY account, from_hour, change;

-- :name BILLING_SELECT_NAMES
-- as of a change
SELECT vm, name
  FROM vm_name AS n
 WHERE change = (SELECT max(change) FROM vm_name WHERE vm = n.vm AND change <= ?1)
 ORDER BY vm;

-- :name BILLING_SELECT_ACCOUNT_NAMES
-- as of a change, what was said when a VM was given to an account
SELECT vm, name
  FROM vm_name AS n
 WHERE change = (SELECT max(m.change)
                   FROM vm_name AS m
                   JOIN vm_owner AS o ON o.vm = m.vm AND o.change = m.change
                  WHERE m.vm = n.vm AND m.change <= ?1 AND o.account = ?2)
 ORDER BY vm;

-- :name BILLING_SELECT_CHARGED
SELECT tick, stale_from, unassigned_s, unassigned_frac, unpriced_s, unpriced_frac, host, store
  FROM charged
 WHERE store = ?1;

-- :name BILLING_SELECT_CHARGED_ALL
SELECT tick, stale_from, unassigned_s, unassigned_frac, unpriced_s, unpriced_frac, host, store
  FROM charged
 ORDER BY store;

-- :name BILLING_DELETE_CHARGED
DELETE FROM charged WHERE store = ?1;

-- :name BILLING_UPSERT_CHARGED
INSERT INTO charged (host, tick, stale_from, unassigned_s, unassigned_frac, unpriced_s,
                     unpriced_frac, store)
VALUES (?1, ?2, NULL, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (store) DO UPDATE
   SET host = excluded.host, tick = excluded.tick, stale_from = NULL,
       unassigned_s = excluded.unassigned_s, unassigned_frac = excluded.unassigned_frac,
       unpriced_s = excluded.unpriced_s, unpriced_frac = excluded.unpriced_frac;

-- :name BILLING_SELECT_LINES
-- of one month, or with a negative one of all that are not sealed
SELECT l.line, l.account, l.vm, l.currency, l.unit, l.month,
       l.carry_in_high, l.carry_in_middle, l.carry_in_low, l.n_high, l.n_middle, l.n_low,
       coalesce(t.high, 0), coalesce(t.middle, 0), coalesce(t.low, 0), l.posted
  FROM line AS l
  LEFT JOIN (SELECT line, CAST(sum(high) AS bigint) AS high, CAST(sum(middle) AS bigint) AS middle,
                    CAST(sum(low) AS bigint) AS low
               FROM ledger
              WHERE kind = 'transfer'
              GROUP BY line) AS t ON t.line = l.line
 WHERE l.month = ?1
    OR (?1 < 0 AND l.month > coalesce((SELECT max(month) FROM period), -1))
 ORDER BY l.month, l.account, l.vm, l.currency, l.unit;

-- :name BILLING_INSERT_LINE
INSERT INTO line (line, account, vm, currency, unit, month, carry_in_high, carry_in_middle,
                  carry_in_low, n_high, n_middle, n_low, posted)
SELECT coalesce(max(line), 0) + 1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 FROM line
RETURNING line;

-- :name BILLING_UPDATE_LINE
UPDATE line
   SET carry_in_high = ?2, carry_in_middle = ?3, carry_in_low = ?4,
       n_high = ?5, n_middle = ?6, n_low = ?7, posted = ?8
 WHERE line = ?1;

-- :name BILLING_INSERT_ADJUSTMENT
INSERT INTO adjustment (adjustment, line, hour, nano_pennies, kib_s, kib_s_frac, cause, utc_ns)
SELECT coalesce(max(adjustment), 0) + 1, ?1, ?2, ?3, ?4, ?5, ?6, ?7 FROM adjustment;

-- :name BILLING_SELECT_ADJUSTMENTS
-- what the adjustments of the open months add up to, a line and price at a time
SELECT a.line, a.nano_pennies, CAST(sum(a.kib_s) AS bigint), CAST(sum(a.kib_s_frac) AS bigint)
  FROM adjustment AS a
  JOIN line AS l ON l.line = a.line
 WHERE l.month > coalesce((SELECT max(month) FROM period), -1)
 GROUP BY a.line, a.nano_pennies
 ORDER BY a.line, a.nano_pennies;

-- :name BILLING_SELECT_LAST_SEALED
SELECT coalesce(max(month), -1) FROM period;

-- :name BILLING_SELECT_BILLED
SELECT l.vm, b.hour, l.account, b.nano_pennies, l.currency, l.unit,
       CAST(sum(b.kib_s) AS bigint), CAST(sum(b.kib_s_frac) AS bigint)
  FROM (SELECT line, hour, nano_pennies, kib_s, kib_s_frac FROM rated WHERE hour >= ?1
        UNION ALL
        SELECT line, hour, nano_pennies, kib_s, kib_s_frac FROM adjustment WHERE hour >= ?1) AS b
  JOIN line AS l ON l.line = b.line
 GROUP BY l.vm, b.hour, l.account, b.nano_pennies, l.currency, l.unit
 ORDER BY l.vm, b.hour, l.account, b.nano_pennies, l.currency, l.unit;

-- :name BILLING_INSERT_RATED
INSERT INTO rated (line, hour, nano_pennies, kib_s, kib_s_frac, measured_ns, missing_ns, excluded_ns)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (line, hour) DO UPDATE
   SET kib_s = rated.kib_s + excluded.kib_s + (rated.kib_s_frac + excluded.kib_s_frac) / 1000000000,
       kib_s_frac = (rated.kib_s_frac + excluded.kib_s_frac) % 1000000000,
       measured_ns = rated.measured_ns + excluded.measured_ns,
       missing_ns = rated.missing_ns + excluded.missing_ns,
       excluded_ns = rated.excluded_ns + excluded.excluded_ns;

-- :name BILLING_INSERT_PERIOD
INSERT INTO period (month, sealed_ns, entry, change, missing_hosts) VALUES (?1, ?2, ?3, ?4, ?5);

-- :name BILLING_SELECT_HEAD
SELECT entry, hash FROM ledger ORDER BY entry DESC LIMIT 1;

-- :name BILLING_INSERT_ENTRY
INSERT INTO ledger (entry, utc_ns, kind, line, pennies, high, middle, low, host, tick, hash)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11);

-- :name BILLING_SELECT_LEDGER
SELECT e.entry, e.utc_ns, e.kind, e.line, e.pennies, e.high, e.middle, e.low, e.host, e.tick, e.hash,
       l.account, l.vm, l.currency, l.unit, l.month
  FROM ledger AS e
  JOIN line AS l ON l.line = e.line
 WHERE e.entry >= ?1
 ORDER BY e.entry;

-- :name BILLING_SELECT_PERIOD
SELECT p.sealed_ns, p.entry, p.missing_hosts, coalesce(e.hash, ''), p.change
  FROM period AS p
  LEFT JOIN ledger AS e ON e.entry = p.entry
 WHERE p.month = ?1;

-- :name BILLING_SELECT_RATED
SELECT r.line, r.hour, r.nano_pennies, r.kib_s, r.kib_s_frac, r.measured_ns, r.missing_ns, r.excluded_ns
  FROM line AS l CROSS JOIN rated AS r
 WHERE l.month = ?1 AND r.line = l.line;

-- :name BILLING_SELECT_MONTH_ADJUSTMENTS
SELECT a.line, a.hour, a.nano_pennies, a.kib_s, a.kib_s_frac, a.cause, a.utc_ns
  FROM adjustment AS a
  JOIN line AS l ON l.line = a.line
 WHERE l.month = ?1
 ORDER BY a.adjustment;

-- :name BILLING_SELECT_MONTH_LEDGER
SELECT e.entry, e.utc_ns, e.kind, e.line, e.pennies, e.high, e.middle, e.low, e.host, e.tick, e.hash,
       l.account, l.vm, l.currency, l.unit, l.month
  FROM ledger AS e
  JOIN line AS l ON l.line = e.line
 WHERE l.month = ?1
 ORDER BY e.entry;

-- :name BILLING_SELECT_MARKS
SELECT (SELECT coalesce(max(change), 0) FROM change_log),
       (SELECT coalesce(max(adjustment), 0) FROM adjustment);

-- :name BILLING_INSERT_EXPORT
INSERT INTO export_run (run, utc_ns, format, from_hour, to_hour, watermark, entry, hash, files, manifest)
SELECT coalesce(max(run), 0) + 1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM export_run;

-- :name BILLING_SELECT_EXPORTS
SELECT utc_ns, from_hour, to_hour FROM export_run WHERE format = ?1 ORDER BY run;

-- :name BILLING_SELECT_FIRST_CHANGE
SELECT coalesce(min(utc_ns), -1) FROM change_log WHERE what = ?1;
