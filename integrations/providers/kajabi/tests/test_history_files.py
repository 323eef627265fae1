"""Files as people have them: saved by Excel, broken, hostile, without the heading that matters."""

import io
from typing import Any

import openpyxl
import pytest
from django.test import Client

from accounts.commerce.models import Payment
from accounts.memberships.models import Subscription
from accounts.people.models import Contact
from integrations.history import actions, columns
from integrations.history.files import InvalidFile
from integrations.history.models import HistoryImport, HistoryRow
from integrations.providers.kajabi import history_cells
from integrations.providers.kajabi.history import HISTORY
from integrations.providers.kajabi.tests.conftest import worked
from integrations.providers.kajabi.tests.history_files import day, paid, transactions
from integrations.providers.kajabi.tests.plugin import OFFER_ID

pytestmark = pytest.mark.django_db


def test_file_without_an_email_says_what_it_found_and_what_it_expects(taken: Any) -> None:
    history = taken("Who,Offer ID,Order No.,Amount,Date\nada@example.com,1,2,3,2026-01-01\n")
    assert history.status == "ready"
    assert "no column for email (for example email, e_mail" in history.last_error
    assert "The headings found are: Who, Offer ID, Order No., Amount, Date." in history.last_error
    assert not actions.confirm(history, sends_mails=False)


def test_staff_choose_the_column_that_was_not_found(taken: Any) -> None:
    history = taken("Who,Town\nada@example.com,Boulder\n")
    assert actions.choose_columns(history, {"email": 0, "city": 1})
    history = worked(history)
    assert (history.status, history.last_error, history.rows.get().outcome) == ("ready", "", "new")
    assert actions.confirm(history, sends_mails=False)
    worked(history)
    assert Contact.objects.get().city == "Boulder"


def test_heading_that_stands_twice_is_named_and_its_first_column_counts(taken: Any) -> None:
    history = taken("Email,City,City\nada@example.com,Boulder,Denver\n")
    assert history.columns == {"email": 0, "city": 1}
    assert history.notes[0] == '"City" occurs more than once: its first column counts.'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty"),
        (b'Email,Name\nada@example.com,"never closed\n', "no CSV"),
        (b"Email,Name\nada@example.com," + b"x" * 40_000 + b"\n", "larger than field limit"),
    ],
)
def test_file_that_cannot_be_read_leaves_nothing_behind(taken: Any, content: bytes, message: str) -> None:
    with pytest.raises(InvalidFile, match=message):
        taken(content)
    assert (HistoryImport.objects.count(), HistoryRow.objects.count()) == (0, 0)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_file_in_another_encoding_is_read(taken: Any, encoding: str) -> None:
    history = taken("Email,First Name\nada@example.com,Jos\xe9\n".encode(encoding))
    assert history.rows.get().outcome == "new"


def test_mark_semicolons_and_quotes_of_excel_are_read(taken: Any) -> None:
    history = taken('\ufeffE-MAIL;Full Name;Tags\n"ada@example.com";"Marsh; Ada";"a, b"\n')
    assert history.rows.get().outcome == "new"
    assert history.columns == {"email": 0, "name": 1, "tags": 2}


def test_workbook_is_read_like_the_text(imported: Any, plan: Any) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["ID", "Customer Email", "Offer ID", "Amount", "Currency", "Status", "Created At"])
    sheet.append([9001, "ada@example.com", OFFER_ID, 299.5, "USD", "Succeeded", day(30).replace(tzinfo=None)])
    content = io.BytesIO()
    book.save(content)
    imported(content.getvalue(), name="export.xlsx")
    assert (Payment.objects.get().external_id, Payment.objects.get().amount) == ("9001", 29950)
    assert Subscription.objects.get().has_access


