"""The status page: plain HTML in English and French, without script or style."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

LANGUAGES = ("en", "fr")

_TEXTS = {
    "en": {
        "ready": "Ready",
        "not ready": "Not ready",
        "generation": "Generation",
        "policies": "Policies",
        "name": "Name",
        "stage": "Stage",
        "enforcing": "Enforcing",
        "groups": "Groups",
        "yes": "yes",
        "no": "no",
        "off": "off",
        "shadow": "shadow",
        "enforce": "enforce",
        "none": "No policy is configured.",
        "links": "More",
        "/metrics": "Metrics for Prometheus",
        "/readyz": "Readiness",
        "/healthz": "Health",
        "/api/v1/status": "Full status (JSON)",
        "other": '<a href="/?lang=fr" hreflang="fr" lang="fr">Français</a>',
    },
    "fr": {
        "ready": "Prêt",
        "not ready": "Pas prêt",
        "generation": "Génération",
        "policies": "Politiques",
        "name": "Nom",
        "stage": "Étape",
        "enforcing": "Appliquée",
        "groups": "Groupes",
        "yes": "oui",
        "no": "non",
        "off": "désactivée",
        "shadow": "observation",
        "enforce": "application",
        "none": "Aucune politique n’est configurée.",  # noqa: RUF001, French typography
        "links": "Plus",
        "/metrics": "Métriques pour Prometheus",
        "/readyz": "Disponibilité",
        "/healthz": "Santé",
        "/api/v1/status": "État complet (JSON)",
        "other": '<a href="/?lang=en" hreflang="en" lang="en">English</a>',
    },
}
_LINKS = ("/metrics", "/readyz", "/healthz", "/api/v1/status")


def choose_language(asked: str, accepted: str) -> str:
    """Return the language of `?lang=`, else the first of Accept-Language that is ours."""
    ranked = [asked, *(part.split(";")[0] for part in accepted.split(","))]
    tags = (tag.strip().lower().split("-")[0] for tag in ranked)
    return next((tag for tag in tags if tag in LANGUAGES), LANGUAGES[0])


def render_page(status: Mapping[str, Any], reasons: Sequence[str], language: str) -> str:
    """Return the page; `reasons` are those for not being ready."""
    texts = _TEXTS[language]
    state = texts["not ready" if reasons else "ready"]
    version = escape(str(status.get("version", "")))
    return f"""<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>dnsguard: {state}</title>
</head>
<body>
<header><h1>dnsguard {version}</h1><p>{texts["other"]}</p></header>
<main>
<p><strong>{state}</strong></p>
{_list(map(escape, reasons))}
<p>{texts["generation"]} {escape(str(status.get("generation", "")))}</p>
<h2>{texts["policies"]}</h2>
{_policies(status.get("policies", ()), texts)}
</main>
<nav aria-labelledby="links"><h2 id="links">{texts["links"]}</h2>
{_list(f'<a href="{link}">{texts[link]}</a>' for link in _LINKS)}
</nav>
</body>
</html>
"""


def _policies(policies: Sequence[Mapping[str, Any]], texts: Mapping[str, str]) -> str:
    if not policies:
        return f"<p>{texts['none']}</p>"
    titles = "".join(
        f'<th scope="col">{texts[title]}</th>' for title in ("name", "stage", "enforcing", "groups")
    )
    rows = "\n".join(_policy(policy, texts) for policy in policies)
    return f"<table>\n<thead><tr>{titles}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"


def _policy(policy: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    stage = str(policy.get("stage", ""))
    cells = (
        texts.get(stage, stage),
        texts["yes" if policy.get("enforcing") else "no"],
        ", ".join(policy.get("groups", ())),
    )
    name = f'<th scope="row">{escape(str(policy.get("name", "")))}</th>'
    return f"<tr>{name}{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _list(items: Iterable[str]) -> str:
    entries = "\n".join(f"<li>{item}</li>" for item in items)
    return f"<ul>\n{entries}\n</ul>" if entries else ""
