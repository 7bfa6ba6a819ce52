-- 0006_admitted.sql: since when a host is waited for. A month is not closed without what a host measured
-- that was admitted before it ended, even if nothing of it has come yet.

SET LOCAL search_path = meter;

-- UTC; of those that were admitted before this column came: when it came
ALTER TABLE host_role ADD COLUMN admitted_ns bigint NOT NULL
    DEFAULT CAST(extract(epoch FROM clock_timestamp()) * 1000000000 AS bigint) CHECK (admitted_ns >= 0);

-- Of the newest store of these hosts nothing is whole, or they have none: nobody knows what they measured.
CREATE VIEW silent_host AS
SELECT r.host, min(r.admitted_ns) AS admitted_ns
  FROM host_role AS r
  LEFT JOIN (SELECT host, max(store_no) AS store_no FROM store GROUP BY host) AS n ON n.host = r.host
  LEFT JOIN store_mark AS m ON m.store_no = n.store_no
 WHERE m.store_no IS NULL
 GROUP BY r.host;

GRANT SELECT ON silent_host TO pagemeter_keeper, pagemeter_billing, pagemeter_reader;
