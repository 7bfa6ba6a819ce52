-- balloon.db: what memory on demand keeps.

-- :name BALLOON_INSERT_DECISION
INSERT INTO decision (utc_ns, at_ns, domid, cause_number, cause_domid, before_kib, target_kib,
                      cap_kib, claim_kib, need_kib, available_kib, headroom_kib, tot_kib,
                      rate_kib_s, surplus_kib, vm, action, reason, failure, cause)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20);

-- :name BALLOON_INSERT_FIGURE
INSERT INTO figure (utc_ns, domid, fallback, tot_kib, target_kib, cap_kib, need_kib, headroom_kib,
                    flags, seq, up_ms, current_kib, total_kib, free_kib, available_kib, cached_kib,
                    swap_kib, swap_free_kib, committed_kib, swap_in, swap_out, refaults,
                    major_faults, oom_kills, stall_some_us, stall_full_us, vm, floor_kib, ceiling_kib)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
        ?21, ?22, ?23, ?24, ?25, ?26, ?27, nullif(?28, 0), nullif(?29, 0));

-- :name BALLOON_INSERT_ALERT
INSERT INTO alert (utc_ns, domid, vm, reason) VALUES (?1, ?2, ?3, ?4);

-- :name BALLOON_INSERT_LOST
INSERT INTO lost (utc_ns, entries) VALUES (?1, ?2);

-- the change first, while the old value is there
-- :name BALLOON_INSERT_CHANGE
INSERT INTO setting_change (utc_ns, who, scope, key, new, old)
VALUES (?1, ?2, ?3, ?4, ?5,
        coalesce((SELECT value FROM setting WHERE scope = ?3 AND key = ?4), ''));

-- :name BALLOON_SET
INSERT INTO setting (scope, key, value) VALUES (?1, ?2, ?3)
    ON CONFLICT (scope, key) DO UPDATE SET value = excluded.value;

-- :name BALLOON_UNSET
DELETE FROM setting WHERE scope = ?1 AND key = ?2;

-- :name BALLOON_INSERT_RESERVATION_CHANGE
INSERT INTO setting_change (utc_ns, who, scope, key, new, old)
VALUES (?1, ?2, CASE WHEN ?3 = '' THEN ?4 ELSE ?3 END, 'reservation', ?5,
        coalesce((SELECT size_kib || 'K' FROM reservation WHERE vm = ?3 AND name = ?4), ''));

-- :name BALLOON_RESERVE
INSERT INTO reservation (size_kib, expires_ns, vm, name) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (vm, name) DO UPDATE SET size_kib = excluded.size_kib,
                                         expires_ns = excluded.expires_ns;

-- :name BALLOON_UNRESERVE
DELETE FROM reservation WHERE vm = ?1 AND name = ?2;

-- :name BALLOON_SELECT_SETTINGS
SELECT scope, key, value FROM setting ORDER BY scope <> 'host', scope, key;

-- :name BALLOON_SELECT_RESERVATIONS
SELECT vm, name, size_kib, expires_ns FROM reservation ORDER BY vm, name;

-- :name BALLOON_SELECT_DECISIONS
SELECT utc_ns, at_ns, domid, cause_number, cause_domid, before_kib, target_kib, cap_kib, claim_kib,
       need_kib, available_kib, headroom_kib, tot_kib, rate_kib_s, surplus_kib,
       vm, action, reason, failure, cause
  FROM decision
 WHERE utc_ns >= ?1 AND utc_ns < ?2 AND (?3 = '' OR vm = ?3)
 ORDER BY utc_ns, decision;

-- :name BALLOON_SELECT_FIGURES
SELECT utc_ns, domid, fallback, tot_kib, target_kib, cap_kib, need_kib, headroom_kib,
       flags, seq, up_ms, current_kib, total_kib, free_kib, available_kib, cached_kib,
       swap_kib, swap_free_kib, committed_kib, swap_in, swap_out, refaults,
       major_faults, oom_kills, stall_some_us, stall_full_us, vm,
       coalesce(floor_kib, 0), coalesce(ceiling_kib, 0)
  FROM figure
 WHERE utc_ns >= ?1 AND utc_ns < ?2 AND (?3 = '' OR vm = ?3)
 ORDER BY utc_ns, figure;

-- a part at a time, so that what comes meanwhile need not wait long
-- :name BALLOON_PRUNE_DECISIONS
DELETE FROM decision WHERE decision IN (SELECT decision FROM decision WHERE utc_ns < ?1 LIMIT 50000);

-- :name BALLOON_PRUNE_FIGURES
DELETE FROM figure WHERE figure IN (SELECT figure FROM figure WHERE utc_ns < ?1 LIMIT 50000);

-- :name BALLOON_PRUNE_ALERTS
DELETE FROM alert WHERE alert IN (SELECT alert FROM alert WHERE utc_ns < ?1 LIMIT 50000);

-- :name BALLOON_PRUNE_LOSSES
DELETE FROM lost WHERE utc_ns < ?1;

-- :name BALLOON_COUNT
INSERT INTO tally (total, utc_ns, vm, what, reason, action, failure) VALUES (?1, ?2, ?3, ?4, ?5, '-', '-')
    ON CONFLICT (vm, what, action, reason, failure)
    DO UPDATE SET total = total + excluded.total, utc_ns = max(utc_ns, excluded.utc_ns);

-- :name BALLOON_COUNT_REACTION
INSERT INTO reaction (up_to_ms, total, ns) VALUES (?1, ?2, ?3)
    ON CONFLICT (up_to_ms) DO UPDATE SET total = total + excluded.total, ns = ns + excluded.ns;

-- :name BALLOON_SELECT_REACTIONS
SELECT up_to_ms, total, ns FROM reaction ORDER BY up_to_ms = 0, up_to_ms;

-- :name BALLOON_SELECT_TALLY
SELECT vm, what, action, reason, failure, total FROM tally ORDER BY vm, what, action, reason, failure;

-- :name BALLOON_SELECT_TALLY_OF_ALL
SELECT '', what, action, reason, failure, sum(total)
  FROM tally
 GROUP BY what, action, reason, failure
 ORDER BY what, action, reason, failure;

-- VMs of which nothing was counted since: theirs are the host's from now on, so that no sum goes back
-- :name BALLOON_ADD_UP_TALLY
INSERT INTO tally (vm, what, action, reason, failure, total, utc_ns)
SELECT '', what, action, reason, failure, sum(total), max(utc_ns)
  FROM tally
 WHERE vm IN (SELECT vm FROM tally WHERE vm <> '' GROUP BY vm HAVING max(utc_ns) < ?1)
 GROUP BY what, action, reason, failure
    ON CONFLICT (vm, what, action, reason, failure)
    DO UPDATE SET total = total + excluded.total, utc_ns = max(utc_ns, excluded.utc_ns);

-- :name BALLOON_PRUNE_TALLY
DELETE FROM tally WHERE vm IN (SELECT vm FROM tally WHERE vm <> '' GROUP BY vm HAVING max(utc_ns) < ?1);

-- the newest of each VM; +vm, or it would read the figures of all time in the order of an index
-- :name BALLOON_SELECT_LATEST
SELECT vm, max(utc_ns), target_kib, need_kib FROM figure WHERE utc_ns >= ?1 GROUP BY +vm;
