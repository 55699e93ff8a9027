"""What the world says about our domain, read as those read it who receive our mail."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from chaos.post_office import open_post_office
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.utils import timezone
from name_server import NameServer, naming
from people_cast import staff

from rekindle import home as place
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict
from rekindle.journal.models import AuditEntry, Road, Security, Sending
from rekindle.workflows import check, sending
from rekindle.workflows.domain_check import names, records
from rekindle.workflows.domain_check.look import is_nowhere, look
from rekindle.workflows.findings import Finding
from rekindle.workflows.outbox.put import sending as the_row

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
OURS = "oakstreetgym.co.uk"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    with naming() as server:
        monkeypatch.setenv("REKINDLE_NAME_SERVER", server.place)
        yield server


@pytest.fixture(scope="module")
def key() -> str:
    return _key(2_048)


def _key(bits: int) -> str:
    public = rsa.generate_private_key(65_537, bits).public_key()
    return base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def ready(world: NameServer, key: str) -> None:
    world.knows(OURS, "TXT", "some other text", "v=spf1 mx -all")
    world.knows(OURS, "MX", f"20 backup.{OURS}.", f"10 mail.{OURS}.")
    world.knows(f"_dmarc.{OURS}", "TXT", "v=DMARC1; p=quarantine")
    world.knows(f"s1._domainkey.{OURS}", "TXT", f"v=DKIM1; k=rsa; p={key}")


def settled(**fields: object) -> Sending:
    the_row()
    Sending.objects.update(
        **{
            "from_name": "Dana Frey", "from_address": f"dana@{OURS}", "host": "127.0.0.1", "port": 1,
            "security": Security.NONE.value, **fields,
        }
    )  # fmt: skip
    return the_row()


def by_name(found: list[Finding]) -> dict[str, Finding]:
    return {one.name: one for one in found}


def test_a_domain_that_is_ready_is_said_to_be(world: NameServer, key: str) -> None:
    ready(world, key)
    found = look(settled(), road=Road.SMTP)
    assert [one.text for one in found if not one.ok] == []
    assert {"sender", "spf", "dkim", "dmarc", "mx", "reverse_name", "clock", "sent_log"} == set(by_name(found))
    assert f"s1._domainkey.{OURS}" in by_name(found)["dkim"].text
    assert f"arrives at mail.{OURS}" in by_name(found)["mx"].text


def test_a_bare_domain_is_told_what_to_add(world: NameServer) -> None:
    world.knows(OURS, "A", "192.0.2.1")
    found = by_name(look(settled(), road=Road.SMTP))
    assert {name for name, one in found.items() if not one.ok} == {"spf", "dkim", "dmarc"}
    assert "add a TXT record" in found["spf"].text
    assert "add a TXT record" in found["dmarc"].text
    assert "say which selector" in found["dkim"].text


def test_nobody_asked_is_not_known_and_asked_once_only(world: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "PATIENCE", 0.2)
    world.is_silent = True
    found = by_name(look(settled(), road=Road.SMTP))
    for name in ("spf", "dkim", "dmarc", "mx", "reverse_name"):
        assert not found[name].ok
        assert found[name].text.startswith("not known")
    assert {name for name, _ in world.asked} == {OURS}


@pytest.mark.parametrize(
    ("texts", "ok", "says"),
    [(["v=spf1 mx -all"], True, "says who may send"), (["V=SPF1 ip4:192.0.2.0/24 ~ALL"], True, "says who may send"),
     (["v=spf1 redirect=_spf.host.example"], True, "says who may send"), ([], False, "does not say who may send"),
     (["v=spf10 mx -all"], False, "does not say"), (["v=spf1 mx -all", "v=spf1 a -all"], False, "2 records"),
     (["v=spf1 mx +all"], False, "lets anybody"), (["v=spf1 all"], False, "lets anybody"),
     (["v=spf1 mx"], False, "no end"), (["v=spf1 " + "a:h.example " * 10 + "-all"], True, "says who"),
     (["v=spf1 " + "a:h.example " * 11 + "-all"], False, "more than 10"),
     (["v=spf1 include:loop.example -all"], False, "more than 10"),
     (["v=spf1 include:five.example include:five.example -all"], False, "more than 10")],
)  # fmt: skip
def test_spf_is_read_as_receivers_read_it(world: NameServer, texts: list[str], ok: bool, says: str) -> None:
    world.knows("loop.example", "TXT", "v=spf1 include:loop.example -all")
    world.knows("five.example", "TXT", "v=spf1 " + "mx:h.example " * 5 + "-all")
    if texts:
        world.knows(OURS, "TXT", *texts)
    got = records.spf(names.names(), OURS)
    assert got.ok == ok, got.text
    assert says in got.text


def test_spf_is_judged_by_the_address_that_bounces_go_to(world: NameServer, key: str) -> None:
    ready(world, key)
    found = by_name(look(settled(bounces_to="bounces@back.oakstreetgym.co.uk"), road=Road.SMTP))
    assert "back.oakstreetgym.co.uk does not say" in found["spf"].text
    assert "nobody takes mail for back.oakstreetgym.co.uk" in found["mx"].text


@pytest.mark.parametrize(
    ("text", "ok", "says"),
    [("v=DKIM1; k=rsa; p=", False, "taken back"), ("v=DKIM1; p=nonsense!", False, "cannot be read"),
     ("v=DKIM1; k=ed25519; p=" + base64.b64encode(b"x" * 32).decode(), True, "published"),
     ("v=DKIM9; p=x", False, "no key at"), ("hello", False, "no key at")],
)  # fmt: skip
def test_a_key_that_is_none_is_named(world: NameServer, text: str, ok: bool, says: str) -> None:
    world.knows(f"own._domainkey.{OURS}", "TXT", text)
    got = records.dkim(names.names(), OURS, selector="own")
    assert got.ok == ok, got.text
    assert says in got.text


def test_a_key_may_come_in_pieces_and_must_be_long_enough(world: NameServer, key: str) -> None:
    world.knows(f"own._domainkey.{OURS}", "TXT", f"p={key[:100]} {key[100:]}")
    assert records.dkim(names.names(), OURS, selector="own").ok
    short = (
        "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAK1MsRrAHFNCREWx0iBDlVSuFvUZzy4xSNdIDgHE0YTa"
        "5Cb5DRTFXvoIJzDfbmlKVDPBAGtS9uHTkXSkK3gl2ncCAwEAAQ=="
    )
    world.knows(f"short._domainkey.{OURS}", "TXT", f"p={short}")
    got = records.dkim(names.names(), OURS, selector="short")
    assert not got.ok
    assert "512 bits" in got.text


def test_a_selector_that_is_none_is_refused(world: NameServer) -> None:
    with pytest.raises(BadInput, match="no selector"):
        records.dkim(names.names(), OURS, selector="a b;rm")
    assert world.asked == []


@pytest.mark.parametrize(
    ("domain", "text", "ok", "says"),
    [(OURS, "v=DMARC1; p=none", True, "says none"), (OURS, "v=DMARC1;p=reject;rua=mailto:a@b.c", True, "says reject"),
     (f"mail.{OURS}", "v=DMARC1; p=reject", True, f"_dmarc.{OURS} says reject"), (OURS, "v=DMARC1", False, "no policy"),
     (OURS, "v=DMARC1; p=perhaps", False, "no policy"), (OURS, "DMARC1", False, "nothing stands")],
)  # fmt: skip
def test_dmarc_is_read_with_the_domain_above(world: NameServer, domain: str, text: str, ok: bool, says: str) -> None:
    world.knows(f"_dmarc.{OURS}", "TXT", text)
    got = records.dmarc(names.names(), domain)
    assert got.ok == ok, got.text
    assert says in got.text


def test_a_domain_that_takes_no_mail_hears_of_no_bounce(world: NameServer) -> None:
    world.knows(OURS, "MX", "0 .")
    assert "takes no mail" in records.bounces(names.names(), OURS).text


def test_a_server_and_its_number_must_name_each_other(world: NameServer) -> None:
    ask = lambda: records.reverse_name(names.names(), "mail.host.example")  # noqa: E731
    assert "has no number" in ask().text
    world.knows("mail.host.example", "A", "192.0.2.7")
    assert "192.0.2.7 of mail.host.example has no name" in ask().text
    world.knows("7.2.0.192.in-addr.arpa", "PTR", "other.host.example.")
    assert "make both agree" in ask().text
    world.knows("other.host.example", "A", "192.0.2.7")
    assert ask().ok


@pytest.mark.parametrize("domain", ["oak.example", "localhost", "oak.test", "gym.example.com", "example.org", "x.lan"])
def test_a_domain_nobody_can_know_is_not_asked_about(world: NameServer, domain: str) -> None:
    assert is_nowhere(domain)
    found = by_name(look(settled(from_address=f"dana@{domain}"), road=Road.SMTP))
    assert not found["domain"].ok
    assert world.asked == []
    assert not is_nowhere("myexample.com")


def test_spf_and_reverse_name_are_the_providers_care(world: NameServer, key: str) -> None:
    ready(world, key)
    found = by_name(look(settled(), road=Road.PROVIDER))
    assert found["spf"].ok
    assert "reverse_name" not in found


def test_a_clock_that_was_turned_back_is_seen(world: NameServer, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(world, key)
    sending.pause(by=staff(Role.OWNER))
    earlier = timezone.now() - timedelta(days=2)
    monkeypatch.setattr("django.utils.timezone.now", lambda: earlier)
    got = by_name(look(settled(), road=Road.SMTP))["clock"]
    assert not got.ok
    assert "before the last deed" in got.text


def test_a_sent_log_that_cannot_be_written_is_seen(world: NameServer, key: str, home: Path) -> None:
    ready(world, key)
    row = settled()
    look(row, road=Road.SMTP)
    (home / "sent").rmdir()
    (home / "sent").write_text("in the way")
    got = by_name(look(row, road=Road.SMTP))["sent_log"]
    assert not got.ok


def test_switching_on_says_what_is_missing_and_wants_to_be_told_again(
    world: NameServer, key: str, tmp_path: Path
) -> None:
    owner = staff(Role.OWNER)
    with pytest.raises(BadInput, match="a mail server or a provider"):
        sending.switch_on(by=owner)
    with open_post_office(tmp_path / "ledger") as office:
        settled(port=office.port)
        with pytest.raises(sending.NotReady) as missing:
            sending.switch_on(by=owner)
        assert {one.name for one in missing.value.findings if not one.ok} == {"spf", "dkim", "dmarc", "mx"}
        assert the_row().road == Road.LOCAL
        ready(world, key)
        sending.switch_on(by=owner)
    assert the_row().road == Road.SMTP
    assert AuditEntry.objects.get(verb="sending.switched").details == {"to": "smtp"}


def test_a_server_that_says_no_cannot_be_gone_over(world: NameServer, key: str) -> None:
    ready(world, key)
    settled()
    with pytest.raises(Conflict, match="does not let us in"):
        sending.switch_on(by=staff(Role.OWNER), anyway=True)
    assert the_row().road == Road.LOCAL
    assert not by_name(sending.findings())["server"].ok


def test_the_check_of_the_house_asks_the_world_only_when_told_to_or_when_mail_goes_out(world: NameServer) -> None:
    settled()
    place.prepare()
    assert by_name(check.everything())["sending"].ok
    assert world.asked == []
    assert not by_name(check.everything(domain=True))["dmarc"].ok
    asked = len(world.asked)
    Sending.objects.update(road=Road.SMTP.value, paused="somebody looked away")
    found = by_name(check.everything())
    assert "somebody looked away" in found["sending"].text
    assert len(world.asked) > asked


def test_a_name_server_that_is_none_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REKINDLE_NAME_SERVER", "the one next door")
    with pytest.raises(BadInput, match="REKINDLE_NAME_SERVER"):
        names.names()
