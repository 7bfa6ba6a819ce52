-- 0005_hours.sql: usage by the hour goes after its time, a UTC month at once; usage_day stays for ever.

SET LOCAL search_path = meter, billing;

-- Of hours before this one usage_hour has nothing any more, or only what came later; usage_day has all.
CREATE TABLE meter.hours_pruned (
    one           int NOT NULL PRIMARY KEY CHECK (one = 1),
    before_hour   bigint NOT NULL CHECK (before_hour > 0),     -- the first of a UTC month
    pruned_ns     bigint NOT NULL
);

CREATE OR REPLACE VIEW meter.standing AS
SELECT CAST(s.store_no AS bigint) AS store_no, bigint '1000000000000' AS store_size,
       s.store_no * bigint '1000000000000' AS base, s.host, bigint '1' AS hosts, s.store,
       CASE WHEN n.store_no = s.store_no THEN bigint '1' ELSE 0 END AS is_last,
       CASE WHEN s.restored_from IS NULL THEN bigint '0' ELSE 1 END AS is_continued,
       c.first_tick, m.whole_to AS last_tick, c.first_tick AS first_cut, d.tick AS derived_tick,
       p.pruned_tick, p.pruned_hour, r.tick AS retired_tick, r.at_ns AS retired_ns,
       CAST(NULL AS bigint) AS lost_before_ns,
       (SELECT before_hour FROM hours_pruned) AS hours_pruned
  FROM store AS s
  JOIN (SELECT host, max(store_no) AS store_no FROM store GROUP BY host) AS n ON n.host = s.host
  LEFT JOIN store_mark AS m ON m.store_no = s.store_no
  LEFT JOIN (SELECT store_no, min(tick) AS first_tick FROM hour_cut GROUP BY store_no) AS c
    ON c.store_no = s.store_no
  LEFT JOIN derived AS d ON d.store_no = s.store_no
  LEFT JOIN (SELECT store_no, max(up_to_tick) AS pruned_tick, max(to_hour) AS pruned_hour
               FROM prune GROUP BY store_no) AS p ON p.store_no = s.store_no
  LEFT JOIN retired AS r ON r.store_no = s.store_no;

-- Why the hours from p_begin up to before p_end, a month, must stay; NULL: they may go.
CREATE FUNCTION meter.hours_needed(p_begin bigint, p_end bigint) RETURNS text LANGUAGE plpgsql STABLE
    SET search_path = meter, billing, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM hour_cut_row AS c WHERE c.hour >= p_begin AND c.hour < p_end)
            OR EXISTS (SELECT 1 FROM tick_pack AS p WHERE p.hour >= p_begin AND p.hour < p_end) THEN
        RETURN 'its raw rows are there';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM change_log) THEN
        RETURN NULL;                                           -- no books
    END IF;
    -- its last hour lies in this month, counted from 1970, where the clock is most ahead
    IF coalesce((SELECT max(month) FROM period), -1)
            < (SELECT extract(year FROM t.at) * 12 + extract(month FROM t.at) - 1 - 1970 * 12
                 FROM (SELECT timestamp '1970-01-01'
                              + (p_end - 1 + (SELECT coalesce(max(offset_h), 0) FROM account)) * interval '1 hour'
                                  AS at) AS t) THEN
        RETURN 'it is not closed for every account';
    END IF;
    IF EXISTS (SELECT 1
                 FROM (SELECT p.store_no, max(p.up_to_tick) AS up_to_tick FROM prune AS p GROUP BY p.store_no) AS p
                 JOIN store AS s ON s.store_no = p.store_no
                 LEFT JOIN charged AS c ON c.store = s.store
                WHERE c.store IS NULL OR c.tick + s.store_no * bigint '1000000000000' < p.up_to_tick
                   OR c.stale_from < p_end) THEN
        RETURN 'something of it is not charged yet';
    END IF;
    IF EXISTS (
        SELECT 1
          FROM (SELECT l.vm, d.day, sum(d.kib_s) * 1000000000 + sum(d.kib_s_frac) AS kib_ns
                  FROM usage_day AS d
                  JOIN life_row AS l ON l.life = d.life AND l.store_no = d.store_no AND l.billed = 1
                 WHERE d.day >= p_begin / 24 AND d.day < p_end / 24
                 GROUP BY l.vm, d.day) AS u
          FULL JOIN (SELECT l.vm, b.hour / 24 AS day, sum(b.kib_s) * 1000000000 + sum(b.kib_s_frac) AS kib_ns
                       FROM (SELECT r.line, r.hour, r.kib_s, r.kib_s_frac FROM rated AS r
                              WHERE r.hour >= p_begin AND r.hour < p_end
                             UNION ALL
                             SELECT a.line, a.hour, a.kib_s, a.kib_s_frac FROM adjustment AS a
                              WHERE a.hour >= p_begin AND a.hour < p_end) AS b
                       JOIN line AS l ON l.line = b.line
                      GROUP BY l.vm, b.hour / 24) AS b ON b.vm = u.vm AND b.day = u.day
         WHERE coalesce(u.kib_ns, 0) <> coalesce(b.kib_ns, 0)) THEN
        RETURN 'what was billed of it is not what was used';
    END IF;
    RETURN NULL;
