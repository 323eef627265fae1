# ruff: noqa: S608 (its own names are put together here, nothing else)
from django.db import DatabaseError, migrations, models, transaction

TABLE, INDEX = "integrations_eventtext", "integrations_eventtext_trigrams"
# Whatever changes or removes the contents of an event makes its text empty in the same statement.
_FUNCTION = f"""
    CREATE FUNCTION {TABLE}_outdate() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE {TABLE} SET text = '' WHERE event_id = NEW.id;
        RETURN NULL;
    END $$
"""
_TRIGGER = """
    CREATE TRIGGER integrations_eventtext_outdate AFTER UPDATE OF body, payload ON integrations_inboxevent
    FOR EACH ROW WHEN ({}) {}
"""
_CHANGED = 'OLD."body" {0} NEW."body" OR OLD."payload" {0} NEW."payload"'
# FTS5 reads the texts of the table itself; these three keep its index equal, as its documentation says.
_REMOVE = f"INSERT INTO {INDEX}({INDEX}, rowid, text) VALUES ('delete', OLD.event_id, OLD.text);"
_ADD = f"INSERT INTO {INDEX}(rowid, text) VALUES (NEW.event_id, NEW.text);"
_KEPT_EQUAL = {"insert": ("INSERT", _ADD), "delete": ("DELETE", _REMOVE), "update": ("UPDATE", _REMOVE + _ADD)}


def create_index(apps, schema_editor):
    connection = schema_editor.connection
    if connection.vendor == "postgresql":
        schema_editor.execute(_FUNCTION)
        action = f"EXECUTE FUNCTION {TABLE}_outdate()"
        schema_editor.execute(_TRIGGER.format(_CHANGED.format("IS DISTINCT FROM"), action))
    elif connection.vendor == "sqlite":
        action = f"BEGIN UPDATE {TABLE} SET text = '' WHERE event_id = NEW.id; END"
        schema_editor.execute(_TRIGGER.format(_CHANGED.format("IS NOT"), action))
    try:
        with transaction.atomic(using=connection.alias):
            _create_index(connection)
    except DatabaseError:
        # No FTS5, or nobody here may create extensions: contents cannot be searched then, and the console says so.
        return


def _create_index(connection):
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            cursor.execute(f"CREATE INDEX {INDEX} ON {TABLE} USING gin (text gin_trgm_ops)")
        elif connection.vendor == "sqlite":
            cursor.execute(
                f"CREATE VIRTUAL TABLE {INDEX} USING fts5"
                f"(text, content='{TABLE}', content_rowid='event_id', tokenize='trigram')"
            )
            for name, (event, action) in _KEPT_EQUAL.items():
                cursor.execute(f"CREATE TRIGGER {INDEX}_{name} AFTER {event} ON {TABLE} BEGIN {action} END")
            if connection.Database.sqlite_version_info >= (3, 42):
                cursor.execute(f"INSERT INTO {INDEX}({INDEX}, rank) VALUES ('secure-delete', 1)")


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER integrations_eventtext_outdate ON integrations_inboxevent")
        schema_editor.execute(f"DROP FUNCTION {TABLE}_outdate()")
        schema_editor.execute(f"DROP INDEX IF EXISTS {INDEX}")
    elif schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TRIGGER integrations_eventtext_outdate")
        for name in _KEPT_EQUAL:
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {INDEX}_{name}")
        schema_editor.execute(f"DROP TABLE IF EXISTS {INDEX}")


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0028_silences"),
    ]

    operations = [
        migrations.CreateModel(
            name="EventText",
            fields=[
                (
                    "event",
                    models.OneToOneField(
                        on_delete=models.deletion.CASCADE,
                        primary_key=True,
                        related_name="search_text",
                        serialize=False,
                        to="integrations.inboxevent",
                    ),
                ),
                ("text", models.TextField()),
            ],
            options={
                "verbose_name": "text of an event",
                "verbose_name_plural": "texts of events",
                "indexes": [
                    models.Index(condition=models.Q(("text", "")), fields=["event"], name="event_text_to_be_written")
                ],
            },
        ),
        migrations.RunPython(create_index, drop_index),
    ]
