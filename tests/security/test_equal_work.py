"""S9, beside the requests for a link: a sign-in costs the same work for any address."""

from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.people.models import User

pytestmark = pytest.mark.django_db

PASSWORD = "violet kettle under the stairs"


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the password hashes computed since, one entry each."""
    done: list[str] = []
    for name in ("encode", "verify"):
        really = getattr(Argon2PasswordHasher, name)

        def counted(self: Any, *arguments: Any, _name: str = name, _really: Any = really, **options: Any) -> Any:
            done.append(_name)
            return _really(self, *arguments, **options)

        monkeypatch.setattr(Argon2PasswordHasher, name, counted)
    return done


@pytest.mark.parametrize("page", ["/sign-in", "/admin/login/"])
def test_refused_sign_in_costs_one_hash_and_the_same_queries(hashed: list[str], page: str) -> None:
    User.objects.create_user("known@example.com", PASSWORD)
    User.objects.create_user("locked@example.com", PASSWORD, is_active=False)
    User.objects.create_user("new@example.com")
    costs = set()
    for address in ("known", "locked", "new", "nobody"):
        hashed.clear()
        with CaptureQueriesContext(connection) as asked:
            answer = Client().post(page, {"username": f"{address}@example.com", "password": "not the password"})
        assert answer.status_code == 200
        costs.add((len(hashed), tuple(query["sql"].split(" ")[0] for query in asked.captured_queries)))
    assert len(costs) == 1
    assert costs.pop()[0] == 1
