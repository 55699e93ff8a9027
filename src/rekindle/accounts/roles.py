"""Who may do what. One table; pages, API and command line ask it and nothing else."""

from __future__ import annotations

from rekindle.words import Word


class Role(Word):
    OWNER = "owner", "Owner"
    MANAGER = "manager", "Manager"
    MARKETER = "marketer", "Marketer"
    AGENT = "agent", "Agent"
    ANALYST = "analyst", "Analyst (reads only)"


class Deed(Word):
    """Something a member of staff may be allowed to do. Reading is open to every role."""

    ANSWER_TASKS = "answer_tasks", "answer tasks and raise signs"
    TAKE_IN = "take_in", "load data and take a load back"
    RUN_NIGHT = "run_night", "start a night"
    EXPORT = "export", "export everything"
    APPROVE = "approve", "approve an ending by us"
    SETTINGS = "settings", "change settings"
    STAFF = "staff", "invite and remove staff"


_MAY: dict[Role, frozenset[Deed]] = {
    Role.OWNER: frozenset(Deed),
    Role.MANAGER: frozenset(
        {Deed.ANSWER_TASKS, Deed.TAKE_IN, Deed.RUN_NIGHT, Deed.EXPORT, Deed.APPROVE, Deed.SETTINGS}
    ),
    Role.MARKETER: frozenset({Deed.ANSWER_TASKS, Deed.TAKE_IN, Deed.RUN_NIGHT}),
    Role.AGENT: frozenset({Deed.ANSWER_TASKS}),
    Role.ANALYST: frozenset(),
}


def may(role: str, deed: Deed) -> bool:
    """Whether a role is allowed a deed. An unknown role may do nothing."""
    try:
        return deed in _MAY[Role(role)]
    except ValueError:
        return False
