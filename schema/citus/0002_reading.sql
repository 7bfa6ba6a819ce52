-- 0002_reading.sql: what reading, and ship(), need on a Citus cluster. Run after 0001_distribute.sql, by who
-- owns the tables, on the coordinator; and again after each `pagemeter db migrate`.

BEGIN;
SET LOCAL search_path = meter, public;

-- Citus plans a statement when it knows of which store it is.
ALTER FUNCTION ship(int, text, bigint, bigint, text, bigint, bigint, bigint, bigint, jsonb, bigint[], bigint[])
    SET plan_cache_mode = force_custom_plan;

-- Views are made anew when their tables are distributed, and nobody may read them.
GRANT SELECT ON ALL TABLES IN SCHEMA meter TO pagemeter_keeper, pagemeter_billing, pagemeter_reader;

-- What audits of the schema compare with.
DELETE FROM pagemeter.made;
INSERT INTO pagemeter.made (home, type, name, hash) SELECT home, type, name, hash FROM pagemeter.catalog;

COMMIT;
