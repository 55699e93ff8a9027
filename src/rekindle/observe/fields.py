"""The fields a load of each kind may have, with the names businesses give them. Data, not code.

Names are folded: lower case, letters and digits only ("Customer ID" and "customer_id" are both "customerid"). English
first, then the German, French and Spanish words that exports of common shop and till systems use.
"""

from __future__ import annotations

from dataclasses import dataclass

from rekindle.relationships.vocabulary import IntakeKind


@dataclass(frozen=True)
class Field:
    """One thing a column may hold.

    name       as in `--map NAME=COLUMN`
    looks      what its values must look like: id, email, phone, date, number, word, text, yesno
    names      folded column names, the surest first
    parts      pieces of a folded name that are enough where the values agree
    """

    name: str
    looks: str
    names: tuple[str, ...]
    parts: tuple[str, ...] = ()


def _field(name: str, looks: str, names: str, parts: str = "") -> Field:
    return Field(name, looks, tuple(names.split()), tuple(parts.split()))


WHO = _field("who", "id", """who customerid customerno customernumber customerref customer clientid clientno client
    memberid memberno membernumber member userid user contactid partyid personid accountid accountno accountnumber
    account custid cid kundennummer kundennr kundenid kunde mitgliedsnummer mitgliedsnr numeroclient idclient clienteid
    idcliente externalid subscriberid patientid guestid donorid studentid organisationid organizationid companyid id""",
    "customerid customernumber memberid clientid")  # fmt: skip
EMAIL = _field(
    "email", "email", "email emailaddress mail customeremail useremail emailadresse courriel correo", "email"
)
PHONE = _field("phone", "phone", """phone phonenumber mobile mobilenumber mobilephone tel telephone cell cellphone
    telefon telefonnummer handy telefono portable whatsapp""", "phone mobile telefon")  # fmt: skip
NAME = _field("name", "text", """name fullname customername displayname contactname membername kundenname nom nombre
    company companyname organisation organization organisationname firma""")  # fmt: skip
GIVEN = _field("given_name", "text", "givenname firstname forename first vorname prenom nombredepila")
FAMILY = _field("family_name", "text", "familyname lastname surname last nachname familienname apellido apellidos")
LANGUAGE = _field("language", "word", "language lang locale sprache langue idioma preferredlanguage")
ZONE = _field("time_zone", "word", "timezone tz zeitzone fuseauhoraire")
COUNTRY = _field("country", "word", "country countrycode land pays pais nation")
JOINED = _field("joined_on", "date", """joinedon joined joindate membersince customersince signupdate signup signedup
    registrationdate registeredat registered createdat created startdate eintritt eintrittsdatum kundeseit since
    dateinscription fechaalta""")  # fmt: skip
OWNER = _field("owner", "text", "owner owneremail accountmanager accountowner salesrep betreuer responsible trainer")
PARTY = (WHO, EMAIL, PHONE)

OCCURRED = _field("occurred_at", "date", """occurredat date datetime timestamp time when orderdate ordertime orderedat
    invoicedate purchasedate purchasedat transactiondate transactiontime paymentdate paidat eventdate eventtime day
    checkin checkinat checkindate visitdate saledate createdat created datum bestelldatum rechnungsdatum kaufdatum
    uhrzeit fecha jour""", "date time datum fecha")  # fmt: skip
AMOUNT = _field("amount", "number", """amount total totalamount ordertotal grandtotal totalprice linetotal revenue value
    ordervalue price paid amountpaid net gross sum sales spend betrag gesamtbetrag summe umsatz preis montant importe
    monto""", "amount total value revenue betrag dollar spend montant importe")  # fmt: skip
CURRENCY = _field("currency", "word", "currency currencycode curr waehrung währung devise moneda iso4217")
QUANTITY = _field("quantity", "number", "quantity qty units pieces items itemcount menge anzahl stueck stück",
                  "quantity numberof qty")  # fmt: skip
