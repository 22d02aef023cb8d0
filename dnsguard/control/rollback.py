"""Rolling a list back to a generation that is kept, and letting it go on."""

import asyncio
import time
from typing import Any

from dnsguard.config import ConfigError
from dnsguard.control.list_documents import in_force
from dnsguard.control.loading import LoadedList
from dnsguard.control.plane import ControlPlane
from dnsguard.lists.errors import ListError
from dnsguard.lists.records import Hold


async def roll_back(
    plane: ControlPlane, name: str, generation: int | None, actor: str, reason: str
) -> dict[str, Any]:
    """Put a kept generation in force until it is released; None is the one before that in force.

    If it cannot be, what was in force stays and the result says why. Raises KeyError.
    """
    found = _find(plane, name)
    if found.kind == "builtin":
        return _refused(plane, name, "it is bundled: no other generation of it is kept")
    record = plane.records.read(name)
    if generation is None:
        current = in_force(found, record)
        older = [g.number for g in record.generations if current and g.number < current.number]
        if not older:
            return _refused(plane, name, "there is no generation before the one in force")
        generation = older[0]
    earlier = record.hold
    try:
        hold = Hold(generation, time.time(), actor, reason)
        await asyncio.to_thread(plane.records.hold, name, hold)
        await plane.change_lists({}, actor, reason or f"rollback of list {name}")
        now = in_force(_find(plane, name), plane.records.read(name))
        if now is not None and now.number == generation:
            return _result(plane, name, generation)
        message = f"generation {generation} cannot be used any more: choose another"
    except (ListError, ConfigError) as error:
        message = str(error)
    except OSError as error:
        message = f"the hold cannot be written ({error.strerror}): it would end with a restart"
    if plane.records.get(name).hold != earlier:
        await asyncio.to_thread(_restore, plane, name, earlier)
        await plane.change_lists({}, actor, f"rollback of list {name} failed")
    return _refused(plane, name, message)


async def release(plane: ControlPlane, name: str, actor: str, reason: str) -> dict[str, Any]:
    """Have the newest generation in force again, and updates taken. Raises KeyError."""
    found = _find(plane, name)
    hold = None if found.kind == "builtin" else plane.records.get(name).hold
    if hold is None:
        return _refused(plane, name, "nothing holds it")
    try:
        await asyncio.to_thread(plane.records.release, name)
        await plane.change_lists({}, actor, reason or f"release of list {name}", reread={name})
    except ConfigError as error:
        await asyncio.to_thread(_restore, plane, name, hold)
        return _refused(plane, name, str(error))
    except OSError as error:
        return _refused(plane, name, f"that cannot be written ({error.strerror})")
    now = in_force(_find(plane, name), plane.records.get(name))
    return _result(plane, name, now.number if now else None)


def _find(plane: ControlPlane, name: str) -> LoadedList:
    for found in plane.current.lists.loaded:
        if found.name == name:
            return found
    raise KeyError(name)


def _restore(plane: ControlPlane, name: str, hold: Hold | None) -> None:
    if hold is None:
        plane.records.release(name)
    else:
        plane.records.hold(name, hold)


def _result(plane: ControlPlane, name: str, generation: int | None) -> dict[str, Any]:
    found = _find(plane, name)
    return {
        "list": name,
        "generation": generation,
        "names": found.compiled.version["names"] if found.compiled else 0,
        "held": found.kind != "builtin" and plane.records.get(name).hold is not None,
        "result": "ok",
        "message": "",
    }


def _refused(plane: ControlPlane, name: str, message: str) -> dict[str, Any]:
    found = _find(plane, name)
    current = None if found.kind == "builtin" else in_force(found, plane.records.get(name))
    return {
        **_result(plane, name, current.number if current else None),
        "result": "refused",
        "message": message,
    }
