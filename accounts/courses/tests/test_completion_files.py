"""Completions from files in the console: previewed row by row, written once confirmed, the same file twice is once."""

import csv
import io
from datetime import UTC, date, datetime
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.courses import completions, points
from accounts.courses.admin import file_forms
from accounts.courses.completions import ReportedCompletion
from accounts.courses.models import Activity, Completion, PointsEntry
from accounts.courses.tests.tables import csv_of, xlsx_of
from accounts.people.models import User
from accounts.tests.admin_clients import clerk, signed_in
from core.cause import Cause
from core.tables.cells import neutral, without_apostrophe

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/completion/"
ROWS = [
    ("JANE@example.com", "Foundations", "2026-03-31", "Jane", "https://academy.example.com/1", ""),
    ("unknown@example.com", "Foundations", "2026-03-31", "Una Known", "", "kajabi:sub_9"),
]


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


def upload(client: Client, content: bytes, name: str = "done.csv") -> Any:
    file = SimpleUploadedFile(name, content)
    return client.post(f"{LIST}import/", {"import_file": file, "format": "1" if name.endswith("xlsx") else "0"})


def confirm(client: Client, preview: Any) -> Any:
    return client.post(f"{LIST}process_import/", preview.context["confirm_form"].initial, follow=True)


def previewed(answer: Any) -> list[list[str]]:
    return [row.diff for row in answer.context["result"].valid_rows()]


def complaints(answer: Any) -> list[str]:
    return [text for row in answer.context["result"].invalid_rows for text in row.non_field_specific_errors]


@pytest.mark.parametrize(("make", "name"), [(csv_of, "done.csv"), (xlsx_of, "done.xlsx")])
def test_file_is_previewed_and_then_written_once(
    console: Client, user: User, staff: User, make: Any, name: str
) -> None:
    preview = upload(console, make(ROWS), name)
    assert previewed(preview) == [
        ["2", "jane@example.com", "Foundations", "31 Mar 2026", "LEARN", "20 points for jane@example.com"],
        [
            *("3", "unknown@example.com", "Foundations", "31 Mar 2026", "LEARN"),
            "needs your decision: nobody has this address",
        ],
    ]
    assert (Completion.objects.count(), PointsEntry.objects.count()) == (0, 0), "nothing before it is confirmed"

    done = confirm(console, preview)
    assert "Import finished: 2 new, 0 updated, 0 deleted and 0 skipped completions." in done.content.decode()
    first, second = Completion.objects.order_by("pk")
    assert (first.state, first.user, first.certificate_url) == ("awarded", user, "https://academy.example.com/1")
    assert (first.channel, first.completed_on) == ("import", date(2026, 3, 31))
    assert first.cause == f"import of {name} by {staff.email}"
    assert (second.state, second.source, second.name) == ("received", "kajabi:sub_9", "Una Known")

    again = upload(console, make(ROWS), name)
    assert [row[-1] for row in previewed(again)] == ["known already: nothing changes"] * 2
    confirm(console, again)
    assert (Completion.objects.count(), points.balance(user)) == (2, 20)


def test_confirmation_that_is_sent_twice_is_refused_the_second_time(console: Client, user: User) -> None:
    preview = upload(console, csv_of(ROWS))
    confirm(console, preview)
    assert confirm(console, preview).status_code == 400
    assert points.balance(user) == 20


@pytest.mark.parametrize("name", ["../../etc/passwd", "x", "", "/etc/passwd"])
def test_no_other_file_can_be_confirmed(console: Client, name: str) -> None:
    asked = {"import_file_name": name, "original_file_name": "x.csv", "format": "0"}
    assert console.post(f"{LIST}process_import/", asked).status_code in (200, 400)
    assert Completion.objects.count() == 0


def test_row_of_a_completion_from_a_webhook_changes_nothing(console: Client, user: User) -> None:
    told = ReportedCompletion(
        source="kajabi:sub_9", channel="kajabi", email=user.email, course="X", completed_on=date(2026, 3, 1)
    )
    completions.receive(told, Activity.objects.get(), cause=Cause(text="test"))
    preview = upload(console, csv_of([(user.email, " x", "2026-03-01", "", "", "kajabi:sub_9")]))
    assert [row[-1] for row in previewed(preview)] == ["known already: nothing changes"]
    confirm(console, preview)
    assert (Completion.objects.get().course, points.balance(user)) == ("X", 20)


