import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("integrations", "0012_plain_labels"),
    ]

    operations = [
        migrations.RenameField("syncfinding", "there", "remote_value"),
        migrations.RenameField("syncfinding", "here", "local_value"),
        migrations.RenameField("historyimport", "exported_said", "exported_at_by_staff"),
        migrations.RenameField("contactrefresh", "waiting_since", "requested_at"),
        migrations.RenameField("contactrefresh", "wanted_at", "last_requested_at"),
        migrations.RenameField("subscriptionsync", "asked_at", "requested_at"),
        # Labels; nothing in the database changes.
        migrations.AlterModelOptions(
            name="lastreceived",
            options={"verbose_name": "last report about a record", "verbose_name_plural": "last reports about records"},
        ),
        migrations.AlterField(
            model_name="alertstate",
            name="evaluated_at",
            field=models.DateTimeField(default=django.utils.timezone.now, verbose_name="evaluated"),
        ),
        migrations.AlterField(
            model_name="contactrefresh",
            name="external_id",
            field=models.CharField(max_length=100, verbose_name="remote ID"),
        ),
        migrations.AlterField(
            model_name="contactrefresh",
            name="requested_at",
            field=models.DateTimeField(default=django.utils.timezone.now, verbose_name="requested"),
        ),
        migrations.AlterField(
            model_name="contactrefresh",
            name="last_requested_at",
            field=models.DateTimeField(default=django.utils.timezone.now, verbose_name="last requested"),
        ),
        migrations.AlterField(
            model_name="historyimport",
            name="exported_at_by_staff",
            field=models.DateTimeField(
                blank=True, help_text="when it was exported, or a little before, as staff entered it", null=True
            ),
        ),
        migrations.AlterField(
            model_name="inboxevent",
            name="external_id",
            field=models.CharField(blank=True, db_index=True, max_length=200, verbose_name="remote ID"),
        ),
        migrations.AlterField(
            model_name="lastreceived",
            name="record",
            field=models.CharField(help_text="what the provider reported on", max_length=300, verbose_name="record"),
        ),
        migrations.AlterField(
            model_name="subscriptionsync",
            name="requested_at",
            field=models.DateTimeField(default=django.utils.timezone.now, verbose_name="requested"),
        ),
        migrations.AlterField(
            model_name="subscriptionsync",
            name="staff",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="requested by",
            ),
        ),
    ]
