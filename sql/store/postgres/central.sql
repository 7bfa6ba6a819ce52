-- What only a database of many hosts has.

-- :name MAKE_HOME
-- who makes it owns it; what others may is in the migrations. catalog: what there is, by a hash of each;
-- made: what there was when the last migration had run
CREATE SCHEMA IF NOT EXISTS pagemeter;
CREATE TABLE IF NOT EXISTS pagemeter.migration (
    version int NOT NULL PRIMARY KEY,
    name text NOT NULL,
    applied timestamptz NOT NULL DEFAULT now()
);
CREATE OR REPLACE VIEW pagemeter.catalog AS
WITH
space AS (
    SELECT oid, CAST(nspname AS text) AS home FROM pg_namespace WHERE nspname IN ('meter', 'billing')
),
relation AS (
    SELECT c.oid, s.home, CAST(c.relname AS text) AS name, c.relkind, c.relacl
      FROM pg_class AS c JOIN space AS s ON s.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
)
SELECT s.home, 'function' AS type,
       p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS name,
       md5(pg_get_functiondef(p.oid)) AS hash
  FROM pg_proc AS p JOIN space AS s ON s.oid = p.pronamespace
UNION ALL
SELECT home, 'view', name, md5(pg_get_viewdef(oid)) FROM relation WHERE relkind = 'v'
UNION ALL
SELECT r.home, 'table', r.name,
       md5(string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' '  || CAST(a.attnotnull AS text), ','
                      ORDER BY a.attnum))
  FROM relation AS r JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE r.relkind IN ('r', 'p')
 GROUP BY r.home, r.name
UNION ALL
SELECT r.home, 'constraint', c.conname || ' of ' || r.name, md5(pg_get_constraintdef(c.oid) || CAST(c.convalidated AS text))
  FROM relation AS r JOIN pg_constraint AS c ON c.conrelid = r.oid
UNION ALL
SELECT r.home, 'trigger', t.tgname || ' of ' || r.name, md5(pg_get_triggerdef(t.oid) || CAST(t.tgenabled AS text))
  FROM relation AS r JOIN pg_trigger AS t ON t.tgrelid = r.oid AND NOT t.tgisinternal
UNION ALL
SELECT r.home, 'rights', r.name,
       md5((SELECT string_agg(CAST(x AS text), ',' ORDER BY CAST(x AS text)) FROM unnest(r.relacl) AS x))
  FROM relation AS r;
CREATE TABLE IF NOT EXISTS pagemeter.made (
    home text NOT NULL,
    type text NOT NULL,
    name text NOT NULL,
    hash text
);

-- :name NOTE_MADE
-- in the transaction of a migration, whose search_path is another one: texts of views name tables by it, and
-- audits read them by this one
SET LOCAL search_path = meter, billing, pg_temp;
DELETE FROM pagemeter.made;
INSERT INTO pagemeter.made (home, type, name, hash) SELECT home, type, name, hash FROM pagemeter.catalog;

-- :name SELECT_OTHER_OWNER
-- of a database that was made, if it is not ours
SELECT pg_get_userbyid(nspowner), current_user
  FROM pg_namespace
 WHERE nspname IN ('meter', 'pagemeter') AND pg_get_userbyid(nspowner) <> current_user
 ORDER BY nspname
 LIMIT 1;

-- :name SELECT_HOLDERS
-- those that a migration may wait for; since when, only a superuser is told, and who has pg_read_all_stats
SELECT string_agg(h.who, ', ' ORDER BY h.place)
  FROM (SELECT coalesce('session ' || l.pid || ' of ' || coalesce(CAST(a.usename AS text), a.backend_type),
                        'a prepared transaction') AS who,
               row_number() OVER (ORDER BY min(a.xact_start), l.pid) AS place
          FROM pg_locks AS l
          JOIN pg_class AS c ON c.oid = l.relation
          JOIN pg_namespace AS n ON n.oid = c.relnamespace
          LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
         WHERE l.locktype = 'relation' AND l.granted AND n.nspname IN ('meter', 'billing', 'pagemeter')
           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND l.pid IS DISTINCT FROM pg_backend_pid()
         GROUP BY l.pid, a.usename, a.backend_type) AS h
 WHERE h.place <= 3;

-- :name AUDIT_SCHEMA
SELECT type, name, 'is missing' AS finding
  FROM pagemeter.made AS m
 WHERE home = ?1
   AND NOT EXISTS (SELECT 1 FROM pagemeter.catalog AS c
                    WHERE c.home = m.home AND c.type = m.type AND c.name = m.name)
UNION ALL
SELECT c.type, c.name, 'was added or changed'
  FROM pagemeter.catalog AS c
 WHERE c.home = ?1
   AND NOT EXISTS (SELECT 1 FROM pagemeter.made AS m
                    WHERE m.home = c.home AND m.type = c.type AND m.name = c.name
                      AND coalesce(m.hash, '') = coalesce(c.hash, ''))
 ORDER BY 1, 2;

-- :name FIND_GATHERED
SET search_path = gathered, meter, billing, pg_temp;

-- :name FIND_TABLES
SET search_path = meter, billing, pg_temp;

-- :name MAKE_PARTITIONS
SELECT meter.make_partitions(3);

-- :name DROP_PARTITIONS
SELECT meter.drop_empty_partitions();

