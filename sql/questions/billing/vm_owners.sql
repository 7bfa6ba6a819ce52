-- vm_owners: who owned a VM from when on, and who said so. The later of two for one hour holds.
-- :vm is its uuid.
SELECT CASE WHEN o.from_hour = 0 THEN 'its first sample'
            ELSE strftime('%Y-%m-%dT%H:%M:%SZ', o.from_hour * 3600, 'unixepoch') END AS owned_from,
       o.account, c.who,
       strftime('%Y-%m-%dT%H:%M:%SZ', c.utc_ns / 1000000000, 'unixepoch') AS said, c.what
  FROM vm_owner AS o
  JOIN change_log AS c ON c.change = o.change
 WHERE o.vm = lower(CAST(:vm AS text))
 ORDER BY o.from_hour, o.change;
