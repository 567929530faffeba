"""Every query that Dify sends, over one transport, beside its expected answer."""

from datetime import datetime, timedelta, timezone

from dify_oracle import cells, cells_of_answer, days, finished, latest, order_is_possible
from dify_rows import NODES, RUNS, TOOL_TRIGGER, key_types

LATEST = (
    "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY log_version DESC) AS rn "
    "FROM {table} WHERE {where}) {alias} WHERE rn = 1"
)
SNAPSHOT = [
    "id", "node_execution_id", "workflow_run_id", "index", "predecessor_node_id", "node_id", "node_type", "title",
    "status", "created_at", "finished_at",
]


def literal(value):
    return "'" + value.replace("'", "''") + "'"


def phrase(value):
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def equals(**values):
    return " AND ".join(f"{name}={literal(value)}" for name, value in values.items())


def select_latest(table, where, key="id", alias="t"):
    return LATEST.format(key=key, table=table, where=where, alias=alias)


class Queries:
    """Runs the catalogue over `wire` and reports each answer. Answers are kept, to compare the transports."""

    def __init__(self, wire, oracle, report, generator):
        self.wire = wire
        self.oracle = oracle
        self.report = report
        self.generator = generator
        self.answers = {}

    def check(self, name, expected, actual, answer=None):
        self.report.equal(name, self.wire.name, expected, actual)
        self.answers[name] = actual if answer is None else answer

    def rows_by(self, answers, logstore, key="id", names=None):
        return {row.get(key, "<none>"): cells_of_answer(row, logstore, names) for row in answers}

    def run_all(self):
        for tenant in self.generator.tenants:
            for app in self.generator.apps[tenant]:
                at = f"app {self.generator.tenants.index(tenant)}.{self.generator.apps[tenant].index(app)}"
                self.run_list(at, tenant, app)
                self.counts(at, tenant, app)
                self.statistics(at, tenant, app)
                self.last_node(at, tenant, app)
        self.run_by_id()
        self.nodes_of_a_run()
        self.node_by_id()
        self.empty_logstore_columns()

    def run_list(self, at, tenant, app):
        triggers = "(triggered_from='debugging' OR triggered_from='app-run')"
        where = f"{equals(tenant_id=tenant, app_id=app)} AND {triggers}"
        have = [row for row in self.oracle.where(RUNS, tenant_id=tenant, app_id=app)]
        for status in ("", "succeeded", "running"):
            inner = where + (f" AND status={literal(status)}" if status else "")
            wanted = latest([row for row in have if status in ("", row["status"])])
            for limit in (4, 100):
                sql = f"{select_latest(RUNS, inner)} ORDER BY created_at DESC LIMIT {limit + 1}"
                rows = self.wire.sql(RUNS, sql)
                name = f"Q1 {at} status={status or 'any'} limit={limit}"
                ids = [row["id"] for row in rows]
                self.check(f"{name} order", True, order_is_possible(ids, wanted, limit + 1), ids)
                picked = {run: cells(wanted[run], RUNS) for run in ids if run in wanted}
                self.check(f"{name} rows", picked, self.rows_by(rows, RUNS))
                self.report.equal(f"{name} rn", self.wire.name, ["1"] * len(rows), [row.get("rn") for row in rows])

    def run_by_id(self):
        runs = [self.generator.big_run, self.generator.import_run, *list(latest(self.oracle.where(RUNS)))[5:9]]
        for number, run in enumerate(runs):
            row = latest(self.oracle.where(RUNS, id=run))[run]
            scope = {"tenant_id": row["tenant_id"], "app_id": row["app_id"]}
            for name, filters in (("Q2/Q3", {"id": run, **scope}), ("Q4", {"id": run})):
                if self.wire.name == "http":
                    query = " and ".join(f"{key}:{phrase(value)}" for key, value in filters.items())
                    found = self.wire.search(RUNS, query)
                    self.report.equal(f"{name} #{number} versions", "http", len(self.oracle.where(RUNS, id=run)), len(found))
                    best = [max(found, key=lambda seen: int(seen["log_version"]))] if found else []
                    exact = {key: best[0].get(key) for key in row.fields} if best else {}
                    self.report.equal(f"{name} #{number} every written field, unchanged", "http", row.fields, exact)
                else:
                    inner = f"{equals(**filters)} AND __time__ > 0"
                    best = self.wire.sql(RUNS, select_latest(f'"{RUNS}"', inner, alias="AS subquery") + " LIMIT 100")
                names = list(row.fields)
                self.check(f"{name} #{number}", [cells(row, RUNS, names)], [cells_of_answer(seen, RUNS, names) for seen in best])
        absent = equals(id="00000000-0000-4000-8000-000000000000")
        self.check("Q4 absent", [], self.wire.sql(RUNS, select_latest(f'"{RUNS}"', absent) + " LIMIT 100"))

    def counts(self, at, tenant, app):
        for trigger in ("app-run", "debugging"):
            scope = {"tenant_id": tenant, "app_id": app, "triggered_from": trigger}
            have = self.oracle.where(RUNS, **scope)
            inner = f"SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY log_version DESC) AS rn FROM {RUNS} WHERE"
            sql = f"SELECT COUNT(*) as count FROM ({inner} {equals(**scope)} AND status='running') t WHERE rn = 1"
            ever_running = len({row["id"] for row in have if row["status"] == "running"})
            self.check(f"Q5 {at} {trigger}", [{"count": str(ever_running)}], self.only(self.wire.sql(RUNS, sql), "count"))
            done = finished(have)
            for status in ("succeeded", "failed", "stopped", "partial-succeeded"):
                where = f"{equals(**scope, status=status)} AND finished_at IS NOT NULL"
                sql = f"SELECT COUNT(DISTINCT id) as count FROM {RUNS} WHERE {where}"
                count = len({row["id"] for row in done if row["status"] == status})
                self.check(f"Q6 {at} {trigger} {status}", [{"count": str(count)}], self.only(self.wire.sql(RUNS, sql), "count"))
            where = f"{equals(**scope)} AND finished_at IS NOT NULL"
            sql = f"SELECT status, COUNT(DISTINCT id) as count FROM {RUNS} WHERE {where} GROUP BY status"
            groups = {}
            for row in done:
                groups.setdefault(row["status"], set()).add(row["id"])
            expected = {status: str(len(ids)) for status, ids in groups.items()}
            self.check(f"Q7 {at} {trigger}", expected, {row["status"]: row["count"] for row in self.wire.sql(RUNS, sql)})

    @staticmethod
    def only(rows, *names):
        return [{name: row.get(name, "<column missing>") for name in names} for row in rows]

    def statistics(self, at, tenant, app):
        now = datetime.now(timezone.utc).replace(microsecond=0)
        east = timezone(timedelta(hours=8))
        ranges = {
            "all": (None, None),
            "from": ((now - timedelta(days=2, hours=1)), None),
            "until, +08:00": (None, (now - timedelta(days=1)).astimezone(east)),
        }
        for trigger in ("app-run", "debugging"):
            scope = {"tenant_id": tenant, "app_id": app, "triggered_from": trigger}
            for label, (since, until) in ranges.items():
                bounds = ""
                have = finished(self.oracle.where(RUNS, **scope))
                if since is not None:
                    bounds += f" AND __time__ >= to_unixtime(from_iso8601_timestamp('{since.isoformat()}'))"
                    have = [row for row in have if row.earliest >= since.timestamp()]
                if until is not None:
                    bounds += f" AND __time__ < to_unixtime(from_iso8601_timestamp('{until.isoformat()}'))"
                    have = [row for row in have if row.earliest < until.timestamp()]
                where = f"FROM {RUNS} WHERE {equals(**scope)} AND finished_at IS NOT NULL{bounds}"
                self.daily(f"{at} {trigger} {label}", where, days(have))

    def daily(self, at, where, by_day):
        measures = {
            "Q8 runs": ("COUNT(DISTINCT id)", lambda rows: len({row["id"] for row in rows})),
            "Q8 terminals": ("COUNT(DISTINCT created_by)", lambda rows: len({row["created_by"] for row in rows})),
            "Q8 tokens": ("SUM(total_tokens)", lambda rows: sum(int(row["total_tokens"]) for row in rows)),
        }
        for name, (measure, compute) in measures.items():
            sql = f"SELECT DATE(from_unixtime(__time__)) as date, {measure} as n {where} GROUP BY date ORDER BY date"
            expected = [{"date": day, "n": str(compute(by_day[day]))} for day in sorted(by_day)]
            self.check(f"{name} {at}", expected, self.only(self.wire.sql(RUNS, sql), "date", "n"))
        sql = (
            "SELECT AVG(sub.interactions) AS interactions, sub.date FROM ("
            "SELECT DATE(from_unixtime(__time__)) AS date, created_by, COUNT(DISTINCT id) AS interactions "
            f"{where} GROUP BY date, created_by) sub GROUP BY sub.date"
        )
        expected = {}
        for day, rows in by_day.items():
            users = {}
            for row in rows:
                users.setdefault(row["created_by"], set()).add(row["id"])
            expected[day] = round(sum(len(ids) for ids in users.values()) / len(users), 9)
        actual = {row.get("date"): round(float(row["interactions"]), 9) for row in self.wire.sql(RUNS, sql)}
        self.check(f"Q9 {at}", expected, actual)

    def nodes_of_a_run(self):
        run = self.generator.big_run
        tenant = self.oracle.where(RUNS, id=run)[0]["tenant_id"]
        app = self.oracle.where(RUNS, id=run)[0]["app_id"]
        have = self.oracle.where(NODES, workflow_run_id=run)
        for label, scope in (("tenant", {"tenant_id": tenant}), ("tenant and app", {"tenant_id": tenant, "app_id": app})):
            inner = equals(workflow_run_id=run, **scope)
            for order, key in (
                ("", None),
                (" ORDER BY index ASC", lambda row: int(row["index"])),
                (" ORDER BY index DESC, created_at DESC", lambda row: -int(row["index"])),
            ):
                rows = self.wire.sql(NODES, select_latest(NODES, inner, "node_execution_id") + order)
                wanted = latest(have, "node_execution_id")
                name = f"Q10 {label}{order}"
                self.check(
                    f"{name} rows",
                    {one: cells(row, NODES) for one, row in wanted.items()},
                    self.rows_by(rows, NODES, "node_execution_id"),
                )
                if key is not None:
                    expected = [row["node_execution_id"] for row in sorted(wanted.values(), key=key)]
                    self.check(f"{name} order", expected, [row["node_execution_id"] for row in rows])
        self.nodes_of_a_run_for_the_service(run, tenant, app, have)

    def nodes_of_a_run_for_the_service(self, run, tenant, app, have):
        wanted = latest(have)
        scope = {"tenant_id": tenant, "app_id": app, "workflow_run_id": run}
        if self.wire.name == "http":
            query = " and ".join(f"{key}: {value}" for key, value in scope.items())
            found = self.wire.search(NODES, query, line=1000)
            self.report.equal("Q12 versions", "http", len(have), len(found))
            best = {}
            for row in found:
                if row["id"] not in best or int(row["log_version"]) > int(best[row["id"]]["log_version"]):
                    best[row["id"]] = row
            rows = list(best.values())
        else:
            inner = f"{equals(**scope)} AND __time__ > 0"
            rows = self.wire.sql(NODES, select_latest(f'"{NODES}"', inner, alias="AS subquery") + " LIMIT 1000")
        self.check("Q12", {one: cells(row, NODES) for one, row in wanted.items()}, self.rows_by(rows, NODES))

        trigger = f"(triggered_from IS NULL OR triggered_from <> {literal(TOOL_TRIGGER)})"
        kept = {one: row for one, row in wanted.items() if row["triggered_from"] != TOOL_TRIGGER}
        order = [
            row["id"] for row in sorted(kept.values(), key=lambda row: (row["created_at"], int(row["index"]), row["id"]))
        ]
        prefix = " and ".join(f"{key}: {value}" for key, value in scope.items())
        for columns, names in (("*", None), (", ".join(f'"{name}"' for name in SNAPSHOT), SNAPSHOT)):
            for page in (1000, 17):
                sql = (
                    f"SELECT {columns} FROM (SELECT {columns}, ROW_NUMBER() OVER (PARTITION BY id ORDER BY log_version DESC)"
                    f' AS rn FROM "{NODES}" WHERE {equals(**scope)} AND __time__ > 0) AS subquery '
                    f'WHERE rn = 1 AND {trigger} ORDER BY created_at, "index", id LIMIT {page} OFFSET '
                )
                if names is not None:
                    sql = sql.replace(f"SELECT {columns}, ROW_NUMBER", f"SELECT {columns}, triggered_from, ROW_NUMBER")
                rows = self.pages(sql, prefix, page)
                name = f"Q12' {'snapshot' if names else 'star'} by {page}"
                self.check(f"{name} order", order, [row["id"] for row in rows])
                expected = {one: cells(row, NODES, names) for one, row in kept.items()}
                self.check(f"{name} rows", expected, self.rows_by(rows, NODES, "id", names))

    def pages(self, sql, prefix, page):
        rows = []
        while True:
            more = self.wire.sql(NODES, sql + str(len(rows)), prefix)
            rows.extend(more)
            if len(more) < page or len(rows) > 2000:
                return rows

    def last_node(self, at, tenant, app):
        workflow = self.generator.workflows[app]
        for node in ("node-3", "node-1"):
            scope = {"tenant_id": tenant, "app_id": app, "workflow_id": workflow, "node_id": node}
            have = self.oracle.where(NODES, **scope)
            prefix = " and ".join(f"{key}: {value}" for key, value in scope.items())
            if self.wire.name == "http":
                found = self.wire.search(NODES, prefix, line=100)
                self.report.equal(f"Q11 {at} {node} versions", "http", min(100, len(have)), len(found))
                rows = found
                best = {}
                for row in rows:
                    if row["id"] not in best or int(row["log_version"]) > int(best[row["id"]]["log_version"]):
                        best[row["id"]] = row
                rows = list(best.values())
            else:
                inner = f"{equals(**scope)} AND __time__ > 0"
                rows = self.wire.sql(NODES, select_latest(f'"{NODES}"', inner, alias="AS subquery") + " LIMIT 100")
            wanted = latest(have)
            self.check(f"Q11 {at} {node}", {one: cells(row, NODES) for one, row in wanted.items()}, self.rows_by(rows, NODES))

            sql = (
                select_latest(f'"{NODES}"', f"{equals(**scope)} AND __time__ > 0", alias="AS subquery")
                + f" AND (triggered_from IS NULL OR triggered_from <> {literal(TOOL_TRIGGER)})"
                + " AND (status IS NULL OR status <> 'paused') ORDER BY created_at DESC LIMIT 1"
            )
            shown = [row for row in wanted.values() if row["triggered_from"] != TOOL_TRIGGER and row["status"] != "paused"]
            newest = sorted(shown, key=lambda row: row["created_at"], reverse=True)[:1]
            answer = [cells_of_answer(row, NODES) for row in self.wire.sql(NODES, sql, prefix)]
            self.check(f"Q11' {at} {node}", [cells(row, NODES) for row in newest], answer)

    def node_by_id(self):
        for number, (node, row) in enumerate(list(latest(self.oracle.where(NODES)).items())[10:40:6]):
            for label, filters in (("", {"id": node}), (" and tenant", {"id": node, "tenant_id": row["tenant_id"]})):
                name = f"Q13 #{number}{label}"
                if self.wire.name == "http":
                    query = " and ".join(f"{key}:{phrase(value)}" for key, value in filters.items())
                    found = self.wire.search(NODES, query)
                    rows = [max(found, key=lambda seen: int(seen["log_version"]))] if found else []
                else:
                    inner = f"{equals(**filters)} AND __time__ > 0"
                    rows = self.wire.sql(NODES, select_latest(f'"{NODES}"', inner, alias="AS subquery") + " LIMIT 1")
                self.check(name, [cells(row, NODES)], [cells_of_answer(seen, NODES) for seen in rows])
                sql = f'SELECT * FROM "{NODES}" WHERE {equals(**filters)} AND __time__ > 0 ORDER BY log_version DESC LIMIT 1'
                rows = self.wire.sql(NODES, sql, " and ".join(f"{key}: {value}" for key, value in filters.items()))
                self.check(f"Q13' #{number}{label}", [cells(row, NODES)], [cells_of_answer(seen, NODES) for seen in rows])

    def empty_logstore_columns(self):
        """Columns that the index names but no row has resolve to NULL."""
        sql = f"SELECT COUNT(*) as n, COUNT(created_at) as c, COUNT(error) as e, COUNT(elapsed_time) as t FROM {RUNS}"
        expected = [{"n": str(len(self.oracle.where(RUNS))), "c": "0", "e": "0", "t": "0"}]
        self.check("columns never written are NULL", expected, self.only(self.wire.sql(RUNS, sql), "n", "c", "e", "t"))
        sql = f"SELECT * FROM {RUNS} WHERE {equals(id=self.generator.big_run)} LIMIT 1"
        names = sorted(set(key_types(RUNS)) - set(self.wire.sql(RUNS, sql)[0]))
        self.check("select-star has every indexed key", [], names)
