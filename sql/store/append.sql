-- What pagemeterd writes: one transaction per tick.

-- :name INSERT_TICK
INSERT INTO tick (tick, late_ns, utc_diff_ns, window_ns, synchronised, domains, kib)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- :name INSERT_SEGMENT
INSERT INTO segment (segment, life, first_tick, kib, counted) VALUES (?1, ?2, ?3, ?4, ?5);

-- :name CLOSE_SEGMENT
UPDATE segment SET last_tick = ?2 WHERE segment = ?1;

-- :name INSERT_LIFE
INSERT INTO life (life, boot, domid, vm, first_tick, billed)
VALUES (?1, (SELECT max(boot) FROM boot), ?2, ?3, ?4, ?5);

-- :name LIFE_RAN
UPDATE life SET ran_tick = ?2 WHERE life = ?1;

-- :name LIFE_COUNTED
UPDATE life SET counted_tick = ?2 WHERE life = ?1;

-- :name CLOSE_LIFE
UPDATE life SET last_tick = ?2 WHERE life = ?1;

-- :name INSERT_BOOT
INSERT INTO boot (boot_uuid, first_tick, tick_base) VALUES (?1, ?2, ?3);

-- :name FORGET_BOOT_ANNOUNCED
DELETE FROM boot_announced;

-- :name ANNOUNCE_BOOT
INSERT INTO boot_announced (one, boot_uuid) VALUES (1, ?1)
ON CONFLICT (one) DO UPDATE SET boot_uuid = excluded.boot_uuid;

-- :name INSERT_RESTART
INSERT INTO restart (tick, version, interval_ns, max_gap_ns, mono_ns, utc_offset_ns)
VALUES (?1, ?2, ?3, ?4, ?5, ?6);

-- :name INSERT_GAP
INSERT INTO gap (tick, from_tick, span_ns, cause) VALUES (?1, ?2, ?3, ?4);

-- :name INSERT_CLOCK_STEP
INSERT INTO clock_step (tick, step_ns) VALUES (?1, ?2);

-- :name INSERT_HOUR_CUT
INSERT INTO hour_cut (tick, hour, first_segment) VALUES (?1, ?2, ?3);

-- :name INSERT_HOST
INSERT INTO host (host) VALUES (?1);