END
$$;

-- Usage by the hour of whole UTC months before this hour goes, the oldest first, up to one that must stay.
-- Returns how many, that month, and why it stays; '' when none does. Readers hold usage_hour, and are
-- waited for a minute; books are not written meanwhile (it is their lock). What is older than 2015, from
-- clocks that were never set, stays, and so do hours of months of which no tick was delivered.
CREATE FUNCTION meter.drop_hours(p_before_hour bigint, p_said_ns bigint, OUT dropped bigint, OUT stays text, OUT why text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = meter, billing, pg_temp SET lock_timeout = '60s' AS $$
DECLARE
    v record;
    v_begin bigint;
    v_end bigint;
    v_why text;
BEGIN
    dropped := 0;
    stays := '';
    why := '';
    PERFORM pg_advisory_xact_lock(1347898740, hashtext('billing'));
    LOCK TABLE ONLY usage_hour IN SHARE ROW EXCLUSIVE MODE;    -- one at a time, and nothing is derived meanwhile
    FOR v IN SELECT c.relname AS name, to_date(right(c.relname, 7), 'YYYY_MM')::timestamp AS month
               FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
              WHERE i.inhparent = 'usage_hour'::regclass AND c.relname ~ '^usage_hour_[0-9]{4}_[0-9]{2}$'
              ORDER BY c.relname
    LOOP
        v_begin := extract(epoch FROM v.month)::bigint / 3600;
        v_end := extract(epoch FROM v.month + interval '1 month')::bigint / 3600;
        EXIT WHEN v_end > p_before_hour OR v_end > p_said_ns / 3600000000000;
        v_why := hours_needed(v_begin, v_end);
        IF v_why IS NOT NULL THEN
            stays := to_char(v.month, 'YYYY-MM');
            why := v_why;
            EXIT;
        END IF;
        EXECUTE format('DROP TABLE %I', v.name);
        INSERT INTO hours_pruned AS h (one, before_hour, pruned_ns) VALUES (1, v_end, p_said_ns)
        ON CONFLICT (one) DO UPDATE SET before_hour = greatest(h.before_hour, excluded.before_hour),
                                        pruned_ns = excluded.pruned_ns;
        dropped := dropped + 1;
    END LOOP;
END
$$;

REVOKE ALL ON meter.hours_pruned FROM PUBLIC;
REVOKE ALL ON FUNCTION meter.hours_needed(bigint, bigint), meter.drop_hours(bigint, bigint) FROM PUBLIC;
GRANT SELECT ON meter.hours_pruned TO pagemeter_keeper, pagemeter_billing, pagemeter_reader;
GRANT EXECUTE ON FUNCTION meter.drop_hours(bigint, bigint) TO pagemeter_keeper;