UNIT_PRICE = _field(
    "unit_price",
    "number",
    "unitprice priceperunit itemprice priceeach einzelpreis stueckpreis",
)
EVENTS: tuple[Field, ...] = (
    WHO, EMAIL, PHONE, NAME, OCCURRED, UNIT_PRICE, QUANTITY, AMOUNT, CURRENCY,
    _field("kind", "word", "kind type eventtype event eventname eventkind activity action transactiontype art typ"),
    _field("channel", "word", "channel source saleschannel kanal canal medium"),
    _field("ref", "text", """ref reference invoiceno invoice invoicenumber invoiceid orderid orderno ordernumber order
        receipt receiptno receiptid transactionid transactionno basketid bookingid bestellnummer bestellnr
        rechnungsnummer rechnungsnr belegnummer belegnr bon numerofactura factura facture"""),
    _field("event_id", "unique", "eventid rowid lineid recordid uuid guid id"),
)  # fmt: skip
PEOPLE: tuple[Field, ...] = (*PARTY, NAME, GIVEN, FAMILY, LANGUAGE, ZONE, COUNTRY, JOINED, OWNER)
ORGANISATIONS: tuple[Field, ...] = (*PARTY, NAME, LANGUAGE, ZONE, COUNTRY, JOINED, OWNER)
CANCELLATIONS: tuple[Field, ...] = (
    *PARTY,
    _field("ended_on", "date", """endedon ended enddate ends endsat cancellationdate canceldate cancelleddate
        cancelledon cancelledat canceledat canceldate effectivedate effective lastday terminationdate leftdate lefton
        churndate kuendigungzum vertragsende austritt austrittsdatum date datum""", "end cancel date termination"),
    _field("noticed_on", "date", """noticedon notice noticedate noticegiven requestedon requestedat requestdate
        receivedon kuendigungsdatum kuendigungvom eingang"""),
    _field("reason", "text", "reason cancellationreason cancelreason churnreason reasoncode grund kuendigungsgrund"),
    _field("verbatim", "text", "verbatim comment comments feedback note notes text remark kommentar bemerkung"),
    _field("kind", "word", "kind type cancellationtype art typ"),
    _field("initiator", "word", "initiator endedby cancelledby canceledby initiatedby who_ended by"),
)  # fmt: skip
CONSENTS: tuple[Field, ...] = (
    *PARTY,
    _field("channel", "word", "channel medium via kanal canal"),
    _field("purpose", "word", "purpose topic list zweck subscription finalite"),
    _field("basis", "word", "basis legalbasis lawfulbasis ground rechtsgrundlage"),
    _field("given", "yesno", """given consent consented optin optedin subscribed status state permission agreed
        marketingconsent newsletter einwilligung zustimmung acceptsmarketing""", "consent optin subscribe"),
    _field("at", "date", """at givenat consentedat consentdate optindate optintime timestamp date datetime signupdate
        confirmedat updatedat subscribedat createdat datum zeitpunkt""", "date time"),
    _field("proof", "text", "proof evidence source ip ipaddress form nachweis preuve"),
    _field("expires_at", "date", "expiresat expires expiry expirydate validuntil until gueltigbis"),
)  # fmt: skip
SUPPRESSIONS: tuple[Field, ...] = (
    *PARTY,
    _field("reason", "text", "reason why type cause status grund"),
    _field(
        "at", "date", "at date timestamp unsubscribedat optoutdate suppressedat addedat createdat datum", "date time"
    ),
)
FIELDS: dict[IntakeKind, tuple[Field, ...]] = {
    IntakeKind.EVENTS: EVENTS,
    IntakeKind.PEOPLE: PEOPLE,
    IntakeKind.ORGANISATIONS: ORGANISATIONS,
    IntakeKind.CANCELLATIONS: CANCELLATIONS,
    IntakeKind.CONSENTS: CONSENTS,
    IntakeKind.SUPPRESSIONS: SUPPRESSIONS,
}
# Fields a load cannot do without, besides someone to hang it on.
REQUIRED: dict[IntakeKind, tuple[str, ...]] = {
    IntakeKind.EVENTS: ("occurred_at",),
    IntakeKind.CANCELLATIONS: ("ended_on",),
    IntakeKind.CONSENTS: ("given", "at"),
}
# Told in the same way as a mapping, but about the file and not about a column.
SETTINGS = ("date_order", "decimal", "delimiter", "encoding", "header", "sheet")
