"""Contacts: people as the business knows them, under every address and id by which a provider names them."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts.people.models.company import Company
from accounts.people.models.user import User
from core.field_names import LABELS
from core.prefix import PrefixIndex
from core.provider_names import kind_title, provider_title
from core.prunable import Prunable


class Contact(models.Model):
    """A person, with or without an account. Written by `accounts.people.contacts` alone.

    `email` is the main address as it was reported; which contact an address means is said by `ContactEmail`, since two
    people may share one until staff decide. `origins` says of each value since when it has been true and where
    (`contact_merge`); what was never reported has none.
    """

    user = models.OneToOneField(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="contact", verbose_name=_("user")
    )
    company = models.ForeignKey(
        Company, on_delete=models.SET_NULL, null=True, blank=True, related_name="contacts", verbose_name=_("company")
    )
    email = models.CharField(LABELS["email"], max_length=254, blank=True, db_index=True)
    first_name = models.CharField(LABELS["first_name"], max_length=150, blank=True)
    last_name = models.CharField(LABELS["last_name"], max_length=150, blank=True)
    phone = models.CharField(LABELS["phone"], max_length=50, blank=True, db_index=True)
    business_phone = models.CharField(LABELS["business_phone"], max_length=50, blank=True, db_index=True)
    address_line_1 = models.CharField(LABELS["address_line_1"], max_length=255, blank=True)
    address_line_2 = models.CharField(LABELS["address_line_2"], max_length=255, blank=True)
    city = models.CharField(LABELS["city"], max_length=120, blank=True)
    state = models.CharField(LABELS["state"], max_length=120, blank=True)
    postal_code = models.CharField(LABELS["postal_code"], max_length=30, blank=True)
    country = models.CharField(LABELS["country"], max_length=120, blank=True)
    subscribed = models.BooleanField(LABELS["subscribed"], null=True, blank=True)
    custom_fields = models.JSONField(_("custom fields"), default=dict, blank=True)
    origins = models.JSONField(default=dict, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("changed"), default=timezone.now, editable=False)

    NAMED_BY = ("first_name", "last_name", "email")

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        permissions = [
            ("forget_contact", gettext_noop("Can erase a person's data")),
            ("export_contact", gettext_noop("Can export a person's data")),
        ]
        indexes = [
            PrefixIndex(fields=["first_name"], name="contact_by_first_name"),
            PrefixIndex(fields=["last_name"], name="contact_by_last_name"),
        ]

    def __str__(self) -> str:
        return self.email or self.name or f"#{self.pk}"

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def called(self) -> str:
        """Return what people call them: the name, or what there is instead."""
        return self.name or str(self)


class ContactEmail(models.Model):
    """An address and the one contact whom it means: the main address, or an alias."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="emails", verbose_name=_("contact"))
    email = models.CharField(_("e-mail"), max_length=254, unique=True)
    source = models.CharField(_("source"), max_length=200, blank=True, help_text=_("why it belongs to this contact"))

    class Meta:
        verbose_name = _("address of a contact")
        verbose_name_plural = _("addresses")

    def __str__(self) -> str:
        return self.email


