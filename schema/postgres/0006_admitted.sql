-- 0006_admitted.sql: since when a host is waited for. A month is not closed without what a host measured
-- that was admitted before it ended, even if nothing of it has come yet.

SET LOCAL search_path = meter;

-- UTC; of those that were admitted before this column came: when it came
ALTER TABLE host_role ADD COLUMN admitted_ns bigint NOT NULL DEFAULT 0;
UPDATE host_role SET admitted_ns = CAST(extract(epoch FROM now()) * 1000000000 AS bigint);

-- As before, and notes when. A host whose stores are all retired is admitted anew.
CREATE OR REPLACE FUNCTION admit_host(p_role text, p_host text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = meter, pg_temp AS $$
DECLARE
    v_now_ns bigint := CAST(extract(epoch FROM clock_timestamp()) * 1000000000 AS bigint);
BEGIN
    IF p_host !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' THEN
        RAISE EXCEPTION '% is no host id', p_host USING HINT = 'It is in the file host-id beside the host''s store.';
    END IF;
    IF EXISTS (SELECT 1 FROM host_role AS r WHERE r.role = p_role AND r.host <> p_host) THEN
        RAISE EXCEPTION 'role % delivers for another host', p_role USING HINT = 'Each host has a role of its own.';
    END IF;
    INSERT INTO host (host) VALUES (p_host) ON CONFLICT DO NOTHING;
    INSERT INTO host_role (role, host, admitted_ns) VALUES (p_role, p_host, v_now_ns) ON CONFLICT DO NOTHING;
    IF EXISTS (SELECT 1 FROM store AS s WHERE s.host = p_host)
            AND NOT EXISTS (SELECT 1 FROM store AS s WHERE s.host = p_host
                               AND NOT EXISTS (SELECT 1 FROM retired AS d WHERE d.store_no = s.store_no)) THEN
        UPDATE host_role SET admitted_ns = v_now_ns WHERE role = p_role;
    END IF;
END
$$;

-- Hosts of which nothing is known since then: no store of theirs is whole and goes on, and the newest has
-- nothing whole, or was retired before the host was admitted anew.
CREATE VIEW silent_host AS
SELECT h.host, CASE WHEN s.retired_ns IS NULL THEN h.first_ns
                    WHEN s.newest_is_whole THEN h.last_ns
                    ELSE greatest(h.first_ns, s.retired_ns) END AS since_ns
  FROM (SELECT host, min(admitted_ns) AS first_ns, max(admitted_ns) AS last_ns FROM host_role GROUP BY host) AS h
  LEFT JOIN (SELECT s.host, max(r.at_ns) AS retired_ns, max(r.said_ns) AS said_ns,
                    bool_or(m.store_no IS NOT NULL AND r.store_no IS NULL) AS goes_on,
                    max(s.store_no) = max(m.store_no) AS newest_is_whole
               FROM store AS s
               LEFT JOIN store_mark AS m ON m.store_no = s.store_no
               LEFT JOIN retired AS r ON r.store_no = s.store_no
              GROUP BY s.host) AS s ON s.host = h.host
 WHERE s.host IS NULL
    OR (NOT s.goes_on AND (NOT coalesce(s.newest_is_whole, false) OR h.last_ns > s.said_ns));

GRANT SELECT ON silent_host TO pagemeter_keeper, pagemeter_billing, pagemeter_reader;
