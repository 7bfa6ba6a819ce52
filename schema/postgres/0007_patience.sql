-- 0007_patience.sql: nobody waits long behind a reader, and nothing becomes whole that nobody could read.
-- These functions take the place of those that 0001 and 0003 made.

SET LOCAL search_path = meter;

-- ---- partitions ----

DROP FUNCTION IF EXISTS make_month(bigint);

-- Makes the partitions of the month of this hour, if they are not there. They are attached, since to
-- create them in place would wait for every reader of the table. One of usage_hour does wait for them, by its
-- default partition, and all others wait behind it: so it gives up soon, and no host makes one.
CREATE OR REPLACE FUNCTION make_month(p_hour bigint, p_of text[] DEFAULT '{segment_row,tick_pack,usage_hour}') RETURNS int
    LANGUAGE plpgsql SET search_path = meter, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    v_month text := CASE WHEN p_hour < 394464 THEN 'before_2015'
                         ELSE to_char(timestamp '1970-01-01' + p_hour * interval '1 hour', 'YYYY_MM') END;
    v_made int := 0;
    v_name text;
BEGIN
    IF (SELECT bool_and(to_regclass(t.name || '_' || v_month) IS NOT NULL) FROM unnest(p_of) AS t (name)) THEN
        RETURN 0;
    END IF;
    LOCK TABLE segment_row IN SHARE UPDATE EXCLUSIVE MODE;     -- one at a time; all others go on
    FOREACH v_name IN ARRAY p_of LOOP
        CONTINUE WHEN to_regclass(v_name || '_' || v_month) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) %s', v_name || '_' || v_month, v_name,
                       CASE WHEN v_name = 'segment_row' THEN 'WITH (fillfactor = 90)' ELSE '' END);
        IF v_name = 'usage_hour' AND EXISTS (SELECT 1 FROM usage_hour_other AS u
                                              WHERE u.hour >= month_begin(p_hour) AND u.hour < month_end(p_hour)) THEN
            EXECUTE format('WITH moved AS (DELETE FROM usage_hour_other WHERE hour >= %s AND hour < %s RETURNING *)'
                           ' INSERT INTO %I SELECT * FROM moved', month_begin(p_hour), month_end(p_hour),
                           v_name || '_' || v_month);
        END IF;
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', v_name,
                       v_name || '_' || v_month, month_begin(p_hour), month_end(p_hour));
        v_made := v_made + 1;
    END LOOP;
    RETURN v_made;
END
$$;

CREATE OR REPLACE FUNCTION make_month_soon(p_hour bigint, p_of text[]) RETURNS int LANGUAGE plpgsql
    SET search_path = meter, pg_temp AS $$
BEGIN
    RETURN make_month(p_hour, p_of);
EXCEPTION WHEN lock_not_available THEN
    RETURN 0;
END
$$;

-- This month's partitions, those of so many months ahead, and those of usage_hour for months that hosts
-- have delivered of. Returns how many were not there. What somebody holds is left for the next time.
CREATE OR REPLACE FUNCTION make_partitions(p_months int) RETURNS int LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = meter, pg_temp AS $$
DECLARE
    v_now bigint := extract(epoch FROM now())::bigint / 3600;
    v_made int := 0;
    v record;
    v_is_needed boolean;
BEGIN
    IF p_months IS NULL OR p_months NOT BETWEEN 0 AND 120 THEN
        RAISE EXCEPTION 'partitions are made for 0 to 120 months ahead, and not for %', p_months;
    END IF;
    FOR i IN 0 .. p_months LOOP
        v_made := v_made + make_month_soon(v_now, '{segment_row,tick_pack}') + make_month_soon(v_now, '{usage_hour}');
        v_now := month_end(v_now);
    END LOOP;
    FOR v IN
        SELECT c.relname AS name, CASE WHEN c.relname ~ 'before' THEN 0
                                       ELSE extract(epoch FROM to_date(right(c.relname, 7), 'YYYY_MM')::timestamp)::bigint / 3600
                                       END AS hour
          FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'tick_pack'::regclass
           AND to_regclass(replace(c.relname, 'tick_pack', 'usage_hour')) IS NULL
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', v.name) INTO v_is_needed;
        IF v_is_needed THEN
            v_made := v_made + make_month_soon(v.hour, '{usage_hour}');
        END IF;
    END LOOP;
    RETURN v_made;
END
$$;

-- Months of which all raw rows are pruned: their partitions go. Returns how many. usage_hour stays. What
-- somebody holds is left for the next time: all others would wait behind it.
CREATE OR REPLACE FUNCTION drop_empty_partitions() RETURNS int LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = meter, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    v_dropped int := 0;
    v record;
    v_is_empty boolean;
