"""A mail provider is handed one message at a time, and what it answers is taken for what it is and no more."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest
from listener import Answer, Listener, http, listening

from rekindle.act.envelope import Accepted, Envelope, Handed, NotAccepted, Unknown
from rekindle.errors import BadInput
from rekindle.workflows.outbox.provider import IN_A_ROW, Provider
from rekindle.workflows.outbox.providers import PROVIDERS, TOKEN, checked

KEY = "a-planted-key-0123456789"
LETTER = Envelope(
    message_id="<abc234@oak.example>", sender_name="Dana Frey", sender="dana@oak.example", recipient="cleo@example.org",
    subject="A word of thanks", text="Thank you, Cleo.\n", html="<p>Thank you, Cleo.</p>", reply_to="desk@oak.example",
    at=datetime(2026, 3, 12, 12, tzinfo=UTC), bounces_to="bounces+abc234@oak.example",
    headers={
        "Auto-Submitted": "auto-generated", "List-Unsubscribe": "<https://oak.example/u/x>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    },
)  # fmt: skip


@pytest.fixture
def theirs() -> Iterator[Listener]:
    with listening() as one:
        yield one


def keys(name: str, to: Listener, **more: str) -> dict[str, str]:
    given = dict.fromkeys(PROVIDERS[name].keys, KEY) | {"message_stream": "outbound", "sender_domain": "oak.example"}
    return {**given, "region": "fr-par", "api_url": f"http://127.0.0.1:{to.port}/", **more}


def opened(name: str, to: Listener, **more: object) -> Provider:
    return Provider(name, checked(name, keys(name, to)), patience=(2.0, 0.4), **more)  # type: ignore[arg-type]


TAKEN: dict[str, bytes] = {
    "postmark": b'{"To":"cleo@example.org","SubmittedAt":"x","MessageID":"m-17","ErrorCode":0,"Message":"OK"}',
    "mailgun": b'{"id":"<m-17@oak.example>","message":"Queued. Thank you."}',
    "brevo": b'{"messageId":"<m-17@relay>"}',
    "resend": b'{"id":"m-17"}',
    "mandrill": b'[{"email":"cleo@example.org","status":"sent","_id":"m-17"}]',
    "mailjet": b'{"Messages":[{"Status":"success","To":['
    b'{"Email":"cleo@example.org","MessageUUID":"u","MessageID":17}]}]}',
    "sparkpost": b'{"results":{"total_rejected_recipients":0,"total_accepted_recipients":1,"id":"m-17"}}',
    "postal": b'{"status":"success","time":1,"flags":{},"data":{"message_id":"m",'
    b'"messages":{"cleo@example.org":{"id":17,"token":"t"}}}}',
    "mailtrap": b'{"success":true,"message_ids":["m-17"]}',
    "scaleway": b'{"emails":[{"id":"m-17","mail_rcpt":"cleo@example.org","rcpt_to":"cleo@example.org",'
    b'"status":"new","message_id":"m-17"}]}',
    "unisender_go": b'{"status":"success","job_id":"j","emails":["cleo@example.org"]}',
}  # fmt: skip
"""How each says yes, by its own documentation."""


def test_every_provider_we_name_is_tried() -> None:
    assert set(TAKEN) == set(PROVIDERS)
    assert len(PROVIDERS) == 11


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_a_message_is_taken_whole_with_its_way_out_and_no_tracking(name: str, theirs: Listener) -> None:
    theirs.answer = lambda said: http(200, TAKEN[name])
    with_it = opened(name, theirs)
    got = with_it.hand_over(LETTER)
    with_it.close()
    assert isinstance(got, Accepted), got
    head, body = theirs.heads()[0], theirs.bodies()[0].decode()
    assert head.startswith("POST /")
    told = json.dumps(parse_qs(body)) if name == "mailgun" else body
    assert "List-Unsubscribe=One-Click" in told
    assert "https://oak.example/u/x" in told
    assert "abc234@oak.example" in told  # the Message-ID
    assert "Thank you, Cleo" in told
    if PROVIDERS[name].carries:
        assert TOKEN in told
    assert told.count("cleo@example.org") <= 2  # one person, in the list of recipients and nowhere else


def test_postmark_keeps_our_message_id_and_tracks_nothing(theirs: Listener) -> None:
    theirs.answer = lambda said: http(200, TAKEN["postmark"])
    assert opened("postmark", theirs).hand_over(LETTER) == Accepted(200, "sent, as m-17")
    said = json.loads(theirs.bodies()[0])
    headers = {one["Name"]: one["Value"] for one in said["Headers"]}
    assert headers["Message-ID"] == "<abc234@oak.example>"
    assert headers["X-PM-KeepID"] == "true"
    assert (said["TrackOpens"], said["TrackLinks"]) == (False, "None")
    assert said["Metadata"] == {TOKEN: "abc234"}
    assert f"X-Postmark-Server-Token: {KEY}" in theirs.heads()[0]


def test_mailgun_tracks_nothing(theirs: Listener) -> None:
    theirs.answer = lambda said: http(200, TAKEN["mailgun"])
    opened("mailgun", theirs).hand_over(LETTER)
    said = parse_qs(theirs.bodies()[0].decode())
    assert (said["o:tracking-opens"], said["o:tracking-clicks"]) == (["no"], ["no"])
    assert said["h:Message-Id"] == ["<abc234@oak.example>"]
    assert theirs.heads()[0].startswith("POST /oak.example/messages ")


def test_who_can_is_told_where_bounces_arrive(theirs: Listener) -> None:
    theirs.answer = lambda said: http(200, TAKEN["sparkpost"])
    opened("sparkpost", theirs).hand_over(LETTER)
    assert json.loads(theirs.bodies()[0])["return_path"] == "bounces+abc234@oak.example"


def final(handed: Handed) -> tuple[bool, bool, bool]:
    assert isinstance(handed, NotAccepted), handed
    return handed.is_final, handed.is_server, handed.is_address


@pytest.mark.parametrize("name", ["postmark", "mailgun", "resend"])
@pytest.mark.parametrize(
    ("code", "wanted"),
    [(400, (True, False, False)), (413, (True, False, False)), (401, (True, True, False)), (403, (True, True, False)),
     (402, (True, True, False)), (404, (True, True, False)), (429, (False, True, False)), (408, (False, True, False)),
     (302, (True, True, False))],
)  # fmt: skip
def test_a_no_is_surely_not_sent(name: str, code: int, wanted: tuple[bool, ...], theirs: Listener) -> None:
    theirs.answer = lambda said: http(code, b'{"message":"no, not to cleo@example.org"}', "Location: /elsewhere")
    got = opened(name, theirs).hand_over(LETTER)
    assert final(got) == wanted
    assert isinstance(got, NotAccepted)
    assert got.code == code
    assert "cleo" not in got.reply
    assert len(theirs.said) == 1


@pytest.mark.parametrize("name", ["postmark", "mailgun"])
@pytest.mark.parametrize(
    "answer",
    [http(500, b"{}"), http(502, b"<html>"), http(503), b"", None, b"nonsense\r\n\r\n", http(200, b"no json"),
     http(200, b"{}"), http(200, b"[]"), http(200, b'"x"'), http(200, b"\xff\xfe"), http(204),
     b"HTTP/1.1 200 OK\r\nContent-Le"],
)  # fmt: skip
def test_what_nobody_can_tell_is_unknown(name: str, answer: Answer, theirs: Listener) -> None:
    theirs.answer = lambda said: answer
    assert isinstance(opened(name, theirs).hand_over(LETTER), Unknown)
    assert len(theirs.said) == 1  # never asked twice


@pytest.mark.parametrize("name", ["postmark", "mailgun"])
def test_nobody_there_is_surely_not_sent(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    got = opened(name, Listener(port)).hand_over(LETTER)
    assert final(got) == (False, True, False)


def test_a_line_that_breaks_before_all_is_written_is_surely_not_sent(theirs: Listener) -> None:
    theirs.cut = 0
    long = replace(LETTER, text="Thank you. " * 2_000_000)
    got = opened("postmark", theirs).hand_over(long)
    assert theirs.said == []
    assert isinstance(got, NotAccepted | Unknown)
    assert not isinstance(got, Accepted)


def test_the_next_message_after_a_broken_line_opens_a_new_one(theirs: Listener) -> None:
    answers = iter([b"", http(200, TAKEN["postmark"])])
    theirs.answer = lambda said: next(answers)
    line = opened("postmark", theirs)
    assert isinstance(line.hand_over(LETTER), Unknown)
    assert isinstance(line.hand_over(LETTER), Accepted)


def test_postmark_says_who_is_no_address_and_who_is_refused(theirs: Listener) -> None:
    line = opened("postmark", theirs)
    theirs.answer = lambda said: http(
        422, b'{"ErrorCode":300,"Message":"Invalid \'To\' address: \'cleo@example.org\'."}'
    )
    assert final(line.hand_over(LETTER)) == (True, False, True)
    theirs.answer = lambda said: http(
        422, b'{"ErrorCode":406,"Message":"Found inactive addresses: cleo@example.org. Inactive recipients are ones"}'
    )
    assert final(line.hand_over(LETTER)) == (True, False, False)


def test_three_refusals_in_a_row_are_trouble_of_the_house(theirs: Listener) -> None:
    line = opened("mailgun", theirs)
    theirs.answer = lambda said: http(400, b'{"message":"the sender is not verified"}')
    got = [line.hand_over(LETTER) for _ in range(IN_A_ROW)]
    assert [final(one)[1] for one in got] == [False, False, True]
    theirs.answer = lambda said: http(200, TAKEN["mailgun"])
    assert isinstance(line.hand_over(LETTER), Accepted)
    theirs.answer = lambda said: http(400)
    assert not final(line.hand_over(LETTER))[1]


def test_after_three_open_questions_it_is_left_alone_for_a_minute(theirs: Listener) -> None:
    at = [100.0]
    line = opened("mailgun", theirs, clock=lambda: at[0])
    theirs.answer = lambda said: http(502)
    for _ in range(IN_A_ROW):
        assert isinstance(line.hand_over(LETTER), Unknown)
    assert final(line.hand_over(LETTER)) == (False, True, False)
    assert len(theirs.said) == IN_A_ROW
    at[0] += 61
    theirs.answer = lambda said: http(200, TAKEN["mailgun"])
    assert isinstance(line.hand_over(LETTER), Accepted)


def test_a_header_that_cannot_be_goes_nowhere(theirs: Listener) -> None:
    got = opened("postmark", theirs).hand_over(replace(LETTER, subject="a\r\nBcc: all@example.org"))
    assert final(got) == (True, False, False)
    assert theirs.said == []


def test_the_points_of_a_hand_over_are_come_to_in_their_order(theirs: Listener) -> None:
    came: list[str] = []
    theirs.answer = lambda said: http(200, TAKEN["postmark"])
    opened("postmark", theirs, reach=came.append).hand_over(LETTER)
    assert came == ["mail.before_dot", "mail.after_dot", "mail.after_answer"]


def test_it_can_be_asked_whether_it_is_there(theirs: Listener) -> None:
    assert opened("postmark", theirs).test() is None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert opened("postmark", Listener(port)).test() is not None


@pytest.mark.parametrize(
    ("name", "given", "why"),
    [("carrier-pigeon", {}, "no provider"), ("postmark", {}, "needs its server token"),
     ("postmark", {"server_token": "a\nb"}, "odd letters"), ("postal", {"api_key": "x"}, "needs its api url"),
     ("postal", {"api_key": "x", "api_url": "http://postal.example/"}, "not https"),
     ("postal", {"api_key": "x", "api_url": "https://u:p@postal.example/"}, "not https"),
     ("postal", {"api_key": "x", "api_url": "https://postal.example:x/"}, "cannot be read")],
)  # fmt: skip
def test_keys_that_cannot_be_are_named(name: str, given: dict[str, str], why: str) -> None:
    with pytest.raises(BadInput, match=why):
        checked(name, given)


def test_what_is_not_asked_for_is_not_kept() -> None:
    given = {"server_token": KEY, "message_stream": "", "debug_api_requests": "1", "ignore_recipient_status": "1"}
    assert checked("postmark", given) == {"server_token": KEY}