def test_preview_counts_a_row_that_stands_twice_once(console: Client, user: User) -> None:
    rows = [(user.email, "A", "2026-03-01"), (user.email, "A", "2026-03-01"), (user.email, "a", "2026-03-02")]
    preview = upload(console, csv_of(rows, headings=("email", "course", "completed_on")))
    assert [row[-1] for row in previewed(preview)] == [
        "20 points for jane@example.com",
        "known already: nothing changes",
        "no points: jane@example.com has them for this course",
    ]
    confirm(console, preview)
    assert points.balance(user) == 20


def test_every_error_is_named_by_its_line_and_the_good_row_can_be_confirmed(console: Client, user: User) -> None:
    rows = [
        (user.email, "Foundations", "2026-03-31"),
        ("no address", "Foundations", "2026-03-31"),
        (),
        (user.email, "", "31/02/2026", "", "http://example.com/1"),
        ("", "Foundations", "2026-03-31"),
        (user.email, "x" * 256, "2026-03-31"),
    ]
    answer = upload(console, csv_of(rows))
    assert complaints(answer) == [
        "line 3: 'no address' is no e-mail address: it has no @",
        "line 5: There is no course.",
        "line 5: The date must look like 2026-03-31.",
        "line 5: the certificate's address must begin with https://",
        "line 6: There is no e-mail.",
        "line 7: “course” is longer than 255 letters.",
        "line 7: There is no course.",
    ]
    assert Completion.objects.count() == 0
    done = confirm(console, answer).content.decode()
    assert "4 rows with errors were left out." in done
    assert (Completion.objects.count(), points.balance(user)) == (1, 20)


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "a.csv", "empty"),
        (b"name\nJane\n", "a.csv", "There is no column email and no column course and no column completed_on"),
        (b"email,course,completed on\njan\x81@x.com,A,2026-01-01", "a.csv", "not UTF-8"),
        (b'email,course,date\n"jane', "a.csv", "no CSV"),
        (b"PK\x03\x04 no workbook", "a.xlsx", "no XLSX workbook"),
        (b"email,course\n", "a.xlsx", "no XLSX workbook"),
    ],
)
def test_unreadable_file_is_refused_with_a_reason(console: Client, content: bytes, name: str, said: str) -> None:
    answer = upload(console, content, name)
    assert said in str(answer.context["form"].errors["import_file"])
    assert Completion.objects.count() == 0


@pytest.mark.parametrize("name", ["done.xlsx", "done.csv.exe", "done", "done.html", "..\\done.xlsm"])
def test_file_of_another_name_than_the_chosen_format_is_refused(console: Client, name: str) -> None:
    answer = console.post(f"{LIST}import/", {"import_file": SimpleUploadedFile(name, csv_of(ROWS)), "format": "0"})
    assert "has to end in .csv" in answer.content.decode()
    assert not Completion.objects.exists()


@pytest.mark.parametrize(("content", "name"), [(xlsx_of(ROWS), "done.csv"), (csv_of(ROWS), "done.xlsx")])
def test_file_of_another_content_than_its_name_says_is_refused(console: Client, content: bytes, name: str) -> None:
    answer = upload(console, content, name)
    assert answer.context["form"].errors["import_file"]
    assert not Completion.objects.exists()


