from typing import Any

from django.db import migrations, models


def name_offers(apps: Any, schema_editor: Any) -> None:
    """Note the offer of each purchase that was left out before: it is told, or read again where a plan sells it."""
    records = apps.get_model("integrations", "ProviderRecord").objects
    left_out = records.filter(digest="", key__startswith="purchase:", content__has_key="failed")
    batch = []
    for row in left_out.iterator(chunk_size=500):
        row.unsold_offer = str(next(iter(row.content.get("offers", ())), ""))[:100]
        batch.append(row)
        if len(batch) == 500:
            records.bulk_update(batch, ["unsold_offer"])
            batch = []
    records.bulk_update(batch, ["unsold_offer"])


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0037_runs_of_the_clock"),
    ]

    operations = [
        migrations.AddField(
            model_name="providerrecord",
            name="unsold_offer",
            field=models.CharField(blank=True, default="", max_length=100, verbose_name="offer without a plan"),
        ),
        migrations.AddIndex(
            model_name="providerrecord",
            index=models.Index(
                condition=models.Q(("unsold_offer", ""), _negated=True),
                fields=["provider", "unsold_offer"],
                name="record_without_plan",
            ),
        ),
        migrations.RunPython(name_offers, migrations.RunPython.noop),
    ]
