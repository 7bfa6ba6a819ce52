-- lives_central: lives.sql for PostgreSQL, where each is asked of its store.
-- :vm is its uuid.
SELECT substr(boot_uuid, 1, 8) || '/' || domid || '/' || first_seq AS life, host, since_ns AS since, until_ns AS until,
       is_open, billed, first_hour, last_hour
  FROM lives_of(lower(CAST(:vm AS text))) AS l
 ORDER BY l.life DESC;