def test_too_many_rows_are_for_the_command(console: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr(file_forms, "MOST_ROWS", 1)
    assert "manage.py import_completions" in str(upload(console, csv_of(ROWS)).context["form"].errors["import_file"])
    monkeypatch.setattr(file_forms, "MOST_ROWS", 2000)
    monkeypatch.setattr(file_forms, "LARGEST", 10)
    assert "manage.py import_completions" in str(upload(console, csv_of(ROWS)).context["form"].errors["import_file"])


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_spreadsheets_headings_and_delimiters_are_understood(console: Client, user: User, delimiter: str) -> None:
    content = csv_of([(user.email, "A, b", "2026-03-01")], headings=("Correo", "Curso", "Fecha"), delimiter=delimiter)
    assert previewed(upload(console, content))[0][1:4] == [user.email, "A, b", "1 Mar 2026"]


def test_workbooks_dates_are_dates(console: Client, user: User) -> None:
    content = xlsx_of(
        [(user.email, 7, datetime(2026, 3, 1, 10, 0, tzinfo=UTC).replace(tzinfo=None))],
        headings=("E-Mail", "Course name", "Date"),
    )
    assert previewed(upload(console, content, "a.xlsx"))[0][1:4] == [user.email, "7", "1 Mar 2026"]


def test_imported_formula_is_a_text(console: Client, user: User) -> None:
    formula = '=HYPERLINK("https://evil.example","x")'
    confirm(console, upload(console, csv_of([(user.email, formula, "2026-03-01")])))
    confirm(console, upload(console, csv_of([(user.email, "  @SUM(1)", "2026-03-02")])))
    assert list(Completion.objects.order_by("pk").values_list("course", flat=True)) == [f"'{formula}", "'@SUM(1)"]


@pytest.mark.parametrize("as_xlsx", [False, True])
def test_exported_formula_is_a_text_and_the_export_can_be_imported(console: Client, user: User, as_xlsx: bool) -> None:
    for number, (email, course) in enumerate([("=cmd@example.com", "+1"), (user.email, "plain"), ("x", "-2")]):
        told = ReportedCompletion(
            source=f"kajabi:{number}", channel="kajabi", email=email, course=course, completed_on=date(2026, 3, 1)
        )  # fmt: skip
        completions.receive(told, Activity.objects.get(), cause=Cause(text="test"))
    Completion.objects.filter(email_received="x").update(email_received="+x@example.com", email="+x@example.com")
    answer = console.post(f"{LIST}export/", {"format": "1" if as_xlsx else "0", "resource": ""})
    assert answer.status_code == 200
    if as_xlsx:
        sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
        assert sheet is not None
        table = [[cell or "" for cell in row] for row in sheet.iter_rows(values_only=True)]
    else:
        table = list(csv.reader(io.StringIO(answer.content.decode())))
    assert table[0][:4] == ["source", "email", "name", "course"]
    cells = {row[0]: (row[1], row[3]) for row in table[1:]}
    assert cells == {
        "kajabi:0": ("'=cmd@example.com", "'+1"),
        "kajabi:1": ("jane@example.com", "plain"),
        "kajabi:2": ("'+x@example.com", "'-2"),
    }
    back = upload(console, answer.content, "a.xlsx" if as_xlsx else "a.csv")
    assert [row[-1] for row in previewed(back)] == ["known already: nothing changes"] * 3


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", " =1", "\r=1", "|x", "%x", "＝1"])
def test_formula_is_neutralised_once(text: str) -> None:
    assert neutral(text) == f"'{text}"
    assert neutral(neutral(text)) == neutral(text)
    assert without_apostrophe(neutral(text)) == text


@pytest.mark.parametrize("value", ["plain", "'quoted", "1-2", "", 5, None, date(2026, 1, 1)])
def test_everything_else_stays_as_it_is(value: Any) -> None:
    assert neutral(value) == value
    if isinstance(value, str):
        assert without_apostrophe(value) == value


def test_importing_and_exporting_need_their_permissions(user: User) -> None:
    client = clerk("view_completion")
    page = client.get(LIST).content.decode()
    assert f"{LIST}import/" not in page
    assert f"{LIST}export/" not in page
    assert upload(client, csv_of(ROWS)).status_code == 403
    asked = {"import_file_name": "x", "original_file_name": "x", "format": "0"}
    assert client.post(f"{LIST}process_import/", asked).status_code == 403
    User.objects.filter(email="clerk@example.com").delete()
    client = clerk("view_completion", "export_completion")
    assert f"{LIST}export/" in client.get(LIST).content.decode()
    assert client.get(f"{LIST}export/").status_code == 200


def test_pages_of_import_and_export_hold_nothing_inline(console: Client, user: User) -> None:
    import re

    for page in (
        console.get(f"{LIST}import/"),
        console.get(f"{LIST}export/"),
        upload(console, csv_of(ROWS)),
        upload(console, csv_of([("x", "", "")])),
    ):
        text = page.content.decode()
        assert page.status_code == 200
        assert not re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", text)
