"""Say of the member ids in facts of which kind they are, and show each subscription's best one again."""

from typing import Any

from django.db import migrations

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
    dependencies = [("accounts", "0012_personal_data")]

    operations = [migrations.RunPython(note_kinds, migrations.RunPython.noop)]
