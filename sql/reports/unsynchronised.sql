-- unsynchronised: hours in which usage was placed by a clock that was not synchronised.
--
-- How much is billed does not depend on the wall clock, but in which hour it is, and so at which price
-- and in which month.
SELECT strftime('%Y-%m-%dT%H:%M:%SZ', utc_ns / 3600000000000 * 3600, 'unixepoch') AS hour,
       count(*) AS ticks, sum(CASE WHEN synchronised = 0 THEN 1 ELSE 0 END) AS unsynchronised
  FROM tick_time
 WHERE domains > 0
 GROUP BY utc_ns / 3600000000000
HAVING sum(CASE WHEN synchronised = 0 THEN 1 ELSE 0 END) > 0
 ORDER BY utc_ns / 3600000000000;
