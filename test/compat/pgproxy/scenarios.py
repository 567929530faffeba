"""Statement scenarios with psycopg2, psycopg 3 and SQLAlchemy. Prints one JSON object a line; the address is in PG* variables."""

import io
import json
import os

import psycopg
import psycopg2
import psycopg2.extras
import sqlalchemy as sa
from psycopg.rows import tuple_row

ADDRESS = f"host={os.environ['PGHOST']} port={os.environ['PGPORT']} user={os.environ['PGUSER']} dbname={os.environ['PGDATABASE']}"
PASSWORD = os.environ["PGPASSWORD"]
SSLMODE = os.environ.get("PGSSLMODE", "prefer")


def show(name, value):
    print(json.dumps({"scenario": name, "outcome": value}, default=str, ensure_ascii=False), flush=True)


def attempt(name, call):
    try:
        show(name, call())
    except (psycopg2.Error, psycopg.Error, sa.exc.DBAPIError) as error:
        origin = getattr(error, "orig", error)
        state = getattr(origin, "pgcode", None) or getattr(origin, "sqlstate", None)
        show(name, {"error": type(origin).__name__, "sqlstate": state, "text": str(origin).splitlines()[0]})


def with_psycopg2():
    connection = psycopg2.connect(ADDRESS, password=PASSWORD, options="-c timezone=UTC")
    cursor = connection.cursor()

    def run(statement, values=None):
        cursor.execute(statement, values)
        rows = cursor.fetchall() if cursor.description else None
        return {"rows": rows, "count": cursor.rowcount, "status": cursor.statusmessage}

    attempt("psycopg2: time zone of the start-up options", lambda: run("SHOW timezone"))
    attempt("psycopg2: create", lambda: run("DROP TABLE IF EXISTS two; CREATE TABLE two (id int PRIMARY KEY, t text, at timestamptz)"))
    connection.commit()
    del connection.notices[:]
    attempt("psycopg2: insert", lambda: run("INSERT INTO two VALUES (%s, %s, '2026-01-02 03:04:05+08') RETURNING *", (1, "订单's \\ \n")))
    attempt("psycopg2: duplicate", lambda: run("INSERT INTO two VALUES (1, 'again', NULL)"))
    attempt("psycopg2: refused until rollback", lambda: run("SELECT 1"))
    connection.rollback()
    attempt("psycopg2: nothing stayed", lambda: run("SELECT count(*) FROM two"))
    attempt("psycopg2: many", lambda: psycopg2.extras.execute_values(cursor, "INSERT INTO two VALUES %s", [(n, "x" * n, None) for n in range(500)]))
    connection.commit()
    attempt("psycopg2: sum", lambda: run("SELECT count(*), sum(length(t)) FROM two"))
    named = connection.cursor("server_side")
    named.itersize = 100
    named.execute("SELECT id FROM two ORDER BY id")
    show("psycopg2: server-side cursor", sum(row[0] for row in named))
    named.close()
    connection.commit()
    attempt("psycopg2: COPY in", lambda: cursor.copy_expert("COPY two FROM STDIN", io.StringIO("1000\tcopied\t\\N\n")))
    connection.commit()
    out = io.StringIO()
    cursor.copy_expert("COPY (SELECT id, t FROM two WHERE id >= 499 ORDER BY id) TO STDOUT", out)
    show("psycopg2: COPY out", out.getvalue())
    attempt("psycopg2: COPY in with an error", lambda: cursor.copy_expert("COPY two FROM STDIN", io.StringIO("x\ty\t\\N\n" * 50000)))
    connection.rollback()
    connection.autocommit = True
    attempt("psycopg2: vacuum", lambda: run("VACUUM two"))
    show("psycopg2: notices", [notice for notice in connection.notices])
    attempt("psycopg2: set and show in one session", lambda: [run("SET LOCAL statement_timeout = 5"), run("SELECT 1")][1])
    connection.close()


