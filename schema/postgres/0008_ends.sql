-- 0008_ends.sql: where each store ends, asked store by store, so that it is one node's question where
-- measurements lie on several (schema/citus/). These functions take the place of those of 0001, 0003 and 0006.

SET LOCAL search_path = meter;

-- As in 0001; planned once a session, and says which ticks are the first of a boot.
DROP FUNCTION ticks_between(bigint, bigint, bigint);
CREATE FUNCTION ticks_between(p_store_no bigint, p_from bigint, p_to bigint)
    RETURNS TABLE (tick bigint, mono_ns bigint, utc_ns bigint, max_gap_ns bigint, synchronised bigint, is_boot bigint)
    LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    v_cut bigint;
    v_first_hour bigint;
    v_last_hour bigint;
BEGIN
    SELECT max(c.tick) INTO v_cut FROM meter.hour_cut_row AS c
     WHERE c.store_no = p_store_no AND c.tick <= p_from AND c.tick >= p_store_no * 1000000000000;
    SELECT min(c.hour), max(c.hour) INTO v_first_hour, v_last_hour FROM meter.hour_cut_row AS c
     WHERE c.store_no = p_store_no AND c.tick <= p_to AND c.tick >= v_cut;
    RETURN QUERY
    SELECT t.tick, t.mono_ns, t.utc_ns, t.max_gap_ns, t.synchronised,
           CASE WHEN b.boot IS NOT NULL THEN bigint '1' ELSE 0 END
      FROM (SELECT p.first_tick + coalesce(u.tick_offset, u.i) AS tick,
                   r.mono_ns + (p.first_tick + coalesce(u.tick_offset, u.i) - r.tick) * r.interval_ns
                       + (p.late_base + coalesce(u.late_ns, 0)) AS mono_ns,
                   r.mono_ns + (p.first_tick + coalesce(u.tick_offset, u.i) - r.tick) * r.interval_ns
                       + (p.late_base + coalesce(u.late_ns, 0)) + r.utc_offset_ns
                       + (p.utc_diff_base + coalesce(u.utc_diff_ns, 0)) AS utc_ns,
                   r.max_gap_ns, CASE WHEN p.synchronised THEN bigint '1' ELSE 0 END AS synchronised
              FROM meter.tick_pack AS p
              JOIN meter.store_mark AS m ON m.store_no = p.store_no AND p.last_tick <= m.whole_to
              JOIN meter.restart_span AS r
                ON r.store_no = p.store_no AND p.first_tick >= r.tick AND p.first_tick < r.next_tick
              CROSS JOIN LATERAL ROWS FROM (generate_series(0, p.ticks - 1), unnest(p.offsets),
                                            unnest(p.late_ns), unnest(p.utc_diff_ns))
                             AS u (i, tick_offset, late_ns, utc_diff_ns)
             WHERE p.store_no = p_store_no AND p.first_tick <= p_to AND p.last_tick >= p_from
               AND p.hour >= v_first_hour AND p.hour <= v_last_hour) AS t
      LEFT JOIN meter.boot_row AS b ON b.first_tick = t.tick AND b.store_no = p_store_no
     WHERE t.tick >= p_from AND t.tick <= p_to;
END
$$;

-- The ticks of packs, whether they are shown or not yet.
CREATE OR REPLACE FUNCTION ship_stored_ticks(p_no int, p_hour int, p_from bigint, p_to bigint)
    RETURNS TABLE (tick bigint, late_ns bigint, utc_diff_ns bigint, window_ns bigint, synchronised bigint,
                   domains bigint, kib bigint) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT t.*
      FROM (SELECT p.first_tick + coalesce(u.tick_offset, u.i) AS tick, p.late_base + coalesce(u.late_ns, 0),
                   p.utc_diff_base + coalesce(u.utc_diff_ns, 0), p.window_base + coalesce(u.window_ns, 0),
                   CASE WHEN p.synchronised THEN bigint '1' ELSE 0 END, (p.domains_base + coalesce(p.domains[width_bucket(u.i::smallint, p.held_from)], 0))::bigint,
                   p.kib_base + coalesce(p.kib[width_bucket(u.i::smallint, p.held_from)], 0)
              FROM meter.tick_pack AS p
              CROSS JOIN LATERAL ROWS FROM (generate_series(0, p.ticks - 1), unnest(p.offsets), unnest(p.late_ns),
                                            unnest(p.utc_diff_ns), unnest(p.window_ns))
                             AS u (i, tick_offset, late_ns, utc_diff_ns, window_ns)
             WHERE p.store_no = p_no AND p.hour = p_hour AND p.first_tick <= p_to AND p.last_tick >= p_from) AS t
     WHERE t.tick >= p_from AND t.tick <= p_to;
