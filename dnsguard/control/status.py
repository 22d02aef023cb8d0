"""The state of the control plane as one document, for `status` and the API."""

import os
import platform
from typing import Any

from dnsguard import __version__
from dnsguard.build import BUILD
from dnsguard.control import list_documents
from dnsguard.control.metrics import upstream_is_up, upstream_loops
from dnsguard.control.plane import ControlPlane

_LOOP = "a loop: what it is asked comes back here as a query, so nothing else is asked of it"


def ready(plane: ControlPlane) -> list[str]:
    """Return the reasons why not every query is answered as configured; empty when ready."""
    reasons = [
        f"worker {worker.number} is not listening"
        for worker in plane.workers
        if not worker.listening.is_set()
    ]
    return reasons + [
        f"list {found.name}: {found.problem}"
        for found in plane.current.lists.loaded
        if found.kind != "url" and found.problem
    ]


def enforcing(plane: ControlPlane) -> dict[str, bool]:
    """Return for each policy whether it blocks what it names, now."""
    serving = any(worker.listening.is_set() for worker in plane.workers)
    usable = {
        found.name
        for found in plane.current.lists.loaded
        if found.compiled and found.compiled.version["names"]
    }
    return {
        name: serving and policy.stage == "enforce" and all(item in usable for item in policy.lists)
        for name, policy in plane.current.config.policies.items()
    }


def describe(plane: ControlPlane) -> dict[str, Any]:
    """Return what is in force, for whom, from where, and since when; times in epoch seconds."""
    config = plane.current.config
    blocking = enforcing(plane)
    pages = [page.read(plane.ranges.end) for page in plane.pages]
    last = plane.last_change
    return {
        "version": __version__,
        "build": BUILD,
        "python": platform.python_version(),
        "pid": os.getpid(),
        "started": plane.started,
        "ready": ready(plane),
        "generation": plane.current.number,
        "config": {
            "path": str(plane.config_path),
            "state": "last accepted" if plane.fallback else "current",
            "problems": [str(problem) for problem in plane.fallback],
        },
        "listening": plane.listening,
        "admin": plane.admin,
        "groups": [
            {
                "name": name,
                "description": group.description,
                "subnets": [str(subnet) for subnet in group.subnets],
            }
            for name, group in config.groups.items()
        ],
        "policies": [
            {
                "name": name,
                "stage": policy.stage,
                "enforcing": blocking[name],
                "answer": policy.answer,
                "groups": list(policy.groups),
                "lists": list(policy.lists),
                "reference": policy.reference,
                "owner": policy.owner,
            }
            for name, policy in config.policies.items()
        ],
        "lists": [
            list_documents.describe(found, config, plane.records)
            for found in plane.current.lists.loaded
        ],
        "upstreams": [
            {
                "url": url,
                "up": upstream_is_up(pages, base),
                "problem": _LOOP if upstream_loops(pages, base) else "",
            }
            for (url,), base in plane.ranges.items("upstream")
            if any(upstream.url == url for upstream in plane.generation.upstreams)
        ],
        "workers": [
            {
                "number": worker.number,
                "pid": worker.pid,
                "generation": worker.serving,
                "restarts": worker.restarts,
            }
            for worker in plane.workers
        ],
        "last_reload": {
            "at": last.at,
            "actor": last.actor,
            "reason": last.reason,
            "result": last.result,
        },
    }
