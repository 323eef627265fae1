"""Files as people really make them: what each of them does, uploaded through the console."""

import io
import re
import zipfile
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.utils.formats import date_format

from accounts.courses import completions, points
from accounts.courses.completions import ReportedCompletion
from accounts.courses.models import Activity, Completion, FileLayout
from accounts.courses.tests.tables import csv_of, xlsx_of
from accounts.courses.tests.test_completion_files import LIST, complaints, confirm, previewed, upload
from accounts.people.models import User
from accounts.tests.admin_clients import signed_in
from core.cause import Cause

pytestmark = pytest.mark.django_db
SHORT = ("email", "course", "completed_on")
EVENT = Cause(text="test")


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


def effects(answer: Any) -> list[str]:
    return [row[-1] for row in previewed(answer)]


def refusal(answer: Any) -> str:
    return str(answer.context["form"].errors["import_file"])


def laid_out(client: Client, preview: Any, **chosen: Any) -> Any:
    """Press “show the preview again” with other columns or another format of dates."""
    form = preview.context["layout_form"]
    shown = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    return client.post(f"{LIST}import/", shown | {name: str(value) for name, value in chosen.items()})


# ids and sources


def test_ids_that_begin_again_in_every_file_name_other_completions(console: Client, user: User) -> None:
    headings = ("id", "email", "course", "completed_on")
    march = csv_of([(7, user.email, "A", "2026-03-01"), (7, user.email, "B", "2026-03-01")], headings=headings)
    assert effects(upload(console, march)) == ["20 points for jane@example.com"] * 2
    confirm(console, upload(console, march))
    april = csv_of([(7, user.email, "C", "2026-04-01"), (8, "una@example.com", "A", "2026-04-01")], headings=headings)
    confirm(console, upload(console, april))
    confirm(console, upload(console, csv_of([(7, "una@example.com", "A", "2026-03-01")], headings=headings)))
    assert (points.balance(user), Completion.objects.count()) == (60, 5)


@pytest.mark.parametrize("source", ["Zoom", "zoom:webinar", "7", "kajabi:sub_9"])
def test_one_source_on_every_row_names_each_with_its_person_and_course(
    console: Client, user: User, source: str
) -> None:
    rows = [(user.email, "A", "2026-03-01", "", "", source), (user.email, "B", "2026-03-01", "", "", source),
            ("una@example.com", "A", "2026-03-01", "", "", source)]  # fmt: skip
    preview = upload(console, csv_of(rows))
    assert "known already: nothing changes" not in effects(preview)
    confirm(console, preview)
    assert (Completion.objects.count(), points.balance(user)) == (3, 40)
    again = upload(console, csv_of(rows[::-1]))
    assert effects(again) == ["known already: nothing changes"] * 3


def test_source_of_a_webhook_means_it_only_for_the_same_person_and_course(console: Client, user: User) -> None:
    reported = ReportedCompletion(
        source="kajabi:sub_9", channel="kajabi", email=user.email, course="A", completed_on=date(2026, 3, 1)
    )
    completions.receive(reported, Activity.objects.get(), cause=EVENT)
    rows = [
        (user.email, "a", "2026-03-02", "", "", "kajabi:sub_9"),
        (user.email, "B", "2026-03-01", "", "", "kajabi:sub_9"),
        ("una@example.com", "A", "2026-03-01", "", "", "kajabi:sub_9"),
    ]
    assert effects(upload(console, csv_of(rows))) == [
        "known already: nothing changes",
        "20 points for jane@example.com",
        "needs your decision: nobody has this address",
    ]


def test_webhook_after_its_row_in_a_file_is_known(console: Client, user: User) -> None:
    confirm(console, upload(console, csv_of([(user.email, "A", "2026-03-01", "", "", "kajabi:sub_9")])))
    reported = ReportedCompletion(
        source="kajabi:sub_9", channel="kajabi", email=user.email, course="A", completed_on=date(2026, 3, 1)
    )
    assert not completions.receive(reported, Activity.objects.get(), cause=EVENT).is_new


# formulas


