"""The table of deeds as a paper people can read: docs/deeds.md is this, word for word."""

from __future__ import annotations

from typing import Final

from rekindle.workflows.deeds import TABLE, Verb
from rekindle.workflows.deeds.given import kind_of

_HEAD: Final = """# Deeds
Everything that can be done with a person, by name: `POST /api/v1/deeds/NAME` ([api.md](api.md)) and
`rekindle do NAME FIELD=VALUE...` ([cli.md](cli.md)) do exactly what the pages do, because all three call the same
workflow. This paper is written from the table in the program; a test compares the two.

A day is written as 2026-03-31, an instant with its zone as 2026-03-31T14:30:00Z, a word as it is stored
([words.md](words.md)). On the command line a person may be named as in `rekindle person WHO`, a list is written with
commas, and yes and no are words. A field that is not said to be needed may be left out.

A deed that counts as one of two people is done by a key or on a page, never on the command line, which does not prove
who somebody is. An answer holds numbers, days and words of the vocabulary, never anybody's own words.
"""


def markdown() -> str:
    """The whole paper."""
    families: dict[str, list[Verb]] = {}
    for verb in TABLE.values():
        families.setdefault(verb.name.partition(".")[0], []).append(verb)
    parts = [_HEAD]
    for family, verbs in families.items():
        parts.append(f"## {family.replace('_', ' ').capitalize()}\n")
        parts += [_section(verb) for verb in verbs]
    return "\n".join(parts)


def _section(verb: Verb) -> str:
    said = [f"### {verb.name}", verb.summary]
    if verb.is_personal:
        said.append("Counts as one of two people.")
    said += [f"Needs a role that may {verb.needs.label}.", "", "| field | | |", "|---|---|---|"]
    for name, field in verb.given.model_fields.items():
        needed = "needed" if field.is_required() else ""
        kind = kind_of(verb.given, name)
        told = f"{kind}. {field.description}" if field.description else kind
        said.append(f"| `{name}` | {needed} | {told} |")
    return "\n".join(said) + "\n"