-- :name RETIRE_RESTORED
SELECT meter.retire_restored();

-- :name COUNT_ROLES
SELECT count(*) FROM pg_roles WHERE rolname = ?1;

-- :name SELECT_RESETS
-- what takes from a role the settings that it, or somebody, gave it, in one database or in all
SELECT format('ALTER ROLE %I %s RESET ALL', r.rolname, 'IN DATABASE ' || quote_ident(d.datname))
  FROM pg_db_role_setting AS s
  JOIN pg_roles AS r ON r.oid = s.setrole
  LEFT JOIN pg_database AS d ON d.oid = s.setdatabase
 WHERE r.rolname = ?1;

-- :name ADD_HOST
SELECT meter.admit_host(?1, ?2);

-- :name SELECT_STORES
-- and hosts that have none, or none that goes on, as store 0
SELECT s.store_no, s.host, s.store,
       CASE WHEN r.store_no IS NOT NULL THEN 'retired'
            WHEN e.last_tick IS NULL THEN 'empty'
            WHEN d.ranges > 1 THEN 'holes'
            ELSE 'whole' END,
       e.last_tick % 1000000000000, coalesce(e.last_ns, 0),
       CASE WHEN e.derived_tick IS NULL THEN 0 ELSE coalesce(e.derived_ns, 0) END, coalesce(c.conflicts, 0),
       CASE WHEN e.store_no IS NULL AND h.host IS NOT NULL AND s.store_no = n.store_no THEN 1 ELSE 0 END
  FROM meter.store AS s
  JOIN (SELECT host, max(store_no) AS store_no FROM meter.store GROUP BY host) AS n ON n.host = s.host
  LEFT JOIN meter.store_ends() AS e ON e.store_no = s.store_no
  LEFT JOIN (SELECT store_no, count(*) AS ranges FROM meter.delivered GROUP BY store_no) AS d ON d.store_no = s.store_no
  LEFT JOIN (SELECT store_no, count(*) AS conflicts FROM meter.ship_conflict GROUP BY store_no) AS c
    ON c.store_no = s.store_no
  LEFT JOIN (SELECT store_no FROM meter.retired) AS r ON r.store_no = s.store_no
  LEFT JOIN (SELECT host FROM meter.silent_host) AS h ON h.host = s.host
UNION ALL
SELECT 0, h.host, '00000000-0000-0000-0000-000000000000', 'awaited', CAST(NULL AS bigint), bigint '0', bigint '0',
       bigint '0', 1
  FROM meter.silent_host AS h
  LEFT JOIN (SELECT host, max(store_no) AS store_no FROM meter.store GROUP BY host) AS n ON n.host = h.host
  LEFT JOIN meter.retired AS r ON r.store_no = n.store_no
 WHERE n.store_no IS NULL OR r.store_no IS NOT NULL
 ORDER BY 1, 2;

-- :name INSERT_RETIRED
SELECT meter.retire_store(?2 / 1000000000000, ?1, ?3);

-- :name SELECT_MARKS
-- a store that has not been derived yet begins at its first cut
SELECT s.host, s.store, s.store_no * 1000000000000, e.first_tick, coalesce(e.derived_tick, e.first_tick), e.last_tick,
       coalesce(e.pruned_tick, e.first_tick), coalesce(e.synchronised_ns, -1),
       coalesce(e.derived_ns, 0), coalesce(e.open_hour, 9223372036854775807), r.at_ns, e.last_ns
  FROM meter.store_ends() AS e
  JOIN meter.store AS s ON s.store_no = e.store_no
  LEFT JOIN (SELECT store_no, at_ns FROM meter.retired) AS r ON r.store_no = e.store_no
 WHERE e.first_tick IS NOT NULL
 ORDER BY s.store_no;

-- :name SELECT_SILENT_HOSTS
SELECT host, since_ns FROM meter.silent_host ORDER BY host;

-- :name DISMISS_HOST
WITH gone AS (
    DELETE FROM meter.host_role WHERE host = ?1 AND host IN (SELECT host FROM meter.silent_host) RETURNING role
)
SELECT count(*) FROM gone;

-- :name DROP_HOURS
SELECT dropped, stays, why FROM meter.drop_hours(?1, ?2);

-- :name LOCK_HOURS
-- a partition that is dropped is gone for every transaction, however old its snapshot: so a reader holds
-- them from before it takes its own, in which the note of what is gone then fits
LOCK TABLE meter.usage_hour IN ACCESS SHARE MODE;

-- :name SELECT_HOURS_GONE
SELECT coalesce(max(before_hour), 0) FROM meter.hours_pruned;

-- :name SELECT_HAS_REST
-- is there usage by the hour of hours that are gone? It came later
SELECT CASE WHEN EXISTS (SELECT 1 FROM meter.usage_hour AS u
                          WHERE u.hour < (SELECT before_hour FROM meter.hours_pruned)) THEN 1 ELSE 0 END;

-- :name SELECT_GONE_OF_VM
SELECT coalesce(max(g.before_hour), 0)
  FROM meter.usage_day AS d
  JOIN meter.life_row AS l ON l.life = d.life AND l.store_no = d.store_no
  JOIN meter.hours_pruned AS g ON d.day < g.before_hour / 24
 WHERE l.vm = ?1 AND l.billed = 1;