def with_psycopg3():
    with psycopg.connect(ADDRESS, password=PASSWORD, row_factory=tuple_row, prepare_threshold=2) as connection:
        cursor = connection.cursor()

        def run(statement, values=None):
            cursor.execute(statement, values)
            return {"rows": cursor.fetchall() if cursor.description else None, "status": cursor.statusmessage}

        attempt("psycopg3: create", lambda: run("DROP TABLE IF EXISTS three"))
        attempt("psycopg3: create", lambda: run("CREATE TABLE three (id int PRIMARY KEY, b bytea)"))
        connection.commit()
        for n in range(6):
            attempt(f"psycopg3: prepared after two uses, {n}", lambda value=n: run("SELECT %s::int * 2, %s::text", (value, "订单")))
            connection.commit()
        binary = connection.cursor(binary=True)
        binary.execute("SELECT %b::int4, %b::float8, %b::bytea", (7, 1.5, b"\x00\xff"))
        show("psycopg3: binary", [str(cell) for cell in binary.fetchone()])
        connection.commit()
        with connection.pipeline():
            results = [connection.execute("INSERT INTO three VALUES (%s, %s) RETURNING id", (n, bytes([n]))) for n in range(50)]
            show("psycopg3: pipeline", [result.fetchone()[0] for result in results])
        connection.commit()

        def broken_pipeline():
            with connection.pipeline():
                connection.execute("INSERT INTO three VALUES (100, NULL)")
                connection.execute("INSERT INTO three VALUES (1, NULL)")
                connection.execute("INSERT INTO three VALUES (101, NULL)")

        attempt("psycopg3: error in a pipeline", broken_pipeline)
        connection.rollback()
        attempt("psycopg3: nothing of it stayed", lambda: run("SELECT count(*) FROM three"))
        cursor.executemany("INSERT INTO three VALUES (%s, %s)", [(n, None) for n in range(200, 260)])
        connection.commit()
        with cursor.copy("COPY three (id) FROM STDIN") as copy:
            for n in range(300, 310):
                copy.write_row((n,))
        connection.commit()
        with cursor.copy("COPY (SELECT id FROM three ORDER BY id) TO STDOUT") as copy:
            show("psycopg3: COPY out", b"".join(bytes(part) for part in copy).decode().split()[-3:])
        connection.commit()
        attempt("psycopg3: nested transactions", lambda: nested(connection))
        connection.commit()
        attempt("psycopg3: sum", lambda: run("SELECT count(*), sum(id) FROM three"))


def nested(connection):
    seen = []
    with connection.transaction():
        connection.execute("INSERT INTO three VALUES (900, NULL)")
        try:
            with connection.transaction():
                connection.execute("INSERT INTO three VALUES (900, NULL)")
        except psycopg.errors.UniqueViolation as error:
            seen.append(error.sqlstate)
        seen.append(connection.execute("SELECT count(*) FROM three WHERE id = 900").fetchone()[0])
    return seen


def with_sqlalchemy():
    for driver in ("psycopg2", "psycopg"):
        url = sa.URL.create(
            f"postgresql+{driver}", username=os.environ["PGUSER"], password=PASSWORD, host=os.environ["PGHOST"],
            port=int(os.environ["PGPORT"]), database=os.environ["PGDATABASE"], query={"sslmode": SSLMODE},
        )
        engine = sa.create_engine(url, pool_size=5, max_overflow=5, pool_pre_ping=True, connect_args={"options": "-c timezone=UTC"})
        metadata = sa.MetaData()
        table = sa.Table(
            f"alchemy_{driver}", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(50)),
            sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("'2026-01-01T00:00:00Z'")), sa.Column("data", sa.JSON),
        )
        metadata.drop_all(engine)
        metadata.create_all(engine)
        with engine.begin() as connection:
            connection.execute(table.insert(), [{"name": f"n{n}", "data": {"n": n}} for n in range(20)])
        with engine.connect() as connection:
            rows = connection.execute(sa.select(table).where(table.c.id.in_([1, 5, 20])).order_by(table.c.id)).all()
            show(f"sqlalchemy {driver}: select", [tuple(map(str, row)) for row in rows])
            show(f"sqlalchemy {driver}: time zone", connection.execute(sa.text("SHOW timezone")).scalar())
        attempt(f"sqlalchemy {driver}: duplicate", lambda: insert_duplicate(engine, table))
        show(f"sqlalchemy {driver}: reflection", [(c["name"], str(c["type"]), c["nullable"]) for c in sa.inspect(engine).get_columns(table.name)])
        engine.dispose()


def insert_duplicate(engine, table):
    with engine.begin() as connection:
        connection.execute(table.insert(), {"id": 1, "name": "again"})


with_psycopg2()
with_psycopg3()
with_sqlalchemy()
