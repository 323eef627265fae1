"""Completed courses that a provider reports itself count as LEARN, in installations of any age."""

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
    dependencies = [("accounts", "0012_personal_data")]
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
        migrations.RunPython(count_completed_courses, migrations.RunPython.noop),
    ]