def test_formulas_are_texts_and_leave_no_formula_behind(imported: Any, staff: Any) -> None:
    client = Client()
    evil = "=HYPERLINK(1)"
    history = imported(f'Email,Name,City\n"{evil}","x","y"\nada@example.com,"{evil}","@SUM(A1)"\n')
    client.force_login(staff)
    page = client.get(f"/admin/integrations/historyimport/{history.pk}/results/")
    text = b"".join(page.streaming_content).decode()
    cells = [cell for line in text.splitlines() for cell in line.replace('"', "").split(",")]
    assert not [cell for cell in cells if cell.lstrip("\ufeff").startswith(("=", "+", "-", "@"))]
    assert Contact.objects.get().city == "@SUM(A1)", "as any provider may tell it"


def test_apostrophe_that_excel_put_before_a_number_is_none_of_it(imported: Any) -> None:
    imported("Email,Phone\nada@example.com,'+1 303 555\n")
    assert Contact.objects.get().phone == "+1 303 555"


def test_cells_of_any_length_fit(imported: Any) -> None:
    history = imported(transactions(paid("9" * 300, 30, Offer_Title="t" * 3000, Customer_Name="n" * 3000)))
    assert history.rows.get().outcome in ("new", "question", "changed")


def test_cells_are_removed_once_they_are_applied(imported: Any) -> None:
    history = imported("Email,City\nada@example.com,Boulder\nno address,Denver\n")
    assert list(history.rows.order_by("line").values_list("cells", flat=True)) == [
        {},
        {"0": "no address", "1": "Denver"},
    ]


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        *(("299.00", 29900), ("$1,234.50", 123450), ("44,00 €", 4400), ("1.234,50", 123450), ("-11.5", -1150)),
        *(
            ("(20.00)", -2000),
            ("1,234", 123400),
            ("1.234.567", 123456700),
            ("0", 0),
            ("0.5", 50),
            ("1,234,567.8", 123456780),
        ),
    ],
)
def test_amounts_are_read_as_they_are_written_anywhere(text: str, minor: int) -> None:
    assert history_cells.cents(text, currency="USD") == minor


@pytest.mark.parametrize("text", ["free", "1.2.3,4,5", "--", "9" * 20, "NaN", "1e9999"])
def test_text_that_is_no_amount_is_refused(text: str) -> None:
    from integrations.contracts.history import InvalidRow

    with pytest.raises(InvalidRow):
        history_cells.cents(text, currency="USD")


@pytest.mark.parametrize(
    ("text", "day_there"),
    [
        ("2025-11-08 04:11:00 -0700", "2025-11-08 11:11"),
        ("2025-11-08 11:11:00 UTC", "2025-11-08 11:11"),
        ("Nov 28, 2025", "2025-11-28 00:00"),
        ("2025-11-28", "2025-11-28 00:00"),
    ],
)
def test_dates_are_read_as_kajabi_writes_them(text: str, day_there: str) -> None:
    assert f"{history_cells.moment(text):%Y-%m-%d %H:%M}" == day_there


@pytest.mark.parametrize("text", ["11/08/2025", "08.11.2025", "soon", "0", "9" * 50, "Nov 31, 2025"])
def test_date_that_may_be_two_days_is_none(text: str) -> None:
    assert history_cells.moment(text) is None


def test_every_heading_is_written_as_it_is_compared() -> None:
    from core.text import plain_key

    wrong = [
        heading
        for kind in HISTORY.kinds.values()
        for column in kind.columns.values()
        for heading in column.headings
        if plain_key(heading) != heading
    ]
    assert wrong == []


def test_known_exports_are_told_apart_by_their_headings() -> None:
    from integrations.providers.kajabi.tests.history_files import SUBSCRIPTIONS, TRANSACTIONS

    assert columns.kind_of(TRANSACTIONS.split(","), HISTORY) == "orders"
    assert columns.kind_of(SUBSCRIPTIONS.split(","), HISTORY) == "orders"
    assert columns.kind_of(["Name", "Email", "Products", "Tags", "ID"], HISTORY) == "members"
