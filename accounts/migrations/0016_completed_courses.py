"""Completed courses that a provider reports itself count as LEARN, and certificates are checked."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

EVENTS = ("course", "assessment")


def count_completed_courses(apps, schema_editor):
    """Give LEARN the line `course:*`. A line of before that begins so meant the title of a form: it goes on to."""
    for activity in apps.get_model("accounts", "Activity").objects.all():
        lines = [_as_title(line) for line in activity.forms.splitlines()]
        if activity.code == "LEARN":
            lines.append("course:*")
        if lines != activity.forms.splitlines():
            activity.forms = "\n".join(lines)
            activity.save(update_fields=["forms"])


def _as_title(line):
    head, colon, _rest = line.partition(":")
    return f"?{line.strip()[1:]}" if colon and head.strip().casefold() in EVENTS else line


class Migration(migrations.Migration):
    dependencies = [("accounts", "0014_members")]
    operations = [
        migrations.AlterField(
            model_name="activity",
            name="forms",
            field=models.TextField(
                blank=True,
                help_text="One a line: a form's id, or its title, in which * stands for any text (*completion*). Lines “course:…” and “assessment:…” take the events of completed courses and passed assessments, by id or title (course:*). The line “mail” takes completions by e-mail, which always wait for a person.",
                verbose_name="forms",
            ),
        ),
        migrations.CreateModel(
            name="CertificateCheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("attempts", models.PositiveIntegerField(default=0, editable=False, verbose_name="attempts")),
                (
                    "failures",
                    models.PositiveIntegerField(
                        default=0, editable=False, help_text="failed attempts since it was last queued"
                    ),
                ),
                (
                    "crashes",
                    models.PositiveIntegerField(
                        default=0, editable=False, help_text="attempts in a row that never ended"
                    ),
                ),
                (
                    "next_attempt_at",
                    models.DateTimeField(
                        blank=True, default=django.utils.timezone.now, editable=False, null=True, verbose_name="due"
                    ),
                ),
                ("wake_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("finished_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="finished")),
                ("last_error", models.TextField(blank=True, editable=False, verbose_name="error")),
                (
                    "status",
                    models.CharField(
                        choices=[("pending", "pending"), ("done", "done"), ("failed", "failed")],
                        default="pending",
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="date")),
            ],
            options={
                "verbose_name": "check of a certificate",
                "verbose_name_plural": "checks of certificates",
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="completion",
            name="certificate_checked_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="checked"),
        ),
        migrations.AddField(
            model_name="completion",
            name="certificate_reason",
            field=models.CharField(blank=True, max_length=300, verbose_name="result of the check"),
        ),
        migrations.AddField(
            model_name="completion",
            name="certificate_state",
            field=models.CharField(
                choices=[
                    ("not_checked", "not checked"),
                    ("valid", "names the student"),
                    ("accepted", "accepted by staff"),
                    ("name_not_found", "does not name the student"),
                    ("undecided", "cannot be judged"),
                    ("refused", "not opened"),
                    ("unreachable", "not reachable"),
                ],
                default="not_checked",
                max_length=20,
                verbose_name="certificate check",
            ),
        ),
        migrations.AddIndex(
            model_name="completion",
            index=models.Index(
                condition=models.Q(
                    ("certificate_state__in", ("name_not_found", "undecided", "refused", "unreachable"))
                ),
                fields=["certificate_state", "-id"],
                name="certificate_in_doubt",
            ),
        ),
        migrations.AddConstraint(
            model_name="completion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "certificate_state__in",
                        ["not_checked", "valid", "accepted", "name_not_found", "undecided", "refused", "unreachable"],
                    )
                ),
                name="certificate_state_is_known",
            ),
        ),
        migrations.AddField(
            model_name="certificatecheck",
            name="completion",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="certificate_check",
                to="accounts.completion",
                verbose_name="completion",
            ),
        ),
        migrations.AddIndex(
            model_name="certificatecheck",
            index=models.Index(
                condition=models.Q(("wake_at__isnull", False)), fields=["wake_at"], name="certificate_to_be_woken"
            ),
        ),
        migrations.AddConstraint(
            model_name="certificatecheck",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["pending", "done", "failed"])),
                name="certificate_check_status_is_known",
            ),
        ),
        migrations.AddField(
            model_name="activity",
            name="mail_member",
            field=models.BooleanField(
                default=True,
                help_text="One mail for a completion of the last 14 days that gave points; none for imported ones.",
                verbose_name="mail to the member",
            ),
        ),
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
                    ("course_completed", "course completed"),
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
        migrations.RunPython(count_completed_courses, migrations.RunPython.noop),
    ]
