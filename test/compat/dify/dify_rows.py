"""Rows as Dify writes them, made from a seed, and the keys that Dify indexes."""

import json
import random
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

RUNS = "workflow_execution"
NODES = "workflow_node_execution"
WRITES = 1000
TOOL_TRIGGER = "workflow-tool"
SENTINEL = "sentinel4711"

LONG = "long"
DOUBLE = "double"
TEXT = "text"

INDEX = {
    RUNS: {
        LONG: ["total_tokens", "total_steps", "exceptions_count", "log_version"],
        DOUBLE: ["elapsed_time"],
        TEXT: [
            "id", "tenant_id", "app_id", "workflow_id", "type", "triggered_from", "version", "graph", "inputs",
            "status", "outputs", "error", "created_by_role", "created_by", "created_at", "finished_at",
            "error_message", "started_at",
        ],
    },
    NODES: {
        LONG: ["index", "log_version"],
        DOUBLE: ["elapsed_time"],
        TEXT: [
            "id", "tenant_id", "app_id", "workflow_id", "triggered_from", "workflow_run_id", "predecessor_node_id",
            "node_execution_id", "node_id", "node_type", "title", "inputs", "process_data", "outputs", "status",
            "error", "execution_metadata", "created_at", "created_by_role", "created_by", "finished_at",
        ],
    },
}

# The second quotation mark is no slip: Dify lists it twice.
TOKENS = [
    ",", " ", '"', '"', ";", "=", "(", ")", "[", "]", "{", "}", "?", "@", "&", "<", ">", "/", ":", "\n", "\t",
]

CHINESE = "查询日志服务:“订单”处理失败,请重试。\n第二行\t制表符 'single' \"double\" \\back\\slash 😀 %s %% $1"


def key_types(logstore):
    return {name: kind for kind, names in INDEX[logstore].items() for name in names}


@dataclass
class Row:
    """One row to write, then one row written."""

    logstore: str
    fields: dict
    # Unix seconds when the writer chooses the time; None when the clock does.
    stamp: int | None = None
    transport: str = ""
    # The bounds of `__time__`, known once the row is written.
    earliest: int = 0
    latest: int = 0

    def __getitem__(self, key):
        return self.fields.get(key, "")

    @property
    def version(self):
        return int(self.fields["log_version"])


