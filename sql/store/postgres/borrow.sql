-- What pagemeter replay needs of a store that it continues: what is open, and the hour that is. ?1 is the number of the
-- store; numbers are told as in the host's own file. Each has an INSERT of the same name in ../borrow.sql.

-- :name BORROW_FIND
SELECT s.store_no, CASE WHEN s.restored_from IS NULL THEN 0 ELSE 1 END
  FROM meter.store AS s
  JOIN meter.store_mark AS m ON m.store_no = s.store_no
 WHERE s.host = ?1
   AND NOT EXISTS (SELECT 1 FROM meter.retired AS r WHERE r.store_no = s.store_no)
 ORDER BY s.store_no;

-- :name BORROW_STORE
SELECT number, store, created_ns FROM meter.store WHERE store_no = ?1;

-- :name BORROW_HOST
SELECT host FROM meter.store WHERE store_no = ?1;

-- :name BORROW_BOOT
SELECT boot % 1000000000000, boot_uuid, first_tick % 1000000000000, tick_base - ?1 * 1000000000000
  FROM meter.boot WHERE store_no = ?1;

-- :name BORROW_RESTART
SELECT tick % 1000000000000, version, interval_ns, max_gap_ns, mono_ns, utc_offset_ns
  FROM meter.restart WHERE store_no = ?1;

-- :name BORROW_CUT
SELECT tick % 1000000000000, hour, first_segment % 1000000000000
  FROM meter.hour_cut WHERE store_no = ?1 ORDER BY tick DESC LIMIT 1;

-- :name BORROW_TICK
SELECT tick % 1000000000000, late_ns, utc_diff_ns, window_ns, synchronised, domains, kib
  FROM meter.tick
 WHERE store_no = ?1 AND tick >= (SELECT max(tick) FROM meter.hour_cut WHERE store_no = ?1);

-- :name BORROW_LIFE
SELECT life % 1000000000000, boot % 1000000000000, domid, vm, first_tick % 1000000000000, ran_tick % 1000000000000,
       counted_tick % 1000000000000, last_tick % 1000000000000, billed
  FROM meter.life WHERE store_no = ?1;

-- :name BORROW_SEGMENT
SELECT segment % 1000000000000, life % 1000000000000, first_tick % 1000000000000, last_tick % 1000000000000, kib, counted
  FROM meter.segment
 WHERE store_no = ?1
   AND segment >= (SELECT first_segment FROM meter.hour_cut WHERE store_no = ?1 ORDER BY tick DESC LIMIT 1);

-- :name BORROW_ADMIT
SELECT meter.admit_host(CAST(session_user AS text), ?1);

-- :name BORROW_RETURNED
-- nobody delivers for this host but who has just replayed
DELETE FROM meter.host_role WHERE role = session_user AND host = ?1;
