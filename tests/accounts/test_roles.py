from rekindle.accounts.roles import Deed, Role, may


def test_an_owner_may_do_everything() -> None:
    assert all(may(Role.OWNER, deed) for deed in Deed)


def test_an_analyst_only_reads() -> None:
    assert not any(may(Role.ANALYST, deed) for deed in Deed)


def test_an_unknown_role_may_do_nothing() -> None:
    assert not any(may("janitor", deed) for deed in Deed)


def test_only_the_owner_invites_staff() -> None:
    assert [role for role in Role if may(role, Deed.STAFF)] == [Role.OWNER]
