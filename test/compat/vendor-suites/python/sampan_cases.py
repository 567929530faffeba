"""pytest plug-in: supplies the values that some tests take as fixtures but no conftest gives, puts steps that need one
another into their order, and prints one JSON line for each case."""

import json
import os
import sys
import time

import pytest

# The steps of the resource suite in the order of its own main program; by name they would run delete first.
_STEPS = [
    "test_create_resource",
    "test_get_resource",
    "test_list_resources",
    "test_create_record",
    "test_get_record",
    "test_list_records",
    "test_upsert_record",
    "test_update_record",
    "test_update_resource",
    "test_delete_record",
    "test_delete_resource",
    "test_resource_curl",
    "test_record_curl",
    "test_delete",
]
_started = {}


def pytest_collection_modifyitems(items):
    def place(item):
        name = item.name.split("[")[0]
        return (item.path.as_posix(), _STEPS.index(name) if name in _STEPS else -1)

    items.sort(key=place)


def _client():
    from aliyun.log import LogClient

    return LogClient(
        os.environ["LOG_TEST_ENDPOINT"],
        os.environ["LOG_TEST_ACCESS_KEY_ID"],
        os.environ["LOG_TEST_ACCESS_KEY_SECRET"],
    )


@pytest.fixture
def client():
    return _client()


@pytest.fixture
def end_point():
    return os.environ["LOG_TEST_ENDPOINT"]


@pytest.fixture
def access_key_id():
    return os.environ["LOG_TEST_ACCESS_KEY_ID"]


@pytest.fixture
def access_key():
    return os.environ["LOG_TEST_ACCESS_KEY_SECRET"]


@pytest.fixture
def project(request):
    """The resource group test makes its project itself."""
    if request.module.__name__.endswith("test_resource_group"):
        return "vendor-python-group"
    return os.environ["LOG_TEST_PROJECT"]


@pytest.fixture
def logstore():
    return os.environ["LOG_TEST_LOGSTORE"]


@pytest.fixture
def resource_group_default():
    """The group of a project that was created without one."""
    return _client().get_project(os.environ["LOG_TEST_PROJECT"]).get_resource_group_id()


@pytest.fixture
def resource_group_new():
    return "rg-vendor-suite"


def pytest_runtest_logstart(nodeid):
    _started[nodeid] = time.time()


def pytest_runtest_logreport(report):
    if report.when != "call" and report.passed:
        return
    line = {
        "case": report.nodeid,
        "outcome": report.outcome,
        "startedAt": int(_started[report.nodeid] * 1000),
        "endedAt": int(time.time() * 1000),
        "detail": str(report.longrepr or ""),
    }
    sys.__stdout__.write("\n" + json.dumps(line) + "\n")
    sys.__stdout__.flush()
