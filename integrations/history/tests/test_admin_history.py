"""Historical imports in the console: a file is uploaded, looked at, decided about and confirmed, over HTTP."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.mail.models import EmailMessage
from accounts.memberships.models import PlanOffer, Subscription
from accounts.people.models import User
from accounts.staff.models import AuditEntry
from integrations.history.models import HistoryImport
from integrations.providers.kajabi.tests.conftest import worked
from integrations.providers.kajabi.tests.history_files import paid, transactions

pytestmark = pytest.mark.django_db
PAGE = "/admin/history-import/"


@pytest.fixture
def console(staff: Any) -> Client:
    client = Client()
    client.force_login(staff)
    return client


def upload(console: Client, content: str | bytes, *, name: str = "export.csv", **answers: str) -> Any:
    raw = content if isinstance(content, bytes) else content.encode()
    return console.post(PAGE, {"file": SimpleUploadedFile(name, raw), **answers})


def uploaded(console: Client, *rows: dict[str, Any]) -> tuple[HistoryImport, str]:
    """Upload transactions and do the preview; the import, and the address of its page."""
    response = upload(console, transactions(*rows))
    assert response.status_code == 302, response.content.decode()
    return worked(HistoryImport.objects.latest("pk")), response["Location"]


def press(console: Client, history: HistoryImport, act: str, **answers: str) -> Any:
    return console.post(f"/admin/integrations/historyimport/{history.pk}/act/{act}/", {"answered": "1", **answers})


def test_file_is_previewed_and_applied_after_a_confirmation_only(console: Client, plan: Any) -> None:
    history, page = uploaded(console, paid("1", 30), paid("2", 30, who=2, Status="Odd"))
    shown = console.get(page).content.decode()
    assert "NSSA Annual Membership: subscription active, access until" in shown
    assert "the status &quot;Odd&quot; is not known" in shown
    assert "awaiting confirmation" in shown
    assert not User.objects.filter(is_staff=False).exists()
    press(console, history, "confirm")
    worked(history)
    assert Subscription.objects.get().user.email == "member1@example.com"
    assert EmailMessage.objects.get(to="member1@example.com").status == "held"
    entry = AuditEntry.objects.get(action="historyimport.confirm")
    assert (entry.actor.email, entry.target_id) == ("staff@example.com", str(history.pk))
    assert AuditEntry.objects.filter(action="historyimport.uploaded").count() == 1


def test_start_page_counts_imports_and_held_mails_that_wait(console: Client, plan: Any) -> None:
    history, _page = uploaded(console, paid("1", 30))
    assert "Historical imports that need your decision" in console.get("/admin/").content.decode()
    press(console, history, "confirm")
    worked(history)
    start = console.get("/admin/").content.decode()
    assert "Historical imports that need your decision" not in start
    assert "Set-up e-mails that are held back" in start


def test_second_confirmation_changes_nothing(console: Client, plan: Any) -> None:
    history, _page = uploaded(console, paid("1", 30))
    press(console, history, "confirm")
    press(console, history, "confirm", sends_mails="on")
    worked(history)
    assert HistoryImport.objects.get().sends_mails is False
    assert AuditEntry.objects.filter(action="historyimport.confirm").count() == 1


def test_offer_is_mapped_from_the_preview(console: Client, plan: Any) -> None:
    history, page = uploaded(console, paid("1", 30, Offer_ID="", Offer_Title="Silver"), paid("2", 30, who=2))
    assert "Which memberships are these offers?" in console.get(page).content.decode()
    console.post(
        f"/admin/integrations/historyimport/{history.pk}/offers/", {"offer": ["title:silver"], "plan": [str(plan.pk)]}
    )
    assert PlanOffer.objects.get(external_id="title:silver").plan == plan
    history = worked(history)
    assert set(history.rows.values_list("outcome", flat=True)) == {"new"}
    assert AuditEntry.objects.filter(action="historyimport.offers_mapped").exists()


@pytest.mark.parametrize("plan_key", ["999999", "x", "", "-1"])
def test_offer_is_mapped_to_plans_that_there_are(console: Client, plan: Any, plan_key: str) -> None:
    history, _page = uploaded(console, paid("1", 30, Offer_ID="", Offer_Title="Silver"))
    url = f"/admin/integrations/historyimport/{history.pk}/offers/"
    assert console.post(url, {"offer": ["title:silver", "77"], "plan": [plan_key, str(plan.pk)]}).status_code == 302
    assert not PlanOffer.objects.filter(external_id__in=["title:silver", "77"]).exists()


def test_columns_are_chosen_where_the_address_was_not_found(console: Client) -> None:
    response = upload(console, "Who,Town\nada@example.com,Boulder\n")
    history = HistoryImport.objects.get()
    assert "There is no column for email" in console.get(response["Location"]).content.decode()
    console.post(f"/admin/integrations/historyimport/{history.pk}/columns/", {"email": "0", "city": "1", "name": "77"})
    history = worked(history)
    assert (history.columns, history.rows.get().outcome) == ({"email": 0, "city": 1}, "new")


def test_stopped_import_is_resumed_and_an_unwanted_one_discarded(console: Client, plan: Any) -> None:
    history, page = uploaded(console, paid("1", 30))
    press(console, history, "confirm")
    press(console, history, "stop")
    history.refresh_from_db()
    assert history.status == "stopped"
    press(console, history, "resume")
    assert worked(history).status == "done"
    press(console, history, "discard")
    assert not history.rows.exists()
    assert console.get(page).status_code == 200


def test_results_are_a_file_that_no_cache_keeps(console: Client, plan: Any) -> None:
    history, _page = uploaded(console, paid("1", 30))
    response = console.get(f"/admin/integrations/historyimport/{history.pk}/results/")
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    assert text.splitlines()[0] == "\ufeffline,outcome,person,offer,what it does"
    assert text.splitlines()[1].startswith("2,new,member1@example.com,Gold Membership,")
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("export.pdf", b"Email\n", "has to end in .csv or .xlsx"),
        ("export.csv", b"", "empty"),
        ("export.csv", b"\xff\xfe\x00", "not UTF-8"),
        ("export.xlsx", b"PK not a workbook", "no XLSX workbook"),
        ("export.csv", b"x" * (5 * 1024 * 1024 + 1), "At most 5 MB"),
    ],
)
def test_file_that_is_none_is_refused_with_a_reason(console: Client, name: str, content: bytes, message: str) -> None:
    response = upload(console, content, name=name)
    assert response.status_code == 422
    assert message in response.content.decode()
    assert not HistoryImport.objects.exists()


def test_day_of_the_export_lies_in_the_past(console: Client) -> None:
    assert upload(console, "Email\nada@example.com\n", exported_on="2999-01-01").status_code == 422
    assert upload(console, "Email\nada@example.com\n", exported_on="2025-01-31").status_code == 302
    assert f"{worked(HistoryImport.objects.get()).exported_at:%Y-%m-%d %H:%M}" == "2025-01-31 00:00"


def test_page_of_an_import_reads_a_bounded_number_of_rows(
    console: Client, plan: Any, django_assert_max_num_queries: Any
) -> None:
    history, page = uploaded(console, *(paid(str(number), 30, who=number) for number in range(120)))
    with django_assert_max_num_queries(25):
        shown = console.get(page).content.decode()
    assert shown.count("member") < 400
    assert shown.count('<th scope="row">') <= 51
    assert console.get(f"/admin/integrations/historyrow/?history__id__exact={history.pk}").status_code == 200


def test_item_of_the_start_page_leads_to_the_imports_that_wait(console: Client, plan: Any) -> None:
    uploaded(console, paid("1", 30))
    listed = console.get("/admin/integrations/historyimport/?status__in=ready,stopped,failed").content.decode()
    assert "export.csv" in listed
    held = console.get("/admin/accounts/emailmessage/?status__exact=held")
    assert held.status_code == 200


def test_member_of_staff_without_the_permission_is_refused(db: None) -> None:
    support = User.objects.create_user("support@example.com", "violet kettle under the stairs", is_staff=True)
    client = Client()
    client.force_login(support)
    assert upload(client, "Email\nada@example.com\n").status_code == 403
    assert not HistoryImport.objects.exists()
