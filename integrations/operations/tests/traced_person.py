"""A person with a unique name, made through the real handlers of every provider, and a search for their traces."""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import connection, models

FIRST, LAST = "Quillemína", "Abernathyx"
EMAIL, ALIAS = "Quill+news@Abernathyx.example", "old.quill@abernathyx-mail.example"
PHONE, PHONE_DIGITS = "+1 (207) 555-0142", "2075550142"
STREET = "77 Unfindable Crescent"
MEMBER, CONTACT, CUSTOMER = "mem_770011", "contact_770022", "customer_770033"
VISITOR = 770044  # their id at Chatwoot
TRACES = (
    *("quillem", "abernathyx", "quill+news", "quill%2bnews", "old.quill", "quill-news"),
    *(PHONE_DIGITS, "555-0142", "5550142", "unfindable"),
    *(MEMBER, CONTACT, CUSTOMER, str(VISITOR)),
)


def relayed(event_type: str, event_id: str, **fields: Any) -> dict[str, Any]:
    """Return an NSSA relay's event about the person."""
    member = {"id": MEMBER, "email": EMAIL, "first_name": FIRST, "last_name": LAST}
    return {"type": event_type, "id": event_id, "member": member, "offer": {"id": "off_456", "name": "NSSA"}} | fields


def contact(event_id: str, event_type: str = "contact.updated", **fields: Any) -> dict[str, Any]:
    """Return a course relay's event about the person's contact."""
    person = {"id": CONTACT, "email": EMAIL, "name": f"{FIRST} {LAST}", "phone_number": PHONE}
    person |= {"address_line_1": STREET, "emails": [ALIAS], "tags": ["vip"], "custom_fields": {"note": f"of {LAST}"}}
    return {"event_type": event_type, "event_id": event_id, "data": {"contact": person | fields}}


def form(event_id: str, submission: str, *, title: str, email: str = EMAIL) -> dict[str, Any]:
    """Return a course relay's form.submitted."""
    answers = {"email": email, "name": f"{FIRST} {LAST}", "phone": PHONE, "course": "AI Foundations"}
    data = {"form": {"id": "frm_1", "name": title}, "submission": {"id": submission, "fields": answers}}
    return {"event_type": "form.submitted", "event_id": event_id, "data": data}


def native(name: str, fixture: Callable[[str], Any]) -> dict[str, Any]:
    """Return a native hook's sample with the person's values."""
    text = json.dumps(fixture(name))
    for old, new in (
        ("Jane Rivera", f"{FIRST} {LAST}"),
        ("jane@example.com", EMAIL),
        ("2148900001", CUSTOMER),
        ("+1 207 555 0100", PHONE),
    ):
        text = text.replace(old, json.dumps(new)[1:-1])
    return dict(json.loads(text))


def every_value() -> Iterator[tuple[str, Any]]:
    """Yield every value of every table, with "app.Model.column #key"; sessions decoded."""
    for model in apps.get_models(include_auto_created=True):
        for row in models.QuerySet(model).all():
            for column in model._meta.concrete_fields:
                yield f"{model._meta.label}.{column.attname} #{row.pk}", getattr(row, column.attname)
            if isinstance(row, Session):
                yield f"session #{row.pk}", row.get_decoded()


def as_text(value: Any) -> str:
    """Return a value as text to search: bytes decoded, JSON unescaped, in lower case."""
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", "replace").lower()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str).lower()
    return str(value).lower()


def traces(values: Iterable[tuple[str, Any]], *, of: Iterable[str] = TRACES) -> list[str]:
    """Return the places of the values that contain something of the person."""
    found = []
    wanted = [trace.lower() for trace in of]
    for where, value in values:
        text = as_text(value)
        spellings = (text, text.encode("ascii", "backslashreplace").decode(), re.sub(r"[\s().+-]", "", text))
        if any(trace in spelling for trace in wanted for spelling in spellings):
            found.append(f"{where}: {text[:120]}")
    return found


def in_files(folder: Path) -> list[tuple[str, bytes]]:
    """Return every file below a folder, and the base64 in it decoded."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            found.append((str(path), path.name.encode() + b"\n" + content))
            coded = re.findall(rb"(?:[A-Za-z0-9+/]{60,}\r?\n)+[A-Za-z0-9+/=]*", content)
            found += [(f"{path} (base64)", base64.b64decode(text, validate=False)) for text in coded]
    return found


def on_disk() -> list[Path]:
    """Return the files of SQLite's database."""
    name = str(connection.settings_dict["NAME"])
    return [path for path in map(Path, (name, f"{name}-wal", f"{name}-shm")) if path.exists()]
