-- 0004_roles.sql: who may do what. Groups without a password: give them to roles that log in.
--
--   pagemeter_host     a host: delivers, by ship(), and nothing else
--   pagemeter_keeper   derives usage, makes partitions, prunes, retires stores, admits hosts
--   pagemeter_billing  reads measurements, keeps books
--   pagemeter_reader   reads

DO $$
DECLARE
    v_role text;
BEGIN
    FOREACH v_role IN ARRAY ARRAY['pagemeter_host', 'pagemeter_keeper', 'pagemeter_billing', 'pagemeter_reader'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = v_role) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', v_role);
        END IF;
    END LOOP;
    -- audits are short, and look long to the planner: to compile them takes ten times as long as they do
    EXECUTE format('ALTER DATABASE %I SET jit = off', current_database());
    -- to connect was everybody's; and so were temporary tables, which fill a disk
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO pagemeter_host, pagemeter_keeper, pagemeter_billing, pagemeter_reader',
                   current_database());
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO pagemeter_keeper, pagemeter_billing, pagemeter_reader',
                   current_database());
    -- plans of audits over some months look dear, and are not: to compile them takes longer than they do
    EXECUTE format('ALTER DATABASE %I SET jit = off', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON SCHEMA meter, billing FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA meter, billing FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA meter, billing FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA meter, billing REVOKE ALL ON TABLES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- Large objects fill a disk, and locks of this kind are what the tasks of a keeper and of billing wait
-- for: a host has neither. Only a superuser can say so.
DO $$
DECLARE
    v_function regprocedure;
BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        FOR v_function IN
            SELECT oid FROM pg_proc
             WHERE pronamespace = 'pg_catalog'::regnamespace
               AND (proname ~ '^pg_(try_)?advisory_' OR proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_put',
                                                                   'lo_open', 'lowrite', 'lo_truncate', 'lo_truncate64'))
        LOOP
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', v_function);
            IF v_function::text ~ 'advisory' THEN
                EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO pagemeter_keeper, pagemeter_billing', v_function);
            END IF;
        END LOOP;
    ELSE
        RAISE NOTICE 'hosts may take advisory locks and make large objects: only a superuser can take that from them';
    END IF;
END
$$;

-- hosts
GRANT USAGE ON SCHEMA meter TO pagemeter_host;
GRANT EXECUTE ON FUNCTION meter.ship(int, text, bigint, bigint, text, bigint, bigint, bigint, bigint, jsonb, bigint[],
                                     bigint[]) TO pagemeter_host;
-- the keeper replays traces: as a host that it admits for the time of a transaction
GRANT EXECUTE ON FUNCTION meter.ship(int, text, bigint, bigint, text, bigint, bigint, bigint, bigint, jsonb, bigint[],
                                     bigint[]) TO pagemeter_keeper;

-- who reads measurements
GRANT USAGE ON SCHEMA meter TO pagemeter_keeper, pagemeter_billing, pagemeter_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA meter TO pagemeter_keeper, pagemeter_billing, pagemeter_reader;
GRANT EXECUTE ON FUNCTION meter.ticks_between(bigint, bigint, bigint), meter.strftime(text, bigint, text)
    TO pagemeter_keeper, pagemeter_billing, pagemeter_reader;

-- the keeper
GRANT INSERT, UPDATE, DELETE ON meter.usage_hour, meter.usage_day, meter.derived TO pagemeter_keeper;
GRANT DELETE ON meter.host_role TO pagemeter_keeper;
GRANT EXECUTE ON FUNCTION meter.make_partitions(int), meter.drop_empty_partitions(), meter.admit_host(text, text),
    meter.retire_store(bigint, bigint, bigint),
    meter.prune_store(bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint) TO pagemeter_keeper;

-- the books; what their triggers look at is read as who writes
GRANT USAGE ON SCHEMA billing TO pagemeter_billing, pagemeter_reader, pagemeter_keeper;
GRANT SELECT ON ALL TABLES IN SCHEMA billing TO pagemeter_billing, pagemeter_reader, pagemeter_keeper;
GRANT INSERT ON ALL TABLES IN SCHEMA billing TO pagemeter_billing;
GRANT UPDATE ON billing.charged, billing.line, billing.rated TO pagemeter_billing;
GRANT DELETE ON billing.charged TO pagemeter_billing;

-- the versions of the schema
GRANT USAGE ON SCHEMA pagemeter TO pagemeter_keeper, pagemeter_billing, pagemeter_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA pagemeter TO pagemeter_keeper, pagemeter_billing, pagemeter_reader;
