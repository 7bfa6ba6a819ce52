"""Batches of a host's store, as ship() takes them: written again here, from docs/fleet.md.

A batch (after, up_to] has every row whose beginning or end was recorded in it, as of up_to.
"""

import json
import sqlite3

from server import literal


class Local:
    """A store as `pagemeter replay` makes it, read for shipping."""

    def __init__(self, path, store=None):
        """store: 0, 1, ...: of those that the file was restored from; the last is its own."""
        self.db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        self.host = self.one("SELECT host FROM host")
        chain = self.db.execute("SELECT number, store, created_ns, after_tick FROM store ORDER BY number").fetchall()
        place = len(chain) - 1 if store is None else store
        self.number, self.store, self.created_ns, after = chain[place]
        self.restored_from = chain[place - 1][1] if after is not None else None
        self.begin = -1 if after is None else after
        self.end = chain[place + 1][3] if place + 1 < len(chain) else self.one("SELECT max(tick) FROM tick")
        self.ticks = [row[0] for row in self.ask("SELECT tick FROM tick WHERE tick > ? AND tick <= ? ORDER BY tick",
                                                 self.begin, self.end)]
        self.cuts = self.ask("SELECT tick, hour FROM hour_cut ORDER BY tick")

    def ask(self, sql, *values):
        return self.db.execute(sql, values).fetchall()

    def one(self, sql, *values):
        return self.db.execute(sql, values).fetchone()[0]

    def hour(self, tick):
        return max(cut for cut in self.cuts if cut[0] <= tick)[1]

    def is_cut(self, tick):
        return any(cut[0] == tick for cut in self.cuts)

    def cut_into(self, most, pick=None):
        """Batches of at most so many ticks, or of a random number up to that; none goes over a cut."""
        after, count, size = self.begin, 0, pick.randint(1, most) if pick else most
        for i, tick in enumerate(self.ticks):
            count += 1
            is_last = i + 1 == len(self.ticks)
            if is_last or count == size or self.is_cut(self.ticks[i + 1]):
                yield after, tick
                after, count, size = tick, 0, pick.randint(1, most) if pick else most

    def batch(self, after, up_to):
        def lists(sql):
            return [list(row) for row in self.ask(sql, after, up_to)]

        first = self.one("SELECT min(tick) FROM tick WHERE tick > ?", after)
        rows = {
            "boot": lists("SELECT boot, boot_uuid, first_tick, tick_base FROM boot WHERE first_tick > ? AND first_tick <= ?"),
            "restart": lists("SELECT tick, version, interval_ns, max_gap_ns, mono_ns, utc_offset_ns FROM restart"
                             " WHERE tick > ? AND tick <= ?"),
            "gap": lists("SELECT tick, from_tick, span_ns, cause FROM gap WHERE tick > ? AND tick <= ?"),
            "clock_step": lists("SELECT tick, step_ns FROM clock_step WHERE tick > ? AND tick <= ?"),
            "hour_cut": lists("SELECT tick, hour, first_segment FROM hour_cut WHERE tick > ? AND tick <= ?"),
            "life": [list(row) for row in self.ask(
                "SELECT life, boot, domid, vm, first_tick, CASE WHEN ran_tick <= ?2 THEN ran_tick END,"
                " CASE WHEN counted_tick <= ?2 THEN counted_tick END, CASE WHEN last_tick < ?2 THEN last_tick END, billed"
                " FROM life WHERE first_tick > ?3 AND first_tick <= ?2 AND (first_tick > ?1 OR (ran_tick > ?1 AND ran_tick <= ?2)"
                " OR (counted_tick > ?1 AND counted_tick <= ?2) OR (last_tick >= ?1 AND last_tick < ?2))",
                after, up_to, self.begin)],
        }
        if self.begin >= 0 and after == self.begin:  # the boot that it goes on in
            rows["boot"] += [list(row) for row in self.ask(
                "SELECT boot, boot_uuid, first_tick, tick_base FROM boot WHERE first_tick <= ? ORDER BY boot DESC LIMIT 1",
                after)]
        ticks = self.ask("SELECT tick, late_ns, utc_diff_ns, window_ns, synchronised, domains, kib FROM tick"
                         " WHERE tick > ? AND tick <= ? ORDER BY tick", after, up_to)
        segments = self.ask(
            "SELECT segment, life, first_tick, CASE WHEN last_tick < ?2 THEN last_tick ELSE -1 END, kib, counted FROM segment"
            " WHERE first_tick > ?3 AND first_tick <= ?2 AND (first_tick > ?1 OR (last_tick >= ?1 AND last_tick < ?2))"
            " ORDER BY segment", after, up_to, self.begin)
        return {"protocol": 1, "store": self.store, "store_number": self.number, "store_created_ns": self.created_ns,
                "restored_from": self.restored_from, "restored_after": None if self.restored_from is None else self.begin,
                "after": after, "up_to": up_to, "hour": self.hour(first), "rows": {k: v for k, v in rows.items() if v},
                "ticks": [list(row) for row in ticks], "segments": [list(row) for row in segments]}


def call(batch):
    """The SQL that delivers it."""
    def array(rows):
        return "'{" + ",".join("NULL" if value is None else str(value) for row in rows for value in row) + "}'"

    values = [literal(batch[name]) for name in ("protocol", "store", "store_number", "store_created_ns", "restored_from",
                                                "restored_after", "after", "up_to", "hour")]
    values += [literal(json.dumps(batch["rows"])), array(batch["ticks"]), array(batch["segments"])]
    return f"SELECT * FROM meter.ship({', '.join(values)});"
