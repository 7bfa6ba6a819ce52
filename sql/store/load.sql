-- Where a store stands.

-- :name SELECT_HOST
SELECT host FROM host;

-- :name SELECT_BOOT_ANNOUNCED
SELECT boot_uuid FROM boot_announced;

-- :name SELECT_BOOT
SELECT boot FROM boot WHERE boot_uuid = ?1;

-- :name SELECT_STORE
SELECT store FROM store ORDER BY number DESC LIMIT 1;

-- :name SELECT_LAST_TICK
SELECT t.tick, t.mono_ns, t.utc_ns, b.boot_uuid, b.tick_base
  FROM tick_time AS t, boot AS b
 WHERE t.tick = (SELECT max(tick) FROM tick)
   AND b.boot = (SELECT max(boot) FROM boot);

-- :name SELECT_NEXT_NUMBERS
SELECT coalesce((SELECT max(life) FROM life), 0) + 1,
       max(coalesce((SELECT max(segment) FROM segment), 0) + 1,
           coalesce((SELECT max(first_segment) FROM hour_cut), 1));

-- :name SELECT_OPEN_LIVES
SELECT l.life, l.domid, l.vm, l.ran_tick IS NOT NULL, l.counted_tick IS NOT NULL, l.billed,
       s.segment, s.kib, s.counted
  FROM life AS l
  JOIN segment AS s ON s.life = l.life AND s.last_tick IS NULL
   AND s.segment >= (SELECT max(first_segment) FROM hour_cut)
 WHERE l.last_tick IS NULL
 ORDER BY l.domid;

-- :name COUNT_OPEN_LIVES
SELECT count(*) FROM life WHERE last_tick IS NULL;
