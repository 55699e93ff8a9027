"""docs/deeds.md is the table of deeds, word for word; docs/api.md tells the limits as the program has them."""

from __future__ import annotations

import os
from pathlib import Path

from rekindle.web.api.door import LONGEST_BODY, api
from rekindle.web.api.limits import BURST, PER_SECOND, TELLINGS_BURST, TELLINGS_PER_SECOND
from rekindle.workflows import api_tokens, events_gather
from rekindle.workflows.deeds import batch, once
from rekindle.workflows.deeds.paper import markdown

DOCS = Path(__file__).parents[2] / "docs"


def test_the_paper_of_deeds_is_the_table() -> None:
    paper = DOCS / "deeds.md"
    if os.environ.get("WRITE_PAPERS"):
        paper.write_text(markdown(), encoding="utf-8")
    assert paper.read_text(encoding="utf-8") == markdown(), "write it anew: run this test with WRITE_PAPERS=1"


def test_the_paper_of_the_api_tells_its_limits() -> None:
    paper = (DOCS / "api.md").read_text(encoding="utf-8")
    told = (
        f"{int(PER_SECOND)} requests a second",
        f"{BURST} at once",
        f"{int(TELLINGS_PER_SECOND)} times a second, {TELLINGS_BURST:,} at once",
        f"waited {int(events_gather.WAITS.total_seconds())} s, or at once when {events_gather.MANY:,} wait",
        f"{LONGEST_BODY:,} bytes",
        f"1 to {batch.AT_MOST:,} events",
        f"{once.KEPT.days} days",
        f"1 to {once.LONGEST_KEY} printable",
        f"{int(once.GONE_AFTER.total_seconds() / 60)} minutes",
        f"{api_tokens.AT_MOST} living keys",
        ", ".join(map(str, api_tokens.LASTS_DAYS[:-1])) + f" or {api_tokens.LASTS_DAYS[-1]} days",
    )
    assert not [words for words in told if words not in paper]


def test_every_address_that_reads_is_in_the_paper_of_the_api() -> None:
    paper = (DOCS / "api.md").read_text(encoding="utf-8")
    described = api.get_openapi_schema(path_prefix="/api/v1/")["paths"]
    for address, found in described.items():
        if "get" in found:
            assert f"`GET {address}`" in paper
            assert not [one["name"] for one in found["get"].get("parameters", []) if f"`{one['name']}`" not in paper]
    assert not [name for name in batch.Event.model_fields if f"`{name}`" not in paper]
