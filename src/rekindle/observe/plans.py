"""The SQL that turns text rows into one kind of load, and the checks each row must pass.

A plan is built once a survey and run on every run of rows. It never drops a row: each comes out with the number of the
first check it failed, so that nothing is lost between what was read, kept and refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rekindle.observe import amounts, dates
from rekindle.observe.readers.layout import text_column
from rekindle.observe.readers.values import BLANKS
from rekindle.relationships.vocabulary import Basis, Channel, Initiator, IntakeKind

# Our choice: longer than any number of a customer, an order or a kind of event seen in an export.
LONGEST_KEY, LONGEST_WORD, LONGEST_TEXT = 200, 60, 20_000
# So many unmapped columns are kept; with more, what fits the 2,000 characters is decided by the first ones anyway.
MOST_EXTRAS = 200
# Our choice: a contract may end, and a consent run out, this far ahead of today.
FAR_AHEAD = timedelta(days=3 * 366)
NO_CUSTOMER = "no customer"

_YES = "y yes true 1 t ja oui si sí subscribed optin optedin given granted agreed active confirmed"
YES = tuple(_YES.split())
_NO = "n no false 0 f nein non unsubscribed optout optedout withdrawn revoked refused declined inactive"
NO = tuple(_NO.split())
_CHANNELS = {"mail": "email", "e_mail": "email", "text": "sms", "text_message": "sms", "mobile": "sms", "phone": "call",
             "telephone": "call", "post": "letter", "postal": "letter", "card": "letter", "person": "in_person",
             "social_media": "social"} | {word.value: word.value for word in Channel}  # fmt: skip
_BASES = {"opt_in": "consent", "double_opt_in": "consent", "explicit": "consent", "express": "consent",
          "existing_customer": "soft_opt_in", "implied": "implied_purchase", "legitimate_interest": "legit_interest",
          "legitimate_interests": "legit_interest"} | {word.value: word.value for word in Basis}  # fmt: skip
_INITIATORS = {"us": "company", "we": "company", "business": "company", "involuntary": "company", "client": "customer",
               "member": "customer", "user": "customer", "voluntary": "customer", "none": "nobody"} | {
                   word.value: word.value for word in Initiator}  # fmt: skip


@dataclass(frozen=True)
class Check:
    """`when` is SQL that is true where the value of `field` is at fault."""

    when: str
    reason: str
    field: str


@dataclass(frozen=True)
class Plan:
    """sql reads table `batch` and gives one row for each, in order; `fault` is the first failed check, `faults` the
    bits of failed softer ones, after which the row is kept without the value.

    sql_plain does the same where every value of the columns `numeric` fits `plain_shape`, as in most files: it is
    half as much to plan and to compute.
    """

    kind: IntakeKind
    sql: str
    sql_plain: str
    numeric: tuple[int, ...]
    plain_shape: str
    checks: tuple[Check, ...]
    softer: tuple[Check, ...]
    positions: Mapping[str, int]
    names: tuple[str, ...]


@dataclass
class _Draft:
    """A plan in the making: steps[i] may use the columns of steps[<i]."""

    positions: Mapping[str, int]
    readings: Mapping[str, tuple[str, ...]]
    latest: datetime
    plain: bool = False
    steps: tuple[dict[str, str], ...] = field(default_factory=lambda: ({}, {}, {}))
    outputs: dict[str, str] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    softer: list[Check] = field(default_factory=list)

    def has(self, name: str) -> bool:
        return name in self.positions

    def raw(self, name: str) -> str:
        return f"r_{name}" if self.has(name) else "null::varchar"

    def key(self, name: str, label: str) -> None:
        """Text that must be exact to be of use: a number a spreadsheet has rounded off is refused."""
        self.outputs[name] = self.raw(name)
        if self.has(name):
            damaged = rf"regexp_matches({self.raw(name)}, '^[0-9]([.,][0-9]+)?E[+][0-9]{{2,}}$')"
            self.checks.append(Check(damaged, f"{label} damaged by a spreadsheet (scientific notation)", name))
            self.checks.append(Check(f"length({self.raw(name)}) > {LONGEST_KEY}",
                                     f"{label} longer than {LONGEST_KEY} characters", name))  # fmt: skip

    def text(self, name: str, *, longest: int = LONGEST_TEXT) -> None:
        """Free text; an overlong one is left out."""
        long = f"length({self.raw(name)}) > {longest}"
        self.outputs[name] = (
            f"case when {long} then null else {self.raw(name)} end" if self.has(name) else self.raw(name)
        )
        if self.has(name):
            self.softer.append(Check(long, f"kept without the {name}: longer than {longest} characters", name))

    def moment(self, name: str, *, hard: bool, day: bool, ahead: timedelta = timedelta(0)) -> None:
        """A date or an instant; a bad one refuses the row where `hard`, else is left out."""
        if not self.has(name):
            self.outputs[name] = f"null::{'date' if day else 'timestamptz'}"
            return
        raw, parsed = self.raw(name), f"p_{name}"
        self.steps[1][parsed] = dates.sql_instant(raw, self.readings[name])
        end = (self.latest + ahead).astimezone(UTC).isoformat()
        faults = [(f"{raw} is not null and {parsed} is null", "date cannot be read"),
                  (f"{parsed} < timestamptz '{dates.EARLIEST}'", f"date before {dates.EARLIEST}"),
                  (f"{parsed} > timestamptz '{end}'", "date in the future")]  # fmt: skip
        value = f"cast({parsed} as date)" if day else parsed
        if hard:
            self.checks.append(Check(f"{raw} is null", "no date", name))
            self.checks.extend(Check(when, reason, name) for when, reason in faults)
        else:
            wrong = " or ".join(f"coalesce({when}, false)" for when, _ in faults)
            self.softer.extend(Check(when, f"kept without the {name}: {reason}", name) for when, reason in faults)
            value = f"case when {wrong} then null else {value} end"
        self.outputs[name] = value

    def word(self, name: str, known: Mapping[str, str], *, hard: bool) -> None:
        """One of a fixed list of words, spelled in any of several ways."""
        if not self.has(name):
            self.outputs[name] = "null::varchar"
            return
        said = sql_word(self.raw(name))
        cases = " ".join(f"when {quoted(word)} then {quoted(meaning)}" for word, meaning in known.items())
        self.steps[1][f"p_{name}"] = f"case {said} {cases} end"
        self.outputs[name] = f"p_{name}"
        fault = f"r_{name} is not null and p_{name} is null"
        if hard:
            self.checks.append(Check(fault, f"{name} not known", name))
        else:
            self.softer.append(Check(fault, f"kept without the {name}: not known", name))


def build(
    kind: IntakeKind,
    *,
    names: Sequence[str],
    mapping: Mapping[str, str],
    readings: Mapping[str, tuple[str, ...]],
    decimal: str,
    currency: str | None,
    event_kind: str | None,
    latest: datetime,
) -> Plan:
    """The plan of one survey.

    names      (m,) column names; column i of `batch` is c{i}
    mapping    field -> column name
    readings   field -> date formats
    latest     nothing may have happened after it
    """
    positions = {name: list(names).index(column) for name, column in mapping.items()}
    spare = [at for at in range(len(names)) if at not in positions.values()][:MOST_EXTRAS]
    full, plain = _Draft(positions, readings, latest), _Draft(positions, readings, latest, plain=True)
    for draft in (full, plain):
        _fill(draft, kind, decimal=decimal, currency=currency, event_kind=event_kind)
        draft.outputs["properties" if kind is IntakeKind.EVENTS else "extra"] = _sql_object(names, spare)
    numeric = tuple(at for name, at in positions.items() if name in ("amount", "quantity", "unit_price"))
    return Plan(kind, _sql(full), _sql(plain), numeric, amounts.plain_shape(decimal), tuple(full.checks),
                tuple(full.softer), positions, tuple(names))  # fmt: skip


def _fill(draft: _Draft, kind: IntakeKind, *, decimal: str, currency: str | None, event_kind: str | None) -> None:
    draft.steps[0].update({f"r_{name}": f"nullif(trim({text_column(at)}, {quoted(BLANKS)}), '')"
                           for name, at in draft.positions.items()})  # fmt: skip
    nobody = " and ".join(f"{draft.raw(name)} is null" for name in ("who", "email", "phone"))
    asked = next((name for name in ("who", "email", "phone") if draft.has(name)), "who")
    draft.checks.append(Check(nobody, NO_CUSTOMER, asked))
    draft.key("who", "customer number")
    draft.outputs |= {name: draft.raw(name) for name in ("email", "phone")}
    if kind is IntakeKind.EVENTS:
        _events(draft, decimal=decimal, currency=currency, event_kind=event_kind)
    else:
        _FACTS[kind](draft)


def _events(draft: _Draft, *, decimal: str, currency: str | None, event_kind: str | None) -> None:
    draft.text("name", longest=LONGEST_KEY)
    draft.moment("occurred_at", hard=True, day=False)
    draft.key("ref", "reference")
    draft.key("event_id", "event number")
    draft.text("channel", longest=LONGEST_WORD)
    for name in ("quantity", "unit_price"):
        draft.steps[1][f"p_{name}"] = "null::decimal(38,6)"
        if draft.has(name):
            draft.steps[1][f"p_{name}"] = amounts.sql_decimal(draft.raw(name), decimal=decimal, plain=draft.plain)
            # Without an amount of its own, the row's money hangs on both.
            unread = f"r_{name} is not null and (p_{name} is null or abs(p_{name}) > 1e9)"
            if draft.has("amount"):
                draft.softer.append(Check(unread, f"kept without the {name}: cannot be read as a number", name))
            else:
                draft.checks.append(Check(unread, f"{name} cannot be read as a number", name))
    _money(draft, decimal=decimal, currency=currency)
    said = sql_word(draft.raw("kind")) if draft.has("kind") else "null::varchar"
    first = quoted(event_kind or "purchase")
    draft.steps[1]["p_kind"] = f"coalesce({said}, {first})"
    if draft.has("kind"):
        draft.checks.append(
            Check(f"length(r_kind) > {LONGEST_WORD}", f"kind longer than {LONGEST_WORD} characters", "kind")
        )
    cancelled = f"coalesce({draft.raw('ref')} like 'C%' and p_quantity < 0, false)"
    draft.steps[2]["q_kind"] = (f"case when p_kind = 'purchase' and (coalesce(p_money < 0, false) or {cancelled}) "
                                "then 'refund' else p_kind end")  # fmt: skip
    # A refund is money going back, whatever sign the file gives it.
    amount = "case when q_kind = 'refund' and p_money > 0 then -p_money else p_money end"
    factor = amounts.sql_minor_factor("p_currency")
    small = f"abs(p_money) <= {amounts.MOST_MINOR}"
    draft.outputs |= {
        "kind": "q_kind",
        "amount": f"case when {small} then {amount} end",
        "amount_minor": f"case when {small} then cast(round({amount} * {factor}) as bigint) end",
        "currency": "case when p_money is not null or p_own_currency is not null then p_currency end",
        "quantity": "cast(case when abs(p_quantity) <= 1e9 then p_quantity end as double)",
    }


def _money(draft: _Draft, *, decimal: str, currency: str | None) -> None:
    """Steps p_money (exact), p_currency and what can be wrong with them."""
    steps = draft.steps[1]
    priced = "unit_price" if draft.has("unit_price") and not draft.has("amount") else "amount"
    default = quoted(currency) if currency else "null::varchar"
    steps["p_own_currency"] = amounts.sql_currency("r_currency") if draft.has("currency") else "null::varchar"
    steps["p_sign"] = amounts.sql_sign(draft.raw(priced)) if draft.has(priced) and not draft.plain else "null::varchar"
    dollars = ", ".join(quoted(code) for code in sorted(amounts.DOLLARS))
    steps["p_base"] = f"coalesce(p_own_currency, {default})"
    steps["p_currency"] = (f"case when p_sign is null or (p_sign = 'USD' and regexp_matches({draft.raw(priced)}, "
                           f"'(^|[^A-Za-z])[$]') and p_base in ({dollars})) then p_base else p_sign end")  # fmt: skip
    product = "cast(p_quantity * p_unit_price as decimal(38,6))"
    safe = "abs(p_quantity) <= 1e9 and abs(p_unit_price) <= 1e9"
    lines = f"case when {safe} then {product} end"
    if draft.has("amount"):
        steps["p_amount"] = amounts.sql_decimal("r_amount", decimal=decimal, plain=draft.plain)
        steps["p_money"] = f"coalesce(p_amount, {lines})"
        draft.checks.append(Check("r_amount is not null and p_amount is null and coalesce(p_sign, '') <> '?'",
                                  "amount cannot be read as a number", "amount"))  # fmt: skip
    else:
        steps["p_money"] = lines
    if draft.has("currency"):
        draft.checks.append(Check("p_own_currency = '?'", "currency not known", "currency"))
    if draft.has(priced):
        unread = "p_amount is null" if priced == "amount" else "p_unit_price is null"
        draft.checks += [
            Check(f"p_sign = '?' and {unread}", f"{priced} cannot be read as a number", priced),
            Check("p_sign = '?'", "currency sign not known", priced),
            Check("p_base is not null and p_currency <> p_base", "currency sign contradicts the currency", priced),
            Check(f"abs(p_money) > {amounts.MOST_MINOR} / ({amounts.sql_minor_factor('p_currency')})",
                  "amount beyond belief", priced),
        ]  # fmt: skip


def _people(draft: _Draft) -> None:
    draft.text("name", longest=LONGEST_KEY)
    draft.text("given_name", longest=LONGEST_KEY)
    draft.text("family_name", longest=LONGEST_KEY)
    parts = f"{draft.outputs['given_name']}, {draft.outputs.pop('family_name')}"
    draft.outputs["name"] = f"coalesce({draft.outputs['name']}, nullif(concat_ws(' ', {parts}), ''))"
    _described(draft)


def _organisations(draft: _Draft) -> None:
    draft.text("name", longest=LONGEST_KEY)
    _described(draft)


def _described(draft: _Draft) -> None:
    draft.outputs |= {name: draft.raw(name) for name in ("language", "time_zone", "country", "owner")}
    draft.moment("joined_on", hard=False, day=True)


def _cancellations(draft: _Draft) -> None:
    draft.moment("ended_on", hard=True, day=True, ahead=FAR_AHEAD)
    draft.moment("noticed_on", hard=False, day=True)
    draft.text("reason", longest=LONGEST_KEY)
    draft.text("verbatim")
    draft.text("kind", longest=LONGEST_WORD)
    draft.word("initiator", _INITIATORS, hard=False)


def _consents(draft: _Draft) -> None:
    draft.word("channel", _CHANNELS, hard=True)
    draft.text("purpose", longest=LONGEST_KEY)
    draft.word("basis", _BASES, hard=True)
    said = f"replace({sql_word(draft.raw('given'))}, '_', '')"
    yes, no = (", ".join(quoted(word) for word in words) for words in (YES, NO))
    draft.steps[1]["p_given"] = f"case when {said} in ({yes}) then true when {said} in ({no}) then false end"
    draft.outputs["given"] = "p_given"
    draft.checks.append(Check("p_given is null", "neither yes nor no", "given"))
    draft.moment("at", hard=True, day=False)
    draft.text("proof")
    draft.moment("expires_at", hard=False, day=False, ahead=10 * FAR_AHEAD)


def _suppressions(draft: _Draft) -> None:
    # Nothing but a missing address may keep someone off this list, so its key is taken even where it is damaged.
    draft.checks[1:] = []
    draft.text("reason", longest=LONGEST_KEY)
    draft.moment("at", hard=False, day=False)


_FACTS = {
    IntakeKind.PEOPLE: _people,
    IntakeKind.ORGANISATIONS: _organisations,
    IntakeKind.CANCELLATIONS: _cancellations,
    IntakeKind.CONSENTS: _consents,
    IntakeKind.SUPPRESSIONS: _suppressions,
}


def _sql(draft: _Draft) -> str:
    # Every piece is built in this file; what comes from outside is quoted.
    fault = " ".join(f"when {check.when} then {number}" for number, check in enumerate(draft.checks))
    bits = [
        f"case when {check.when} then {1 << number}::bigint else 0 end" for number, check in enumerate(draft.softer)
    ]
    outputs = draft.outputs | {
        "fault": f"cast(case {fault} end as smallint)",
        "faults": " + ".join(bits) or "0::bigint",
    }
    source = "batch"
    for step in draft.steps:
        if step:
            # Subqueries, not WITH: DuckDB would write every WITH out in full before going on.
            made = ", ".join(f"{sql} as {name}" for name, sql in step.items())
            source = f"(select *, {made} from {source})"  # noqa: S608 - pieces are ours
    chosen = ", ".join(f"{sql} as {quoted_name(name)}" for name, sql in outputs.items())
    return f"select row, {chosen} from {source}"  # noqa: S608 - pieces are ours


def _sql_object(names: Sequence[str], spare: Sequence[int]) -> str:
    """SQL giving a JSON object of the columns that hold something, NULL where none does."""
    if not spare:
        return "null::varchar"
    parts = [f"case when {text_column(at)} <> '' then {quoted(json.dumps(names[at], ensure_ascii=False) + ': ')} || "
             f"cast(to_json({text_column(at)}) as varchar) end" for at in spare]  # fmt: skip
    return f"nullif('{{' || concat_ws(', ', {', '.join(parts)}) || '}}', '{{}}')"


def sql_word(text: str) -> str:
    """SQL giving a word in the form all words have here: lower case, blanks and hyphens as underscores."""
    return f"lower(replace(replace({text}, ' ', '_'), '-', '_'))"


def quoted(text: str) -> str:
    """An SQL string."""
    return "'" + text.replace("'", "''") + "'"


def quoted_name(name: str) -> str:
    """An SQL name; some of ours ("at") are words of the language."""
    return '"' + name.replace('"', '""') + '"'
