"""
Plays Dify against a log service: start-up, a thousand writes, every query, bad input. Prints one JSON object a line:
one for each check, and `{"event":"done"}` at the end. Configured by the environment variables that Dify itself reads.
"""

import json
import os
import sys
import time
from datetime import datetime, timezone

import sqlalchemy

from dify_extra import check_bad_input_http, check_bad_input_pg, check_search, check_session
from dify_oracle import Oracle
from dify_queries import Queries
from dify_rows import Generator, Row, stamp_version
from dify_startup import check_index, check_merge, start_up
from dify_transport import Http, Pg, Settings, make_client, probe_endpoint, resolve_to_loopback


class Report:
    """Prints the checks. A failed one carries what differs, cut to a readable length."""

    def __init__(self):
        self.checks = 0
        self.failed = 0

    def equal(self, name, transport, expected, actual):
        self.checks += 1
        line = {"check": name, "transport": transport, "ok": expected == actual}
        if expected != actual:
            self.failed += 1
            line["difference"] = difference(expected, actual)
        print(json.dumps(line, ensure_ascii=False), flush=True)

    def raises(self, name, transport, call):
        """Runs `call`, which must fail, and returns its error."""
        try:
            call()
        except Exception as error:
            return error
        self.equal(name, transport, "an error", "no error")
        return None


def difference(expected, actual):
    if isinstance(expected, dict) and isinstance(actual, dict):
        keys = [key for key in {**expected, **actual} if expected.get(key) != actual.get(key)]
        return {str(key): difference(expected.get(key), actual.get(key)) for key in keys[:5]}
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual) <= 3:
        return [difference(one, other) for one, other in zip(expected, actual)]
    return {"expected": repr(expected)[:600], "actual": repr(actual)[:600]}


def write_rows(rows, http, pg):
    """Half of the rows over each transport, in turns."""
    previous = None
    for number, row in enumerate(rows):
        stamp_version(row, previous)
        previous = row
        row.transport = "http" if number % 2 == 0 else "pg"
        before = int(time.time())
        if row.transport == "http":
            http.put(row.logstore, row.fields, row.stamp)
        else:
            row.stamp = None
            pg.put(row.logstore, row.fields)
        after = int(time.time())
        row.earliest, row.latest = (before, after) if row.stamp is None else (row.stamp, row.stamp)


def wait_for(condition, what, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {seconds} s for {what}")
        time.sleep(0.02)


def away_from_midnight():
    """The statistics are by day, so the writing must not cross midnight."""
    wait_for(lambda: time.time() % 86400 < 86400 - 90, "midnight UTC to pass", 100)


def compare_transports(report, http, pg):
    """The same query gives the same rows over HTTP and over PG, where both run it."""
    for name in http.answers:
        if name in pg.answers:
            report.equal(f"same over both: {name}", "both", http.answers[name], pg.answers[name])


def main():
    settings = Settings()
    if os.environ.get("DIFY_CONTRACT_RESOLVE"):
        resolve_to_loopback(os.environ["DIFY_CONTRACT_RESOLVE"])
    report = Report()
    if not os.environ.get("http_proxy"):
        probe_endpoint(settings.endpoint)
    client = make_client(settings)
    is_new, done = start_up(client, settings)
    print(json.dumps({"event": "started", "new": is_new, "index": done, "sqlalchemy": sqlalchemy.__version__}), flush=True)
    _, again = start_up(client, settings)
    report.equal("startup: the second start keeps both indexes", "http", {"kept"}, set(again.values()))
    check_index(client, settings, report)
    check_merge(client, settings, report)

    http, pg = Http(settings), Pg(settings)
    check_session(settings, pg, report)
    away_from_midnight()
    generator = Generator(20251122, datetime.now(timezone.utc))
    rows = generator.runs()
    began = time.monotonic()
    write_rows(rows, http, pg)
    print(json.dumps({"event": "written", "rows": len(rows), "seconds": round(time.monotonic() - began, 2)}), flush=True)
    # HTTP reads end at the current second, exclusively: rows of this second show when it is over.
    last = int(time.time())
    wait_for(lambda: int(time.time()) > last, "the second to end", 3)

    oracle = Oracle(rows)
    queries = {wire.name: Queries(wire, oracle, report, generator) for wire in (http, pg)}
    for each in queries.values():
        each.run_all()
    compare_transports(report, queries["http"], queries["pg"])
    check_search(http, pg, oracle, report)
    check_bad_input_http(settings, http, report)
    check_bad_input_pg(settings, pg, report)
    print(json.dumps({"event": "done", "checks": report.checks, "failed": report.failed}), flush=True)
    return 0 if report.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
