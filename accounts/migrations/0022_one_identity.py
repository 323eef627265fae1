"""One table of ids at providers, for contacts and logins alike; a kind of mail."""

from typing import Any

from django.db import migrations, models

_NOBODY = "@forgotten.invalid"  # the addresses of erased logins
_AT_ONCE = 500


def move_identities(apps: Any, editor: Any) -> None:
    """Make each id of a login an id of its contact, and give every member a contact.

    A contact is found by the login's address or one of its ids where it is nobody's, else it is made. An id that is
    another contact's stays there: the two are possible duplicates for staff to decide.
    """
    identities = apps.get_model("accounts", "ExternalIdentity").objects.order_by("pk")
    users = apps.get_model("accounts", "User").objects
    mappings = apps.get_model("accounts", "ContactMapping").objects
    ids: dict[int, list[Any]] = {}
    for identity in identities.iterator(chunk_size=_AT_ONCE):
        ids.setdefault(identity.user_id, []).append(identity)
    members = users.filter(is_staff=False, is_superuser=False).exclude(email__endswith=_NOBODY)
    without = members.filter(contact=None).values_list("pk", flat=True)
    for pk in sorted({*ids, *without}):
        own = ids.get(pk, [])
        contact = _contact(apps, users.get(pk=pk), own)
        for identity in own:
            named = {"provider": identity.provider, "kind": identity.kind}
            known = mappings.filter(**named, external_id=identity.external_id).first()
            if known is None:
                is_main = not mappings.filter(**named, contact=contact, is_main=True).exists()
                mappings.create(
                    **named, external_id=identity.external_id, contact=contact, is_main=is_main, known_since=None
                )
            elif known.contact_id != contact.pk:
                _doubt(apps, known.contact, contact, f"both are {known.provider} {known.kind} {known.external_id}")


def _contact(apps: Any, user: Any, identities: list[Any]) -> Any:
    contacts = apps.get_model("accounts", "Contact").objects
    addresses = apps.get_model("accounts", "ContactEmail").objects.select_related("contact")
    mappings = apps.get_model("accounts", "ContactMapping").objects.select_related("contact")
    contact = contacts.filter(user=user).first()
    if contact is not None:
        return contact
    address = addresses.filter(email=user.email).first()
    candidates = [address.contact] if address else []
    for one in identities:
        named = {"provider": one.provider, "kind": one.kind, "external_id": one.external_id}
        candidates += [row.contact for row in mappings.filter(**named)]
    for candidate in candidates:
        if candidate.user_id is None:
            candidate.user = user
            candidate.save(update_fields=["user"])
            return candidate
    contact = contacts.create(user=user, email=user.email, first_name=user.first_name, last_name=user.last_name)
    if address is None:
        addresses.create(contact=contact, email=user.email, source="account")
    else:
        _doubt(apps, address.contact, contact, f"both have the address {user.email}")
    return contact


def _doubt(apps: Any, one: Any, another: Any, reason: str) -> None:
    first, second = sorted((one, another), key=lambda contact: contact.pk)
    name = second.email or f"{second.first_name} {second.last_name}".strip() or f"#{second.pk}"
    apps.get_model("accounts", "PossibleDuplicate").objects.get_or_create(
        contact=first, other=second, defaults={"other_name": name[:300], "reason": reason[:300]}
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0021_plan_mails")]

    operations = [
        migrations.RunPython(move_identities, migrations.RunPython.noop),
        migrations.DeleteModel(name="ExternalIdentity"),
        migrations.AlterField(
            model_name="emailmessage",
            name="kind",
            field=models.CharField(
                choices=[
                    ("welcome", "welcome, with the set-up link"),
                    ("account_created", "account created, with the set-up link"),
                    ("membership_linked", "membership linked"),
                    ("welcome_back", "welcome back"),
                    ("resumed", "membership resumed"),
                    ("payment_failed", "payment failed"),
                    ("ends_soon", "access ends soon"),
                    ("ended", "access ended"),
                    ("refunded", "refunded"),
                    ("password_setup", "new set-up link"),
                    ("password_reset", "password reset link"),
                    ("password_changed", "password changed"),
                    ("address_changed", "address of the account changed"),
                    ("course_completed", "course completed"),
                    ("staff_new_member", "to staff: new member"),
                    ("staff_member_linked", "to staff: existing user linked"),
                    ("staff_mail_bounced", "to staff: a mail bounced"),
                    ("staff_event_failed", "to staff: an event failed"),
                    ("staff_run_failed", "to staff: a reconciliation failed"),
                    ("staff_completions_waiting", "to staff: completions need review"),
                    ("staff_value_frozen", "to staff: a field is frozen"),
                    ("staff_question", "to staff: a question"),
                    ("staff_alert", "to staff: an alert"),
                ],
                max_length=30,
                verbose_name="kind",
            ),
        ),
    ]
