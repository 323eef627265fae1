"""The names of a pipeline and its stage, as they were when staff chose them: lists showed ids."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0038_offers_without_plan"),
    ]

    operations = [
        migrations.AddField(
            model_name="pipelinerule",
            name="pipeline_name",
            field=models.CharField(blank=True, max_length=200, verbose_name="pipeline"),
        ),
        migrations.AddField(
            model_name="pipelinerule",
            name="stage_name",
            field=models.CharField(blank=True, max_length=200, verbose_name="stage"),
        ),
    ]
