-- 0002_reading.sql: what reading, and ship(), need on a Citus cluster. Run after 0001_distribute.sql, by who
-- owns the tables, on the coordinator; and again after each `pagemeter db migrate`.

BEGIN;
SET LOCAL search_path = meter, public;

-- Citus plans a statement when it knows of which store it is.
ALTER FUNCTION ship(int, text, bigint, bigint, text, bigint, bigint, bigint, bigint, jsonb, bigint[], bigint[])
    SET plan_cache_mode = force_custom_plan;

-- Views are made anew when their tables are distributed, and nobody may read them.
GRANT SELECT ON ALL TABLES IN SCHEMA meter TO pagemeter_keeper, pagemeter_billing, pagemeter_reader;

-- Audits read everything, and compare in ways that no node can answer alone: they find each table in this
-- schema first (src/store/store_audit.c), where it is gathered on the coordinator, and each view made of these.
SET LOCAL citus.enable_ddl_propagation = off;
DROP SCHEMA IF EXISTS gathered CASCADE;
CREATE SCHEMA gathered;
GRANT USAGE ON SCHEMA gathered TO pagemeter_keeper, pagemeter_billing, pagemeter_reader;

DO $$
DECLARE
    v_name text;
    v_columns text;
    v_text text;
BEGIN
    FOR v_name, v_columns IN
        SELECT c.relname, string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum)
          FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relnamespace = 'meter'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
         GROUP BY c.relname LOOP
        -- the estimate keeps the planner from trying each row of one with each of another
        EXECUTE format('CREATE FUNCTION gathered.all_%1$s() RETURNS TABLE (%2$s) LANGUAGE plpgsql STABLE ROWS 1000000'
                       ' AS %3$L', v_name, v_columns, format('BEGIN RETURN QUERY SELECT t.* FROM meter.%I AS t; END', v_name));
        EXECUTE format('CREATE VIEW gathered.%1$I AS SELECT * FROM gathered.all_%1$s()', v_name);
    END LOOP;
    -- in the order in which they are made of each other
    FOREACH v_name IN ARRAY ARRAY['store_mark', 'boot', 'restart', 'gap', 'clock_step', 'hour_cut', 'life', 'segment',
                                  'tick', 'restart_span', 'tick_time', 'standing', 'tick_step', 'tick_next', 'life_name',
                                  'usage_recomputed'] LOOP
        PERFORM set_config('search_path', 'meter', true);
        v_text := pg_get_viewdef(to_regclass(v_name));
        PERFORM set_config('search_path', 'gathered, meter', true);
        EXECUTE format('CREATE VIEW gathered.%I AS %s', v_name, v_text);
    END LOOP;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA gathered FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA gathered TO pagemeter_keeper, pagemeter_billing, pagemeter_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA gathered TO pagemeter_keeper, pagemeter_billing, pagemeter_reader;

-- What audits of the schema compare with, printed as they see it.
SET LOCAL search_path = meter, billing, pg_temp;
DELETE FROM pagemeter.made;
INSERT INTO pagemeter.made (home, type, name, hash) SELECT home, type, name, hash FROM pagemeter.catalog;

COMMIT;