class Generator:
    """Makes the runs of two tenants with two apps each, and their nodes."""

    def __init__(self, seed, now):
        self.random = random.Random(seed)
        self.start = now - timedelta(days=4)
        self.ticks = 0
        self.tenants = [self.uuid() for _ in range(2)]
        self.apps = {tenant: [self.uuid() for _ in range(2)] for tenant in self.tenants}
        self.workflows = {app: self.uuid() for apps in self.apps.values() for app in apps}
        self.users = [self.uuid() for _ in range(5)]
        self.big_run = ""
        self.import_run = ""

    def uuid(self):
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def moment(self):
        """A new instant in ISO-8601, later than all before it."""
        self.ticks += self.random.randrange(1, 400_000_000)
        return (self.start + timedelta(microseconds=self.ticks)).replace(tzinfo=None).isoformat(timespec="microseconds")

    def graph(self, size):
        text = CHINESE + "x" * self.random.randrange(40)
        nodes = [{"id": self.uuid(), "data": {"title": text, "n": i}} for i in range(size)]
        return json.dumps({"nodes": nodes, "edges": []}, ensure_ascii=False)

    def stamp(self):
        """Some rows are a few days old, as in a system that has run for a while."""
        if self.random.random() < 0.6:
            return None
        return int(self.start.timestamp()) + self.random.randrange(0, 3 * 86400)

    def runs(self):
        """Rows in the order in which they are written."""
        produced = []
        number = 0
        while len(produced) < WRITES:
            produced.extend(self.run(number))
            number += 1
        return produced[:WRITES]

    def run(self, number):
        tenant = self.tenants[number % 2]
        app = self.apps[tenant][(number // 2) % 2]
        run_id = self.uuid()
        if number == 0:
            self.big_run = run_id
        if number == 1:
            self.import_run = run_id
        status = self.random.choice(["succeeded", "succeeded", "failed", "stopped", "partial-succeeded", "running"])
        started = self.moment()
        base = {
            "id": run_id,
            "log_version": "99999999" if number == 1 else "",
            "tenant_id": tenant,
            "app_id": app,
            "workflow_id": self.workflows[app],
            "triggered_from": ["app-run", "debugging"][0 if self.random.random() < 0.7 else 1],
            "type": "workflow",
            "version": f"2025-11-{number % 28 + 1:02d} 10:00:00.000001",
            "graph": self.graph([2, 5, 400][2 if number % 23 == 0 else number % 2]),
            "inputs": json.dumps({"query": CHINESE, "tag": SENTINEL if number % 7 == 0 else "plain"}, ensure_ascii=False),
            "outputs": "{}",
            "status": "running",
            "error_message": "",
            "total_tokens": "0",
            "total_steps": "0",
            "exceptions_count": "0",
            "created_by_role": "end_user" if number % 3 else "account",
            "created_by": self.users[number % len(self.users)],
            "started_at": started,
            "finished_at": "",
        }
        rows = [Row(RUNS, base, self.stamp())]
        count = 75 if number == 0 else self.random.randrange(2, 6)
        for index in range(1, count + 1):
            rows.extend(self.node(base, index))
        if status != "running":
            finish = dict(
                base,
                log_version="",
                status=status,
                outputs=json.dumps({"answer": CHINESE, "n": number}, ensure_ascii=False),
                error_message="Node 'x' failed: \"quota\"\nline 2; DROP TABLE" if status == "failed" else "",
                total_tokens=str(self.random.randrange(0, 900)),
                total_steps=str(count),
                exceptions_count="1" if status == "partial-succeeded" else "0",
                finished_at=self.moment(),
            )
            rows.append(Row(RUNS, finish, self.stamp()))
            if number % 11 == 3:
                # A retried insert: the same row, with the same log_version, twice.
                rows.append(Row(RUNS, dict(finish, log_version="again"), rows[-1].stamp))
        return rows

    def node(self, run, index):
        status = self.random.choice(["succeeded"] * 5 + ["failed", "running", "paused"])
        created = self.moment()
        base = {
            "id": self.uuid(),
            "log_version": "",
            "tenant_id": run["tenant_id"],
            "app_id": run["app_id"],
            "workflow_id": run["workflow_id"],
            "triggered_from": TOOL_TRIGGER if self.random.random() < 0.1 else "workflow-run",
            "workflow_run_id": run["id"],
            "index": str(index),
            "predecessor_node_id": f"node-{index - 1}" if index > 1 else "",
            "node_execution_id": self.uuid(),
            "node_id": f"node-{index}",
            "node_type": self.random.choice(["start", "llm", "code", "if-else", "end"]),
            "title": CHINESE if index % 4 == 0 else f"Node {index}",
            "inputs": json.dumps({"text": CHINESE, "i": index}, ensure_ascii=False),
            "process_data": "{}",
            "outputs": "{}",
            "status": "running",
            "error": "",
            "elapsed_time": "0.0",
            "execution_metadata": "{}",
            "created_at": created,
            "created_by_role": run["created_by_role"],
            "created_by": run["created_by"],
            "finished_at": "",
        }
        rows = [Row(NODES, base)]
        if status != "running":
            rows.append(
                Row(
                    NODES,
                    dict(
                        base,
                        log_version="",
                        status=status,
                        outputs=json.dumps({"text": CHINESE * 3}, ensure_ascii=False),
                        error="timeout after 30s" if status == "failed" else "",
                        elapsed_time=str(self.random.choice([1e-05, 0.25, 12.5, self.random.random() * 30])),
                        execution_metadata=json.dumps({"total_tokens": index, "currency": "USD"}),
                        finished_at=self.moment(),
                    ),
                )
            )
        return rows


def stamp_version(row, previous):
    """Gives a row its version at the moment of the write, as Dify does."""
    version = row.fields["log_version"]
    if version == "":
        row.fields["log_version"] = str(time.time_ns())
    elif version == "again":
        row.fields["log_version"] = previous.fields["log_version"]


def utc_date(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d")
