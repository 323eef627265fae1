"""Certificates: fetched from hosts on the list alone, read, and asked one thing, whether they name the student."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.courses import certificate_pages as checking
from accounts.courses import certificates, completions, decisions, points
from accounts.courses.completions import ReportedCompletion
from accounts.courses.models import Activity, CertificateCheck, Completion
from accounts.courses.tests.certificate_hosts import HOST, CertificateHost, page, pdf_for
from accounts.people.models import Contact, User
from core.cause import Cause
from core.queue import runner
from core.text import words
from tests.fakes.http_server import Answer, Reset

pytestmark = pytest.mark.django_db
EVENT = Cause(text="kajabi form.submitted evt_1", event_id=7)


@pytest.fixture
def host(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[CertificateHost]:
    with CertificateHost(tmp_path) as running:
        running.use(settings, monkeypatch)
        yield running


@pytest.fixture
def complete(db: None) -> Any:
    """Reports a completed course with a certificate, and gives the completion."""

    def report(email: str = "jane@example.com", name: str = "Jane Rivera", **told: Any) -> Completion:
        known: dict[str, Any] = {"source": f"kajabi:{Completion.objects.count()}", "course": "Foundations"}
        known |= {"channel": "kajabi", "completed_on": date(2026, 3, 2), "certificate_url": f"https://{HOST}/1.pdf"}
        activity = Activity.objects.get(code="LEARN")
        return completions.receive(
            ReportedCompletion(**known | told, email=email, name=name), activity, cause=EVENT
        ).completion

    return report


def checked(completion: Completion) -> tuple[str, str]:
    completion.refresh_from_db()
    return completion.certificate_state, completion.certificate_reason


# Whom a text names ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "is_named"),
    [
        ("This certifies that Jane Rivera completed", "Jane Rivera", True),
        ("JANE RIVERA", "Jane Rivera", True),
        ("Rivera, Jane", "Jane Rivera", True),
        ("Jane M. Rivera", "Jane Rivera", True),
        ("Jane Rivera", "Jane M. Rivera", True),
        ("Ana María López", "Ana López", True),
        ("Awarded to: José Ñandú", "Jose Nandu", True),
        ("Jose Nandu", "José Ñandú", True),
        ("JaneRivera", "Jane Rivera", True),
        ("Siobhan OBrien", "Siobhán O’Brien", True),
        ("Jean-Luc Picard", "Jean Luc Picard", True),
        ("Dr. Jane Rivera", "Dr Jane Rivera", True),
        ("Jane Rivera", "Jane Rivera Sra.", True),
        ("Łukasz Żak", "Lukasz Zak", True),
        ("Jane Jane", "Jane Rivera", False),
        ("Jane", "Jane", False),
        ("Jane Smith", "Jane Rivera", False),
        ("Jane", "Jane Rivera", False),
        ("Rivera", "Jane Rivera", False),
        ("Taught by Jane. Rivera Academy", "Jane Rivera", False),
        ("Jane has shown to all of us, as Rivera did", "Jane Rivera", False),
        ("Jane Rivera", "Jane Maria Rivera", False),
        ("Janet Rivera", "Jane Rivera", False),
        ("Anna Anna", "Anna Anna Smith", False),
        ("", "Jane Rivera", False),
        ("Jane Rivera", "", False),
        ("Jane Rivera", "J. R.", False),
        ("Dr Jane", "Dr Jane", False),
    ],
)
def test_text_names_somebody_by_their_whole_name(text: str, name: str, is_named: bool) -> None:
    assert certificates.names(words(text), name) is is_named


def test_looking_for_a_name_takes_time_in_proportion_to_the_text() -> None:
    assert not certificates.names(["jane", "x", "y"] * 100_000, "Jane Rivera")
    assert not certificates.names(["a" * 60] * 100_000, "aa " * 20)


# A check --------------------------------------------------------------------------------------------------------------


def test_certificate_that_names_the_student_is_valid(
    complete: Any, host: CertificateHost, user: User, drain: Any
) -> None:
    completion = complete()
    assert (completion.certificate_state, points.balance(user)) == ("not_checked", 20), "points wait for nothing"
    assert host.exchanges == [], "nothing is asked while the event is applied"
    drain()
    assert checked(completion) == ("valid", "it names the student")
    assert completion.certificate_checked_at is not None
    assert completion.shown_certificate == completion.certificate_url


@pytest.mark.parametrize(
    ("shows", "state", "reason"),
    [
        (pdf_for("awarded to Bob Lee"), "name_not_found", "the student's name is not in it"),
        (pdf_for(""), "undecided", "it holds no text, perhaps a picture of one"),
        (page("<h1>Certificate</h1><b>Ja</b>ne <i>RIVERA</i>"), "valid", "it names the student"),
        (page("<p>Please sign in</p>"), "name_not_found", "the student's name is not in it"),
        (page("<script>student = 'Jane Rivera'</script>"), "undecided", "it holds no text, perhaps a picture of one"),
        (Answer(status=200, body=b"\x89PNG", content_type="image/png"), "refused", f"what {HOST} sends is image/png"),
        (
            Answer(status=200, body=b"\x00\x01", content_type="application/octet-stream"),
            "undecided",
            "it is neither a PDF nor a page",
        ),
        (
            Answer(status=200, body=pdf_for("Jane Rivera").body, content_type="application/octet-stream"),
            "valid",
            "it names the student",
        ),
        (Answer(status=200, body=b"%PDF-1.4 broken", content_type="application/pdf"), "undecided", "a broken PDF"),
        (Answer(status=410), "unreachable", f"{HOST} answered with 410"),
        (Answer(status=302, headers={"Location": "https://evil.test/"}), "refused", "evil.test is not on the list"),
    ],
)
def test_check_stores_its_result_and_changes_no_points(
    complete: Any, host: CertificateHost, user: User, drain: Any, shows: Answer, state: str, reason: str
) -> None:
    host.shows = shows
    completion = complete()
    drain()
    found, why = checked(completion)
    assert found == state
    assert reason in why
    assert (completion.state, points.balance(user)) == ("awarded", 20)
    assert completion.shown_certificate == (completion.certificate_url if state == "valid" else "")


def test_host_that_is_not_on_the_list_is_not_asked(
    complete: Any, host: CertificateHost, user: User, drain: Any
) -> None:
    completion = complete(certificate_url="https://elsewhere.example.com/1.pdf")
    drain()
    assert checked(completion) == ("refused", "the host elsewhere.example.com is not on the list")
    assert host.exchanges == []


def test_without_hosts_nothing_is_checked(complete: Any, host: CertificateHost, settings: Any, drain: Any) -> None:
    settings.CERTIFICATE_HOSTS = []
    completion = complete()
    drain()
    assert (checked(completion), host.exchanges, CertificateCheck.objects.count()) == (("not_checked", ""), [], 0)


def test_host_that_is_away_is_asked_again_and_given_up_after_a_day(
    complete: Any, host: CertificateHost, user: User, drain: Any, travel: Any
) -> None:
    completion = complete()
    host.misbehave(Reset(), Answer(status=503))
    drain()
    assert checked(completion) == ("not_checked", "")
    check = CertificateCheck.objects.get()
    assert (check.status, check.failures) == ("pending", 1)
    travel(timedelta(minutes=1))
    drain()
    travel(timedelta(minutes=5))
    drain()
    assert checked(completion) == ("valid", "it names the student")
    host.shows = Answer(status=503)
    certificates.check_again(completion)
    for hours in range(1, 40):
        travel(timedelta(hours=2 * hours))
        drain()
    assert checked(completion) == ("unreachable", f"{HOST} answered with 503")
    assert CertificateCheck.objects.get().status == "failed"


def test_completion_without_a_name_is_checked_by_its_members_once_that_is_known(
    complete: Any, host: CertificateHost, staff: User, drain: Any
) -> None:
    completion = complete("unknown@example.com", name="")
    drain()
    assert (checked(completion)[0], host.exchanges) == ("not_checked", [])
    wrong = User.objects.create_user("bob@example.com", first_name="Bob", last_name="Lee")
    decisions.link(completion, wrong, remember=False, cause=Cause.by_staff(staff))
    drain()
    assert checked(completion)[0] == "name_not_found"
    points.reverse(completion, cause=Cause.by_staff(staff, "wrong"))
    jane = User.objects.create_user("jane@example.com", first_name="Jane", last_name="Rivera")
    decisions.link(completion, jane, remember=False, cause=Cause.by_staff(staff))
    drain()
    assert checked(completion)[0] == "valid"


def test_waiting_completion_is_checked_too_so_that_staff_see_it(
    complete: Any, host: CertificateHost, drain: Any
) -> None:
    completion = complete("unknown@example.com")
    drain()
    assert checked(completion)[0] == "valid"
    assert completion.state == "received"


def test_first_name_alone_is_no_proof(complete: Any, host: CertificateHost, drain: Any) -> None:
    completion = complete(name="Jane")
    drain()
    assert checked(completion)[0] == "undecided"
    assert host.exchanges == [], "nothing could come of it"


@pytest.mark.parametrize(
    "path", ["/search?q=Jane+Rivera", "/404/jane-rivera", "/?name=JaneRivera", "/x#jane%20rivera", "/jane_rivera"]
)
def test_page_that_may_repeat_its_address_proves_nothing(
    complete: Any, host: CertificateHost, drain: Any, path: str
) -> None:
    host.shows = page("Nothing was found for Jane Rivera")
    completion = complete(certificate_url=f"https://{HOST}{path}")
    drain()
    assert checked(completion)[0] == "undecided"
    host.shows = pdf_for("Jane Rivera")
    certificates.check_again(completion)
    drain()
    assert checked(completion)[0] == "valid", "a file is no echo"


def test_same_completion_is_checked_once_and_again_where_staff_want_it(
    complete: Any, host: CertificateHost, user: User, drain: Any
) -> None:
    completion = complete()
    complete(source=completion.source)
    drain()
    assert len(host.exchanges) == 1
    host.shows = pdf_for("Bob Lee")
    assert certificates.check_again(completion) is True
    assert checked(completion) == ("not_checked", "")
    drain()
    assert (checked(completion)[0], len(host.exchanges)) == ("name_not_found", 2)


def test_accepted_certificate_stays_accepted_after_a_late_check(
    complete: Any, host: CertificateHost, user: User, staff: User, drain: Any
) -> None:
    host.shows = pdf_for("Bob Lee")
    completion = complete()
    assert certificates.accept(completion, cause=Cause.by_staff(staff, "married name")) is True
    drain()
    assert checked(completion) == ("accepted", "married name")
    assert certificates.accept(completion, cause=Cause.by_staff(staff, "again")) is False
    assert completion.shown_certificate == completion.certificate_url


def test_two_workers_check_once(complete: Any, host: CertificateHost, user: User) -> None:
    completion = complete()
    check = CertificateCheck.objects.get()
    runner.run(CertificateCheck, check.pk)
    runner.run(CertificateCheck, check.pk)
    assert (checked(completion)[0], len(host.exchanges)) == ("valid", 1)


def test_worker_that_slept_past_its_lease_writes_nothing(
    complete: Any, host: CertificateHost, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    completion = complete()
    check = CertificateCheck.objects.get()
    judge = checking.judge

    def meanwhile(one: Completion) -> Any:
        CertificateCheck.objects.filter(pk=check.pk).update(attempts=9)
        return judge(one)

    monkeypatch.setattr(checking, "judge", meanwhile)
    runner.run(CertificateCheck, check.pk)
    assert checked(completion)[0] == "not_checked"


def test_person_who_was_erased_meanwhile_gets_no_result(
    complete: Any, host: CertificateHost, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    completion = complete()
    judge = checking.judge

    def meanwhile(one: Completion) -> Any:
        Completion.objects.filter(pk=one.pk).update(certificate_url="")
        return judge(one)

    monkeypatch.setattr(checking, "judge", meanwhile)
    runner.run(CertificateCheck, CertificateCheck.objects.get().pk)
    assert checked(completion) == ("not_checked", "")


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_host_is_asked(
    complete: Any, host: CertificateHost, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete()
    judge, open_ones = checking.judge, []

    def observed(one: Completion) -> Any:
        open_ones.append(connection.in_atomic_block)
        return judge(one)

    monkeypatch.setattr(checking, "judge", observed)
    runner.run(CertificateCheck, CertificateCheck.objects.get().pk)
    assert open_ones == [False]


def test_member_sees_the_certificate_that_names_them_and_no_other(
    complete: Any, host: CertificateHost, user: User, drain: Any, client: Any
) -> None:
    completion = complete()
    client.force_login(user)
    assert completion.certificate_url not in client.get("/dashboard").content.decode()
    drain()
    assert f'href="{completion.certificate_url}"' in client.get("/dashboard").content.decode()
    assert Contact.objects.count() == 0, "a certificate makes nobody"


@pytest.mark.parametrize(
    "hosts", ["*", "*.com", "https://a.example.com", "10.0.0.1", "a b.example.com", "localhost", ""]
)
def test_setting_takes_names_of_hosts_only(hosts: str) -> None:
    import os
    import subprocess
    import sys

    environment = {"PATH": os.defpath, "ENV_FILE": "", "SECRET_KEY": "x", "CERTIFICATE_HOSTS": hosts}
    done = subprocess.run(
        [sys.executable, "-c", "import config.settings"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode == 0) is (hosts == ""), done.stderr
    assert ("CERTIFICATE_HOSTS takes names of hosts" in done.stderr) is (hosts != "")
