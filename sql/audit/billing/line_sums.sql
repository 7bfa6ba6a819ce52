-- line_sums: posted * D + carry = carry_in + n + transfers, with a carry of at least 0 and less than D,
-- for each line: D is the numerator of one penny, and less than a penny is carried.
--
-- Exactly so in sealed months. In open ones pennies are taken of the hour that is not over, too, and n
-- does not have that yet: so the carry may be below 0, by no more than what the VM can have come to
-- since then (the most that it held, at the highest price that its account ever had). And what the
-- month before handed on may not have been looked at yet.
--
-- D = 37748736 * 10^20 for GiB*h, 3515625 * 10^21 for GB*h; pennies times it, in limbs.
WITH
state AS (
    SELECT (SELECT coalesce(max(month), -1) FROM period) AS sealed,
           (SELECT CASE WHEN count(*) > 0 AND count(*) = count(n.store) THEN 1 ELSE 0 END
              FROM charged AS c
              LEFT JOIN standing AS n
                ON n.store = c.store AND c.tick + n.base >= coalesce(n.pruned_tick, c.tick + n.base))
               AS is_known
),
-- what VMs can have come to since the ticks that were charged
step AS (
    SELECT n.store_no,
           CASE WHEN b.boot IS NULL THEN t.mono_ns - lag(t.mono_ns) OVER (PARTITION BY n.store_no ORDER BY t.tick)
                ELSE 0 END AS ns
      FROM charged AS c
      JOIN standing AS n ON n.store = c.store
      JOIN tick_time AS t ON t.tick / n.store_size = n.store_no AND t.tick >= c.tick + n.base
      LEFT JOIN boot AS b ON b.first_tick = t.tick
),
span AS (
    SELECT store_no, CAST(coalesce(sum(ns), 0) AS bigint) / 1000000000 + 1 AS s FROM step GROUP BY store_no
),
most AS (
    SELECT n.store_no, l.vm, l.life, max(g.kib) AS kib
      FROM charged AS c
      JOIN standing AS n ON n.store = c.store
      JOIN segment AS g ON g.first_tick / n.store_size = n.store_no AND g.first_tick >= c.tick + n.base
      JOIN life AS l ON l.life = g.life AND l.billed = 1
     WHERE g.counted = 1
     GROUP BY n.store_no, l.vm, l.life
),
held AS (
    SELECT m.vm, CAST(sum(m.kib * n.s) AS bigint) AS kib_s
      FROM most AS m JOIN span AS n ON n.store_no = m.store_no
     GROUP BY m.vm
),
part AS (
    SELECT l.line, h.kib_s, 0 AS kib_s_frac, max(t.nano_pennies) AS nano_pennies
      FROM line AS l
      JOIN state AS s ON l.month > s.sealed
      JOIN held AS h ON h.vm = l.vm
      JOIN tariff AS t ON t.account IN (l.account, '') AND t.currency = l.currency AND t.unit = l.unit
     GROUP BY l.line, h.kib_s
),
-- KiB*ns times nano-pennies in limbs: floor, the sign apart, six digits at a time, so that all fits 63
-- bits
whole AS (
    SELECT line, nano_pennies, kib_s + kib_s_frac / 1000000000 AS s, kib_s_frac % 1000000000 AS f
      FROM part
),
size AS (
    SELECT line, nano_pennies, CASE WHEN s < 0 THEN -1 ELSE 1 END AS sign,
           CASE WHEN s >= 0 THEN s WHEN f = 0 THEN -s ELSE -1 - s END AS s,
           CASE WHEN s >= 0 OR f = 0 THEN f ELSE 1000000000 - f END AS f
      FROM whole
),
digit AS (
    SELECT line, sign, nano_pennies % 1000000 AS p0, nano_pennies / 1000000 AS p1,
           f % 1000000 AS u0, f / 1000000 + s % 1000 * 1000 AS u1, s / 1000 % 1000000 AS u2,
           s / 1000000000 % 1000000 AS u3, s / 1000000000000000 AS u4
      FROM size
),
product AS (
    SELECT line, sign, u0 * p0 + (u0 * p1 + u1 * p0) * 1000000 AS low,
           u1 * p1 + u2 * p0 + (u2 * p1 + u3 * p0) * 1000000 AS middle,
           u3 * p1 + u4 * p0 + u4 * p1 * 1000000 AS high
      FROM digit
),
numerator AS (
    SELECT line, sign * (high + (middle + low / 1000000000000) / 1000000000000) AS high,
           sign * ((middle + low / 1000000000000) % 1000000000000) AS middle,
           sign * (low % 1000000000000) AS low
      FROM product
),
moved AS (
    SELECT line, CAST(sum(high) AS bigint) AS high, CAST(sum(middle) AS bigint) AS middle,
           CAST(sum(low) AS bigint) AS low
      FROM ledger
     WHERE kind = 'transfer'
     GROUP BY line
),
carry AS (
    SELECT l.line, l.month, l.unit,
           l.carry_in_high + l.n_high + coalesce(m.high, 0)
               - CASE l.unit WHEN 'GiBh' THEN l.posted * 3774 + l.posted / 10000 * 8736
                      ELSE l.posted * 3515 + l.posted / 1000 * 625 END AS high,
           l.carry_in_middle + l.n_middle + coalesce(m.middle, 0)
               - CASE l.unit WHEN 'GiBh' THEN l.posted % 10000 * 873600000000
                      ELSE l.posted % 1000 * 625000000000 END AS middle,
           l.carry_in_low + l.n_low + coalesce(m.low, 0) AS low
      FROM line AS l LEFT JOIN moved AS m ON m.line = l.line
),
-- what must not be below 0: the carry, and what it lacks to a penny, less 1
bound AS (
    SELECT c.line, 'carry' AS what, c.high, c.middle, c.low
      FROM carry AS c JOIN state AS s ON c.month <= s.sealed
    UNION ALL
    SELECT c.line, 'carry', c.high + coalesce(n.high, 0), c.middle + coalesce(n.middle, 0),
           c.low + coalesce(n.low, 0)
      FROM carry AS c
      JOIN state AS s ON c.month > s.sealed AND s.is_known = 1
      LEFT JOIN numerator AS n ON n.line = c.line
    UNION ALL
    SELECT c.line, 'penny',
           CASE c.unit WHEN 'GiBh' THEN 3774 ELSE 3515 END - c.high
               + CASE WHEN c.month > s.sealed THEN l.carry_in_high ELSE 0 END,
           CASE c.unit WHEN 'GiBh' THEN 873600000000 ELSE 625000000000 END - c.middle
               + CASE WHEN c.month > s.sealed THEN l.carry_in_middle ELSE 0 END,
           -1 - c.low + CASE WHEN c.month > s.sealed THEN l.carry_in_low ELSE 0 END
      FROM carry AS c
      CROSS JOIN state AS s
      JOIN line AS l ON l.line = c.line
),
-- carried over, so that only the highest limb has a sign
carried_low AS (
    SELECT line, what, high, (low % 1000000000000 + 1000000000000) % 1000000000000 AS low,
           middle + (low - (low % 1000000000000 + 1000000000000) % 1000000000000) / 1000000000000 AS middle
      FROM bound
),
rest AS (
    SELECT line, what, low, (middle % 1000000000000 + 1000000000000) % 1000000000000 AS middle,
           high + (middle - (middle % 1000000000000 + 1000000000000) % 1000000000000) / 1000000000000
               AS high
      FROM carried_low
)
SELECT l.line, l.account, l.vm, l.currency, l.unit, 1970 + l.month / 12 AS year, l.month % 12 + 1 AS month,
       l.posted, r.high, r.middle, r.low,
       CASE r.what WHEN 'carry' THEN 'posted is more than has come together, by so much (below 0)'
            ELSE 'more than a penny is carried, by so much (below 0)' END AS finding
  FROM rest AS r JOIN line AS l ON l.line = r.line
 WHERE r.high < 0
 ORDER BY l.line;
