"""No token of a link ever reaches a log."""

from __future__ import annotations

import logging

import pytest

from rekindle.web.log_lines import NoTokens


@pytest.mark.parametrize("place", ["/set-up/", "/new-password/"])
def test_the_secret_part_of_an_address_is_hidden(place: str) -> None:
    record = logging.LogRecord("django.request", logging.WARNING, "", 0, "Gone: %s", (f"{place}MQ/c0ffee-1/",), None)

    assert NoTokens().filter(record)
    assert record.getMessage() == f"Gone: {place}…"


def test_other_lines_stay_as_they_are() -> None:
    record = logging.LogRecord("django.request", logging.WARNING, "", 0, "Not Found: %s", ("/people/7/",), None)

    NoTokens().filter(record)

    assert record.getMessage() == "Not Found: /people/7/"
