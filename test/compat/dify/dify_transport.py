"""The two ways in which Dify reaches the log service, with Dify's own settings."""

import os
import select
import socket
import time
from urllib.parse import quote_plus, urlparse

import psycopg2
from aliyun.log import GetLogsRequest, LogClient, LogItem, PutLogsRequest
from aliyun.log.auth import AUTH_VERSION_4
from sqlalchemy import create_engine

VERSION = "1.13.3"


class Settings:
    """What Dify reads from its environment, and where the test differs from the fixed port 5432."""

    def __init__(self):
        self.key_id = os.environ["ALIYUN_SLS_ACCESS_KEY_ID"]
        self.key_secret = os.environ["ALIYUN_SLS_ACCESS_KEY_SECRET"]
        self.endpoint = os.environ["ALIYUN_SLS_ENDPOINT"]
        self.region = os.environ["ALIYUN_SLS_REGION"]
        self.project = os.environ["ALIYUN_SLS_PROJECT_NAME"]
        self.ttl = int(os.environ.get("ALIYUN_SLS_LOGSTORE_TTL", "365"))
        pg_host = self.endpoint.replace("http://", "").replace("https://", "")
        self.pg_host = os.environ.get("DIFY_CONTRACT_PG_HOST", pg_host)
        self.pg_port = int(os.environ.get("DIFY_CONTRACT_PG_PORT", "5432"))


def resolve_to_loopback(domain):
    """Names below `domain` are the machine itself, as an entry of the hosts file would say."""
    original = socket.getaddrinfo

    def lookup(host, *args, **kwargs):
        name = host.decode() if isinstance(host, bytes) else host
        if isinstance(name, str) and (name == domain or name.endswith("." + domain)):
            host = "127.0.0.1"
        return original(host, *args, **kwargs)

    socket.getaddrinfo = lookup


def probe_endpoint(endpoint, timeout=30):
    """Dify's check before it builds the client: a plain TCP connection, IPv4 only."""
    parsed = urlparse(endpoint if "://" in endpoint else f"http://{endpoint}")
    address = socket.getaddrinfo(parsed.hostname, parsed.port or 80, socket.AF_INET, socket.SOCK_STREAM)[0][4]
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(timeout)
        probe.connect(address)


def make_client(settings, key_id=None, key_secret=None):
    client = LogClient(
        settings.endpoint,
        key_id or settings.key_id,
        key_secret or settings.key_secret,
        auth_version=AUTH_VERSION_4,
        region=settings.region,
    )
    client.set_user_agent(f"Dify,Dify-{VERSION},{client._user_agent}")
    return client


class Http:
    """The SDK mode."""

    name = "http"

    def __init__(self, settings):
        self.project = settings.project
        self.client = make_client(settings)

    def put(self, logstore, fields, stamp=None):
        item = LogItem(contents=list(fields.items())) if stamp is None else LogItem(stamp, contents=list(fields.items()))
        self.client.put_logs(PutLogsRequest(project=self.project, logstore=logstore, logitems=[item]))

    def search(self, logstore, query, line=100, offset=0, reverse=False, since=0, until=None):
        request = GetLogsRequest(
            project=self.project,
            logstore=logstore,
            fromTime=since,
            toTime=int(time.time()) if until is None else until,
            topic="",
            query=query,
            line=line,
            offset=offset,
            reverse=reverse,
        )
        response = self.client.get_logs(request)
        return [log.get_contents() for log in response.get_logs()]

    def sql(self, logstore, sql, prefix="*"):
        return [null_to_empty(row) for row in self.search(logstore, f"{prefix} | {sql}")]


class Pg:
    """The PostgreSQL mode."""

    name = "pg"

    def __init__(self, settings, **overrides):
        user = quote_plus(overrides.get("user", settings.key_id))
        password = quote_plus(overrides.get("password", settings.key_secret))
        database = overrides.get("database", settings.project)
        self.engine = create_engine(
            f"postgresql+psycopg2://{user}:{password}@{settings.pg_host}:{settings.pg_port}/{database}?sslmode=require",
            pool_size=5,
            max_overflow=5,
            pool_recycle=3600,
            pool_pre_ping=overrides.get("pool_pre_ping", False),
            pool_timeout=30,
            connect_args={
                "connect_timeout": 5,
                "application_name": f"Dify-{VERSION}-fixautocommit",
                "keepalives": 1,
                "keepalives_idle": 60,
                "keepalives_interval": 10,
                "keepalives_count": 5,
            },
        )

    def run(self, statement, values=None):
        """One operation: check out, BEGIN, the statement, ROLLBACK on return to the pool."""
        connection = self.engine.raw_connection()
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                if values is not None:
                    statement += cursor.mogrify("(" + ", ".join(["%s"] * len(values)) + ")", values).decode("utf-8")
                cursor.execute(statement)
                if cursor.description is None:
                    return []
                names = [column[0] for column in cursor.description]
                return [dict(zip(names, row)) for row in cursor.fetchall()]
        finally:
            connection.close()

    def put(self, logstore, fields):
        columns = ", ".join(f'"{name}"' for name in fields)
        self.run(f'INSERT INTO "{logstore}" ({columns}) VALUES ', list(fields.values()))

    def sql(self, logstore, sql, prefix="*"):
        return [null_to_empty(row) for row in self.run(sql)]


def null_to_empty(row):
    """Dify's own normalisation of a cell: text, and nothing for NULL."""
    return {key: "" if value is None or value == "null" else str(value) for key, value in row.items()}


def wait_with_select(connection):
    """psycopg2's non-blocking mode, as patched in by gevent workers."""
    while True:
        state = connection.poll()
        if state == psycopg2.extensions.POLL_OK:
            return
        if state == psycopg2.extensions.POLL_READ:
            select.select([connection.fileno()], [], [], 30)
        else:
            select.select([], [connection.fileno()], [], 30)
