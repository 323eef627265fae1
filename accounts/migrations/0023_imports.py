from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import migrations, models
from django.db.models import Q
from django.utils import timezone

from core.text import loose_title_key


def fold_keys(apps, schema_editor):
    """Make one course of titles that differ by quotes, dashes or unseen letters; nobody loses points by that."""
    _completions(apps.get_model("accounts", "Completion"))
    _progress(apps.get_model("accounts", "CourseProgress"))
    requirement, activity = apps.get_model("accounts", "Requirement"), apps.get_model("accounts", "Activity")
    if _requirements(requirement, activity):
        activity.objects.filter(requirements__isnull=False).update(sweep_since=timezone.now())
    schema_editor.connection.check_constraints()  # PostgreSQL alters no table with checks that wait for the commit


def _changed(model):
    rows = model.objects.exclude(course="").values_list("pk", "course", "course_key").order_by("pk")
    return [(pk, key) for pk, course, old in rows.iterator(2000) if (key := loose_title_key(course)) != old]


def _completions(model):
    awarded = model.objects.filter(state="awarded", is_once=True)
    for pk, key in _changed(model):
        row = model.objects.only("user_id", "activity_id", "state", "is_once").get(pk=pk)
        retake = 0
        if row.state == "awarded" and row.is_once:  # both keep their points
            same = awarded.filter(user_id=row.user_id, activity_id=row.activity_id, course_key=key).exclude(pk=pk)
            retake = max(same.values_list("retake", flat=True), default=-1) + 1
        model.objects.filter(pk=pk).update(course_key=key, retake=retake)


def _progress(model):
    for pk, key in _changed(model):
        row = model.objects.get(pk=pk)
        other = model.objects.filter(email=row.email, course_key=key).exclude(pk=pk).first()
        if other is None:
            model.objects.filter(pk=pk).update(course_key=key)
            continue
        latest, earlier = (row, other) if row.occurred_at > other.occurred_at else (other, row)
        most = max((row, other), key=lambda one: (one.highest, one.highest_at))
        latest.highest, latest.highest_at = max(most.highest, latest.percent), most.highest_at
        latest.user_id = latest.user_id or earlier.user_id
        earlier.delete()
        latest.course_key = key
        latest.save()


def _requirements(model, activities):
    changed = _changed(model)
    for pk, key in changed:
        row = model.objects.get(pk=pk)
        other = model.objects.filter(activity_id=row.activity_id, course_key=key).exclude(pk=pk).first()
        if other is None:
            model.objects.filter(pk=pk).update(course_key=key)
            continue
        model.objects.filter(pk=other.pk).update(share=max(row.share, other.share))
        row.delete()
        left = model.objects.filter(activity_id=other.activity_id).count()
        activities.objects.filter(pk=other.activity_id, needed__gt=left).update(needed=left)
    return bool(changed)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0022_one_identity"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="completion", name="a_course_gives_points_once"),
        migrations.AddField(
            model_name="completion",
            name="retake",
            field=models.PositiveSmallIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="activity",
            name="recertify_after",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text=(
                    "A course that is taken again so long after it last gave points gives them again; empty: never."
                ),
                null=True,
                validators=[MinValueValidator(1), MaxValueValidator(600)],
                verbose_name="points again after (months)",
            ),
        ),
        migrations.AddConstraint(
            model_name="activity",
            constraint=models.CheckConstraint(
                condition=Q(recertify_after__isnull=True) | Q(recertify_after__gt=0),
                name="activity_recertifies_later",
            ),
        ),
        migrations.AlterField(
            model_name="requirement",
            name="course",
            field=models.CharField(
                help_text=(
                    "The title as it is received; capitals, spaces, quotes and dashes do not matter. A course without a "
                    "title: its id."
                ),
                max_length=255,
                verbose_name="course",
            ),
        ),
        migrations.CreateModel(
            name="FileLayout",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("headings_digest", models.CharField(max_length=64, unique=True)),
                ("columns", models.JSONField(default=dict)),
                (
                    "date_format",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "as written, where there is one way to read it (2026-03-31)"),
                            ("day", "day first (31/03/2026)"),
                            ("month", "month first (03/31/2026)"),
                        ],
                        max_length=5,
                    ),
                ),
                ("updated_at", models.DateTimeField(default=timezone.now)),
            ],
            options={
                "verbose_name": "layout of files",
                "verbose_name_plural": "layouts of files",
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(date_format__in=["", "day", "month"]), name="date_format_is_known"
                    )
                ],
            },
        ),
        migrations.RunPython(fold_keys, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="completion",
            constraint=models.UniqueConstraint(
                condition=Q(state="awarded", is_once=True),
                fields=("user", "activity", "course_key", "retake"),
                name="a_course_gives_points_once",
            ),
        ),
    ]
