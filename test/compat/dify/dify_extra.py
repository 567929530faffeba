"""What lies around the catalogue: the session, search, limits, and bad input."""

import re
import time

import psycopg2
from aliyun.log import GetHistogramsRequest

from dify_rows import CHINESE, NODES, RUNS, SENTINEL
from dify_transport import Pg, make_client, wait_with_select

GIVE_INDEX = ";please add the column in the index attribute"


def check_session(settings, pg, report):
    """What SQLAlchemy and psycopg2 ask of the server, and that INSERT does not wait for a COMMIT."""
    connection = pg.engine.raw_connection()
    try:
        driver = connection.driver_connection
        report.equal("session: encoding", "pg", "UTF8", driver.encoding)
        report.equal("session: DateStyle begins with ISO", "pg", True, driver.get_parameter_status("DateStyle").startswith("ISO"))
        report.equal("session: standard_conforming_strings", "pg", "on", driver.get_parameter_status("standard_conforming_strings"))
        report.equal("session: TLS", "pg", True, driver.info.ssl_in_use)
        with driver.cursor() as cursor:
            cursor.execute("select pg_catalog.version()")
            version = cursor.fetchone()[0]
            report.equal("session: version text", "pg", True, re.match(r"PostgreSQL \d+\.\d+", version) is not None)
            cursor.execute("SELECT t.oid, typarray FROM pg_type t JOIN pg_namespace ns ON typnamespace = ns.oid WHERE typname = 'hstore'")
            report.equal("session: there is no hstore", "pg", [], cursor.fetchall())
    finally:
        connection.close()
    pinged = Pg(settings, pool_pre_ping=True)
    for _ in range(2):
        report.equal("session: pre-ping", "pg", ["1"], [str(value) for row in pinged.run("SELECT 1") for value in row.values()])
    pinged.engine.dispose()
    psycopg2.extensions.set_wait_callback(wait_with_select)
    try:
        rows = Pg(settings).run("SELECT 1")
        report.equal("session: non-blocking mode", "pg", 1, len(rows))
    finally:
        psycopg2.extensions.set_wait_callback(None)
    check_rollback(pg, report)


def check_rollback(pg, report):
    connection = pg.engine.raw_connection()
    marker = f"rollback-{time.time_ns()}"
    try:
        driver = connection.driver_connection
        with driver.cursor() as cursor:
            cursor.execute(f"INSERT INTO \"{NODES}\" (\"id\", \"log_version\", \"error\") VALUES ('{marker}', '1', NULL)")
        driver.rollback()
        with driver.cursor() as cursor:
            cursor.execute(f"SELECT id, error, title FROM \"{NODES}\" WHERE id = '{marker}'")
            report.equal("session: INSERT survives ROLLBACK; NULL is NULL", "pg", [(marker, None, None)], cursor.fetchall())
    finally:
        connection.close()


def check_search(http, pg, oracle, report):
    runs = oracle.where(RUNS)
    tenant = runs[0]["tenant_id"]

    def stays(label, query, keep, logstore=RUNS):
        wanted = sorted(row.fields["log_version"] for row in oracle.where(logstore) if keep(row))
        found = []
        while True:
            more = http.search(logstore, query, line=100, offset=len(found))
            found.extend(more)
            if len(more) < 100:
                break
        report.equal(f"search: {label}", "http", wanted, sorted(row["log_version"] for row in found))

    stays("or", "status:failed or status:stopped", lambda row: row["status"] in ("failed", "stopped"))
    stays(
        "parentheses",
        f'(status:failed or status:stopped) and tenant_id:"{tenant}"',
        lambda row: row["status"] in ("failed", "stopped") and row["tenant_id"] == tenant,
    )
    stays(
        "and binds before or",
        "status:failed or status:stopped and triggered_from:debugging",
        lambda row: row["status"] == "failed" or (row["status"] == "stopped" and row["triggered_from"] == "debugging"),
    )
    stays("not", "triggered_from:app-run not status:running", lambda row: row["triggered_from"] == "app-run" and row["status"] != "running")
    stays("case does not matter", "STATUS:SucceedED", lambda row: row["status"] == "succeeded")
    stays("numeric comparison", "total_tokens > 100 and total_tokens <= 500", lambda row: 100 < int(row["total_tokens"]) <= 500)
    stays("numeric range", "total_tokens in (100 500]", lambda row: 100 < int(row["total_tokens"]) <= 500)
    stays("full text", SENTINEL, lambda row: SENTINEL in row["inputs"])
    stays("prefix", "status:part*", lambda row: row["status"] == "partial-succeeded")
    stays("empty value", 'finished_at:""', lambda row: row["finished_at"] == "")
    stays("word and sentence in quotes", 'error_message:"quota failed"', lambda row: row["error_message"] != "")
    stays("star", "*", lambda row: True)

    until = int(time.time())
    ascending = [int(row["log_version"]) for row in http.search(RUNS, "*", line=100)]
    report.equal("search: 100 rows a page", "http", 100, len(ascending))
    check_histogram(http, runs, until, report)
    check_intervals(http, report)
    check_implicit_limit(http, pg, oracle, report)
    check_exact_values(http, pg, oracle, report)


