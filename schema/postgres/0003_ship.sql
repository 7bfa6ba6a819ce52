-- 0003_ship.sql: how measurements come in. ship() is all that a host's role may call.
--
-- One call is one batch (after, up_to] of the ticks of one store, with every row whose beginning or end
-- was recorded in it. Batches may come in any order, be cut anywhere and come again: the tables are the
-- same in the end. Hosts are not trusted: what they say is checked, and
--  - the host is that of the role that connected, whatever the batch says;
--  - what has been delivered stays: a row that contradicts it, or that should have been in a batch that
--    is there, changes nothing and is kept in ship_conflict;
--  - an end is set once.

SET LOCAL search_path = meter;

-- ---- checks ----

CREATE FUNCTION ship_is_uuid(p_text text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
SELECT coalesce(p_text ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$', false)
$$;

CREATE FUNCTION ship_refuse(p_what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the batch is refused: %', p_what
        USING HINT = 'A program of the same version as this database ships what it has measured; nothing of this batch was stored.';
END
$$;

-- A flattened table: its number of rows.
CREATE FUNCTION ship_rows(p_name text, p_values bigint[], p_columns int, p_most int) RETURNS int
    LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    v_count int := coalesce(cardinality(p_values), 0);
BEGIN
    IF p_values IS NULL OR v_count % p_columns <> 0
            OR (v_count > 0 AND (array_ndims(p_values) <> 1 OR array_lower(p_values, 1) <> 1)) THEN
        PERFORM ship_refuse(format('%s are not rows of %s numbers', p_name, p_columns));
    ELSIF v_count / p_columns > p_most THEN
        PERFORM ship_refuse(format('%s %s are more than %s', v_count / p_columns, p_name, p_most));
    ELSIF array_position(p_values, NULL) IS NOT NULL THEN
        PERFORM ship_refuse(format('there are %s without a number', p_name));
    END IF;
    RETURN v_count / p_columns;
END
$$;

-- A list of rows in `rows`: their columns are n (a number), o (a number or null) and t (a short text).
CREATE FUNCTION ship_list(p_rows jsonb, p_name text, p_columns text, p_most int) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    v_list jsonb := coalesce(p_rows -> p_name, '[]');
BEGIN
    IF jsonb_typeof(v_list) <> 'array' THEN
        PERFORM ship_refuse(format('%s is no list', p_name));
    ELSIF jsonb_array_length(v_list) > p_most THEN
        PERFORM ship_refuse(format('%s has more than %s rows', p_name, p_most));
    ELSIF EXISTS (
        SELECT 1 FROM jsonb_array_elements(v_list) AS r (said)
         WHERE CASE WHEN jsonb_typeof(r.said) <> 'array' THEN true
                    WHEN jsonb_array_length(r.said) <> length(p_columns) THEN true
                    ELSE EXISTS (
                        SELECT 1 FROM jsonb_array_elements(r.said) WITH ORDINALITY AS c (said, i)
                         WHERE NOT CASE jsonb_typeof(c.said)
                                        WHEN 'number' THEN substr(p_columns, c.i::int, 1) IN ('n', 'o')
                                                           AND c.said::text ~ '^-?[0-9]{1,19}$'
                                                           AND c.said::numeric BETWEEN -9223372036854775808
                                                                                   AND 9223372036854775807
                                        WHEN 'string' THEN substr(p_columns, c.i::int, 1) = 't'
                                                           AND length(c.said #>> '{}') <= 100
                                        WHEN 'null' THEN substr(p_columns, c.i::int, 1) = 'o'
                                        ELSE false END)
                    END) THEN
        PERFORM ship_refuse(format('a row of %s is not as it should be', p_name));
    END IF;
    RETURN v_list;
END
$$;

-- ---- conflicts ----

-- What has been delivered, in two arrays: ticks behind p_from[i] up to p_to[i], ascending. Is this tick in
-- it? Then all rows of it are there. (These look at no table, so that they can be asked in any statement,
-- on whatever machine it is done.)
CREATE FUNCTION ship_has(p_from bigint[], p_to bigint[], p_tick bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
SELECT coalesce(p_to[width_bucket(p_tick - 1, p_from)] >= p_tick, false)
$$;

-- The same of the tick behind it, at which an end is recorded.
CREATE FUNCTION ship_has_end(p_from bigint[], p_to bigint[], p_tick bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
SELECT coalesce(p_to[width_bucket(p_tick, p_from)] > p_tick, false)
$$;

-- A contradiction, for ship_note.
CREATE FUNCTION ship_differs(p_row_of text, p_number bigint, p_stored jsonb, p_said jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE AS $$
SELECT jsonb_build_object('row_of', p_row_of, 'number', p_number, 'stored', p_stored - '{store_no,hour}'::text[],
                          'said', p_said - '{store_no,hour}'::text[])
$$;

-- Kept once, and not more of them than a person would look at. Returns how many there are in this list.
CREATE FUNCTION ship_note(p_no int, p_found jsonb) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    IF p_found IS NULL THEN
        RETURN 0;
    END IF;
    INSERT INTO ship_conflict (store_no, row_of, number, stored, said, said_hash, role)
    SELECT p_no, f.row_of, f.number, f.stored, f.said, md5(f.said::text), session_user
      FROM jsonb_to_recordset(p_found) AS f (row_of text, number bigint, stored jsonb, said jsonb)
     LIMIT (SELECT greatest(0, 10000 - count(*)) FROM ship_conflict AS c WHERE c.store_no = p_no)
        ON CONFLICT DO NOTHING;
    RETURN jsonb_array_length(p_found);
END
$$;

-- ---- rows that are written once ----

-- p_said: a list of rows of p_table, of which p_key and p_tick are columns. Returns the contradictions.
CREATE FUNCTION ship_fixed(p_no int, p_from bigint[], p_to bigint[], p_table text, p_key text, p_tick text, p_said jsonb)
    RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_found jsonb;
BEGIN
    IF p_said IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE format('INSERT INTO %1$I SELECT s.* FROM jsonb_populate_recordset(NULL::%1$I, $2) AS s'
                   ' WHERE NOT ship_has($3, $4, s.%2$I) ON CONFLICT DO NOTHING', p_table, p_tick)
        USING p_no, p_said, p_from, p_to;
    EXECUTE format('SELECT jsonb_agg(ship_differs(%3$L, s.%2$I, to_jsonb(r), to_jsonb(s)))'
                   '  FROM jsonb_populate_recordset(NULL::%1$I, $2) AS s'
                   '  LEFT JOIN %1$I AS r ON r.%2$I = s.%2$I AND r.store_no = $1'
                   ' WHERE to_jsonb(r) IS DISTINCT FROM to_jsonb(s)',
                   p_table, p_key, replace(p_table, '_row', ''))
        INTO v_found USING p_no, p_said;
    RETURN ship_note(p_no, v_found);
END
$$;

-- Boots, restarts, gaps, steps of the clock, cuts. A restored store has the boot that it goes on in from
-- the store before it.
CREATE FUNCTION ship_events(p_no int, p_from bigint[], p_to bigint[], p_after bigint, p_up_to bigint, p_begin bigint,
                            p_hour bigint, p_first bigint, p_rows jsonb) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_base bigint := p_no * 1000000000000;
    v_boots jsonb := ship_list(p_rows, 'boot', 'ntnn', 1000);
    v_restarts jsonb := ship_list(p_rows, 'restart', 'ntnnnn', 20000);
    v_gaps jsonb := ship_list(p_rows, 'gap', 'nnnt', 20000);
    v_steps jsonb := ship_list(p_rows, 'clock_step', 'nn', 20000);
    v_cuts jsonb := ship_list(p_rows, 'hour_cut', 'nnn', 1);
    v_bad text;
BEGIN
    SELECT min(t.name) INTO v_bad
      FROM (SELECT 'boot' AS name, (r ->> 2)::bigint AS tick FROM jsonb_array_elements(v_boots) AS r
             WHERE (r ->> 2)::bigint > p_begin
            UNION ALL
            SELECT 'restart', (r ->> 0)::bigint FROM jsonb_array_elements(v_restarts) AS r
            UNION ALL
            SELECT 'gap', (r ->> 0)::bigint FROM jsonb_array_elements(v_gaps) AS r
            UNION ALL
            SELECT 'clock_step', (r ->> 0)::bigint FROM jsonb_array_elements(v_steps) AS r
            UNION ALL
            SELECT 'hour_cut', (r ->> 0)::bigint FROM jsonb_array_elements(v_cuts) AS r) AS t
     WHERE t.tick <= p_after OR t.tick > p_up_to;
    IF v_bad IS NOT NULL THEN
        PERFORM ship_refuse(format('a row of %s is not of a tick of the batch', v_bad));
    END IF;
    SELECT min(t.name) INTO v_bad
      FROM (SELECT 'boot' AS name FROM jsonb_array_elements(v_boots) AS r
             WHERE (r ->> 0)::bigint NOT BETWEEN 0 AND 999999999999 OR (r ->> 2)::bigint < 0
                OR NOT ship_is_uuid(r ->> 1) OR (r ->> 3)::bigint NOT BETWEEN -9007199254740992 AND 999999999999
            UNION ALL
            SELECT 'restart' FROM jsonb_array_elements(v_restarts) AS r
             WHERE (r ->> 2)::bigint <= 0 OR (r ->> 3)::bigint < 0 OR (r ->> 4)::bigint < 0
            UNION ALL
            SELECT 'gap' FROM jsonb_array_elements(v_gaps) AS r
             WHERE (r ->> 1)::bigint NOT BETWEEN 0 AND (r ->> 0)::bigint - 1 OR (r ->> 2)::bigint <= 0
            UNION ALL
            SELECT 'clock_step' FROM jsonb_array_elements(v_steps) AS r WHERE (r ->> 1)::bigint = 0
            UNION ALL
            SELECT 'hour_cut' FROM jsonb_array_elements(v_cuts) AS r
             WHERE (r ->> 2)::bigint NOT BETWEEN 0 AND 999999999999) AS t;
    IF v_bad IS NOT NULL THEN
        PERFORM ship_refuse(format('a row of %s has numbers that no store has', v_bad));
    END IF;
    IF EXISTS (SELECT 1 FROM jsonb_array_elements(v_cuts) AS r
                WHERE (r ->> 0)::bigint <> p_first OR (r ->> 1)::bigint <> p_hour) THEN
        PERFORM ship_refuse('it goes over an hour cut: a cut is the first tick of a batch');
    END IF;
    RETURN ship_fixed(p_no, p_from, p_to, 'boot_row', 'boot', 'first_tick',
                      (SELECT jsonb_agg(jsonb_build_object(
                                  'boot', v_base + (r ->> 0)::bigint, 'boot_uuid', r ->> 1, 'first_tick', v_base + (r ->> 2)::bigint,
                                  'tick_base', v_base + (r ->> 3)::bigint, 'store_no', p_no))
                         FROM jsonb_array_elements(v_boots) AS r))
         + ship_fixed(p_no, p_from, p_to, 'restart_row', 'tick', 'tick',
                      (SELECT jsonb_agg(jsonb_build_object(
                                  'tick', v_base + (r ->> 0)::bigint, 'version', r ->> 1, 'interval_ns', r -> 2,
                                  'max_gap_ns', r -> 3, 'mono_ns', r -> 4, 'utc_offset_ns', r -> 5, 'store_no', p_no))
                         FROM jsonb_array_elements(v_restarts) AS r))
         + ship_fixed(p_no, p_from, p_to, 'gap_row', 'tick', 'tick',
                      (SELECT jsonb_agg(jsonb_build_object(
                                  'tick', v_base + (r ->> 0)::bigint, 'from_tick', v_base + (r ->> 1)::bigint,
                                  'span_ns', r -> 2, 'cause', r ->> 3, 'store_no', p_no))
                         FROM jsonb_array_elements(v_gaps) AS r))
         + ship_fixed(p_no, p_from, p_to, 'clock_step_row', 'tick', 'tick',
                      (SELECT jsonb_agg(jsonb_build_object(
                                  'tick', v_base + (r ->> 0)::bigint, 'step_ns', r -> 1, 'store_no', p_no))
                         FROM jsonb_array_elements(v_steps) AS r))
         -- a restored store begins within an hour: that begins here, as far as this store has it
         + ship_fixed(p_no, p_from, p_to, 'hour_cut_row', 'tick', 'tick',
                      (SELECT jsonb_agg(jsonb_build_object(
                                  'tick', v_base + (r ->> 0)::bigint, 'hour', r -> 1,
                                  'first_segment', v_base + (r ->> 2)::bigint, 'store_no', p_no))
                         FROM (SELECT r FROM jsonb_array_elements(v_cuts) AS r
                               UNION ALL
                               SELECT jsonb_build_array(p_first, p_hour, 0)
                                WHERE p_after = p_begin AND p_begin >= 0 AND jsonb_array_length(v_cuts) = 0) AS c (r)));
END
$$;

-- ---- lives ----

CREATE FUNCTION ship_lives(p_no int, p_from bigint[], p_to bigint[], p_after bigint, p_up_to bigint, p_begin bigint, p_rows jsonb) RETURNS bigint
    LANGUAGE plpgsql AS $$
DECLARE
    v_base bigint := p_no * 1000000000000;
    v_list jsonb := ship_list(p_rows, 'life', 'nnntnooon', 200000);
    v_said life_row[];
    v_found jsonb;
BEGIN
    IF jsonb_array_length(v_list) = 0 THEN
        RETURN 0;
    END IF;
    -- ends are those of the moment of up_to
    SELECT array_agg(ROW(v_base + s.life, v_base + s.boot, v_base + s.first_tick,
                         CASE WHEN s.ran_tick <= p_up_to THEN v_base + s.ran_tick END,
                         CASE WHEN s.counted_tick <= p_up_to THEN v_base + s.counted_tick END,
                         CASE WHEN s.last_tick < p_up_to THEN v_base + s.last_tick END,
                         CASE WHEN s.domid BETWEEN 0 AND 65535 THEN s.domid ELSE -1 END, p_no,
                         CASE WHEN s.billed IN (0, 1) THEN s.billed ELSE -1 END, s.vm)::life_row)
      INTO v_said
      FROM (SELECT (r ->> 0)::bigint AS life, (r ->> 1)::bigint AS boot, (r ->> 2)::bigint AS domid, r ->> 3 AS vm,
                   (r ->> 4)::bigint AS first_tick, (r ->> 5)::bigint AS ran_tick,
                   (r ->> 6)::bigint AS counted_tick, (r ->> 7)::bigint AS last_tick, (r ->> 8)::bigint AS billed
              FROM jsonb_array_elements(v_list) AS r) AS s
     WHERE s.life BETWEEN 0 AND 999999999999 AND s.boot BETWEEN 0 AND 999999999999
       AND s.first_tick > p_begin AND s.first_tick <= p_up_to;
    IF coalesce(cardinality(v_said), 0) <> jsonb_array_length(v_list)
            OR EXISTS (SELECT 1 FROM unnest(v_said) AS s
                        WHERE s.domid < 0 OR s.billed < 0 OR NOT ship_is_uuid(s.vm)
                           OR s.ran_tick < s.first_tick OR s.counted_tick < coalesce(s.ran_tick, s.counted_tick + 1)
                           OR s.last_tick < s.first_tick) THEN
        PERFORM ship_refuse('a row of life has numbers that no store has');
    ELSIF (SELECT count(DISTINCT s.life) FROM unnest(v_said) AS s) <> cardinality(v_said) THEN
        PERFORM ship_refuse('a life comes twice');
    ELSIF EXISTS (SELECT 1 FROM unnest(v_said) AS s
                   WHERE s.first_tick <= v_base + p_after
                     AND NOT coalesce(s.ran_tick > v_base + p_after, false)
                     AND NOT coalesce(s.counted_tick > v_base + p_after, false)
                     AND NOT coalesce(s.last_tick >= v_base + p_after, false)) THEN
        PERFORM ship_refuse('of a life nothing was recorded in the batch');
    END IF;
    INSERT INTO life_row SELECT s.* FROM unnest(v_said) AS s WHERE NOT ship_has(p_from, p_to, s.first_tick)
        ON CONFLICT DO NOTHING;
    SELECT jsonb_agg(ship_differs('life', s.life, to_jsonb(r), to_jsonb(s))) INTO v_found
      FROM unnest(v_said) AS s
      LEFT JOIN life_row AS r ON r.life = s.life AND r.store_no = p_no
     WHERE r.life IS NULL
        OR (r.boot, r.domid, r.vm, r.first_tick, r.billed) <> (s.boot, s.domid, s.vm, s.first_tick, s.billed)
        OR (s.ran_tick IS NOT NULL AND s.ran_tick IS DISTINCT FROM r.ran_tick
            AND (r.ran_tick IS NOT NULL OR ship_has(p_from, p_to, s.ran_tick)))
        OR (s.counted_tick IS NOT NULL AND s.counted_tick IS DISTINCT FROM r.counted_tick
            AND (r.counted_tick IS NOT NULL OR ship_has(p_from, p_to, s.counted_tick)))
        OR (s.last_tick IS NOT NULL AND s.last_tick IS DISTINCT FROM r.last_tick
            AND (r.last_tick IS NOT NULL OR ship_has_end(p_from, p_to, s.last_tick)));
    -- a row that contradicts in one thing sets nothing in another
    UPDATE life_row AS r
       SET ran_tick = coalesce(r.ran_tick, s.ran_tick), counted_tick = coalesce(r.counted_tick, s.counted_tick),
           last_tick = coalesce(r.last_tick, s.last_tick)
      FROM unnest(v_said) AS s
     WHERE r.life = s.life AND r.store_no = p_no
       AND (r.boot, r.domid, r.vm, r.first_tick, r.billed) = (s.boot, s.domid, s.vm, s.first_tick, s.billed)
       AND ((r.ran_tick IS NULL AND s.ran_tick IS NOT NULL)
            OR (r.counted_tick IS NULL AND s.counted_tick IS NOT NULL)
            OR (r.last_tick IS NULL AND s.last_tick IS NOT NULL))
       AND coalesce(r.ran_tick = s.ran_tick OR (r.ran_tick IS NULL AND NOT ship_has(p_from, p_to, s.ran_tick)), s.ran_tick IS NULL)
       AND coalesce(r.counted_tick = s.counted_tick
                    OR (r.counted_tick IS NULL AND NOT ship_has(p_from, p_to, s.counted_tick)), s.counted_tick IS NULL)
       AND coalesce(r.last_tick = s.last_tick
                    OR (r.last_tick IS NULL AND NOT ship_has_end(p_from, p_to, s.last_tick)), s.last_tick IS NULL);
    RETURN ship_note(p_no, v_found);
END
$$;

-- ---- segments ----

-- p_said: segment, life, first_tick, last_tick (-1: open at up_to), kib, counted.
CREATE FUNCTION ship_segments(p_no int, p_from bigint[], p_to bigint[], p_is_again boolean, p_after bigint, p_up_to bigint,
                              p_begin bigint, p_hour int, p_said bigint[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_base bigint := p_no * 1000000000000;
    v_count int := ship_rows('segments', p_said, 6, 2000000);
    v_stored int;
    v_ended int;
    v_hours int[];
    v_conflicts bigint := 0;
    v_left int[];
    v record;
BEGIN
    IF v_count = 0 THEN
        RETURN 0;
    END IF;
    SELECT bool_or(p_said[i + 1] NOT BETWEEN 0 AND 999999999999 OR p_said[i + 2] NOT BETWEEN 0 AND 999999999999
                   OR p_said[i + 3] <= p_begin OR p_said[i + 3] > p_up_to
                   OR (p_said[i + 4] < p_said[i + 3] AND p_said[i + 4] <> -1)
                   OR p_said[i + 5] NOT BETWEEN 0 AND 1099511627776 OR p_said[i + 6] NOT BETWEEN 0 AND 1) AS is_bad,
           bool_or(p_said[i + 3] <= p_after AND (p_said[i + 4] < p_after OR p_said[i + 4] >= p_up_to)) AS is_of_another,
           count(DISTINCT p_said[i + 1]) AS segments, count(*) FILTER (WHERE p_said[i + 3] > p_after) AS begun,
           min(p_said[i + 3]) FILTER (WHERE p_said[i + 3] <= p_after) AS earliest
      INTO v FROM generate_series(0, v_count * 6 - 6, 6) AS i;
    IF v.is_bad THEN
        PERFORM ship_refuse('a segment has numbers that no store has');
    ELSIF v.is_of_another THEN
        PERFORM ship_refuse('of a segment nothing was recorded in the batch');
    ELSIF v.segments <> v_count THEN
        PERFORM ship_refuse('a segment comes twice');
    END IF;

    -- those that begin in the batch
    INSERT INTO segment_row (segment, life, first_tick, last_tick, kib, store_no, hour, counted)
    SELECT v_base + p_said[i + 1], v_base + p_said[i + 2], v_base + p_said[i + 3],
           CASE WHEN p_said[i + 4] >= 0 AND p_said[i + 4] < p_up_to THEN v_base + p_said[i + 4] END,
           p_said[i + 5], p_no, p_hour, p_said[i + 6] = 1
      FROM generate_series(0, v_count * 6 - 6, 6) AS i
     WHERE p_said[i + 3] > p_after AND (NOT p_is_again OR NOT ship_has(p_from, p_to, v_base + p_said[i + 3]))
        ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS v_stored = ROW_COUNT;
    IF v_stored < v.begun THEN
        v_left := ARRAY(SELECT i FROM generate_series(0, v_count * 6 - 6, 6) AS i WHERE p_said[i + 3] > p_after);
        v_conflicts := ship_segments_again(p_no, p_from, p_to, p_up_to, ARRAY[p_hour], p_said, v_left);
    END IF;
    v_conflicts := v_conflicts + ship_segments_behind(p_no);

    -- those that began before it: mostly in this hour, or in the one that the cut of this one ended
    IF v.begun = v_count THEN
        RETURN v_conflicts;
    END IF;
    v_left := ARRAY(SELECT i FROM generate_series(0, v_count * 6 - 6, 6) AS i WHERE p_said[i + 3] <= p_after);
    v_hours := ARRAY(SELECT DISTINCT c.hour::int
                       FROM hour_cut_row AS c
                      WHERE c.store_no = p_no AND c.tick <= v_base + p_after AND c.tick >= v_base
                        AND c.tick >= (SELECT max(m.tick) FROM hour_cut_row AS m
                                        WHERE m.store_no = p_no AND m.tick >= v_base
                                          AND m.tick <= v_base + v.earliest));
    v_hours := v_hours || p_hour;
    -- named in full, so that the index is used whatever is known of the table
    UPDATE segment_row AS r
       SET last_tick = v_base + p_said[i + 4]
      FROM unnest(v_left) AS i
     WHERE r.store_no = p_no AND r.hour = ANY (v_hours)
       AND r.segment = ANY (ARRAY(SELECT v_base + p_said[j + 1] FROM unnest(v_left) AS j))
       AND r.segment = v_base + p_said[i + 1]
       AND r.last_tick IS NULL AND r.life = v_base + p_said[i + 2] AND r.first_tick = v_base + p_said[i + 3]
       AND r.kib = p_said[i + 5] AND r.counted = (p_said[i + 6] = 1)
       AND (NOT p_is_again OR NOT ship_has_end(p_from, p_to, v_base + p_said[i + 4]));
    GET DIAGNOSTICS v_ended = ROW_COUNT;
    IF v_ended < cardinality(v_left) THEN
        v_conflicts := v_conflicts + ship_segments_again(p_no, p_from, p_to, p_up_to, NULL, p_said, v_left);
    END IF;
    RETURN v_conflicts;
END
$$;

-- Rows that are not new, or whose beginning is not where it was looked for: i of p_said of each.
CREATE FUNCTION ship_segments_again(p_no int, p_from bigint[], p_to bigint[], p_up_to bigint, p_hours int[], p_said bigint[],
                                    p_i int[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_base bigint := p_no * 1000000000000;
    v_found jsonb;
BEGIN
    UPDATE segment_row AS r
       SET last_tick = v_base + p_said[i + 4]
      FROM unnest(p_i) AS i
     WHERE r.store_no = p_no AND (p_hours IS NULL OR r.hour = ANY (p_hours))
       AND r.segment = ANY (ARRAY(SELECT v_base + p_said[j + 1] FROM unnest(p_i) AS j))
       AND r.segment = v_base + p_said[i + 1] AND p_said[i + 4] >= 0 AND p_said[i + 4] < p_up_to
       AND r.last_tick IS NULL AND r.life = v_base + p_said[i + 2] AND r.first_tick = v_base + p_said[i + 3]
       AND r.kib = p_said[i + 5] AND r.counted = (p_said[i + 6] = 1) AND NOT ship_has_end(p_from, p_to, v_base + p_said[i + 4]);
    -- those of which the beginning is still to come
    INSERT INTO segment_ahead (segment, life, first_tick, last_tick, kib, counted, store_no)
    SELECT v_base + p_said[i + 1], v_base + p_said[i + 2], v_base + p_said[i + 3], v_base + p_said[i + 4],
           p_said[i + 5], p_said[i + 6] = 1, p_no
      FROM unnest(p_i) AS i
     WHERE p_hours IS NULL AND NOT ship_has(p_from, p_to, v_base + p_said[i + 3])
       AND v_base + p_said[i + 1] <> ALL (
               ARRAY(SELECT r.segment FROM segment_row AS r
                      WHERE r.store_no = p_no
                        AND r.segment = ANY (ARRAY(SELECT v_base + p_said[j + 1] FROM unnest(p_i) AS j))))
        ON CONFLICT DO NOTHING;
    SELECT jsonb_agg(ship_differs('segment', said.segment, to_jsonb(r), to_jsonb(said))) INTO v_found
      FROM (SELECT v_base + p_said[i + 1] AS segment, v_base + p_said[i + 2] AS life, v_base + p_said[i + 3] AS first_tick,
                   CASE WHEN p_said[i + 4] >= 0 AND p_said[i + 4] < p_up_to THEN v_base + p_said[i + 4] END AS last_tick,
                   p_said[i + 5] AS kib, p_said[i + 6] = 1 AS counted
              FROM unnest(p_i) AS i) AS said
      LEFT JOIN (SELECT segment, life, first_tick, last_tick, kib, counted FROM segment_row
                  WHERE store_no = p_no AND (p_hours IS NULL OR hour = ANY (p_hours))
                    AND segment = ANY (ARRAY(SELECT v_base + p_said[i + 1] FROM unnest(p_i) AS i))
                 UNION ALL
                 SELECT segment, life, first_tick, last_tick, kib, counted FROM segment_ahead
                  WHERE store_no = p_no AND p_hours IS NULL) AS r ON r.segment = said.segment
     WHERE r.segment IS NULL
        OR (r.life, r.first_tick, r.kib, r.counted) <> (said.life, said.first_tick, said.kib, said.counted)
        OR (said.last_tick IS NOT NULL AND said.last_tick IS DISTINCT FROM r.last_tick);
    RETURN ship_note(p_no, v_found);
END
$$;

-- Ends that came first meet their beginnings.
CREATE FUNCTION ship_segments_behind(p_no int) RETURNS bigint LANGUAGE plpgsql AS $$
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
    WITH met AS (
        DELETE FROM segment_ahead AS a
         USING segment_row AS r
         WHERE a.store_no = p_no AND r.segment = a.segment AND r.store_no = p_no
        RETURNING to_jsonb(r) - 'hour' AS stored, to_jsonb(a) AS said, a.segment
    )
    SELECT jsonb_agg(ship_differs('segment', met.segment, met.stored, met.said)) INTO v_found
      FROM met
     WHERE met.stored <> met.said;
    RETURN ship_note(p_no, v_found);
END
$$;

-- ---- ticks ----

-- The ticks of packs, whether they are shown or not yet.
CREATE FUNCTION ship_stored_ticks(p_no int, p_hour int, p_from bigint, p_to bigint)
    RETURNS TABLE (tick bigint, late_ns bigint, utc_diff_ns bigint, window_ns bigint, synchronised bigint,
                   domains bigint, kib bigint) LANGUAGE sql STABLE AS $$
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
 WHERE t.tick >= p_from AND t.tick <= p_to
$$;

-- p_said: tick, late_ns, utc_diff_ns, window_ns, synchronised, domains, kib.
CREATE FUNCTION ship_ticks(p_no int, p_from bigint[], p_to bigint[], p_is_again boolean, p_after bigint, p_up_to bigint,
                           p_hour int, p_rows jsonb, p_said bigint[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_base bigint := p_no * 1000000000000;
    v_count int := ship_rows('ticks', p_said, 7, 20000);
    v record;
BEGIN
    IF v_count = 0 OR p_said[v_count * 7 - 6] <> p_up_to OR p_said[1] <= p_after THEN
        PERFORM ship_refuse('its ticks do not lead from behind its beginning to its end');
    END IF;
    SELECT bool_or((i > 0 AND p_said[i + 1] <= p_said[i - 6]) OR p_said[i + 4] < 0 OR p_said[i + 5] NOT BETWEEN 0 AND 1
                   OR p_said[i + 6] NOT BETWEEN 0 AND 1000000 OR p_said[i + 7] < 0) AS is_bad,
           min(p_said[i + 2]) AS late, max(p_said[i + 2]) AS late_most, min(p_said[i + 3]) AS diff,
           max(p_said[i + 3]) AS diff_most, min(p_said[i + 4]) AS win, max(p_said[i + 4]) AS win_most,
           min(p_said[i + 5]) AS synchronised, max(p_said[i + 5]) AS synchronised_most,
           min(p_said[i + 6]) AS domains, max(p_said[i + 6]) AS domains_most, min(p_said[i + 7]) AS kib,
           max(p_said[i + 7]) AS kib_most
      INTO v FROM generate_series(0, v_count * 7 - 7, 7) AS i;
    IF v.is_bad THEN
        PERFORM ship_refuse('a tick has numbers that no store has, or is not behind the one before it');
    END IF;
    IF p_is_again OR p_rows ? 'restart' OR v.synchronised <> v.synchronised_most OR p_up_to - p_said[1] > 2147483647
            OR ship_far(v.late_most, v.late) + ship_far(v.diff_most, v.diff) + ship_far(v.win_most, v.win)
                   + ship_far(v.kib_most, v.kib) > 0 THEN
        RETURN ship_ticks_apart(p_no, p_from, p_to, p_is_again, p_after, p_up_to, p_hour, p_rows, p_said);
    END IF;
    INSERT INTO tick_pack (first_tick, last_tick, late_base, utc_diff_base, window_base, kib_base, store_no, hour, ticks,
                           domains_base, synchronised, offsets, late_ns, utc_diff_ns, window_ns, held_from, domains, kib)
    SELECT v_base + p_said[1], v_base + p_up_to, v.late, v.diff, v.win, v.kib, p_no, p_hour, v_count, v.domains,
           v.synchronised = 1,
           CASE WHEN p_up_to - p_said[1] >= v_count
                THEN ARRAY(SELECT (p_said[i + 1] - p_said[1])::int FROM generate_series(0, v_count * 7 - 7, 7) AS i) END,
           CASE WHEN v.late_most > v.late
                THEN ARRAY(SELECT (p_said[i + 2] - v.late)::int FROM generate_series(0, v_count * 7 - 7, 7) AS i) END,
           CASE WHEN v.diff_most > v.diff
                THEN ARRAY(SELECT (p_said[i + 3] - v.diff)::int FROM generate_series(0, v_count * 7 - 7, 7) AS i) END,
           CASE WHEN v.win_most > v.win
                THEN ARRAY(SELECT (p_said[i + 4] - v.win)::int FROM generate_series(0, v_count * 7 - 7, 7) AS i) END,
           CASE WHEN cardinality(c.at) > 1 THEN c.at END,
           CASE WHEN v.domains_most > v.domains
                THEN ARRAY(SELECT (p_said[k * 7 + 6] - v.domains)::int FROM unnest(c.at) AS k) END,
           CASE WHEN v.kib_most > v.kib THEN ARRAY(SELECT (p_said[k * 7 + 7] - v.kib)::int FROM unnest(c.at) AS k) END
      FROM (SELECT ARRAY(SELECT k::smallint FROM generate_series(0, v_count - 1) AS k
                          WHERE k = 0 OR p_said[k * 7 + 6] <> p_said[k * 7 - 1] OR p_said[k * 7 + 7] <> p_said[k * 7]) AS at)
               AS c;
    RETURN 0;
END
$$;

-- The same of ticks that do not fit one pack: they are parted by what fits 31 bits beside the least of
-- them, by restart, and by what was delivered before.
CREATE FUNCTION ship_ticks_apart(p_no int, p_from bigint[], p_to bigint[], p_is_again boolean, p_after bigint, p_up_to bigint,
                                 p_hour int, p_rows jsonb, p_said bigint[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_base bigint := p_no * 1000000000000;
    v_count int := cardinality(p_said) / 7;
    v_breaks bigint[];
    v_found jsonb;
BEGIN
    v_breaks := ARRAY(SELECT v_base + p_said[1]
                      UNION
                      SELECT v_base + (r ->> 0)::bigint FROM jsonb_array_elements(coalesce(p_rows -> 'restart', '[]')) AS r
                      UNION
                      SELECT t.tick + 1 FROM unnest(p_from || p_to) AS t (tick) WHERE p_is_again
                       ORDER BY 1);
    INSERT INTO tick_pack (first_tick, last_tick, late_base, utc_diff_base, window_base, kib_base, store_no, hour, ticks,
                           domains_base, synchronised, offsets, late_ns, utc_diff_ns, window_ns, held_from, domains, kib)
    SELECT min(t.tick), max(t.tick), t.late_base, t.diff_base, t.window_base, t.kib_base, p_no, p_hour, count(*),
           t.domains_base, t.synchronised = 1,
           CASE WHEN max(t.tick) - min(t.tick) >= count(*) THEN array_agg((t.tick - t.first_tick)::int ORDER BY t.tick) END,
           CASE WHEN max(t.late) > t.late_base THEN array_agg((t.late - t.late_base)::int ORDER BY t.tick) END,
           CASE WHEN max(t.diff) > t.diff_base THEN array_agg((t.diff - t.diff_base)::int ORDER BY t.tick) END,
           CASE WHEN max(t.win) > t.window_base THEN array_agg((t.win - t.window_base)::int ORDER BY t.tick) END,
           CASE WHEN count(*) FILTER (WHERE t.is_new) > 1
                THEN array_agg((t.place - 1)::smallint ORDER BY t.tick) FILTER (WHERE t.is_new) END,
           CASE WHEN max(t.domains) > t.domains_base
                THEN array_agg((t.domains - t.domains_base)::int ORDER BY t.tick) FILTER (WHERE t.is_new) END,
           CASE WHEN max(t.kib) > t.kib_base
                THEN array_agg((t.kib - t.kib_base)::int ORDER BY t.tick) FILTER (WHERE t.is_new) END
      FROM (SELECT k.*, dense_rank() OVER key AS pack, row_number() OVER pack AS place,
                   first_value(k.tick) OVER pack AS first_tick,
                   min(k.late) OVER whole AS late_base, min(k.diff) OVER whole AS diff_base, min(k.win) OVER whole AS window_base,
                   min(k.domains) OVER whole AS domains_base, min(k.kib) OVER whole AS kib_base,
                   (k.domains, k.kib) IS DISTINCT FROM (lag(k.domains) OVER pack, lag(k.kib) OVER pack) AS is_new
              FROM (SELECT d.*, width_bucket(d.tick, v_breaks) AS part, (d.tick - min(d.tick) OVER ()) >> 31 AS tick_key,
                           ship_far(d.late, min(d.late) OVER ()) AS late_key, ship_far(d.diff, min(d.diff) OVER ()) AS diff_key,
                           ship_far(d.win, min(d.win) OVER ()) AS win_key, ship_far(d.kib, min(d.kib) OVER ()) AS kib_key
                      FROM (SELECT v_base + p_said[i + 1] AS tick, p_said[i + 2] AS late, p_said[i + 3] AS diff,
                                   p_said[i + 4] AS win, p_said[i + 5] AS synchronised, p_said[i + 6] AS domains, p_said[i + 7] AS kib
                              FROM generate_series(0, v_count * 7 - 7, 7) AS i
                             WHERE NOT p_is_again OR NOT ship_has(p_from, p_to, v_base + p_said[i + 1])) AS d) AS k
            WINDOW key AS (ORDER BY k.part, k.tick_key, k.late_key, k.diff_key, k.win_key, k.kib_key, k.synchronised),
                   whole AS (PARTITION BY k.part, k.tick_key, k.late_key, k.diff_key, k.win_key, k.kib_key, k.synchronised),
                   pack AS (PARTITION BY k.part, k.tick_key, k.late_key, k.diff_key, k.win_key, k.kib_key, k.synchronised
                            ORDER BY k.tick)) AS t
     GROUP BY t.pack, t.late_base, t.diff_base, t.window_base, t.domains_base, t.kib_base, t.synchronised
        ON CONFLICT DO NOTHING;
    IF p_is_again THEN
        SELECT jsonb_agg(ship_differs('tick', said.tick, to_jsonb(r), to_jsonb(said))) INTO v_found
          FROM (SELECT v_base + p_said[i + 1] AS tick, p_said[i + 2] AS late_ns, p_said[i + 3] AS utc_diff_ns,
                       p_said[i + 4] AS window_ns, p_said[i + 5] AS synchronised, p_said[i + 6] AS domains, p_said[i + 7] AS kib
                  FROM generate_series(0, v_count * 7 - 7, 7) AS i) AS said
          LEFT JOIN ship_stored_ticks(p_no, p_hour, v_base + p_after + 1, v_base + p_up_to) AS r ON r.tick = said.tick
         WHERE to_jsonb(r) IS DISTINCT FROM to_jsonb(said);
    END IF;
    RETURN ship_note(p_no, v_found);
END
$$;

-- How many times 2^31 a value is from the least; the difference may not fit 63 bits.
CREATE FUNCTION ship_far(p_value bigint, p_least bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
SELECT CASE WHEN p_value < 4611686018427387904 AND p_least > -4611686018427387904 THEN (p_value - p_least) >> 31
            ELSE div(p_value::numeric - p_least, 2147483648)::bigint END
$$;

-- ---- the batch ----

-- The number of a store. It is the caller's until the end of the transaction, so that one batch of it is
-- stored at a time.
CREATE FUNCTION ship_store(p_host text, p_store text, p_number bigint, p_created_ns bigint, p_restored_from text,
                           p_restored_after bigint) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    v_store store;
    v_from int;
    v_after bigint;
BEGIN
    SELECT s.* INTO v_store FROM store AS s WHERE s.store = p_store FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        LOCK TABLE store IN SHARE ROW EXCLUSIVE MODE;
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
        RETURN v_store.store_no;
    END IF;
    IF (SELECT count(*) FROM store AS s WHERE s.host = p_host) >= 1000 THEN
        RAISE EXCEPTION 'host % has 1000 stores already', p_host
            USING HINT = 'A store is made once, and anew when a backup is restored: look who makes so many.';
    END IF;
    INSERT INTO store (store_no, store, host, number, created_ns, after_tick, restored_from)
    SELECT coalesce(max(s.store_no), 0) + 1, p_store, p_host, p_number, p_created_ns, v_after, v_from FROM store AS s
    RETURNING store_no INTO v_store.store_no;
    RETURN v_store.store_no;
END
$$;

-- The ranges that this one touches become one with it.
CREATE FUNCTION ship_deliver(p_no int, p_after bigint, p_up_to bigint, p_begin bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_from bigint;
    v_to bigint;
    v_touched int;
BEGIN
    SELECT min(d.after_tick), max(d.up_to_tick), count(*) INTO v_from, v_to, v_touched
      FROM delivered AS d
     WHERE d.store_no = p_no AND d.after_tick <= p_up_to AND d.up_to_tick >= p_after;
    IF v_touched = 1 AND v_from <= p_after THEN
        UPDATE delivered AS d SET up_to_tick = greatest(v_to, p_up_to)
         WHERE d.store_no = p_no AND d.after_tick = v_from AND d.up_to_tick < p_up_to;
        RETURN;
    END IF;
    DELETE FROM delivered AS d WHERE d.store_no = p_no AND d.after_tick <= p_up_to AND d.up_to_tick >= p_after;
    INSERT INTO delivered (store_no, after_tick, up_to_tick, is_whole)
    VALUES (p_no, least(v_from, p_after), greatest(v_to, p_up_to), least(v_from, p_after) = p_begin);
END
$$;

-- Stores a batch of the host whose role is connected. `after` = `up_to` and no rows: stores nothing, and
-- tells what is there. Numbers are the store's own. rows:
--   {"boot": [[boot, uuid, first_tick, tick_base]],
--    "restart": [[tick, version, interval_ns, max_gap_ns, mono_ns, utc_offset_ns]],
--    "gap": [[tick, from_tick, span_ns, cause]], "clock_step": [[tick, step_ns]],
--    "hour_cut": [[tick, hour, first_segment]],
--    "life": [[life, boot, domid, vm, first_tick, ran_tick, counted_tick, last_tick, billed]]}
-- Returns the tick up to which nothing is missing, and how many rows contradict what is there. Plans are
-- made once a session, and by indexes: what tables of a first batch look like must not decide of the next.
CREATE FUNCTION ship(protocol int, store text, store_number bigint, store_created_ns bigint, restored_from text,
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
    v_host text;
    v_begin bigint := coalesce(restored_after, -1);
    v_no int;
    v_base bigint;
    v_from bigint[];
    v_to bigint[];
    v_is_again boolean;
    v_conflicts bigint := 0;
    v_key text;
BEGIN
    -- what is confirmed may be pruned by the host: it must be on the disk, whatever the session or the server
    -- prefers
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    SELECT r.host INTO v_host FROM host_role AS r WHERE r.role = session_user;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'role % delivers for no host', session_user
            USING HINT = 'Who keeps the database says which host a role is of: pagemeter db host.',
                  ERRCODE = 'insufficient_privilege';
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
        PERFORM make_month(p_hour);
        v_conflicts := ship_ticks(v_no, v_from, v_to, v_is_again, p_after, p_up_to, p_hour::int, p_rows, p_ticks)
            + ship_events(v_no, v_from, v_to, p_after, p_up_to, v_begin, p_hour, p_ticks[1], p_rows)
            + ship_lives(v_no, v_from, v_to, p_after, p_up_to, v_begin, p_rows)
            + ship_segments(v_no, v_from, v_to, v_is_again, p_after, p_up_to, v_begin, p_hour::int, segments);
        PERFORM ship_deliver(v_no, v_base + p_after, v_base + p_up_to, v_base + v_begin);
    ELSIF coalesce(cardinality(p_ticks), 0) + coalesce(cardinality(segments), 0) > 0
            OR coalesce(p_rows, '{}') <> '{}' THEN
        PERFORM ship_refuse('it is of no tick, and has rows');
    END IF;
    RETURN QUERY SELECT coalesce((SELECT m.whole_to % 1000000000000 FROM store_mark AS m WHERE m.store_no = v_no), v_begin),
                        v_conflicts;
END
$$;
