"""Both sides, for one test, as the outbox's own tests have them."""

from integrations.outbox.tests.conftest import committing_sides, sides, sides_again

__all__ = ["committing_sides", "sides", "sides_again"]