def check_histogram(http, runs, until, report):
    since = min(row.earliest for row in runs) - 10
    request = GetHistogramsRequest(http.project, RUNS, since, until, "", "status:failed")
    answer = http.client.get_histograms(request)
    failed = sum(1 for row in runs if row["status"] == "failed")
    slots = [(slot.get_from(), slot.get_to()) for slot in answer.get_histograms()]
    report.equal("histogram: total", "http", [failed, True], [answer.get_total_count(), answer.is_completed()])
    report.equal("histogram: the slots add up", "http", failed, sum(slot.get_count() for slot in answer.get_histograms()))
    report.equal("histogram: the slots cover the range", "http", [since, until], [slots[0][0], slots[-1][1]])
    joined = all(one[1] == other[0] for one, other in zip(slots, slots[1:]))
    report.equal("histogram: without gap or overlap", "http", True, joined)


def check_intervals(http, report):
    """The range is half-open: `from` counts, `to` does not."""
    stamp, marker = 1_700_000_000, f"interval-{time.time_ns()}"
    http.put(NODES, {"id": marker, "log_version": "1"}, stamp)
    for since, until, expected in ((stamp, stamp + 1, 1), (stamp - 1, stamp, 0), (stamp - 1, stamp + 1, 1), (stamp + 1, stamp + 2, 0)):
        found = http.search(NODES, f'id:"{marker}"', since=since, until=until)
        report.equal(f"search: [{since - stamp:+d}, {until - stamp:+d}) around the log", "http", expected, len(found))


def check_implicit_limit(http, pg, oracle, report):
    total = len(oracle.where(NODES))
    sql = f"SELECT id FROM {NODES} WHERE tenant_id <> ''"
    report.equal("SQL without LIMIT: 100 rows over HTTP", "http", 100, len(http.sql(NODES, sql)))
    report.equal("SQL without LIMIT: every row over PG", "pg", total, len(pg.sql(NODES, sql)))
    report.equal("SQL with LIMIT 100000: every row over HTTP", "http", total, len(http.sql(NODES, sql + " LIMIT 100000")))


def check_exact_values(http, pg, oracle, report):
    """Long, Chinese and empty texts come back byte for byte over both."""
    row = max(oracle.where(RUNS), key=lambda each: len(each["graph"]))
    where = f"id = '{row['id']}' AND log_version = {row['log_version']}"
    sql = f"SELECT graph, inputs, finished_at, log_version, total_tokens FROM {RUNS} WHERE {where} LIMIT 1"
    expected = [[row[name] for name in ("graph", "inputs", "finished_at", "log_version", "total_tokens")]]
    names = ("graph", "inputs", "finished_at", "log_version", "total_tokens")
    answer = [[each[name] for name in names] for each in http.search(RUNS, f"* | {sql}")]
    report.equal(f"exact: {len(row['graph'])} characters and an empty text", "http", expected, answer)
    answer = [[None if each[name] is None else str(each[name]) for name in names] for each in pg.run(sql)]
    report.equal(f"exact: {len(row['graph'])} characters and an empty text", "pg", expected, answer)
    quoted = CHINESE.replace("'", "''")
    sql = f"SELECT COUNT(*) as n FROM {NODES} WHERE title = '{quoted}'"
    count = str(sum(1 for each in oracle.where(NODES) if each["title"] == CHINESE))
    for wire in (http, pg):
        report.equal("exact: a literal with quotes, newline and emoji", wire.name, count, wire.sql(NODES, sql)[0]["n"])


def refuse(report, name, call, code, message, status):
    error = report.raises(name, "http", call)
    if error is None:
        return
    actual = [getattr(error, "_errorCode", type(error).__name__), getattr(error, "resp_status", None)]
    report.equal(f"{name}: code and status", "http", [code, status], actual)
    text = getattr(error, "_errorMessage", str(error))
    matches = re.fullmatch(message, text) is not None
    report.equal(f"{name}: message", "http", message, message if matches else text)
    report.equal(f"{name}: request id", "http", True, re.fullmatch("[0-9A-F]{24}", error.get_request_id() or "") is not None)


