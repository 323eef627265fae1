from typing import Any

from django.db import migrations, models
from django.db.models.functions import Coalesce, Now


def ask_about_those_there_are(apps: Any, schema_editor: Any) -> None:
    mappings = apps.get_model("accounts", "ContactMapping").objects
    mappings.filter(left_out__isnull=False).update(left_out_at=Coalesce("reported_at", Now()))


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0036_question_about_seats"),
    ]

    operations = [
        migrations.AddField(
            model_name="contactmapping",
            name="left_out_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="contactmapping",
            index=models.Index(
                condition=models.Q(("left_out_at__isnull", False)), fields=["-id"], name="mapping_unusable"
            ),
        ),
        migrations.RunPython(ask_about_those_there_are, migrations.RunPython.noop),
    ]
