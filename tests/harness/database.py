"""Fresh databases in a given PostgreSQL server."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tests.harness.migrated import template


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """Yield the URL of a new migrated database beside the one of `server_url`.

    It is dropped at the end, whoever is still connected.
    """
    name = f"enlace_{secrets.token_hex(6)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        command = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(command.format(sql.Identifier(name), sql.Identifier(template(server_url))))
    try:
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