BEGIN
    FOR v IN
        SELECT c.relname AS name, i.inhparent::regclass::text AS parent
          FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
         WHERE i.inhparent IN ('segment_row'::regclass, 'tick_pack'::regclass)
           AND right(c.relname, 7) < to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM') AND c.relname ~ '_[0-9]{4}_[0-9]{2}$'
    LOOP
        EXECUTE format('SELECT NOT EXISTS (SELECT 1 FROM %I)', v.name) INTO v_is_empty;
        CONTINUE WHEN NOT v_is_empty;
        BEGIN
            EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', v.parent);
            EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', v.name);
            EXECUTE format('SELECT NOT EXISTS (SELECT 1 FROM %I)', v.name) INTO v_is_empty;
            IF v_is_empty THEN
                EXECUTE format('DROP TABLE %I', v.name);
                v_dropped := v_dropped + 1;
            END IF;
        EXCEPTION WHEN lock_not_available THEN
            RETURN v_dropped;
        END;
    END LOOP;
    RETURN v_dropped;
END
$$;

-- Usage by the hour of whole UTC months before this hour goes, the oldest first, up to one that must stay.
-- Returns how many, that month, and why it stays; '' when none does. Who reads or writes usage_hour, or the books
-- (it is their lock: they are not written meanwhile), is waited for 2 seconds, since everybody else waits behind
-- it, and then the month stays for now. What is older than 2015, from clocks that were never set, stays, and so
-- do hours of months of which no tick was delivered.
CREATE OR REPLACE FUNCTION drop_hours(p_before_hour bigint, p_said_ns bigint, OUT dropped bigint, OUT stays text, OUT why text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = meter, billing, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    v record;
    v_begin bigint;
    v_end bigint;
    v_held text;
    v_why text;
BEGIN
    dropped := 0;
    stays := '';
    why := '';
    BEGIN
        PERFORM pg_advisory_xact_lock(1347898740, hashtext('billing'));
        LOCK TABLE ONLY usage_hour IN SHARE ROW EXCLUSIVE MODE;    -- one at a time, and nothing is derived meanwhile
    EXCEPTION WHEN lock_not_available THEN
        v_held := 'somebody writes it, or the books';
    END;
    FOR v IN SELECT c.relname AS name, to_date(right(c.relname, 7), 'YYYY_MM')::timestamp AS month
               FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
              WHERE i.inhparent = 'usage_hour'::regclass AND c.relname ~ '^usage_hour_[0-9]{4}_[0-9]{2}$'
              ORDER BY c.relname
    LOOP
        v_begin := extract(epoch FROM v.month)::bigint / 3600;
        v_end := extract(epoch FROM v.month + interval '1 month')::bigint / 3600;
        EXIT WHEN v_end > p_before_hour OR v_end > p_said_ns / 3600000000000;
        v_why := v_held;
        IF v_why IS NULL THEN
            v_why := hours_needed(v_begin, v_end);
        END IF;
        IF v_why IS NULL THEN
            BEGIN
                EXECUTE format('DROP TABLE %I', v.name);
            EXCEPTION WHEN lock_not_available THEN
                v_why := 'somebody reads it';
            END;
        END IF;
        IF v_why IS NOT NULL THEN
            stays := to_char(v.month, 'YYYY-MM');
            why := v_why;
            EXIT;
        END IF;
        INSERT INTO hours_pruned AS h (one, before_hour, pruned_ns) VALUES (1, v_end, p_said_ns)
        ON CONFLICT (one) DO UPDATE SET before_hour = greatest(h.before_hour, excluded.before_hour),
                                        pruned_ns = excluded.pruned_ns;
        dropped := dropped + 1;
    END LOOP;
END
$$;

-- ---- the batch ----

-- The number of a store, which is the caller's until the end of the transaction, so that one batch of it is stored
-- at a time; who keeps the database takes it as well. Nobody else waits for who doesn't end: these locks are
-- looked after where all sessions are, and not where a copy of the table is. A host makes one store at a time,
-- with the next number that nobody is about to make one with.
CREATE OR REPLACE FUNCTION ship_store(p_host text, p_store text, p_number bigint, p_created_ns bigint, p_restored_from text,
                           p_restored_after bigint) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    v_store store;
    v_from int;
    v_after bigint;
    v_no int;
BEGIN
    SELECT s.* INTO v_store FROM store AS s WHERE s.store = p_store;
    IF NOT FOUND THEN
        PERFORM pg_advisory_xact_lock(1347898742, hashtext(p_host));
        -- made by another session meanwhile
        SELECT s.* INTO v_store FROM store AS s WHERE s.store = p_store;
    END IF;
    IF p_restored_from IS NOT NULL THEN
        SELECT s.store_no INTO v_from FROM store AS s WHERE s.store = p_restored_from AND s.host = p_host;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'store % was restored from store %, of which this host has delivered nothing', p_store, p_restored_from
                USING HINT = 'The ticks that came along with the backup are shipped first, as those of the store before.';
        END IF;
        v_after := v_from * 1000000000000 + p_restored_after;
    END IF;
    IF v_store.store_no IS NOT NULL THEN
        IF v_store.host <> p_host THEN
            RAISE EXCEPTION 'store % belongs to another host', p_store
                USING HINT = 'A host''s role delivers its own store only.', ERRCODE = 'insufficient_privilege';
        ELSIF (v_store.number, v_store.created_ns) <> (p_number, p_created_ns)
                OR (v_store.restored_from, v_store.after_tick) IS DISTINCT FROM (v_from, v_after) THEN
            RAISE EXCEPTION 'store % was made, or restored, otherwise than was said before', p_store
                USING HINT = 'Two files with one id: one is a copy. Restore a backup with pagemeter restore, which gives it an id of its own.';
        END IF;
        PERFORM pg_advisory_xact_lock(1347898741, v_store.store_no);
        RETURN v_store.store_no;
    END IF;
    IF (SELECT count(*) FROM store AS s WHERE s.host = p_host) >= 1000 THEN
        RAISE EXCEPTION 'host % has 1000 stores already', p_host
            USING HINT = 'A store is made once, and anew when a backup is restored: look who makes so many.';
    END IF;
    SELECT coalesce(max(s.store_no), 0) INTO v_no FROM store AS s;
    LOOP
        v_no := v_no + 1;
        CONTINUE WHEN NOT pg_try_advisory_xact_lock(1347898741, v_no);
        EXIT WHEN NOT EXISTS (SELECT 1 FROM store AS s WHERE s.store_no = v_no);
    END LOOP;
    INSERT INTO store (store_no, store, host, number, created_ns, after_tick, restored_from)
    VALUES (v_no, p_store, p_host, p_number, p_created_ns, v_after, v_from);
    RETURN v_no;
END
$$;

-- What becomes whole must be such that everybody can read it: one store that can't be would stop the usage
-- of all. Ticks behind p_was up to p_is
--  - have times that fit, are later than the one before, up to a boot, and not by more than a meter takes;
--  - are of the hour of their batch, as all are behind a cut; and a boot begins with a cut;
--  - give no usage of hours to come, nor more rows of it than a host has;
-- and segments begin and end at ticks. p_hours: where these ticks lie, and p_said: their segments; NULL: what is there.
CREATE OR REPLACE FUNCTION ship_check(p_no int, p_was bigint, p_is bigint, p_hours int[], p_said bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_base bigint := p_no * 1000000000000;
    v_latest_ns bigint;                                        -- NULL: a trace that the keeper replays may be of any time
    v_cut_tick bigint;
    v_cut_hour int;
    v_cut_ns bigint;
    v_hours int[];
    v record;
BEGIN
    -- the hour that goes on
    SELECT c.tick, c.hour INTO v_cut_tick, v_cut_hour FROM hour_cut_row AS c
     WHERE c.store_no = p_no AND c.tick >= v_base AND c.tick <= p_was
     ORDER BY c.tick DESC LIMIT 1;
    v_hours := CASE WHEN p_hours IS NOT NULL THEN p_hours || v_cut_hour END;
    -- as tick_time adds them up; 2^32 are for what a pack has beside the least, and tick by tick where that is near
    IF EXISTS (
        SELECT 1
          FROM tick_pack AS p
          LEFT JOIN LATERAL (SELECT * FROM restart_row AS o
                              WHERE o.store_no = p_no AND o.tick >= v_base AND o.tick <= p.first_tick
                              ORDER BY o.tick DESC LIMIT 1) AS r ON true
         CROSS JOIN LATERAL (SELECT r.mono_ns + (p.first_tick - r.tick)::numeric * r.interval_ns AS first_ns,
                                    r.mono_ns + (p.last_tick - r.tick)::numeric * r.interval_ns AS last_ns) AS m
         WHERE p.store_no = p_no AND (v_hours IS NULL OR p.hour = ANY (v_hours))
           AND p.last_tick > p_was AND p.last_tick <= p_is
           AND (r.tick IS NULL
                OR greatest(m.last_ns, m.last_ns + p.late_base, m.last_ns + p.late_base + r.utc_offset_ns,
                            m.last_ns + p.late_base + r.utc_offset_ns + p.utc_diff_base) > 9223372032559808511
                OR least(m.first_ns + p.late_base, m.first_ns + p.late_base + r.utc_offset_ns,
                         m.first_ns + p.late_base + r.utc_offset_ns + p.utc_diff_base) < -9223372032559808511))
       AND EXISTS (
        SELECT 1
          FROM tick_pack AS p
          LEFT JOIN LATERAL (SELECT * FROM restart_row AS o
                              WHERE o.store_no = p_no AND o.tick >= v_base AND o.tick <= p.first_tick
                              ORDER BY o.tick DESC LIMIT 1) AS r ON true
         CROSS JOIN LATERAL ROWS FROM (generate_series(0, p.ticks - 1), unnest(p.offsets), unnest(p.late_ns),
                                       unnest(p.utc_diff_ns)) AS u (i, tick_offset, late_ns, utc_diff_ns)
         CROSS JOIN LATERAL (SELECT (p.first_tick + coalesce(u.tick_offset, u.i) - r.tick)::numeric * r.interval_ns AS place_ns,
                                    p.late_base + coalesce(u.late_ns, 0) AS late_ns,
                                    p.utc_diff_base + coalesce(u.utc_diff_ns, 0) AS utc_diff_ns) AS m
         WHERE p.store_no = p_no AND (v_hours IS NULL OR p.hour = ANY (v_hours))
           AND p.last_tick > p_was AND p.last_tick <= p_is
           AND (r.tick IS NULL
                OR greatest(r.mono_ns + m.place_ns, r.mono_ns + m.place_ns + m.late_ns,
                            r.mono_ns + m.place_ns + m.late_ns + r.utc_offset_ns,
                            r.mono_ns + m.place_ns + m.late_ns + r.utc_offset_ns + m.utc_diff_ns) > 9223372036854775807
                OR least(r.mono_ns + m.place_ns + m.late_ns, r.mono_ns + m.place_ns + m.late_ns + r.utc_offset_ns,
                         r.mono_ns + m.place_ns + m.late_ns + r.utc_offset_ns + m.utc_diff_ns) < -9223372036854775808)) THEN
        PERFORM ship_refuse('a tick has no time, or one that no clock shows');
    END IF;
    IF NOT pg_has_role(session_user, 'pagemeter_keeper', 'MEMBER') THEN
        v_latest_ns := (floor(extract(epoch FROM now()))::bigint + 48 * 3600) * 1000000000;
    END IF;
    -- a batch begins with its cut
    SELECT r.mono_ns + (p.first_tick - r.tick) * r.interval_ns + (p.late_base + coalesce(p.late_ns[1], 0)) INTO v_cut_ns
      FROM tick_pack AS p
     CROSS JOIN LATERAL (SELECT * FROM restart_row AS o
                          WHERE o.store_no = p_no AND o.tick >= v_base AND o.tick <= p.first_tick
                          ORDER BY o.tick DESC LIMIT 1) AS r
     WHERE p.store_no = p_no AND p.hour = v_cut_hour AND p.first_tick = v_cut_tick;
    WITH t AS MATERIALIZED (
        SELECT p.first_tick + coalesce(u.tick_offset, u.i) AS tick, p.hour,
               r.mono_ns + (p.first_tick + coalesce(u.tick_offset, u.i) - r.tick) * r.interval_ns
                   + (p.late_base + coalesce(u.late_ns, 0)) AS mono_ns,
               r.mono_ns + (p.first_tick + coalesce(u.tick_offset, u.i) - r.tick) * r.interval_ns
                   + (p.late_base + coalesce(u.late_ns, 0)) + r.utc_offset_ns
                   + (p.utc_diff_base + coalesce(u.utc_diff_ns, 0)) AS utc_ns
          FROM tick_pack AS p
         CROSS JOIN LATERAL (SELECT * FROM restart_row AS o
                              WHERE o.store_no = p_no AND o.tick >= v_base AND o.tick <= p.first_tick
                              ORDER BY o.tick DESC LIMIT 1) AS r
         CROSS JOIN LATERAL ROWS FROM (generate_series(0, p.ticks - 1), unnest(p.offsets), unnest(p.late_ns),
                                       unnest(p.utc_diff_ns)) AS u (i, tick_offset, late_ns, utc_diff_ns)
         WHERE p.store_no = p_no AND (v_hours IS NULL OR p.hour = ANY (v_hours))
           AND p.last_tick >= p_was AND p.last_tick <= p_is
    ),
    -- their boots, and the tick before each; greatest(): differences fit, whatever is there
    b AS (
        SELECT t.tick, t.hour, t.utc_ns, t.mono_ns, greatest(t.mono_ns, 0) AS at_ns, o.first_tick IS NOT NULL AS is_boot,
               c.tick IS NOT NULL AS is_cut, count(o.first_tick) OVER w AS boots, lag(t.mono_ns) OVER w AS before_ns,
               greatest(lag(t.mono_ns) OVER w, 0) AS before_at_ns, greatest(lag(t.utc_ns) OVER w, 0) AS before_utc_ns
          FROM t
          LEFT JOIN boot_row AS o ON o.store_no = p_no AND o.boot >= v_base AND o.boot < v_base + 1000000000000
           AND o.first_tick = t.tick AND o.first_tick > p_was
          LEFT JOIN hour_cut_row AS c ON c.store_no = p_no AND c.tick = t.tick AND c.tick > p_was AND c.tick <= p_is
        WINDOW w AS (ORDER BY t.tick)
    ),
    -- and how long ago the hour was cut that goes on before it
    n AS (
        SELECT b.*, (b.at_ns - coalesce(max(b.at_ns) FILTER (WHERE b.is_cut) OVER w, CASE WHEN b.boots = 0 THEN v_cut_ns END))
                        / 3600000000000 AS hours
          FROM b
        WINDOW w AS (PARTITION BY b.boots ORDER BY b.tick ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    )
    SELECT w.*,
           EXISTS (SELECT 1
                     FROM (SELECT v_base + p_said[i + 3] AS first_tick, v_base + nullif(p_said[i + 4], -1) AS last_tick
                             FROM generate_series(0, cardinality(p_said) - 6, 6) AS i
                           UNION ALL
                           SELECT r.first_tick, r.last_tick FROM segment_row AS r
                            WHERE p_said IS NULL AND r.store_no = p_no) AS s
                    WHERE (s.first_tick > p_was AND s.first_tick <= p_is AND s.first_tick NOT IN (SELECT t.tick FROM t))
                       OR (s.last_tick >= p_was AND s.last_tick < p_is AND s.last_tick NOT IN (SELECT t.tick FROM t)))
               AS is_between
      INTO v
      FROM (SELECT bool_or(n.mono_ns < 0 OR n.utc_ns < 0) AS is_negative,
                   bool_or(n.mono_ns <= n.before_ns AND NOT n.is_boot) AS is_back,
                   bool_or(n.utc_ns / 3600000000000 <> n.hour) AS is_elsewhere,
                   bool_or(n.is_boot AND NOT n.is_cut) AS is_uncut,
                   bool_or(n.at_ns - n.before_at_ns > 316224000000000000 AND NOT n.is_boot) AS is_long,
                   bool_or(n.at_ns - n.before_at_ns > v_latest_ns - n.before_utc_ns AND NOT n.is_boot) AS is_ahead,
                   max(n.hours) AS hours, (array_agg(n.tick ORDER BY n.hours DESC NULLS LAST))[1] AS tick
              FROM n
             WHERE n.tick > p_was) AS w;
    IF v.is_negative THEN
        PERFORM ship_refuse('a tick has no time, or one that no clock shows');
    ELSIF v.is_back THEN
        PERFORM ship_refuse('a tick is not later than the one before it');
    ELSIF v.is_elsewhere THEN
        PERFORM ship_refuse('a tick is not of the hour of its batch');
    ELSIF v.is_uncut THEN
        PERFORM ship_refuse('a boot begins without an hour cut');
    ELSIF v.is_long THEN
        PERFORM ship_refuse('a tick is more than 10 years behind the one before it');
    ELSIF v.is_ahead THEN
        RAISE EXCEPTION 'the batch has usage of hours that are to come: it is hour % now', floor(extract(epoch FROM now()) / 3600)
            USING HINT = 'Was the clock of the host set wrong? What it measured then can be delivered when that time has come.';
    ELSIF v.is_between THEN
        PERFORM ship_refuse('a segment begins or ends where no tick is');
    -- 1000 lives in a gap of more than a year
    ELSIF v.hours > 48
            AND v.hours * (SELECT count(*) FROM segment_row AS r
                            WHERE r.store_no = p_no AND (v_hours IS NULL OR r.hour = ANY (v_hours))
                              AND r.first_tick >= coalesce(v_cut_tick, v_base) AND r.first_tick < v.tick) > 10000000 THEN
        PERFORM ship_refuse('between two hour cuts is more than a host measures: 10,000,000 hours of its lives');
    END IF;
END
$$;

-- Stores a batch of the host whose role is connected. `after` = `up_to` and no rows: stores nothing, and
-- tells what is there. Numbers are the store's own. rows:
--   {"boot": [[boot, uuid, first_tick, tick_base]],
--    "restart": [[tick, version, interval_ns, max_gap_ns, mono_ns, utc_offset_ns]],
--    "gap": [[tick, from_tick, span_ns, cause]], "clock_step": [[tick, step_ns]],
--    "hour_cut": [[tick, hour, first_segment]],
--    "life": [[life, boot, domid, vm, first_tick, ran_tick, counted_tick, last_tick, billed]]}
-- Returns the tick up to which nothing is missing, and how many rows contradict what is there; of a batch that does,
-- and can't be stored for another reason, these are kept and nothing else. Plans are
-- made once a session, and by indexes: what tables of a first batch look like must not decide of the next.
CREATE OR REPLACE FUNCTION ship(protocol int, store text, store_number bigint, store_created_ns bigint, restored_from text,
                     restored_after bigint, after bigint, up_to bigint, hour bigint, rows jsonb, ticks bigint[],
                     segments bigint[])
    RETURNS TABLE (delivered bigint, conflicts bigint) LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = meter, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    p_after ALIAS FOR after;
    p_up_to ALIAS FOR up_to;
    p_hour ALIAS FOR hour;
    p_rows ALIAS FOR rows;
    p_ticks ALIAS FOR ticks;
    v_role text := session_user;                               -- here; on a node of a cluster it is the owner
    v_host text;
    v_begin bigint := coalesce(restored_after, -1);
    v_no int;
    v_base bigint;
    v_from bigint[];
    v_to bigint[];
    v_is_again boolean;
    v_was bigint;
    v_is bigint;
    v_conflicts bigint := 0;
    v_found bigint;
    v_kept jsonb;
    v_key text;
BEGIN
    -- what is confirmed may be pruned by the host: it must be on the disk, whatever the session or the server
    -- prefers
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    SELECT r.host INTO v_host FROM host_role AS r WHERE r.role = v_role;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'role % delivers for no host', session_user
            USING HINT = 'Who keeps the database says which host a role is of: pagemeter db host.',
                  ERRCODE = 'insufficient_privilege';
    END IF;
    -- a snapshot from before what another session has delivered would store that twice
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        PERFORM ship_refuse('its transaction is not READ COMMITTED');
    END IF;
    IF protocol IS DISTINCT FROM 1 THEN
        RAISE EXCEPTION 'batches of protocol % are not understood here', protocol
            USING HINT = 'The program on the host and this database are of versions that do not fit: update the older one.';
    END IF;
    IF NOT ship_is_uuid(store) OR store_number IS NULL OR store_number < 1 OR store_created_ns IS NULL OR store_created_ns < 0
            OR (restored_from IS NULL) <> (restored_after IS NULL)
            OR (restored_from IS NOT NULL AND NOT ship_is_uuid(restored_from))
            OR v_begin NOT BETWEEN -1 AND 999999999999 THEN
        PERFORM ship_refuse('it does not say of which store it is');
    ELSIF p_after IS NULL OR p_up_to IS NULL OR p_after > p_up_to OR p_after < v_begin OR p_up_to > 999999999999 THEN
        PERFORM ship_refuse('it does not say of which ticks it is');
    END IF;
    v_no := ship_store(v_host, store, store_number, store_created_ns, restored_from, restored_after);
    v_base := v_no * 1000000000000;
    IF p_after < p_up_to THEN
        IF EXISTS (SELECT 1 FROM retired AS r WHERE r.store_no = v_no) THEN
            RAISE EXCEPTION 'store % is retired: nothing more is taken of it', store
                USING HINT = 'Its host was said to be gone. A host that comes back gets a store of its own.';
        -- a trace that is replayed by the keeper may be of any time; hosts may not make partitions at will
        ELSIF p_hour IS NULL OR p_hour < 0
                OR (p_hour > extract(epoch FROM now()) / 3600 + 48
                    AND NOT pg_has_role(session_user, 'pagemeter_keeper', 'MEMBER')) THEN
            RAISE EXCEPTION 'the batch is of hour % since 1970, and it is hour % now', p_hour,
                    floor(extract(epoch FROM now()) / 3600)
                USING HINT = 'Was the clock of the host set wrong? What it measured then can be delivered when that time has come.';
        ELSIF p_rows IS NULL OR jsonb_typeof(p_rows) <> 'object' THEN
            PERFORM ship_refuse('its rows are no lists');
        END IF;
        SELECT min(k) INTO v_key FROM jsonb_object_keys(p_rows) AS k
         WHERE k NOT IN ('boot', 'restart', 'gap', 'clock_step', 'hour_cut', 'life');
        IF v_key IS NOT NULL THEN
            PERFORM ship_refuse(format('there are no rows of %s', left(v_key, 40)));
        END IF;
        SELECT coalesce(array_agg(d.after_tick ORDER BY d.after_tick), '{}'),
               coalesce(array_agg(d.up_to_tick ORDER BY d.after_tick), '{}') INTO v_from, v_to
          FROM delivered AS d
         WHERE d.store_no = v_no;
        IF cardinality(v_from) > 10000 THEN
            PERFORM ship_refuse('there are 10000 holes in what was delivered before: the first must be filled first');
        END IF;
        v_is_again := coalesce(v_to[width_bucket(v_base + p_up_to - 1, v_from)] > v_base + p_after, false);
        PERFORM make_month(p_hour, '{segment_row,tick_pack}');
        v_was := CASE WHEN v_from[1] = v_base + v_begin THEN v_to[1] ELSE v_base + v_begin END;
        -- what contradicts is kept, whatever else is wrong: then of the rest nothing is stored
        BEGIN
            FOR i IN 1 .. 4 LOOP
                CASE i
                    WHEN 1 THEN v_found := ship_ticks(v_no, v_from, v_to, v_is_again, p_after, p_up_to, p_hour::int, p_rows, p_ticks);
                    WHEN 2 THEN v_found := ship_events(v_no, v_from, v_to, p_after, p_up_to, v_begin, p_hour, p_ticks[1], p_rows);
                    WHEN 3 THEN v_found := ship_lives(v_no, v_from, v_to, p_after, p_up_to, v_begin, p_rows);
                    WHEN 4 THEN v_found := ship_segments(v_no, v_from, v_to, v_is_again, p_after, p_up_to, v_begin, p_hour::int, segments);
                END CASE;
                IF v_found > 0 THEN
                    v_conflicts := v_conflicts + v_found;
                    SELECT jsonb_agg(to_jsonb(c)) INTO v_kept FROM ship_conflict AS c WHERE c.store_no = v_no AND c.at = now();
                END IF;
            END LOOP;
            PERFORM ship_deliver(v_no, v_base + p_after, v_base + p_up_to, v_base + v_begin);
            SELECT d.up_to_tick INTO v_is FROM delivered AS d WHERE d.store_no = v_no AND d.is_whole;
            IF v_is > v_was THEN
                IF v_was = v_base + p_after AND v_is = v_base + p_up_to THEN
                    PERFORM ship_check(v_no, v_was, v_is, ARRAY[p_hour::int], segments);
                ELSE
                    PERFORM ship_check(v_no, v_was, v_is, NULL, NULL);
                END IF;
            END IF;
        EXCEPTION WHEN raise_exception OR data_exception OR integrity_constraint_violation THEN
            IF v_conflicts = 0 THEN
                RAISE;
            END IF;
            INSERT INTO ship_conflict (store_no, row_of, number, stored, said, said_hash, role, at)
            SELECT v_no, c.row_of, c.number, c.stored, c.said, c.said_hash, c.role, c.at
              FROM jsonb_to_recordset(v_kept) AS c (row_of text, number bigint, stored jsonb, said jsonb, said_hash text,
                                                    role text, at timestamptz)
                ON CONFLICT DO NOTHING;
        END;
    ELSIF coalesce(cardinality(p_ticks), 0) + coalesce(cardinality(segments), 0) > 0
            OR coalesce(p_rows, '{}') <> '{}' THEN
        PERFORM ship_refuse('it is of no tick, and has rows');
    END IF;
    RETURN QUERY SELECT coalesce((SELECT m.whole_to % 1000000000000 FROM store_mark AS m WHERE m.store_no = v_no), v_begin),
                        v_conflicts;
END
$$;

-- ---- what a keeper does to stores ----

-- The host is gone for good, or goes on with another store: this one ends with its last tick that nothing
-- is missing before. Returns that tick. Said again it changes nothing. A batch of it is waited for, but not long.
CREATE OR REPLACE FUNCTION retire_store(p_store_no bigint, p_at_ns bigint, p_said_ns bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = meter, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    v_tick bigint;
BEGIN
    BEGIN
        PERFORM pg_advisory_xact_lock(1347898741, p_store_no::int);
    EXCEPTION WHEN lock_not_available THEN
        RAISE EXCEPTION 'a session of its host delivers to store % and does not end', p_store_no
            USING HINT = 'End it: pg_stat_activity has its pid, for pg_terminate_backend().', ERRCODE = 'object_in_use';
    END;
    SELECT r.tick INTO v_tick FROM retired AS r WHERE r.store_no = p_store_no;
    IF FOUND THEN
        RETURN v_tick;
    END IF;
    SELECT m.whole_to INTO v_tick FROM store_mark AS m WHERE m.store_no = p_store_no;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'store % has delivered nothing that could be the last', p_store_no;
    END IF;
    INSERT INTO retired (store_no, at_ns, tick, said_ns) VALUES (p_store_no, p_at_ns, v_tick, p_said_ns);
    RETURN v_tick;
END
$$;

-- A store ends where another was restored in its place. Returns how many do. One that somebody delivers to is
-- left for the next time: of many none is waited for.
CREATE OR REPLACE FUNCTION retire_restored() RETURNS int LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = meter, pg_temp AS $$
DECLARE
    v_retired int := 0;
    v record;
BEGIN
    FOR v IN
        SELECT s.restored_from AS store_no, min(s.created_ns) AS created_ns FROM store AS s
         WHERE s.restored_from IS NOT NULL GROUP BY s.restored_from ORDER BY s.restored_from
    LOOP
        CONTINUE WHEN EXISTS (SELECT 1 FROM retired AS r WHERE r.store_no = v.store_no);
        CONTINUE WHEN NOT EXISTS (SELECT 1 FROM store_mark AS m WHERE m.store_no = v.store_no);
        CONTINUE WHEN NOT pg_try_advisory_xact_lock(1347898741, v.store_no);
        PERFORM retire_store(v.store_no, v.created_ns, v.created_ns);
        v_retired := v_retired + 1;
    END LOOP;
    RETURN v_retired;
END
$$;

-- 0001's returned nothing
DROP FUNCTION IF EXISTS prune_store(bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint);

-- Raw rows of a store before this cut go; what their intervals gave to usage_hour is written down. Returns 1,
-- or 0 when somebody delivers to it: then it is left for the next time.
CREATE FUNCTION prune_store(p_store_no bigint, p_up_to_tick bigint, p_pruned_ns bigint, p_to_hour bigint,
                            p_kib_s bigint, p_kib_s_frac bigint, p_measured_ns bigint, p_missing_ns bigint,
                            p_excluded_ns bigint) RETURNS int
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = meter, pg_temp AS $$
DECLARE
    v_base bigint := p_store_no * 1000000000000;
    v_first_segment bigint;
    v_hours int[];
    v_ticks bigint;
    v_segments bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(1347898741, p_store_no::int) THEN
        RETURN 0;
    END IF;
    SELECT c.first_segment INTO v_first_segment
      FROM hour_cut AS c
      JOIN derived AS d ON d.store_no = c.store_no AND d.tick >= c.tick
     WHERE c.store_no = p_store_no AND c.tick = p_up_to_tick;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'store % can''t be pruned up to tick %', p_store_no, p_up_to_tick
            USING HINT = 'Rows are pruned up to an hour cut that usage is derived up to.';
    END IF;
    v_hours := ARRAY(SELECT DISTINCT c.hour FROM hour_cut_row AS c
                      WHERE c.store_no = p_store_no AND c.tick >= v_base AND c.tick < p_up_to_tick);
    WITH gone AS (
        DELETE FROM segment_row AS s
         WHERE s.store_no = p_store_no AND s.hour = ANY (v_hours) AND s.segment < v_first_segment
        RETURNING 1
    )
    SELECT count(*) INTO v_segments FROM gone;
    WITH gone AS (
        DELETE FROM tick_pack AS p
         WHERE p.store_no = p_store_no AND p.hour = ANY (v_hours) AND p.first_tick < p_up_to_tick
        RETURNING p.ticks
    )
    SELECT coalesce(sum(ticks), 0) INTO v_ticks FROM gone;
    DELETE FROM hour_cut_row AS c
     WHERE c.store_no = p_store_no AND c.tick >= v_base AND c.tick < p_up_to_tick;
    INSERT INTO prune (store_no, up_to_tick, pruned_ns, to_hour, ticks, segments, kib_s, kib_s_frac,
                       measured_ns, missing_ns, excluded_ns)
    VALUES (p_store_no, p_up_to_tick, p_pruned_ns, p_to_hour, v_ticks, v_segments, p_kib_s, p_kib_s_frac,
            p_measured_ns, p_missing_ns, p_excluded_ns);
    RETURN 1;
END
$$;

-- as 0004 says of all that were there: for whoever migrates
REVOKE ALL ON FUNCTION make_month(bigint, text[]), make_month_soon(bigint, text[]),
    ship_check(int, bigint, bigint, int[], bigint[]), retire_restored(),
    prune_store(bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retire_restored(),
    prune_store(bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint) TO pagemeter_keeper;
