"""How long before the last day an ending by us is told: every line documented, the unknown country the strictest."""

from __future__ import annotations

from pathlib import Path

import pytest

from rekindle.decide.law import UNKNOWN, Contract, NoticeRule, law, read
from rekindle.errors import BadInput

DOC = (Path(__file__).parents[2] / "docs" / "law.md").read_text(encoding="utf-8")
NOTICES = [notice for one in law().jurisdictions for notice in one.notices]
PLAIN = """
jurisdiction: unknown
name: Nowhere
countries: []
rules:
  - id: unknown.email
    where: unknown
    channels: [email]
    purposes: [service]
    basis: consent
    clock: null
    requires: []
    optout_sla: null
    on_expiry: null
    source: "A book of rules that nobody wrote."
    mark: P
notice:
  - id: unknown.notice
    where: unknown
    contract: continuing
    days: 30
    requires: [specific_reason]
    complaint: "You can complain to us."
    source: "A book of rules that nobody wrote."
    mark: P
"""


@pytest.mark.parametrize("notice", NOTICES, ids=lambda notice: notice.id)
def test_every_notice_is_documented_with_its_source(notice: NoticeRule) -> None:
    line = next(line for line in DOC.splitlines() if line.startswith(f"| `{notice.id}` |"))
    told = [notice.where, notice.contract.value, str(notice.days), ", ".join(notice.requires), notice.complaint,
            notice.source, notice.mark]  # fmt: skip
    assert [cell.strip() for cell in line.strip("|").split("|")][1:] == told


@pytest.mark.parametrize("contract", Contract)
def test_the_unknown_country_waits_as_long_as_the_longest(contract: Contract) -> None:
    strictest = law().notice(country=None, contract=contract)
    assert strictest.where == UNKNOWN
    for notice in NOTICES:
        if notice.contract is contract:
            assert notice.days <= strictest.days, notice.id
            assert set(notice.requires) <= set(strictest.requires), notice.id


@pytest.mark.parametrize(
    ("country", "contract", "rule", "days"),
    [
        ("GB", Contract.PAYMENT_ACCOUNT, "uk.psr.closure", 90),
        ("GB", Contract.CONTINUING, "uk.notice.continuing", 30),
        ("DE", Contract.CONTINUING, "de.notice.continuing", 30),
        ("DE", Contract.PAYMENT_ACCOUNT, "eu.notice.payment_account", 62),
        ("FR", Contract.SINGLE, "eu.notice.single", 0),
        ("US", Contract.PAYMENT_ACCOUNT, "unknown.notice.payment_account", 90),
        ("BR", Contract.CONTINUING, "unknown.notice.continuing", 30),
        ("Germany", Contract.PAYMENT_ACCOUNT, "unknown.notice.payment_account", 90),
        ("", Contract.PAYMENT_ACCOUNT, "unknown.notice.payment_account", 90),
    ],
)
def test_a_country_has_its_own_its_base_or_the_strictest(
    country: str, contract: Contract, rule: str, days: int
) -> None:
    found = law().notice(country=country or None, contract=contract)
    assert (found.id, found.days) == (rule, days)


def test_the_british_payment_account_says_why_and_how_to_complain() -> None:
    found = law().notice(country="GB", contract=Contract.PAYMENT_ACCOUNT)
    assert set(found.requires) == {"specific_reason", "complaint_route"}
    assert "Financial Ombudsman Service" in found.complaint
    assert found.mark == "V"


@pytest.mark.parametrize(
    ("changed", "to", "message"),
    [
        ("days: 30", "days: -1", "notice.0.days"),
        ("contract: continuing", "contract: marriage", "notice.0.contract"),
        ("requires: [specific_reason]", "requires: [flowers]", "notice.0.requires"),
        ("id: unknown.notice", "id: unknown.email", "is also in"),
        ("where: unknown\n    contract", "where: eu\n    contract", "is about eu"),
    ],
)
def test_a_wrong_notice_is_named_with_its_place(changed: str, to: str, message: str) -> None:
    assert read({"x.yaml": PLAIN}).notice(country=None, contract=Contract.CONTINUING).days == 30
    with pytest.raises(BadInput, match=message):
        read({"x.yaml": PLAIN.replace(changed, to)})


def test_a_contract_nobody_speaks_of_is_no_guess() -> None:
    with pytest.raises(BadInput, match="no notice for a contract"):
        read({"x.yaml": PLAIN}).notice(country=None, contract=Contract.PAYMENT_ACCOUNT)