END
$$;

-- Ends that came first meet their beginnings.
CREATE OR REPLACE FUNCTION ship_segments_behind(p_no int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_found jsonb;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM segment_ahead AS a WHERE a.store_no = p_no) THEN
        RETURN 0;
    END IF;
    UPDATE segment_row AS r
       SET last_tick = a.last_tick
      FROM segment_ahead AS a
     WHERE a.store_no = p_no AND r.segment = a.segment AND r.store_no = p_no AND r.last_tick IS NULL
       AND (r.life, r.first_tick, r.kib, r.counted) = (a.life, a.first_tick, a.kib, a.counted);
    SELECT jsonb_agg(ship_differs('segment', a.segment, to_jsonb(r) - 'hour', to_jsonb(a))) INTO v_found
      FROM segment_ahead AS a
      JOIN segment_row AS r ON r.store_no = a.store_no AND r.segment = a.segment
     WHERE a.store_no = p_no AND r.store_no = p_no AND to_jsonb(r) - 'hour' <> to_jsonb(a);
    DELETE FROM segment_ahead AS a
     USING segment_row AS r
     WHERE a.store_no = p_no AND r.store_no = p_no AND r.segment = a.segment;
    RETURN ship_note(p_no, v_found);
END
$$;

-- Kept once, and not more of them than a person would look at. Returns how many there are in this list.
CREATE OR REPLACE FUNCTION ship_note(p_no int, p_found jsonb) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_role text := session_user;                               -- here; on a node of a cluster it is the owner
BEGIN
    IF p_found IS NULL THEN
        RETURN 0;
    END IF;
    INSERT INTO ship_conflict (store_no, row_of, number, stored, said, said_hash, role)
    SELECT p_no, f.row_of, f.number, f.stored, f.said, md5(f.said::text), v_role
      FROM jsonb_to_recordset(p_found) AS f (row_of text, number bigint, stored jsonb, said jsonb)
     LIMIT (SELECT greatest(0, 10000 - count(*)) FROM ship_conflict AS c WHERE c.store_no = p_no)
        ON CONFLICT DO NOTHING;
    RETURN jsonb_array_length(p_found);
END
$$;

-- Each store of which something is whole: its first cut; up to where hours were derived, NULL when none were, and
-- when that was, or the first cut; up to where it is pruned; its last tick, when that was and what was held then;
-- when its last synchronised tick was, which is in one of the last hours or there is none; the last cut; and the
-- least hour of a cut from where it is derived on.
CREATE FUNCTION store_ends()
    RETURNS TABLE (store_no bigint, first_tick bigint, derived_tick bigint, pruned_tick bigint, last_tick bigint,
                   derived_ns bigint, last_ns bigint, synchronised_ns bigint, open_hour bigint, hour bigint,
                   first_segment bigint, window_ns bigint, synchronised bigint, domains bigint, kib bigint)
    LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_variable
DECLARE
    v_tick bigint;
    v record;
BEGIN
    FOR store_no, last_tick IN SELECT m.store_no, m.whole_to FROM meter.store_mark AS m ORDER BY m.store_no LOOP
        SELECT min(c.tick) INTO first_tick FROM meter.hour_cut_row AS c
         WHERE c.store_no = store_no AND c.tick <= last_tick;
        SELECT d.tick INTO derived_tick FROM meter.derived AS d WHERE d.store_no = store_no;
        SELECT max(p.up_to_tick) INTO pruned_tick FROM meter.prune AS p WHERE p.store_no = store_no;
        SELECT min(c.hour) INTO open_hour FROM meter.hour_cut_row AS c
         WHERE c.store_no = store_no AND c.tick >= coalesce(derived_tick, first_tick) AND c.tick <= last_tick;
        SELECT c.hour, c.first_segment INTO hour, first_segment FROM meter.hour_cut_row AS c
         WHERE c.store_no = store_no AND c.tick >= store_no * 1000000000000 AND c.tick <= last_tick
         ORDER BY c.tick DESC LIMIT 1;
        SELECT t.utc_ns INTO last_ns FROM meter.ticks_between(store_no, last_tick, last_tick) AS t;
        v_tick := coalesce(derived_tick, first_tick);
        SELECT t.utc_ns INTO derived_ns FROM meter.ticks_between(store_no, v_tick, v_tick) AS t;
        SELECT p.window_base + coalesce(p.window_ns[p.ticks], 0), CASE WHEN p.synchronised THEN 1 ELSE 0 END,
               p.domains_base + coalesce(p.domains[width_bucket(CAST(p.ticks - 1 AS smallint), p.held_from)], 0),
               p.kib_base + coalesce(p.kib[width_bucket(CAST(p.ticks - 1 AS smallint), p.held_from)], 0)
          INTO window_ns, synchronised, domains, kib
          FROM meter.tick_pack AS p
         WHERE p.store_no = store_no AND p.hour = hour AND p.last_tick = last_tick;
        synchronised_ns := CASE WHEN synchronised = 1 THEN last_ns END;
        IF synchronised = 0 THEN
            FOR v IN SELECT c.tick, c.hour FROM meter.hour_cut_row AS c
                      WHERE c.store_no = store_no AND c.tick >= store_no * 1000000000000 AND c.tick <= last_tick
                      ORDER BY c.tick DESC LOOP
                SELECT max(p.last_tick) INTO v_tick FROM meter.tick_pack AS p
                 WHERE p.store_no = store_no AND p.hour = v.hour AND p.first_tick >= v.tick
                   AND p.last_tick <= last_tick AND p.synchronised;
                EXIT WHEN v_tick IS NOT NULL;
            END LOOP;
            SELECT t.utc_ns INTO synchronised_ns FROM meter.ticks_between(store_no, v_tick, v_tick) AS t;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;

