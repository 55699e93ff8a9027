"""Parties: the persons and organisations we have a relationship with, and how each is recognised again."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from rekindle.relationships.vocabulary import IdentityKind, PartyKind


class Party(models.Model):
    """One row is one person or organisation. Written by loads and by staff.

    `name` is what people call them; it may be empty when a load brought a number only. `load` is the number of the
    intake that first brought the row, so that undoing that load can take it back.
    """

    kind = models.CharField(max_length=16, choices=PartyKind.choices(), default=PartyKind.PERSON.value)
    name = models.CharField(max_length=200, blank=True)
    given_name = models.CharField(max_length=100, blank=True)
    language = models.CharField(max_length=16, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    country = models.CharField(max_length=64, blank=True)
    extra = models.JSONField(default=dict, blank=True)
    deceased_on = models.DateField(null=True, blank=True)
    # Part of every signed link of theirs: one more, and all links given out before are dead.
    links_given = models.PositiveSmallIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(default=timezone.now)
    load = models.BigIntegerField(null=True, blank=True, db_index=True)

    class Meta:
        indexes = [models.Index(fields=["name", "id"], name="party_by_name")]

    def __str__(self) -> str:
        return self.name or f"number {self.pk}"

    @property
    def initials(self) -> str:
        """Up to two letters for the round picture; a hash sign where there is no name."""
        words = [word for word in self.name.split() if word[0].isalnum()]
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "#"


class _OfKind(models.Manager[Any]):
    """Only parties of one kind, and new ones are of that kind."""

    def __init__(self, kind: PartyKind) -> None:
        super().__init__()
        self.kind = kind

    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().filter(kind=self.kind.value)

    def create(self, **fields: Any) -> Any:
        return super().create(**{"kind": self.kind.value, **fields})


class Person(Party):
    objects: ClassVar[models.Manager[Any]] = _OfKind(PartyKind.PERSON)

    class Meta:
        proxy = True


class Organisation(Party):
    objects: ClassVar[models.Manager[Any]] = _OfKind(PartyKind.ORGANISATION)

    class Meta:
        proxy = True


class Identity(models.Model):
    """One row is one way a party was recognised: a number in a source, an e-mail address, a phone number.

    `value` is as given, `normal` is what is compared. External numbers are unique within their source; an address
    may be shared by several people and is valid from `valid_from` until `valid_to`, both days included.
    """

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="identities")
    kind = models.CharField(max_length=16, choices=IdentityKind.choices())
    source = models.CharField(max_length=64, blank=True)
    value = models.CharField(max_length=320)
    normal = models.CharField(max_length=320)
    valid_from = models.DateField(null=True, blank=True)
    valid_to = models.DateField(null=True, blank=True)
    load = models.BigIntegerField(null=True, blank=True, db_index=True)

    class Meta:
        verbose_name_plural = "identities"
        constraints = [
            models.UniqueConstraint(fields=["kind", "source", "normal", "party"], name="one_identity_a_party"),
            models.UniqueConstraint(
                fields=["source", "normal"],
                condition=models.Q(kind=IdentityKind.EXTERNAL.value),
                name="one_party_an_external_number",
            ),
        ]
        indexes = [models.Index(fields=["normal", "kind"], name="identity_by_normal")]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"
