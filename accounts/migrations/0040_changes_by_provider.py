"""An index for the list of a provider's changes of contacts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0039_labels_of_staff"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="contactchange",
            index=models.Index(fields=["provider", "-id"], name="change_by_provider"),
        ),
    ]
