"""Say of the member ids in facts of which kind they are, and show each subscription's best one again; a kind of mail."""

from typing import Any

from django.db import migrations, models

_KINDS = ("relay", "member")
_AT_ONCE = 500


def note_kinds(apps: Any, editor: Any) -> None:
    """Note the kind of each id that is one of its user's known ids.

    Ids of other kinds stay without: they are shown only where none of these is known.
    """
    identities = apps.get_model("accounts", "ExternalIdentity").objects.filter(kind__in=_KINDS)
    kinds = {(one.user_id, one.external_id): one.kind for one in identities.iterator()}
    if not kinds:
        return
    facts = apps.get_model("accounts", "SubscriptionFact").objects.filter(references__has_key="member")
    ordered = facts.select_related("subscription").order_by("occurred_at", "id")
    noted, shown = [], {}
    for fact in ordered.iterator(chunk_size=_AT_ONCE):
        subscription = fact.subscription
        kind = kinds.get((subscription.user_id, fact.references["member"]))
        if kind is None:
            continue
        fact.references = {**fact.references, "member_kind": kind}
        noted.append(fact)
        best = shown.get(subscription.pk)
        if best is None or _KINDS.index(kind) <= _KINDS.index(best["member_kind"]):
            shown[subscription.pk] = {**(best or {}), **fact.references}
    facts.model.objects.bulk_update(noted, ["references"], batch_size=_AT_ONCE)
    subscriptions = apps.get_model("accounts", "Subscription").objects
    for key, references in shown.items():
        columns = {"external_member_id": references["member"]}
        if references.get("offer"):
            columns["external_offer_id"] = references["offer"]
        subscriptions.filter(pk=key).update(**columns)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_suppressed_addresses")]

    operations = [
        migrations.AlterField(
            model_name="emailmessage",
            name="kind",
            field=models.CharField(
                choices=[
                    ("welcome", "welcome, with the set-up link"),
                    ("account_created", "account created, with the set-up link"),
                    ("membership_linked", "membership linked"),
                    ("password_setup", "new set-up link"),
                    ("password_reset", "password reset link"),
                    ("password_changed", "password changed"),
                    ("staff_new_member", "to staff: new member"),
                    ("staff_member_linked", "to staff: existing user linked"),
                    ("staff_mail_bounced", "to staff: a mail bounced"),
                    ("staff_event_failed", "to staff: an event failed"),
                    ("staff_run_failed", "to staff: a reconciliation failed"),
                    ("staff_completions_waiting", "to staff: completions wait for a person"),
                    ("staff_value_frozen", "to staff: a value goes back and forth"),
                    ("staff_alert", "to staff: an alert"),
                ],
                max_length=30,
                verbose_name="kind",
            ),
        ),
        migrations.RunPython(note_kinds, migrations.RunPython.noop),
    ]
