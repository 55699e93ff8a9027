"""What people of the simulated gym say: complaints, reasons to leave, notes on the till. Written by hand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """A true reason to leave.

    word        the stable word in the truth table
    stated      how the cancellation form calls it
    tells       chance that someone who leaves for it says so
    returns     chance of coming back by oneself within about a year
    per_week    base chance a week that a member of average satisfaction decides to leave for it
    words       what they write; an empty form field is as common as these
    """

    word: str
    stated: str
    tells: float
    returns: float
    per_week: float
    words: tuple[str, ...]


MONEY, MOVED, INJURY, BORED, TRAINER_LEFT, COMPLAINT, SEASON, NEVER_STARTED = range(8)

# The shares, chances to tell and chances to return are our choice, set so that the whole gym lands in the bands
# that docs/demo.md names; a study of one's own members would change them.
REASONS: tuple[Reason, ...] = (
    Reason(
        "money",
        "Too expensive",
        0.55,
        0.14,
        0.0019,
        (
            "Money is tight since the rent went up. Nothing wrong with you.",
            "I can't justify it this year, sorry.",
            "Cheaper place opened near work.",
            "Hours cut at the job. I'd come back if I could.",
            "Two kids in crèche now, the gym had to go.",
        ),
    ),
    Reason(
        "moved",
        "Moving away",
        0.85,
        0.03,
        0.0015,
        (
            "Moving to Cork at the end of the month.",
            "New job in Belfast, too far to drive.",
            "Going home to my parents for a while.",
            "We bought a house an hour away.",
            "Thanks for everything, I'm off to Australia!",
        ),
    ),
    Reason(
        "injury",
        "Health",
        0.55,
        0.24,
        0.0012,
        (
            "Knee surgery, out for months.",
            "My back again. The physio says no weights.",
            "Doctor told me to rest.",
            "Torn shoulder, can't train.",
        ),
    ),
    Reason(
        "bored",
        "Not using it",
        0.36,
        0.095,
        0.0026,
        (
            "I just don't come any more.",
            "Took up running with friends instead.",
            "Same four machines every week, I lost the will.",
            "No time, to be honest.",
            "Swimming suits me better.",
        ),
    ),
    Reason(
        "trainer left",
        "Trainer left",
        0.60,
        0.09,
        0.0190,
        (
            "It isn't the same without my trainer.",
            "I came for the Tuesday class and that class is gone.",
            "Nobody took over my programme.",
        ),
    ),
    Reason(
        "complaint mishandled",
        "Unhappy with the service",
        0.60,
        0.03,
        0.0320,
        (
            "I wrote twice and nobody answered.",
            "You charged me twice and then argued about it.",
            "The way I was spoken to at the desk. Never again.",
            "Showers broken for five weeks and not a word from you.",
        ),
    ),
    Reason(
        "season",
        "Just for the season",
        0.45,
        0.30,
        0.0003,
        (
            "Summer's here, I'm training outside.",
            "See you when it gets dark again.",
            "College is over for the year.",
        ),
    ),
    Reason(
        "never started",
        "Not using it",
        0.50,
        0.04,
        0.0190,
        (
            "I never got into the habit.",
            "Signed up in January. You know how it goes.",
            "I came twice. It's on me, not on you.",
            "",
        ),
    ),
)

# What a polite person writes instead of the true reason.
POLITE_REASON = "No time"

# The moment words of someone who wants no word from us again.
NEVER_AGAIN = (
    "Do not contact me again.",
    "Take me off every list.",
    "I asked you twice to stop writing. Stop.",
    "No more letters, no more calls.",
)


@dataclass(frozen=True)
class Topic:
    """What a complaint is about; `refunds` is the chance that a mended one ends in money back."""

    word: str
    refunds: float
    words: tuple[str, ...]


TOPICS: tuple[Topic, ...] = (
    Topic(
        "billing",
        0.85,
        (
            "Charged twice this month.",
            "Still billed for the locker I gave back.",
            "My student price is gone, why?",
        ),
    ),
    Topic(
        "showers",
        0.15,
        ("Showers cold again.", "No hot water on the women's side.", "The drain is blocked, third week."),
    ),
    Topic(
        "crowding",
        0.05,
        ("Can't get near a rack after six.", "Queue for the treadmills every Monday.", "Far too full since January."),
    ),
    Topic(
        "equipment",
        0.10,
        (
            "The rowing machine has been broken since May.",
            "Cable machine tears my gloves.",
            "Two of the four bikes are dead.",
        ),
    ),
    Topic(
        "staff",
        0.25,
        (
            "The man at the desk was rude to me.",
            "Nobody showed up for my induction.",
            "I was laughed at for asking.",
        ),
    ),
    Topic(
        "cleaning",
        0.10,
        ("Changing room is filthy on Sundays.", "No paper towels, no spray.", "Mats smell."),
    ),
    Topic(
        "classes",
        0.20,
        ("Class cancelled again without a word.", "The app let me book a class that was full.", "Music far too loud."),
    ),
)

# (what, price in minor units of the gym's currency)
SHOP: tuple[tuple[str, int], ...] = (
    ("water", 180),
    ("protein bar", 290),
    ("shake", 420),
    ("coffee", 310),
    ("padlock", 850),
    ("towel", 1290),
    ("lifting straps", 1595),
    ("gym bag", 3450),
)
