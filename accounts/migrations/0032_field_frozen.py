"""The mail about a frozen field is named as the glossary names it."""

from typing import Any

from django.db import migrations, models

_BEFORE, _AFTER = "staff_value_frozen", "staff_field_frozen"


def rename(apps: Any, editor: Any) -> None:
    apps.get_model("accounts", "EmailMessage").objects.filter(kind=_BEFORE).update(kind=_AFTER)


def rename_back(apps: Any, editor: Any) -> None:
    apps.get_model("accounts", "EmailMessage").objects.filter(kind=_AFTER).update(kind=_BEFORE)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0031_demo_rows")]

    operations = [
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
                    ("staff_completions_waiting", "to staff: completions need your decision"),
                    ("staff_field_frozen", "to staff: a field is frozen"),
                    ("staff_question", "to staff: a question"),
                    ("staff_alert", "to staff: an alert"),
                ],
                max_length=30,
                verbose_name="kind",
            ),
        ),
        migrations.RunPython(rename, rename_back),
    ]
