"""The plan that Enlace was first made for: the yearly NSSA membership at 299 dollars. Staff may change or add to it."""

from django.db import migrations


def add_plan(apps, schema_editor):
    apps.get_model("accounts", "Plan").objects.get_or_create(
        code="nssa_annual",
        defaults={
            "name": "NSSA Annual Membership",
            "partner": "NSSA",
            "price_cents": 29900,
            "currency": "USD",
            "period_months": 12,
        },
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunPython(add_plan, migrations.RunPython.noop)]
