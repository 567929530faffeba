"""Loaded into Python programs by `sampan exec` through PYTHONPATH.

Log clients put the project in front of the endpoint (`dify.localhost`), and most systems do not resolve such
names. SAMPAN_HOSTS lists endpoint hosts with their address: every name below one of them gets its address.
"""

import os
import sys


def _resolve_names():
    import _socket
    import socket

    hosts = [
        (host, address)
        for host, _, address in (entry.partition("=") for entry in os.environ.get("SAMPAN_HOSTS", "").split(","))
        if host and address
    ]

    def address_of(name):
        if isinstance(name, (bytes, bytearray)):
            name = name.decode("ascii", "replace")
        if not isinstance(name, str):
            return name
        wanted = name.lower().rstrip(".")
        for host, address in hosts:
            if wanted.endswith("." + host):
                return address
        return name

    def replace(function_name):
        original = getattr(_socket, function_name)

        def resolve(host, *rest, **named):
            return original(address_of(host), *rest, **named)

        resolve.__name__ = function_name
        resolve.__doc__ = original.__doc__
        # socket.getaddrinfo calls the C module's; gevent's resolver calls that one directly, from its threads.
        setattr(_socket, function_name, resolve)
        if getattr(socket, function_name) is original:
            setattr(socket, function_name, resolve)

    for function_name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
        replace(function_name)


def _run_next_sitecustomize():
    """This file hides another module of the same name further down the path; that one runs now, as it would have."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    here = os.path.dirname(os.path.abspath(__file__))
    others = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


_resolve_names()
_run_next_sitecustomize()
