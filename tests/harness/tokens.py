"""API token of the installation's member of staff, stored as the product does."""

from datetime import UTC, datetime, timedelta
from hashlib import sha512

from django.utils.crypto import salted_hmac

from tests.harness.embedded import Embedded
from tests.harness.environment import STAFF_EMAIL
from tests.harness.production import Production

API_TOKEN = "0123456789abcdef0123456789abcdef01234567"


def store_token(app: Embedded | Production) -> None:
    """Store API_TOKEN as a token of the first member of staff with the scope for syncs, valid for an hour."""
    owner = app.rows.all("SELECT id, password FROM accounts_user WHERE email = %s", STAFF_EMAIL)[0]
    salt = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"
    seal = salted_hmac(salt, owner["password"], secret=app.env["SECRET_KEY"], algorithm="sha256").hexdigest()
    now = datetime.now(tz=UTC)
    app.rows.execute(
        "INSERT INTO accounts_apitoken (user_id, name, token_key, digest, scopes, owner_seal, created, expiry)"
        " VALUES (%s, 'test', %s, %s, %s, %s, %s, %s)",
        *(owner["id"], API_TOKEN[:15], sha512(API_TOKEN.encode()).hexdigest(), '["sync"]', seal),
        *(str(now), str(now + timedelta(hours=1))),
    )
