"""A consumer of one group, as a user of the Python SDK writes it. Prints one JSON line per fetched batch."""

import json
import logging
import os
import signal
import sys
import threading

from aliyun.log.consumer import ConsumerProcessorBase, ConsumerWorker, CursorPosition, LogHubConfig

logging.basicConfig(stream=sys.stderr, level=logging.INFO)
printing = threading.Lock()


class Printer(ConsumerProcessorBase):
    def process(self, log_groups, check_point_tracker):
        logs = []
        for group in log_groups.LogGroups:
            for log in group.Logs:
                fields = {content.Key: content.Value for content in log.Contents}
                logs.append([fields["lane"], int(fields["sequence"])])
        with printing:
            sys.stdout.write(json.dumps({"shard": self.shard_id, "logs": logs}) + "\n")
            sys.stdout.flush()
        self.save_checkpoint(check_point_tracker, force=True)


worker = ConsumerWorker(
    Printer,
    LogHubConfig(
        os.environ["ENDPOINT"],
        os.environ["ACCESS_KEY_ID"],
        os.environ["ACCESS_KEY_SECRET"],
        os.environ["PROJECT"],
        os.environ["LOGSTORE"],
        "compat",
        sys.argv[1],
        cursor_position=CursorPosition.BEGIN_CURSOR,
        heartbeat_interval=2,
        data_fetch_interval=1,
        in_order=True,
        worker_pool_size=6,
    ),
)
stopping = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopping.set())
worker.start()
stopping.wait()
worker.shutdown()
worker.join()
