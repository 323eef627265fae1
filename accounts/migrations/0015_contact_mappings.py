"""When a contact's record at a provider became known, and what its own list is read by."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0014_members"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="contactmapping",
            options={"verbose_name": "contact at a provider", "verbose_name_plural": "contacts at providers"},
        ),
        # In two steps: the rows that are there were not made now, and nobody knows when.
        migrations.AddField(
            model_name="contactmapping",
            name="known_since",
            field=models.DateTimeField(
                blank=True,
                help_text="empty: longer than this is recorded",
                null=True,
                verbose_name="known since",
            ),
        ),
        migrations.AlterField(
            model_name="contactmapping",
            name="known_since",
            field=models.DateTimeField(
                blank=True,
                default=django.utils.timezone.now,
                help_text="empty: longer than this is recorded",
                null=True,
                verbose_name="known since",
            ),
        ),
        migrations.AddIndex(
            model_name="contactmapping",
            index=models.Index(fields=["provider", "-id"], name="mapping_by_provider"),
        ),
        migrations.AddIndex(
            model_name="contactmapping",
            index=models.Index(fields=["kind", "-id"], name="mapping_by_kind"),
        ),
        migrations.AddIndex(
            model_name="contactmapping",
            index=models.Index(condition=models.Q(("gone_at__isnull", False)), fields=["-id"], name="mapping_gone"),
        ),
    ]
