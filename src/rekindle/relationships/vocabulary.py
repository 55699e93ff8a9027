"""The words of the domain, each with one meaning, the same in code, page and docs.

Free of Django, so that the engine and the simulator may use it. Every class is a `Word`: a string enum whose
members carry the label a person reads.
"""

from __future__ import annotations

from rekindle.words import Word


class PartyKind(Word):
    PERSON = "person", "person"
    ORGANISATION = "organisation", "organisation"


class IdentityKind(Word):
    """How a party is recognised again."""

    EXTERNAL = "external", "customer number"
    EMAIL = "email", "e-mail"
    PHONE = "phone", "phone"


class Commercial(Word):
    """First axis: where we stand in business."""

    NONE = "none", "none"
    COURTING = "courting", "courting"
    TRIALING = "trialing", "trying us out"
    LIVE = "live", "live"
    PAUSED = "paused", "paused"
    NOTICE = "notice", "notice given"
    ENDED = "ended", "ended"


class Contact(Word):
    """Second axis: whether and how we may speak. Ending one axis never silently changes the other."""

    OPEN = "open", "open"
    REPLY_ONLY = "reply_only", "answers only"
    QUIET = "quiet", "quiet"
    WOO = "woo", "soft touches"
    STEADY = "steady", "steady, a few a year"
    SILENT = "silent", "silent for good"


class Terms(Word):
    GOOD = "good", "good terms"
    NEUTRAL = "neutral", "neutral"
    SORE = "sore", "sore"
    BAD = "bad", "bad terms"
    TOXIC = "toxic", "toxic"


class Stage(Word):
    """What people see: a function of the two axes, the terms and the history."""

    COURTSHIP = "courtship", "courtship"
    DATING = "dating", "trying us out"
    EARLY = "early", "early days"
    ONGOING = "ongoing", "ongoing"
    AT_RISK = "at_risk", "at risk"
    PAUSED = "paused", "paused"
    NOTICE = "notice", "notice given"
    PRESUMED_BREAKUP = "presumed_breakup", "presumed break-up"
    BREAKUP = "breakup", "break-up"
    COOLING_OFF = "cooling_off", "cooling off"
    WOOING = "wooing", "soft touches"
    PHOENIX = "phoenix", "phoenix"
    OLD_FRIENDS = "old_friends", "old friends"
    CLOSED = "closed", "closed"


class EventKind(Word):
    """Known kinds of event. The list is open: any other lower-case word is kept as it is."""

    PURCHASE = "purchase", "purchase"
    REFUND = "refund", "refund"
    VISIT = "visit", "visit"
    USAGE = "usage", "use"
    LOGIN = "login", "log-in"
    PAYMENT = "payment", "payment"
    PAYMENT_FAILED = "payment_failed", "failed payment"
    COMPLAINT = "complaint", "complaint"
    TICKET_OPENED = "ticket_opened", "ticket opened"
    TICKET_CLOSED = "ticket_closed", "ticket closed"
    CLICK = "click", "click"
    REPLY = "reply", "reply"
    OPEN = "open", "mail opened"
    UNSUBSCRIBE = "unsubscribe", "unsubscribed"
    CANCEL_NOTICE = "cancel_notice", "cancellation notice"
    ENDED = "ended", "ended"
    RETURNED = "returned", "returned"
    REFERRAL = "referral", "referral"
    REVIEW = "review", "review"
    SOCIAL_POST = "social_post", "social post"
    SURVEY = "survey", "survey answer"


class IntakeKind(Word):
    """What a load of data says it is."""

    EVENTS = "events", "events"
    PEOPLE = "people", "people"
    ORGANISATIONS = "organisations", "organisations"
    CANCELLATIONS = "cancellations", "cancellations"
    CONSENTS = "consents", "consents"
    SUPPRESSIONS = "suppressions", "suppressions"


class Channel(Word):
    """A road to a person. IN_PERSON is a member of staff at the desk or the door."""

    EMAIL = "email", "e-mail"
    SMS = "sms", "text message"
    CALL = "call", "call"
    LETTER = "letter", "letter or card"
    IN_PERSON = "in_person", "in person"
    SOCIAL = "social", "social media"


class TouchClass(Word):
    """What a touch is for; law and policy hang on it."""

    TRANSACTIONAL = "transactional", "transactional"
    LEGAL = "legal", "legal"
    SERVICE = "service", "service"
    RESEARCH = "research", "research"
    RELATIONSHIP = "relationship", "relationship"
    CONTENT = "content", "content"
    REFERRAL_ASK = "referral_ask", "referral ask"
    PROMOTIONAL = "promotional", "promotional"


class Basis(Word):
    """Why we may write: the legal ground of a consent record."""

    CONSENT = "consent", "consent"
    SOFT_OPT_IN = "soft_opt_in", "soft opt-in"
    IMPLIED_PURCHASE = "implied_purchase", "implied by a purchase"
    IMPLIED_INQUIRY = "implied_inquiry", "implied by an inquiry"
    LEGITIMATE_INTEREST = "legit_interest", "legitimate interest"
    CONTRACT = "contract", "contract"


class Initiator(Word):
    """Who ended it."""

    CUSTOMER = "customer", "the customer"
    COMPANY = "company", "us"
    CIRCUMSTANCE = "circumstance", "circumstance"
    NOBODY = "nobody", "nobody, it faded"


class Suggestion(Word):
    """What may be suggested for one person tonight. NOTHING is always an option and usually right."""

    NOTHING = "nothing", "Leave in peace"
    GREET_RETURN = "greet_return", "Welcome back"
    FIRST_DAYS = "first_days", "Ask how the first weeks went"
    CHECK_IN = "check_in", "Check in personally"
    CONFIRM_END = "confirm_end", "Find out whether it is over"
    THANK_YOU = "thank_you", "Say thank you"


class TaskState(Word):
    OPEN = "open", "open"
    LATER = "later", "later"
    DONE = "done", "done"
    NOT_APPROPRIATE = "not_appropriate", "not appropriate"
    WITHDRAWN = "withdrawn", "withdrawn"