-- The lives of a VM, when each began and ended, and its hours with usage; of ticks that were pruned there is no time.
CREATE FUNCTION lives_of(p_vm text)
    RETURNS TABLE (life bigint, boot_uuid text, domid bigint, first_seq bigint, host text, since_ns bigint, until_ns bigint,
                   is_open bigint, billed bigint, first_hour bigint, last_hour bigint)
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    v record;
BEGIN
    FOR v IN SELECT n.*, l.first_tick, l.last_tick FROM meter.life AS l
               JOIN meter.life_name AS n ON n.life = l.life AND n.store_no = l.store_no
              WHERE l.vm = p_vm LOOP
        life := v.life;
        boot_uuid := v.boot_uuid;
        domid := v.domid;
        first_seq := v.first_seq;
        host := v.host;
        billed := v.billed;
        is_open := CASE WHEN v.last_tick IS NULL THEN 1 ELSE 0 END;
        SELECT t.utc_ns INTO since_ns FROM meter.ticks_between(v.store_no, v.first_tick, v.first_tick) AS t;
        SELECT t.utc_ns INTO until_ns FROM meter.ticks_between(v.store_no, v.last_tick, v.last_tick) AS t;
        SELECT min(u.hour), max(u.hour) INTO first_hour, last_hour FROM meter.usage_hour AS u
         WHERE u.store_no = v.store_no AND u.life = v.life;
        RETURN NEXT;
    END LOOP;
END
$$;

-- As in 0006: a host whose stores are all retired is admitted anew.
CREATE OR REPLACE FUNCTION admit_host(p_role text, p_host text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = meter, pg_temp AS $$
DECLARE
    v_now_ns bigint := CAST(extract(epoch FROM clock_timestamp()) * 1000000000 AS bigint);
    v_stores bigint;
BEGIN
    IF p_host !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' THEN
        RAISE EXCEPTION '% is no host id', p_host USING HINT = 'It is in the file host-id beside the host''s store.';
    END IF;
    IF EXISTS (SELECT 1 FROM host_role AS r WHERE r.role = p_role AND r.host <> p_host) THEN
        RAISE EXCEPTION 'role % delivers for another host', p_role USING HINT = 'Each host has a role of its own.';
    END IF;
    INSERT INTO host (host) VALUES (p_host) ON CONFLICT DO NOTHING;
    INSERT INTO host_role (role, host, admitted_ns) VALUES (p_role, p_host, v_now_ns) ON CONFLICT DO NOTHING;
    SELECT count(*) INTO v_stores FROM store AS s WHERE s.host = p_host;
    IF v_stores > 0 AND v_stores = (SELECT count(*) FROM retired AS d JOIN store AS s ON s.store_no = d.store_no
                                     WHERE s.host = p_host) THEN
        UPDATE host_role SET admitted_ns = v_now_ns WHERE role = p_role;
    END IF;
END
$$;

REVOKE ALL ON FUNCTION ticks_between(bigint, bigint, bigint), store_ends(), lives_of(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ticks_between(bigint, bigint, bigint), store_ends(), lives_of(text) TO pagemeter_keeper, pagemeter_billing, pagemeter_reader;
