"""The words of the domain, each with one meaning, the same in code, page and docs.

Free of Django, so that the engine and the simulator may use it. Every class is a `Word`: a string enum whose
members carry the label a person reads.
"""

from __future__ import annotations

from rekindle.words import Word


class PartyKind(Word):
    PERSON = "person", "person"
    ORGANISATION = "organisation", "organisation"
    HOUSEHOLD = "household", "household"


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


RUNNING = (Commercial.LIVE, Commercial.TRIALING, Commercial.PAUSED, Commercial.NOTICE)
"""A contract runs through a pause, a trial and the time of notice."""


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


class BreakupKind(Word):
    """How it ended. The first letter says who or what moved: voluntary, involuntary, need met, quiet, company."""

    DISSATISFIED = "v1_dissatisfied", "dissatisfied"
    PULLED = "v2_pulled", "found something better"
    BOUGHT = "v3_bought", "bought away by price or offer"
    AFFORDABILITY = "v4_affordability", "could not afford it"
    NEED_CHANGED = "v5_need_changed", "needs changed"
    MOVED = "i1_moved", "moved away"
    LIFE_EVENT = "i2_life_event", "life event or health"
    ORGANISATION = "i3_organisation", "their organisation changed"
    TECHNICAL = "i4_technical", "payment or technical failure"
    DECEASED = "i5_deceased", "died or dissolved"
    COMPLETED = "n1_completed", "need met"
    SEASONAL = "n2_seasonal", "seasonal or temporary"
    QUIET_FADE = "q1_quiet_fade", "faded quietly"
    TOXIC = "c1_toxic", "by us: abuse"
    UNPROFITABLE = "c2_unprofitable", "by us: not viable, after the ladder"
    UNPAID = "c3_unpaid", "by us: not paid"
    STRATEGY = "c4_strategy", "by us: we changed"
    LEGAL = "c5_legal", "by us: law"


class Feeling(Word):
    """How they said they felt about the end; never guessed."""

    RELIEVED = "relieved", "relieved"
    NEUTRAL = "neutral", "neutral"
    SAD = "sad", "sad"
    ANGRY = "angry", "angry"
    BETRAYED = "betrayed", "betrayed"
    NOT_TOLD = "not_told", "not told"


class Wound(Word):
    """How much the end hurt them; it sets the length of the quiet."""

    NONE = "none", "none"
    SORE = "sore", "sore"
    WOUNDED = "wounded", "wounded"
    BETRAYED = "betrayed", "betrayed"


class WantBack(Word):
    """Whether we would like somebody back. Nothing after the quiet happens without an answer."""

    UNDECIDED = "undecided", "not decided yet"
    YES = "yes", "yes"
    MAYBE = "maybe", "maybe, looked at again later"
    NO = "no", "no"


class PromiseState(Word):
    OPEN = "open", "open"
    KEPT = "kept", "kept"
    BROKEN = "broken", "broken"
    RELEASED = "released", "they let us off"


class MilestoneKind(Word):
    """What may be remembered with somebody, or about somebody."""

    FIRST_DAY = "first_day", "first day"
    GOAL_REACHED = "goal_reached", "goal reached"
    ANNIVERSARY = "anniversary", "anniversary"
    BIRTHDAY = "birthday", "birthday"
    NAME_DAY = "name_day", "name day"
    WEDDING = "wedding", "wedding"
    CHILD = "child", "child"
    GRADUATION = "graduation", "graduation"
    NEW_JOB = "new_job", "new job"
    FOUNDING = "founding", "founding day"
    GO_LIVE = "go_live", "go-live"
    AWARD = "award", "award"
    RETURN = "return", "day of return"
    RETIREMENT = "retirement", "retirement"
    BEREAVEMENT = "bereavement", "bereavement"


class Precision(Word):
    """How much of a date is known."""

    DAY = "day", "day, month and year"
    MONTH_DAY = "month_day", "day and month"
    MONTH = "month", "month and year"
    YEAR = "year", "year"


class StakeholderKind(Word):
    """Everyone we owe a relationship. One party may hold several roles at once."""

    PROSPECT = "prospect", "prospect"
    CUSTOMER = "customer", "customer"
    END_USER = "end_user", "end user"
    PAYER = "payer", "payer"
    DECISION_MAKER = "decision_maker", "decision maker"
    CHAMPION = "champion", "champion"
    GATEKEEPER = "gatekeeper", "gatekeeper"
    EX_CUSTOMER = "ex_customer", "former customer"
    EX_USER = "ex_user", "former user"
    REFERRER = "referrer", "referrer"
    VENDOR = "vendor", "vendor"
    SUPPLIER = "supplier", "supplier"
    PARTNER = "partner", "partner"
    INFLUENCER = "influencer", "influencer"
    JOURNALIST = "journalist", "journalist"
    INVESTOR = "investor", "investor"
    EMPLOYEE = "employee", "employee or alumnus"
    COMMUNITY = "community", "neighbour or community"
    REGULATOR = "regulator", "regulator"


class FeedbackKind(Word):
    CSAT = "csat", "satisfaction, 1 to 5"
    NPS = "nps", "would recommend, 0 to 10"
    CES = "ces", "effort, 1 to 7"
    OPEN = "open", "in their words"


class InterviewMode(Word):
    """Who holds the pen in an exit interview."""

    STAFF = "staff", "with a member of staff"
    PUBLIC = "public", "by themselves, by their link"


