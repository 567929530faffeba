"""What the answers must be, computed from the rows that were written, with nothing but Python."""

from dify_rows import DOUBLE, LONG, key_types, utc_date


class Oracle:
    def __init__(self, rows):
        self.rows = rows

    def where(self, logstore, **equal):
        return [
            row
            for row in self.rows
            if row.logstore == logstore and all(row[name] == value for name, value in equal.items())
        ]


def finished(rows):
    """`finished_at IS NOT NULL`, where an empty text counts as NULL."""
    return [row for row in rows if row["finished_at"] != ""]


def latest(rows, key="id"):
    """The row with the numerically greatest `log_version` for each value of `key`."""
    best = {}
    for row in rows:
        seen = best.get(row[key])
        if seen is None or row.version > seen.version:
            best[row[key]] = row
    return best


def cells(row, logstore, names=None):
    """A row in the form that `cells_of_answer` gives."""
    types = key_types(logstore)
    return {name: typed(types[name], row[name]) for name in (names or types)}


def cells_of_answer(answer, logstore, names=None):
    types = key_types(logstore)
    return {name: typed(types[name], answer.get(name, "<column missing>")) for name in (names or types)}


def typed(kind, text):
    """Numbers as numbers (0.0 and 0 are the same answer); everything else as the text it is."""
    if text == "" or text.startswith("<"):
        return text
    if kind == LONG:
        return int(text)
    if kind == DOUBLE:
        return float(text)
    return text


def days(rows):
    """Rows by day. A row whose day depends on a clock other than ours makes the answer unknowable."""
    groups = {}
    for row in rows:
        if utc_date(row.earliest) != utc_date(row.latest):
            raise RuntimeError("the rows were written across midnight UTC; run the program again")
        groups.setdefault(utc_date(row.earliest), []).append(row)
    return groups


def order_is_possible(answer, candidates, limit):
    """
    Whether `answer` (ids) may be the newest `limit` of `candidates` (rows by id), newest first. The time of a row
    is known within a second or two when the server stamped it, so neighbours may only overlap.
    """
    if len(answer) != min(limit, len(candidates)) or len(set(answer)) != len(answer):
        return False
    chosen = [candidates.get(name) for name in answer]
    if any(row is None for row in chosen):
        return False
    if any(one.latest < other.earliest for one, other in zip(chosen, chosen[1:])):
        return False
    left = [row for name, row in candidates.items() if name not in set(answer)]
    return all(row.latest >= other.earliest for row in chosen for other in left)
