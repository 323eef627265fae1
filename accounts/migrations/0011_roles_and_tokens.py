"""Roles as groups, permissions of their own for what is pressed, and API tokens that are hashed at rest.

Tokens of before stood in plain text in a table of `rest_framework.authtoken`. Their digests are kept, so that they go
on working for a default lifetime; the table goes, with everything else that the package left in the database.
"""

from datetime import timedelta
from hashlib import sha512

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone
from django.utils.crypto import salted_hmac

ROLES = ("operator", "support", "auditor")
SEAL_SALT = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"
SCOPES = ["read", "write", "sync", "metrics"]


def make_roles(apps, schema_editor):
    """A group that staff made under a role's name keeps its members and its permissions, under another name."""
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    for role in ROLES:
        taken = groups.filter(name=role).first()
        if taken is not None:
            taken.name = f"{role} (own {taken.pk})"
            taken.save()
        groups.create(name=role)


def delete_roles(apps, schema_editor):
    apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias).filter(name__in=ROLES).delete()


def hash_old_tokens(apps, schema_editor):
    """Twice, or without the old table, it does nothing more."""
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        if "authtoken_token" not in connection.introspection.table_names(cursor):
            return
        cursor.execute("SELECT key, user_id FROM authtoken_token")
        keys = dict(cursor.fetchall())
        _keep_digests(apps, connection.alias, keys)
        cursor.execute("DROP TABLE authtoken_token")
        cursor.execute("DELETE FROM django_migrations WHERE app = %s", ["authtoken"])
    alias = connection.alias
    apps.get_model("auth", "Permission").objects.using(alias).filter(content_type__app_label="authtoken").delete()
    apps.get_model("contenttypes", "ContentType").objects.using(alias).filter(app_label="authtoken").delete()


def _keep_digests(apps, alias, keys):
    tokens = apps.get_model("accounts", "ApiToken").objects.using(alias)
    staff = apps.get_model("accounts", "User").objects.using(alias).filter(is_staff=True, is_active=True)
    owners = {user.pk: user for user in staff.filter(pk__in=keys.values())}
    expiry = timezone.now() + timedelta(days=settings.API_TOKEN_DAYS)
    for key, owner_id in keys.items():
        if owner_id in owners:
            seal = salted_hmac(SEAL_SALT, owners[owner_id].password, algorithm="sha256").hexdigest()
            tokens.create(
                user_id=owner_id,
                token_key=key[:15],
                digest=sha512(key.encode()).hexdigest(),
                name="made before tokens had names",
                scopes=SCOPES,
                owner_seal=seal,
                expiry=expiry,
            )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_audit_log"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="completion",
            options={
                "permissions": [
                    ("link_completion", "Can link a completion to a member"),
                    ("decide_completion", "Can dismiss completions, award and reverse them"),
                    ("export_completion", "Can export completions"),
                ],
                "verbose_name": "completion",
                "verbose_name_plural": "completions",
            },
        ),
        migrations.AlterModelOptions(
            name="contact",
            options={
                "permissions": [
                    ("forget_contact", "Can erase a person's data"),
                    ("export_contact", "Can export a person's data"),
                ],
                "verbose_name": "contact",
                "verbose_name_plural": "contacts",
            },
        ),
        migrations.AlterModelOptions(
            name="emailmessage",
            options={
                "permissions": [("resend_emailmessage", "Can send an e-mail again")],
                "verbose_name": "e-mail",
                "verbose_name_plural": "e-mails",
            },
        ),
        migrations.AlterModelOptions(
            name="pointsentry",
            options={
                "base_manager_name": "objects",
                "permissions": [("award_points", "Can give points by hand")],
                "verbose_name": "points",
                "verbose_name_plural": "points",
            },
        ),
        migrations.AlterModelOptions(
            name="user",
            options={
                "permissions": [("send_link", "Can send a set-up link")],
                "verbose_name": "user",
                "verbose_name_plural": "users",
            },
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("token_key", models.CharField(db_index=True, max_length=25)),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("digest", models.CharField(editable=False, max_length=128, unique=True)),
                (
                    "name",
                    models.CharField(
                        help_text="What uses it, for whoever asks later.", max_length=100, verbose_name="name"
                    ),
                ),
                ("scopes", models.JSONField(default=list, verbose_name="scopes")),
                ("owner_seal", models.CharField(editable=False, max_length=128)),
                (
                    "created",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="made"),
                ),
                ("expiry", models.DateTimeField(verbose_name="expires")),
                ("last_used_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="last used")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="auth_token_set",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
            ],
            options={
                "verbose_name": "API token",
                "verbose_name_plural": "API tokens",
            },
        ),
        migrations.RunPython(make_roles, delete_roles),
        migrations.RunPython(hash_old_tokens, migrations.RunPython.noop),
    ]
