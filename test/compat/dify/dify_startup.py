"""Dify's start-up sequence: project, logstores, index with merge."""

from aliyun.log import IndexConfig, IndexKeyConfig, IndexLineConfig
from aliyun.log.index_config import IndexJsonKeyConfig

from dify_rows import INDEX, NODES, RUNS, TEXT, TOKENS, key_types


def wanted_keys(logstore):
    keys = {}
    for name, kind in key_types(logstore).items():
        if kind == TEXT:
            keys[name] = IndexKeyConfig(
                index_type=TEXT, case_sensitive=False, doc_value=True, token_list=TOKENS, chinese=True
            )
        else:
            keys[name] = IndexKeyConfig(index_type=kind, doc_value=True)
    return keys


def line_config():
    return IndexLineConfig(token_list=TOKENS, case_sensitive=False, chinese=True)


def exists(call, missing_code):
    """Whether the thing is there; only this one code means that it is not."""
    try:
        call()
        return True
    except Exception as error:
        if error.args[0] == missing_code:
            return False
        raise


def merge(existing, wanted):
    """Dify's merge: keeps what is there, corrects spelling and type, adds what is missing."""
    keys = dict(existing.key_config_list or {})
    changed = False
    for name in wanted:
        twin = next((key for key in keys if key.lower() == name.lower() and key != name), None)
        if twin is not None:
            del keys[twin]
            changed = True
    for name, config in wanted.items():
        if name not in keys:
            keys[name] = config
            changed = True
        elif keys[name].index_type != config.index_type and {keys[name].index_type, config.index_type} != {"json", "text"}:
            keys[name] = config
            changed = True
    merged = IndexConfig(
        line_config=existing.line_config or line_config(), key_config_list=keys, scan_index=existing.scan_index
    )
    return merged, changed


def ensure_index(client, project, logstore, wanted):
    """Returns what had to be done: created, updated or kept."""
    if not exists(lambda: client.get_index_config(project, logstore), "IndexConfigNotExist"):
        client.create_index(
            project, logstore, IndexConfig(line_config=line_config(), key_config_list=wanted, scan_index=True)
        )
        return "created"
    merged, changed = merge(client.get_index_config(project, logstore).get_index_config(), wanted)
    if changed:
        client.update_index(project, logstore, merged)
        return "updated"
    return "kept"


def start_up(client, settings):
    """The whole sequence. Returns whether the project is new, and what was done to each index."""
    project = settings.project
    is_new = not exists(lambda: client.get_project(project), "ProjectNotExist")
    if is_new:
        client.create_project(project, "dify")
    done = {}
    for logstore in (RUNS, NODES):
        if not exists(lambda name=logstore: client.get_logstore(project, name), "LogStoreNotExist"):
            client.create_logstore(project_name=project, logstore_name=logstore, ttl=settings.ttl)
        done[logstore] = ensure_index(client, project, logstore, wanted_keys(logstore))
    return is_new, done


def check_merge(client, settings, report):
    """An index that somebody made by hand: misspelt, mistyped, incomplete, with a key of their own."""
    project, logstore = settings.project, "merge-check"
    client.create_logstore(project_name=project, logstore_name=logstore, ttl=1)
    text = IndexKeyConfig(index_type="text", doc_value=True, token_list=[",", " "], case_sensitive=True, chinese=False)
    json_keys = IndexJsonKeyConfig()
    json_keys.add_key("nodes.count", "long", True)
    by_hand = {
        "Status": text,
        "total_tokens": text,
        "graph": IndexKeyConfig(index_type="json", doc_value=True, token_list=[","], json_key_config=json_keys, chinese=True),
        "my_own": text,
    }
    client.create_index(
        project,
        logstore,
        IndexConfig(
            line_config=IndexLineConfig(token_list=[",", ";"], case_sensitive=True, chinese=False),
            key_config_list=by_hand,
            scan_index=False,
        ),
    )
    done = ensure_index(client, project, logstore, wanted_keys(RUNS))
    merged = client.get_index_config(project, logstore).get_index_config()
    types = {name: config.index_type for name, config in merged.key_config_list.items()}
    expected = dict(key_types(RUNS), graph="json", my_own="text")
    report.equal("startup: an index made by hand is merged", "http", ["updated", expected], [done, types])
    report.equal(
        "startup: the line index and the own key stay as they were",
        "http",
        [[",", ";"], True, False, [",", " "], {"nodes.count": {"type": "long", "doc_value": True}}],
        [
            merged.line_config.token_list,
            merged.line_config.case_sensitive,
            merged.line_config.chn,
            merged.key_config_list["my_own"].token_list,
            merged.key_config_list["graph"].json_key_config.json_keys,
        ],
    )
    report.equal("startup: scan_index stays as it was", "http", False, bool(merged.scan_index))
    report.equal("startup: a second start changes nothing", "http", "kept", ensure_index(client, project, logstore, wanted_keys(RUNS)))
    client.delete_logstore(project, logstore)


def check_index(client, settings, report):
    """Dify's own index comes back as it was sent, duplicates in the token list included."""
    for logstore in (RUNS, NODES):
        config = client.get_index_config(settings.project, logstore).get_index_config()
        have = config.to_json()
        text_key = have["keys"][INDEX[logstore][TEXT][0]]
        report.equal(f"startup: index of {logstore} lists all keys", "http", key_types(logstore), {
            name: key["type"] for name, key in have["keys"].items() if name in key_types(logstore)
        })
        report.equal(f"startup: tokens of {logstore} come back", "http", [TOKENS, TOKENS], [
            text_key["token"], have["line"]["token"],
        ])
        report.equal(f"startup: scan_index of {logstore} is on", "http", True, config.scan_index)