def check_bad_input_http(settings, http, report):
    client, project = http.client, settings.project
    position = r"((line \d+:\d+: )|(ErrorType:\w+\.ErrorPosition,line:\d+,column:\d+\.ErrorMessage:(line \d+:\d+: )?))?"
    wrong_secret = make_client(settings, key_secret="not-the-secret")
    refuse(report, "wrong secret", lambda: wrong_secret.get_project(project), "SignatureNotMatch", r"signature \S+ not match", 401)
    unknown_key = make_client(settings, key_id="LTAInobody")
    refuse(report, "unknown key", lambda: unknown_key.get_project(project), "Unauthorized", "AccessKeyId not found: LTAInobody", 401)
    missing = "no-such-project"
    refuse(
        report, "unknown project", lambda: client.get_project(missing), "ProjectNotExist",
        f"The Project does not exist: {missing}", 404,
    )
    refuse(
        report, "unknown logstore", lambda: client.get_logstore(project, "no-such-store"), "LogStoreNotExist",
        "logstore no-such-store does not exist", 404,
    )
    refuse(
        report, "write to an unknown logstore", lambda: http.put("no-such-store", {"a": "b"}), "LogStoreNotExist",
        "logstore no-such-store does not exist", 404,
    )
    refuse(
        report, "project twice", lambda: client.create_project(project, "dify"), "ProjectAlreadyExist",
        f"Project {project} already exist", 400,
    )
    refuse(
        report, "logstore twice", lambda: client.create_logstore(project, RUNS, 30), "LogStoreAlreadyExist",
        f"logstore {RUNS} already exists", 400,
    )
    config = client.get_index_config(project, RUNS).get_index_config()
    refuse(report, "index twice", lambda: client.create_index(project, RUNS, config), "IndexAlreadyExist", ".+", 400)
    refuse(
        report, "SQL syntax error", lambda: http.search(RUNS, "* | SELECT FROM WHERE"), "ParameterInvalid", ".+", 400,
    )
    refuse(
        report, "unknown column", lambda: http.search(RUNS, f"* | SELECT no_such_column FROM {RUNS}"), "ParameterInvalid",
        position + "Column 'no_such_column' cannot be resolved" + GIVE_INDEX, 400,
    )
    refuse(
        report, "search for a field without index", lambda: http.search(RUNS, "no_such_field:x"), "ParameterInvalid",
        r"key \(no_such_field\) is not config as key value config,if symbol : is in your log,please wrap : with quotation mark \"",
        400,
    )
    refuse(report, "search syntax error", lambda: http.search(RUNS, "status:(a or b"), "ParameterInvalid", ".+", 400)
    refuse(report, "empty range", lambda: http.search(RUNS, "*", since=10, until=10), "InvalidTimeRange", ".+", 400)
    refuse(
        report, "negative from", lambda: http.search(RUNS, "*", since=-1, until=10), "ParameterInvalid",
        "The parameter from must be a positive integer", 400,
    )
    client.create_logstore(project, "no-index-yet", 1)
    refuse(
        report, "index that is not there", lambda: client.get_index_config(project, "no-index-yet"), "IndexConfigNotExist",
        "index config doesn't exist", 404,
    )
    refuse(
        report, "query without index", lambda: http.search("no-index-yet", "*"), "IndexConfigNotExist",
        "logstore without index config", 404,
    )
    client.delete_logstore(project, "no-index-yet")
    report.equal("the next request works", "http", project, client.get_project(project).get_projectname())


def check_bad_input_pg(settings, pg, report):
    def state_of(name, call):
        error = report.raises(name, "pg", call)
        return getattr(error, "pgcode", None), str(error)

    for name, statement, state, text in (
        ("SQL syntax error", "SELECT FROM WHERE", "42601", ""),
        ("unknown column", f"SELECT no_such_column FROM {RUNS}", "42703", "no_such_column"),
        ("unknown table", "SELECT * FROM no_such_store", "42P01", "no_such_store"),
    ):
        code, message = state_of(name, lambda sql=statement: pg.run(sql))
        report.equal(f"{name}: SQLSTATE", "pg", state, code)
        report.equal(f"{name}: says what", "pg", True, text in message)
        report.equal(f"{name}: the next statement works", "pg", 1, len(pg.run("SELECT 1")))
    _, message = state_of("wrong password", lambda: Pg(settings, password="not-the-secret").run("SELECT 1"))
    expected = f'password authentication failed for user "{settings.key_id}"'
    report.equal("wrong password: message", "pg", True, expected in message)
    _, message = state_of("unknown database", lambda: Pg(settings, database="no-such-project").run("SELECT 1"))
    report.equal("unknown database: says which", "pg", True, 'no-such-project' in message)
