import socket
from contextlib import closing, suppress

import pytest
from django.core.cache import cache
from django.db import IntegrityError, transaction

from accounts.people.models import User
from core.preview import NoNetworkInPreview, forbid_network, rolled_back


def send_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"x", ("127.0.0.1", 9))


def test_preview_shows_the_change_and_leaves_no_row(db):
    with rolled_back():
        User.objects.create(email="new@example.com")
        seen = User.objects.count()

    assert seen == 1
    assert not User.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_preview_outside_of_a_transaction_leaves_no_row():
    with rolled_back():
        User.objects.create(email="new@example.com")

    assert not User.objects.exists()
    assert not transaction.get_connection().in_atomic_block


def test_preview_inside_a_preview_takes_back_its_own_part_only(db):
    with rolled_back():
        User.objects.create(email="outer@example.com")
        with rolled_back():
            User.objects.create(email="inner@example.com")
        seen = [user.email for user in User.objects.all()]

    assert seen == ["outer@example.com"]
    assert not User.objects.exists()


def test_work_before_and_after_a_preview_is_kept(db):
    User.objects.create(email="before@example.com")
    with rolled_back():
        User.objects.update(email="changed@example.com")
    User.objects.create(email="after@example.com")

    assert sorted(user.email for user in User.objects.all()) == ["after@example.com", "before@example.com"]


def test_transaction_inside_a_preview_is_taken_back(db):
    with rolled_back():
        with transaction.atomic(savepoint=False):
            User.objects.create(email="kept@example.com")
        with transaction.atomic():
            User.objects.create(email="kept.too@example.com")

    assert not User.objects.exists()


def test_constraint_that_the_block_breaks_is_raised_and_nothing_stays(db):
    User.objects.create(email="known@example.com")
    with pytest.raises(IntegrityError), rolled_back():
        User.objects.bulk_create([User(email="new@example.com"), User(email="known@example.com")])

    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_callback_on_commit_never_runs():
    called = []
    with rolled_back():
        transaction.on_commit(lambda: called.append("inside"))
        with transaction.atomic():
            transaction.on_commit(lambda: called.append("deeper"))
    transaction.on_commit(lambda: called.append("outside"))

    assert called == ["outside"]


def test_callback_of_the_transaction_around_stays(db, django_capture_on_commit_callbacks):
    called = []
    with django_capture_on_commit_callbacks(execute=True):
        transaction.on_commit(lambda: called.append("around"))
        with rolled_back():
            transaction.on_commit(lambda: called.append("inside"))

    assert called == ["around"]


@pytest.mark.parametrize(
    "use",
    [
        lambda: socket.create_connection(("127.0.0.1", 9)),
        lambda: socket.getaddrinfo("localhost", 80),
        send_datagram,
        lambda: forbid_network("a call"),
    ],
)
def test_network_inside_a_preview_is_refused(db, use):
    with pytest.raises(NoNetworkInPreview), rolled_back():
        use()


def test_refusal_that_was_swallowed_is_raised_at_the_end(db):
    def attempt() -> None:
        User.objects.create(email="new@example.com")
        with suppress(Exception):  # as an item's attempt is recorded on its run
            socket.create_connection(("127.0.0.1", 9))

    with pytest.raises(NoNetworkInPreview, match="127.0.0.1"), rolled_back():
        attempt()

    assert not User.objects.exists()


def test_network_works_before_and_after_a_preview(db):
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        with rolled_back():
            pass
        socket.create_connection(server.getsockname()).close()
    forbid_network("a call")


def test_cache_that_is_open_works_inside_a_preview(db):
    with rolled_back():
        cache.set("seen", 1)
        assert cache.get("seen") == 1
