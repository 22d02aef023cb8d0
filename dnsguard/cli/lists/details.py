"""Everything about one list, for a person: where it stands, why, and what can be gone back to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from dnsguard.cli.amounts import (
    show_count,
    show_duration,
    show_moment,
    show_size,
    show_until,
)
from dnsguard.cli.lists.reasons import DROPPED, explain
from dnsguard.cli.lists.results import show_last
from dnsguard.cli.lists.tables import (
    enumerate_names,
    make_pairs,
    make_table,
    show_diff,
    show_number,
)
from dnsguard.text import printable

Document = Mapping[str, Any]


def render_details(document: Document, now: float) -> Iterator[RenderableType]:
    """Yield the parts of the page about one list."""
    yield make_pairs(_summary(document, now))
    if dropped := document.get("dropped"):
        yield Text("\nDropped entries", "bold")
        yield make_table(
            [
                {"reason": reason, "entries": show_number(count), "what": DROPPED.get(reason, "")}
                for reason, count in dropped.items()
            ]
        )
    if generations := document.get("generations"):
        kept = (document.get("limits") or {}).get("keep")
        yield Text(f"\nGenerations (the newest {kept} are kept)", "bold")
        yield make_table([_generation(generation) for generation in generations])
        for generation in generations:
            yield Text(f"\nGeneration {generation.get('number')}", "bold")
            yield make_pairs(_provenance(generation))
    for title in ("warnings", "notes"):
        if said := document.get(title):
            yield Text(f"\n{title.capitalize()}", "bold")
            yield _lines(said)


def _summary(document: Document, now: float) -> dict[str, Text | str]:
    state = Text(printable(str(document.get("state"))))
    if state.plain != "current":
        state.stylize("yellow" if document.get("held") else "bold red")
    return {
        "name": str(document.get("name")),
        "state": state,
        "serving": _serving(document),
        "held": _hold(document),
        "age": _age(document),
        "source": _lines(document.get("source") or []),
        "format": str(document.get("format") or "-"),
        "policies": enumerate_names(document.get("policies") or []),
        "groups": enumerate_names(document.get("groups") or []),
        "last result": _last(document, now),
        "next try": _next_try(document, now),
        "guards": _guards(document),
    }


def _serving(document: Document) -> str:
    counts = show_count(document.get("names") or 0, "name")
    if document.get("addresses"):
        counts += f" and {show_count(document['addresses'], 'address')}"
    number = document.get("generation")
    return counts if number is None else f"generation {number}, {counts}"


def _hold(document: Document) -> Text | str:
    hold = document.get("held")
    if not hold:
        return "-"
    why = f" ({hold['reason']})" if hold.get("reason") else ""
    return Text(
        printable(
            f"at generation {hold.get('generation')} since {show_moment(hold.get('since'))} by "
            f"{hold.get('actor')}{why}: `dnsguard lists rollback {document.get('name')} --release` "
            "lets updates in again"
        ),
        "yellow",
    )


def _age(document: Document) -> str:
    age = document.get("age")
    return f"{show_duration(age)} since its source confirmed it" if age else "-"


def _last(document: Document, now: float) -> Text | str:
    last = document.get("last")
    if not last:
        return "-"
    where = f" from {last['source']}" if last.get("source") else ""
    lines = [f"{show_last(last, now)}{where}"]
    if last.get("message"):
        lines.append(str(last["message"]))
    if mend := explain(str(document.get("name")), str(last.get("result")), str(last.get("reason"))):
        lines.append(mend)
    return _lines(lines)


def _next_try(document: Document, now: float) -> str:
    if document.get("next_try") is None:
        return "-"
    return f"{show_until(document['next_try'], now)}, every {show_duration(document['refresh'])}"


def _guards(document: Document) -> str:
    limits = document.get("limits") or {}
    if document.get("kind") != "url" or not limits:
        return "-"
    said = [
        f"loses more than {limits['max_shrink']} %",
        f"grows by more than {limits['max_growth']} %",
        f"is larger than {show_size(limits['max_size'])}",
        "is not signed by 'public_key'" if limits.get("public_key") else "",
        "is not the file of 'sha256'" if limits.get("sha256") else "",
    ]
    return f"refused is what {', '.join(filter(None, said))}"


def _generation(generation: Document) -> dict[str, Text | str]:
    return {
        "generation": show_number(generation.get("number")),
        "state": Text("in force", "green") if generation.get("current") else "",
        "accepted": show_moment(generation.get("accepted"))[:16],  # its time zone is said below
        "entries": show_number((generation.get("names") or 0) + (generation.get("addresses") or 0)),
        "change": show_diff(generation),
        "dropped": show_number(sum((generation.get("dropped") or {}).values()) or None),
        "size": show_size(generation.get("size")),
    }


def _provenance(generation: Document) -> dict[str, Text | str]:
    return {
        "accepted": show_moment(generation.get("accepted")),
        "source": str(generation.get("source") or "-"),
        "sha256": str(generation.get("sha256") or "-"),
        "signature": str(generation.get("signature") or "-"),
        "added": _sample(generation, "added"),
        "removed": _sample(generation, "removed"),
    }


def _sample(generation: Document, key: str) -> str:
    sample: Sequence[object] = generation.get(f"{key}_sample") or []
    return enumerate_names(sample, generation.get(key))


def _lines(texts: Iterable[object]) -> Text:
    return Text("\n".join(printable(str(text)) for text in texts))