class ContactPhone(models.Model):
    """A number that a contact has beside the main one, in E.164. Families share numbers, so it proves nothing alone."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="phones", verbose_name=_("contact"))
    number = models.CharField(_("number"), max_length=20, db_index=True)
    source = models.CharField(_("source"), max_length=200, blank=True, help_text=_("why it belongs to this contact"))

    class Meta:
        verbose_name = _("further number of a contact")
        verbose_name_plural = _("further numbers")
        constraints = [models.UniqueConstraint(fields=["contact", "number"], name="contact_has_a_number_once")]

    def __str__(self) -> str:
        return self.number


class ContactMappingQuerySet(models.QuerySet["ContactMapping"]):
    def questions(self) -> "ContactMappingQuerySet":
        """Return the deleted records of which staff are to say what follows, as `is_question`."""
        return self.filter(deletion="asked", is_main=True, gone_at__isnull=False)

    def with_unusable_values(self) -> "ContactMappingQuerySet":
        """Return the records with values that cannot be used, about which nobody has decided."""
        return self.filter(left_out_at__isnull=False, gone_at=None)


class ContactMapping(models.Model):
    """The id of a contact at a provider: one id of one kind, say a contact or a customer there.

    `last_synced_values` are the values that the remote record had when it was last reported; what differs from them
    next time was changed there. `last_synced_times` is when each of them, and the lists of tags and offers, were true
    there, since a report may name only some and reports overtake each other; `reported_at` is the newest of them.
    `left_out` is what of the record cannot be used: name there → why; `left_out_at` is since when, until staff decide
    to leave it out. `accepted` are differences that are no change: name → [value there, value here], where the one
    there is another address or number of the same person. `deletion` is what a deletion at the provider means for the
    contact's records elsewhere, where that is more than nothing.
    """

    class Deletion(models.TextChoices):
        NOTHING = "", _("nothing follows")
        ASKED = "asked", _("to be decided")
        LEFT = "left", _("the other records stay as they are")
        MARKED = "marked", _("the other records are marked")

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="mappings", verbose_name=_("contact"))
    provider = models.CharField(_("provider"), max_length=30)
    kind = models.CharField(_("kind"), max_length=30, help_text=_("ids of different kinds are not comparable"))
    external_id = models.CharField(_("remote ID"), max_length=100)
    is_main = models.BooleanField(
        _("main"), default=True, help_text=_("not the record of a contact that was merged into this one")
    )
    known_since = models.DateTimeField(
        _("known since"),
        null=True,
        blank=True,
        default=timezone.now,
        help_text=_("empty: longer than this is recorded"),
    )
    reported_at = models.DateTimeField(_("reported"), null=True, blank=True)
    last_synced_values = models.JSONField(_("last synced values"), default=dict, blank=True)
    last_synced_times = models.JSONField(default=dict, blank=True)
    offers = models.JSONField(_("offers"), default=list, blank=True, help_text=_("offers at the provider"))
    left_out: Any = models.JSONField(
        _("left out"), null=True, blank=True, help_text=_("values of the record that cannot be used")
    )
    left_out_at = models.DateTimeField(null=True, blank=True, editable=False)
    accepted = models.JSONField(default=dict, blank=True, editable=False)
    gone_at = models.DateTimeField(_("deleted at the provider"), null=True, blank=True)
    deletion = models.CharField(
        _("after the deletion"), max_length=10, choices=Deletion.choices, default="", db_default="", blank=True
    )

    objects = ContactMappingQuerySet.as_manager()

    NAMED_BY = ("provider", "kind", "external_id")

    class Meta:
        verbose_name = _("contact at a provider")
        verbose_name_plural = _("contacts at providers")
        constraints = [
            models.UniqueConstraint(fields=["provider", "kind", "external_id"], name="mapping_names_one_contact"),
            models.UniqueConstraint(
                fields=["contact", "provider", "kind"],
                condition=Q(is_main=True),
                name="contact_has_one_main_mapping_of_a_kind",
            ),
            models.CheckConstraint(
                condition=Q(deletion__in=["", "asked", "left", "marked"]), name="mapping_deletion_is_known"
            ),
        ]
        indexes = [
            models.Index(fields=["external_id"], name="mapping_by_id"),
            models.Index(fields=["provider", "-id"], name="mapping_by_provider"),
            models.Index(fields=["kind", "-id"], name="mapping_by_kind"),
            models.Index(fields=["-id"], name="mapping_gone", condition=Q(gone_at__isnull=False)),
            models.Index(fields=["-id"], name="mapping_asked", condition=Q(deletion="asked")),
            models.Index(fields=["-id"], name="mapping_leaving_out", condition=Q(left_out__isnull=False)),
            models.Index(fields=["-id"], name="mapping_unusable", condition=Q(left_out_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{provider_title(self.provider)} {kind_title(self.kind)} {self.external_id}"

    @property
    def is_missing(self) -> bool:
        """Return whether the contact has no record there any more: its main one was deleted, and has no successor."""
        return self.is_main and self.gone_at is not None

    @property
    def is_question(self) -> bool:
        """Return whether staff are to say what follows from the deletion."""
        return self.is_missing and self.deletion == self.Deletion.ASKED

    def take_over(self, predecessor: "ContactMapping | None") -> None:
        """Be the successor of a record that is gone: what was synced with it counts as synced with this one."""
        if predecessor is not None:
            self.last_synced_values = dict(predecessor.last_synced_values)
            self.last_synced_times = dict(predecessor.last_synced_times)


class Tag(models.Model):
    name = models.CharField(_("name"), max_length=150, unique=True)

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")

    def __str__(self) -> str:
        return self.name


class ContactTag(models.Model):
    """A tag that a contact has at a provider, or had: a removed one stays, so that an older report cannot revive it."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="tag_rows")
    tag = models.ForeignKey(Tag, on_delete=models.PROTECT, related_name="+", verbose_name=_("tag"))
    provider = models.CharField(_("provider"), max_length=30)
    is_present = models.BooleanField(_("has it"), default=True)
    changed_at = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("tag of a contact")
        verbose_name_plural = _("tags")
        constraints = [
            models.UniqueConstraint(fields=["contact", "tag", "provider"], name="contact_has_a_tag_once"),
        ]
        indexes = [models.Index(fields=["tag", "contact"], name="tag_by_contact", condition=Q(is_present=True))]

    def __str__(self) -> str:
        return str(self.tag)


class PossibleDuplicate(Prunable):
    """Two contacts who may be one person, or two who share an address: staff merge them or keep them apart."""

    class Status(models.TextChoices):
        OPEN = "open", _("to be decided")
        MERGED = "merged", _("merged")
        APART = "apart", _("two people")

    contact: Any = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="possible_duplicates")
    other: Any = models.ForeignKey(
        Contact,
        on_delete=models.SET_NULL,
        null=True,
        related_name="possible_duplicates_as_other",
        verbose_name=_("other"),
    )
    other_name = models.CharField(_("other"), max_length=300, blank=True, help_text=_("as it was called"))
    reason = models.CharField(_("why"), max_length=300)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.OPEN)
    found_at = models.DateTimeField(_("found"), default=timezone.now)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("staff"),
    )

    NAMED_BY = ("contact__email", "other__email", "other_name")

    class Meta:
        verbose_name = _("possible duplicate")
        verbose_name_plural = _("possible duplicates")
        constraints = [
            models.UniqueConstraint(fields=["contact", "other"], name="a_pair_is_doubted_once"),
            models.CheckConstraint(condition=~Q(contact=F("other")), name="nobody_duplicates_themselves"),
            models.CheckConstraint(condition=Q(status__in=["open", "merged", "apart"]), name="doubt_status_is_known"),
        ]
        indexes = [
            models.Index(fields=["status", "-id"], name="doubt_by_status"),
            models.Index(
                fields=["decided_at"],
                name="doubt_to_be_pruned",
                condition=Q(pruned_at__isnull=True, decided_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact} / {self.other or self.other_name}"