def with_value(content: bytes, value: bytes) -> bytes:
    """Return the workbook with `value` stored beside its formulas, as Excel saves them."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(changed, "w") as written:
        for name in given.namelist():
            data = given.read(name)
            if name.endswith("sheet1.xml"):
                data = re.sub(
                    rb'<c r="(\w+)"[^>]*><f>([^<]*)</f><v ?/?>(</v>)?', rb'<c r="\1" t="str"><f>\2</f>' + value, data
                )
            written.writestr(name, data)
    return changed.getvalue()


def test_formula_counts_by_the_value_that_was_saved_with_it(console: Client, user: User) -> None:
    content = with_value(xlsx_of([(user.email, "=Courses!A1", "2026-03-01")], headings=SHORT), b"<v>Foundations</v>")
    preview = upload(console, content, "a.xlsx")
    assert previewed(preview)[0][2] == "Foundations"
    confirm(console, preview)
    assert Completion.objects.get().course == "Foundations"


@pytest.mark.parametrize("column", SHORT)
def test_formula_without_its_value_is_refused_with_the_reason(console: Client, user: User, column: str) -> None:
    row = {"email": user.email, "course": "A", "completed_on": "2026-03-01", column: "=Courses!A1"}
    content = with_value(xlsx_of([list(row.values())], headings=SHORT), b"")
    answer = upload(console, content, "a.xlsx")
    said = f"line 2: “{column}” holds a formula without its value. Save the file in Excel, or put the value there."
    assert complaints(answer) == [said]


@pytest.mark.parametrize("error", ["#REF!", "#N/A", "#DIV/0!", "#NAME?"])
def test_error_of_a_spreadsheet_is_no_course(console: Client, user: User, error: str) -> None:
    content = with_value(xlsx_of([(user.email, "=A9", "2026-03-01")], headings=SHORT), b"<v>%s</v>" % error.encode())
    for answer in (
        upload(console, content, "a.xlsx"),
        upload(console, csv_of([(user.email, error, "2026-03-01")], headings=SHORT)),
    ):
        assert complaints(answer) == [f"line 2: “course” holds an error of the spreadsheet: {error}"]


# blank rows and rows with errors


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u200b", "\t", ""])
def test_row_of_spaces_is_left_out(console: Client, user: User, blank: str) -> None:
    rows = [(blank,) * 3, (user.email, "A", "2026-03-01"), (blank,) * 3]
    for content, name in ((csv_of(rows, headings=SHORT), "a.csv"), (xlsx_of(rows, headings=SHORT), "a.xlsx")):
        answer = upload(console, content, name)
        assert (complaints(answer), [row[0] for row in previewed(answer)]) == ([], ["3"])


def test_blank_lines_before_the_headings_do_not_matter(console: Client, user: User) -> None:
    answer = upload(console, f"\n , ,\nemail,course,date\n{user.email},A,2026-03-01\n".encode())
    assert [row[0] for row in previewed(answer)] == ["4"]


def test_good_rows_are_confirmed_and_rows_with_errors_left_out(console: Client, user: User) -> None:
    rows = [("no address", "A", "2026-03-01"), (user.email, "A", "2026-03-01"), (user.email, "B", "2026-02-30")]
    preview = upload(console, csv_of(rows, headings=SHORT))
    page = preview.content.decode()
    assert "line 2: &#x27;no address&#x27; is no e-mail address" in page
    assert "2 rows with errors are left out" in page
    assert 'value="Import 1 row"' in page
    done = confirm(console, preview).content.decode()
    assert "Import finished: 1 new" in done
    assert "2 rows with errors were left out." in done
    assert Completion.objects.get().course == "A"


def test_file_with_errors_alone_cannot_be_confirmed(console: Client, user: User) -> None:
    answer = upload(console, csv_of([("no address", "A", "2026-03-01")], headings=SHORT))
    assert answer.context.get("confirm_form") is None


# headings, quotes and encodings


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_headings_with_line_breaks_are_read(console: Client, user: User, delimiter: str) -> None:
    headings = ("Correo\nelectrónico", "Course\r\n name", "Completion\n\ndate")
    rows = [(user.email, "A, b; c\nand d", "2026-03-01")]
    answer = upload(console, csv_of(rows, headings=headings, delimiter=delimiter))
    assert previewed(answer)[0][1:4] == [user.email, "A, b; c and d", "1 Mar 2026"]


def test_separator_line_of_excel_is_no_heading(console: Client, user: User) -> None:
    answer = upload(console, f"sep=;\r\nemail;course;date\r\n{user.email};A;2026-03-01\r\n".encode("utf-8-sig"))
    assert [row[0] for row in previewed(answer)] == ["3"]


TEXT = "email,course,completed_on\njane@example.com,Introducción a la años – “IA”,2026-03-01\n"


@pytest.mark.parametrize(
    ("encoding", "named"),
    [("cp1252", "Windows-1252"), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16"), ("utf-16-be", "UTF-16"),
     ("utf-8", ""), ("utf-8-sig", "")],
)  # fmt: skip
def test_file_in_another_encoding_is_read_with_a_notice(console: Client, user: User, encoding: str, named: str) -> None:
    answer = upload(console, TEXT.encode(encoding))
    assert previewed(answer)[0][2] == "Introducción a la años – “IA”"
    assert [named in text for text in answer.context["notices"]] == ([True] if named else [])


@pytest.mark.parametrize("content", [b"\x81\x8d", b"a\x00b\x01c\xff", b"\xff\xfe\x00", b"\x89PNG\r\n\x1a\n\x00\x00"])
def test_file_that_decodes_in_no_encoding_is_refused(console: Client, user: User, content: bytes) -> None:
    assert "not UTF-8" in refusal(upload(console, b"email,course,date\n" + content))


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        (3, ['{0},A,2026-03-01', '{0},"B" c,2026-03-01', '{0},D,2026-03-01']),
        (3, ['{0},A,2026-03-01', '{0},"B,2026-03-01', '{0},D,2026-03-01']),
        (2, ['{0},"A,2026-03-01', '{0},"B",2026-03-01']),
        (4, ['{0},"A\nb",2026-03-01', '{0},"B,2026-03-01']),
    ],
)  # fmt: skip
def test_stray_quote_names_the_line_of_its_row(console: Client, user: User, line: int, rows: list[str]) -> None:
    content = "\n".join(["email,course,date", *(row.format(user.email) for row in rows)]).encode()
    assert f"See line {line}." in refusal(upload(console, content))


def test_quote_within_a_word_is_a_letter(console: Client, user: User) -> None:
    answer = upload(console, f'email,course,date\n{user.email},The 5" rule,2026-03-01\n'.encode())
    assert previewed(answer)[0][2] == 'The 5" rule'


# dates


def as_read(day: str) -> str:
    """Return a day in the form in which people read it in the preview."""
    return date_format(date.fromisoformat(day), "SHORT_DATE_FORMAT")


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-03-31T22:00:00-05:00", "2026-03-31"),
        ("2026-04-01T00:30:00+13:00", "2026-04-01"),
        ("2026-03-31 22:00:00 America/Bogota", "2026-03-31"),
        ("Tue, 31 Mar 2026 22:00:00 -0500", "2026-03-31"),
        ("31/03/2026", "2026-03-31"),
        ("03/31/2026", "2026-03-31"),
        ("31.03.2026", "2026-03-31"),
        ("31-03-2026", "2026-03-31"),
        ("05/05/2026", "2026-05-05"),
    ],
)
def test_day_is_the_one_that_was_written(console: Client, user: User, written: str, day: str) -> None:
    answer = upload(console, csv_of([(user.email, "A", written)], headings=SHORT))
    assert previewed(answer)[0][3] == as_read(day)


@pytest.mark.parametrize(("chosen", "day"), [("day", "2026-04-03"), ("month", "2026-03-04")])
def test_staff_choose_which_of_day_and_month_comes_first(console: Client, user: User, chosen: str, day: str) -> None:
    first = upload(console, csv_of([(user.email, "A", "03/04/2026")], headings=SHORT))
    assert complaints(first) == ["line 2: “03/04/2026” may be two days: choose above how dates are written."]
    assert first.context["confirm_form"] is None
    preview = laid_out(console, first, date_format=chosen)
    assert previewed(preview)[0][3] == as_read(day)
    confirm(console, preview)
    assert Completion.objects.get().completed_on.isoformat() == day
    later = upload(console, csv_of([(user.email, "B", "03/04/2026")], headings=SHORT))
    assert previewed(later)[0][3] == as_read(day), "remembered for the next file with these headings"


def test_date_that_contradicts_the_chosen_format_is_an_error(console: Client, user: User) -> None:
    rows = [(user.email, "A", "03/04/2026"), (user.email, "B", "12/31/2026")]
    preview = laid_out(console, upload(console, csv_of(rows, headings=SHORT)), date_format="day")
    assert complaints(preview) == ["line 3: The date must look like 2026-03-31."]


# columns


def test_staff_map_columns_and_the_next_file_with_these_headings_is_read_so(console: Client, user: User) -> None:
    headings = ("Quién", "Qué", "Cuándo", "date")
    first = upload(console, csv_of([(user.email, "A", "2026-03-01", "x")], headings=headings))
    assert "There is no column email and no column course" in refusal(first)
    preview = laid_out(console, first, column_email=0, column_course=1, column_completed_on=2)
    assert previewed(preview)[0][1:4] == [user.email, "A", "1 Mar 2026"]
    assert FileLayout.objects.count() == 0, "remembered once it is confirmed"
    confirm(console, preview)
    again = upload(console, csv_of([(user.email, "B", "2026-03-02", "x")], headings=headings))
    assert previewed(again)[0][1:4] == [user.email, "B", "2 Mar 2026"]
    other = upload(console, csv_of([(user.email, "B", "2026-03-02")], headings=headings[:3]))
    assert "There is no column email" in refusal(other), "other headings are another layout"


def test_column_may_be_left_out(console: Client, user: User) -> None:
    content = csv_of([("7", user.email, "A", "2026-03-01")], headings=("id", *SHORT))
    confirm(console, laid_out(console, upload(console, content), column_source=""))
    assert Completion.objects.get().source.startswith("import:")


def test_what_is_written_is_what_the_preview_showed(console: Client, user: User) -> None:
    """Somebody else chooses another layout for the same headings between preview and confirmation."""
    preview = laid_out(
        console, upload(console, csv_of([(user.email, "A", "03/04/2026")], headings=SHORT)), date_format="day"
    )
    FileLayout.objects.update_or_create(defaults={"date_format": "month"}, headings_digest="x")
    confirm(console, preview)
    assert Completion.objects.get().completed_on == date(2026, 4, 3)


@pytest.mark.parametrize(
    "columns", ["[]", "{", '{"email": -1}', '{"email": true}', '{"x": 0}', '{"email": "0"}', "[" * 400]
)
def test_forged_columns_are_refused(console: Client, user: User, columns: str) -> None:
    preview = upload(console, csv_of([(user.email, "A", "2026-03-01")], headings=SHORT))
    asked = preview.context["confirm_form"].initial | {"columns": columns}
    assert console.post(f"{LIST}process_import/", asked).status_code == 200
    assert Completion.objects.count() == 0


@pytest.mark.parametrize("headings", [
    ("Correo electrónico", "Curso", "Fecha de finalización"),
    ("Dirección de correo electrónico", "Nombre del curso", "Fecha"),
    ("CORREO", "Título del curso:", "Completion Date"),
    ("E-mail\u200b", "Course name", "completed_on"),
])  # fmt: skip
def test_headings_are_known_in_english_and_spanish(console: Client, user: User, headings: tuple[str, ...]) -> None:
    answer = upload(console, csv_of([(user.email, "A", "2026-03-01")], headings=headings))
    assert previewed(answer)[0][1:4] == [user.email, "A", "1 Mar 2026"]


# one course, one address

SPELLINGS = [
    "Beginner's Guide – Part 1",
    "Beginner’s Guide - Part 1",
    "beginner‘s  guide—part 1",
    "Beginner´s Guide ‐ Part\u00a01",
    "\u200bBeginner's Gui\u00adde \u2212 Part 1\ufeff",
    "“Beginner's Guide – Part 1”",
]


@pytest.mark.parametrize("other", SPELLINGS[1:])
def test_one_course_in_two_spellings_gives_points_once(console: Client, user: User, other: str) -> None:
    rows = [(user.email, SPELLINGS[0], "2026-03-01"), (user.email, other, "2026-03-02")]
    confirm(console, upload(console, csv_of(rows, headings=SHORT)))
    assert points.balance(user) == 20


@pytest.mark.parametrize("other", ["Beginner's Guide – Part 2", "Beginner's Guide Part 1 b", "Beginner: Part 1"])
def test_another_course_gives_its_own_points(console: Client, user: User, other: str) -> None:
    rows = [(user.email, SPELLINGS[0], "2026-03-01"), (user.email, other, "2026-03-02")]
    confirm(console, upload(console, csv_of(rows, headings=SHORT)))
    assert points.balance(user) == 40


@pytest.mark.parametrize("address", ["ja\u200bne@example.com", "\ufeffjane@example.com", "jane@ex\u200dample.com"])
def test_address_with_letters_of_no_width_is_the_members(console: Client, user: User, address: str) -> None:
    confirm(console, upload(console, csv_of([(address, "A", "2026-03-01")], headings=SHORT)))
    assert Completion.objects.get().user == user


@pytest.mark.parametrize("address", ["j\u0430ne@example.com", "ja\u00adne@example.com", "\uff4aane@example.com"])
def test_lookalike_address_is_nobodys(console: Client, user: User, address: str) -> None:
    answer = upload(console, csv_of([(address, "A", "2026-03-01")], headings=SHORT))
    assert "outside of ASCII" in complaints(answer)[0]


# taken again


def test_annual_retake_gives_points_again_and_an_early_one_says_from_when(console: Client, user: User) -> None:
    Activity.objects.update(recertify_after=12)
    days = ["2025-03-01", "2026-02-28", "2026-03-01", "2027-02-01"]
    preview = upload(console, csv_of([(user.email, "A", day) for day in days], headings=SHORT))
    said = (
        "no points: jane@example.com has them for this course: "
        "they were given for {}; taken again it gives points from {}"
    )
    assert effects(preview) == [
        "20 points for jane@example.com",
        said.format("1 Mar 2025", "1 Mar 2026"),
        "20 points for jane@example.com",
        said.format("1 Mar 2026", "1 Mar 2027"),
    ]
    confirm(console, preview)
    assert points.balance(user) == 40
    early = Completion.objects.get(completed_on=date(2026, 2, 28))
    assert "taken again it gives points from 2026-03-01" in early.reason
    again = upload(console, csv_of([(user.email, "A", "2026-06-01")], headings=SHORT))
    assert effects(again) == [said.format("1 Mar 2026", "1 Mar 2027")]


def test_retake_that_is_reported_late_counts_by_its_own_day(console: Client, user: User) -> None:
    Activity.objects.update(recertify_after=12)
    for day in ("2026-03-01", "2025-03-01", "2025-09-01"):
        confirm(console, upload(console, csv_of([(user.email, "A", day)], headings=SHORT)))
    assert points.balance(user) == 40


def test_course_without_an_interval_gives_points_once_for_ever(console: Client, user: User) -> None:
    rows = [(user.email, "A", "2016-03-01"), (user.email, "A", "2026-03-01")]
    preview = upload(console, csv_of(rows, headings=SHORT))
    assert effects(preview)[1] == "no points: jane@example.com has them for this course"
    confirm(console, preview)
    assert points.balance(user) == 20


def test_retake_with_the_same_id_in_the_file_is_another_completion(console: Client, user: User) -> None:
    Activity.objects.update(recertify_after=12)
    for day in ("2025-03-01", "2026-03-01", "2026-03-01"):
        confirm(console, upload(console, csv_of([(user.email, "A", day, "", "", "7")])))
    assert (Completion.objects.count(), points.balance(user)) == (2, 40)
