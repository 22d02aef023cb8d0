"""pydantic's errors in an admin's words."""

from difflib import get_close_matches
from inspect import isclass
from typing import Annotated, Any, get_args, get_origin

from pydantic_core import ErrorDetails

from dnsguard.config.model import Config
from dnsguard.config.problem import KeyPath
from dnsguard.config.settings import Section
from dnsguard.text import MAX_SHOWN, quote

_PLAIN = {
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "string_type": "must be text: put it in quotes",
    "tuple_type": "must be a list, as in [a, b]",
    "dict_type": "must be a mapping, with a 'key: value' in each line",
    "model_type": "must be a mapping, with a 'key: value' in each line",
    "date_type": "must be a date, as in 2027-02-28",
    "greater_than_equal": "is too small: at least {ge}",
    "less_than_equal": "is too large: at most {le}",
}


def translate(error: ErrorDetails) -> tuple[KeyPath, str]:
    """Return where an error of the model is, and what to say of it."""
    path = tuple(key for key in error["loc"] if key != "[key]")
    kind = error["type"]
    context = error.get("ctx", {})
    if kind == "missing":
        return path[:-1], f"{quote(path[-1])} is missing: add it"
    if kind == "extra_forbidden":
        return path, _unknown_key(path)
    if kind == "value_error":
        return path, str(context["error"])
    if error["input"] is None:
        return path, "has no value: give it one, or remove it"
    if kind == "literal_error":
        expected = str(context["expected"]).replace("'", "")
        return path, f"{quote(error['input'])} is not one of {expected}"
    if kind in _PLAIN:
        return path, _PLAIN[kind].format(**context)
    return path, f"{quote(error['input'])} is not valid here: correct it"


def _unknown_key(path: KeyPath) -> str:
    key = str(path[-1])
    known = _keys_beside(path)
    # difflib takes quadratic time, and no key of ours is long.
    close = get_close_matches(key, known, n=1) if len(key) <= MAX_SHOWN else []
    if close:
        return f"unknown key; did you mean {close[0]!r}?"
    return f"unknown key: remove it; the keys here are {', '.join(known)}"


def _keys_beside(path: KeyPath) -> list[str]:
    """Return the keys that the section at the end of a path may have."""
    annotation: Any = Config
    for key in path[:-1]:
        section = _section(annotation)
        if section is not None and isinstance(key, str):
            field = section.model_fields.get(key)
            annotation = field.annotation if field else None
        else:
            annotation = next(reversed([a for a in get_args(annotation) if a is not ...]), None)
    section = _section(annotation)
    return list(section.model_fields) if section else []


def _section(annotation: Any) -> type[Section] | None:  # noqa: ANN401 (any annotation at all)
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation if isclass(annotation) and issubclass(annotation, Section) else None
