"""Fixtures for tests about people and their mails, beside those of the repository's conftest.py."""

from typing import Any

import pytest

from accounts.people.models import User


@pytest.fixture
def newcomer(db: None) -> Any:
    """A member made by a purchase, who has no password yet."""
    return User.objects.create_user("new@example.com", auth_provider=User.AuthProvider.KAJABI, first_name="Nova")
