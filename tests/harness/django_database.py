"""Pytest plugin for the test database of this process."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness import migrated


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Create the test database as a copy of a migrated one.

    SQLite's is a file, as in real life: threads cannot each have a connection to one in memory.
    """
    from django.db import connections

    settings = connections["default"].settings_dict
    if settings["ENGINE"].endswith("sqlite3"):
        file = tmp_path_factory.mktemp("database") / "test.sqlite3"
        settings["TEST"]["NAME"] = str(file)
        creation = connections["default"].creation
        create = creation._create_test_db

        def create_migrated(*arguments: Any, **options: Any) -> Any:
            name = create(*arguments, **options)
            migrated.copy_file(file)
            return name

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(creation, "_create_test_db", create_migrated)
            yield
    else:
        settings["TEST"]["TEMPLATE"] = migrated.template(os.environ["DATABASE_URL"])
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Keep the rows of a fresh installation for every test, in any order: emptied tables get them back.

    A test with `transaction=True` ends in a flush of all tables. Django makes its own rows anew after that, at the
    signal `post_migrate`; the same signal brings back ours, which migrations have made.
    """
    from django.apps import apps
    from django.core.management.color import no_style
    from django.db import connections
    from django.db.models.signals import post_migrate

    ours = [model for label in ("accounts", "integrations") for model in apps.get_app_config(label).get_models()]
    ours.append(apps.get_model("auth", "Group"))  # the roles; their permissions come back by the signal itself
    with django_db_blocker.unblock():
        made_by_migrations = [(model, rows) for model in ours if (rows := list(model._base_manager.all()))]

    def bring_back(using: str, **_: Any) -> None:
        for model, rows in made_by_migrations:
            if not model._base_manager.using(using).exists():
                model._base_manager.using(using).bulk_create(rows)
                # They kept their ids: where the flush set the sequence back to 1, the next row needs one after theirs.
                with connections[using].cursor() as cursor:
                    for statement in connections[using].ops.sequence_reset_sql(no_style(), [model]):
                        cursor.execute(statement)

    post_migrate.connect(bring_back, sender=apps.get_app_config("accounts"))
    with pytest.MonkeyPatch.context() as patch:
        _let_a_flush_empty_append_only_tables(patch)
        yield
    post_migrate.disconnect(bring_back, sender=apps.get_app_config("accounts"))


def _let_a_flush_empty_append_only_tables(patch: pytest.MonkeyPatch) -> None:
    """Drop triggers during SQLite's flush, which uses DELETE. (PostgreSQL's TRUNCATE fires none.)"""
    from django.db import connection

    if connection.vendor != "sqlite":
        return
    flush = connection.ops.sql_flush

    def without_triggers(*arguments: Any, **options: Any) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
        dropped = [f'DROP TRIGGER "{name}"' for name, _sql in triggers]
        return [*dropped, *flush(*arguments, **options), *(sql for _name, sql in triggers)]

    patch.setattr(connection.ops, "sql_flush", without_triggers)