class ExitGround(Word):
    """Why we think of ending a relationship from our side."""

    ABUSE = "abuse", "abuse"
    UNPAID = "unpaid", "bills not paid"
    LEGAL = "legal", "a law or a court"
    UNPROFITABLE = "unprofitable", "not viable"
    STRATEGY = "strategy", "we gave up this line"
    CAPACITY = "capacity", "we have no capacity left"
    WELLBEING = "wellbeing", "it harms our people"
    FIT = "fit", "we are not right for them"


class ExitState(Word):
    """How far the ending of a relationship by us has come."""

    OPEN = "open", "being thought about"
    PROPOSED = "proposed", "proposed, waits for a second person"
    APPROVED = "approved", "approved, not yet told"
    ANNOUNCED = "announced", "told, notice runs"
    ENDED = "ended", "ended"
    DROPPED = "dropped", "dropped, they stay"


class Rung(Word):
    """The ladder before we end a relationship; each rung is tried or passed over with a reason."""

    REASSESS = "reassess", "reassess"
    EDUCATE = "educate", "explain and help"
    RENEGOTIATE = "renegotiate", "renegotiate"
    MIGRATE = "migrate", "offer another form"
    TERMINATE = "terminate", "end it"


class Burden(Word):
    """What kind of dated fact weighs on a relationship. Never a verdict on a person."""

    ABUSE = "abuse", "abusive words or deeds"
    THREAT = "threat", "a threat"
    UNPAID = "unpaid", "a bill not paid"
    BREACH = "breach", "terms not kept"
    OVERUSE = "overuse", "far more work than agreed"
    NO_SHOW = "no_show", "did not come"


class ReviewAnswer(Word):
    """What a yearly look at a relationship may decide."""

    KEEP = "keep", "keep as it is"
    MEND = "mend", "mend"
    RENEGOTIATE = "renegotiate", "renegotiate"
    LET_GO = "let_go", "let go, kindly"
    CLOSE = "close", "close for good"


class ReturnCredit(Word):
    """Whose doing a return is. Somebody whom nobody had touched came by themselves, and no programme may claim it."""

    SELF = "self", "by themselves"
    TOUCHED = "touched", "after we had been in touch"
    NOT_KNOWN = "not_known", "not known"


class ItemState(Word):
    """What became of one item of a safe return."""

    OPEN = "open", "to see to"
    DONE = "done", "seen to"
    NOT_POSSIBLE = "not_possible", "cannot be put back"


class Resurfaced(Word):
    """Somebody who may be a former customer spoke to us again."""

    OPEN = "open", "waits for a look"
    CONFIRMED = "confirmed", "it is them"
    DENIED = "denied", "it is somebody else"


class LinkKind(Word):
    """How one party belongs to another."""

    MEMBER_OF = "member_of", "belongs to the household"
    RELATED = "related", "family or friend of"
    INTRODUCED_BY = "introduced_by", "was introduced by"
    LEFT_TOGETHER = "left_together", "left together with"


class Stance(Word):
    """Where somebody stood when their side decided."""

    FOR = "for", "for us"
    AGAINST = "against", "against us"
    NEUTRAL = "neutral", "neither"
    OVERRULED = "overruled", "for us, and overruled"
    ABSENT = "absent", "not in the room"


class RequestKind(Word):
    """What people may ask about their data."""

    ACCESS = "access", "to see it"
    PORTABILITY = "portability", "to take it with them"
    RECTIFICATION = "rectification", "to put it right"
    ERASURE = "erasure", "to have it erased"
    OBJECTION = "objection", "to object to its use"


class WebhookShape(Word):
    """How another system speaks to us."""

    STRIPE = "stripe", "as Stripe does"
    SHOPIFY = "shopify", "as Shopify does"
    PLAIN = "plain", "plain JSON, signed"


class Suggestion(Word):
    """What may be suggested to a human about one person. NOTHING is always an option and usually right."""

    NOTHING = "nothing", "Leave in peace"
    GREET_RETURN = "greet_return", "Welcome back"
    FIRST_DAYS = "first_days", "Ask how the first weeks went"
    CHECK_IN = "check_in", "Check in personally"
    CONFIRM_END = "confirm_end", "Find out whether it is over"
    THANK_YOU = "thank_you", "Say thank you"
    CALL = "call", "Call them"
    CARD = "card", "Write a card by hand"
    CHEER = "cheer", "Cheer them on"
    ANSWER = "answer", "Answer what they wrote"


BY_OTHERS = frozenset({Suggestion.CALL, Suggestion.CARD, Suggestion.CHEER, Suggestion.ANSWER})
"""What playbooks and people themselves ask of a human; the night suggests none of them."""


class TaskSource(Word):
    """Who suggested it. Of each source there is at most one open task a relationship."""

    NIGHT = "night", "the night"
    PLAYBOOK = "playbook", "a playbook"
    PERSON = "person", "what they did themselves"


class ReferralState(Word):
    """What became of a recommendation."""

    TOLD = "told", "waiting for our answer"
    MET = "met", "in touch"
    JOINED = "joined", "a customer now"
    DECLINED = "declined", "came to nothing"


class TaskState(Word):
    OPEN = "open", "open"
    LATER = "later", "later"
    DONE = "done", "done"
    NOT_APPROPRIATE = "not_appropriate", "not appropriate"
    WITHDRAWN = "withdrawn", "withdrawn"
