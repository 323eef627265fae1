"""Permissions of their own for what is pressed."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0007_reconciliation_of_contacts"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="alertstate",
            options={
                "permissions": [("view_metrics", "Can view metrics")],
                "verbose_name": "alert",
                "verbose_name_plural": "alerts",
            },
        ),
        migrations.AlterModelOptions(
            name="contactrefresh",
            options={
                "permissions": [("refresh_contact", "Can read a contact again at its provider")],
                "verbose_name": "reading of a contact",
                "verbose_name_plural": "readings of contacts",
            },
        ),
        migrations.AlterModelOptions(
            name="inboxevent",
            options={
                "permissions": [
                    ("replay_inboxevent", "Can retry and replay an event"),
                    ("ignore_inboxevent", "Can set an event aside"),
                ],
                "verbose_name": "event",
                "verbose_name_plural": "events",
            },
        ),
        migrations.AlterModelOptions(
            name="notice",
            options={
                "permissions": [("resend_notice", "Can post a message to Slack again")],
                "verbose_name": "message to Slack",
                "verbose_name_plural": "messages to Slack",
            },
        ),
        migrations.AlterModelOptions(
            name="outgoingwrite",
            options={
                "permissions": [
                    ("repair_outgoingwrite", "Can retry, skip and undo an outgoing write"),
                    ("compare_record", "Can compare a record with its provider"),
                    ("sync_record", "Can synchronise a record"),
                ],
                "verbose_name": "outgoing write",
                "verbose_name_plural": "outgoing writes",
            },
        ),
        migrations.AlterModelOptions(
            name="syncrun",
            options={
                "permissions": [("start_sync", "Can start and stop a reconciliation")],
                "verbose_name": "reconciliation",
                "verbose_name_plural": "reconciliations",
            },
        ),
    ]
