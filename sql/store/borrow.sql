-- Where what postgres/borrow.sql reads goes: '' is null.

-- :name BORROW_STORE
INSERT INTO store (number, store, created_ns) VALUES (?1, ?2, ?3);

-- :name BORROW_HOST
INSERT INTO host (host) VALUES (?1);

-- :name BORROW_BOOT
INSERT INTO boot (boot, boot_uuid, first_tick, tick_base) VALUES (?1, ?2, ?3, ?4);

-- :name BORROW_RESTART
INSERT INTO restart (tick, version, interval_ns, max_gap_ns, mono_ns, utc_offset_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6);

-- :name BORROW_CUT
INSERT INTO hour_cut (tick, hour, first_segment) VALUES (?1, ?2, ?3);

-- :name BORROW_TICK
INSERT INTO tick (tick, late_ns, utc_diff_ns, window_ns, synchronised, domains, kib) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- :name BORROW_LIFE
INSERT INTO life (life, boot, domid, vm, first_tick, ran_tick, counted_tick, last_tick, billed)
VALUES (?1, ?2, ?3, ?4, ?5, nullif(?6, ''), nullif(?7, ''), nullif(?8, ''), ?9);

-- :name BORROW_SEGMENT
INSERT INTO segment (segment, life, first_tick, last_tick, kib, counted) VALUES (?1, ?2, ?3, nullif(?4, ''), ?5, ?6);

-- :name BORROW_DERIVED
INSERT INTO derived (one, tick) SELECT 1, max(tick) FROM hour_cut HAVING max(tick) IS NOT NULL;
