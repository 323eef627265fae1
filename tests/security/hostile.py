"""Rows whose every text holds markup that breaks out of any unescaped place."""

from html.parser import HTMLParser
from itertools import count
from typing import Any

from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.utils import timezone

# Elements and attributes that appear in a parsed page only where a value was taken for markup.
ELEMENT, ATTRIBUTE = "escaped-element", "data-escaped"
MARKUP = f"""'{ATTRIBUTE}=1 "{ATTRIBUTE}="1"><{ELEMENT}></script></textarea><{ELEMENT}>{{{{ 7*7 }}}}%s{{0}}\u202e"""
SHORT = f"<{ELEMENT}>"
APPS = ("accounts", "integrations")
# Forms that are read by their shape: what stands in them is hostile, the shape is what the services write.
SHAPES: dict[str, Any] = {
    "accounts.Company.administrators": [{"id": MARKUP, "name": MARKUP, "email": MARKUP}],
    "accounts.Contact.origins": {"first_name": {"provider": MARKUP, "at": "2026-01-01T00:00:00+00:00"}},
    "accounts.ContactMapping.left_out": {MARKUP: {"value": MARKUP, "reason": MARKUP}, f"{MARKUP} b": MARKUP},
    "accounts.ContactMapping.last_synced_times": {"first_name": "2026-01-01T00:00:00+00:00"},
    "accounts.Policy.reported_times": {"number": "2026-01-01T00:00:00+00:00"},
    "accounts.ContactChange.before": MARKUP,
    "accounts.ContactChange.after": MARKUP,
    "integrations.OutgoingWrite.left_out": {MARKUP: MARKUP},
    "integrations.OutgoingWrite.before": {"first_name": MARKUP, f"custom_fields.{MARKUP}": MARKUP},
    "integrations.OutgoingWrite.after": {"first_name": MARKUP, f"custom_fields.{MARKUP}": MARKUP},
}
# What the database ties to something else, by its constraints.
TIED: dict[str, dict[str, Any]] = {
    "accounts.Company": {
        "company_id": "chatwoot_7",
        "chatwoot_account_id": "7",
        "redis_prefix": "chatwoot_7:",
        "vectorstore_index": "chatwoot_7_documents",
    },
    "accounts.CourseProgress": {"percent": 40, "highest": 40},
    "accounts.User": {"is_active": True},
    "integrations.RefusedValue": {"name": "first_name"},  # our names of fields
    "integrations.HistoryImport": {"columns": {"email": 0}},  # our names and numbers of columns, never a file's
    "accounts.SubscriptionTransition": {"from_status": "active", "to_status": "expired"},
}
_numbers = count(1)


class Parsed(HTMLParser):
    """Elements and attributes of a page, as a browser parses them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.broken_out: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == ELEMENT or any(name.startswith(ATTRIBUTE) for name, _ in attrs):
            self.broken_out.append(str(self.getpos()))
        for name, value in attrs:
            if name in ("href", "src", "action", "formaction") and value is not None:
                self.links.append(value)

    handle_startendtag = handle_starttag


def make_all() -> list[models.Model]:
    """Create one row of every model for each state that the database allows.

    A row that shares its key with another one has no page of its own, and that one's row is of its text.
    """
    made: list[models.Model] = []
    for model in (model for label in APPS for model in apps.get_app_config(label).get_models()):
        if model._meta.pk.remote_field is not None:
            continue
        rows = [row for state in _states(model) if (row := _try_row(model, state)) is not None]
        assert rows, f"no row of {model._meta.label} can be made: name what its constraints want in TIED"
        made += rows
    return made


def text_fields(model: type[models.Model]) -> list[models.Field]:
    """Return the fields of `model` that may hold a text from outside."""
    texts = models.CharField | models.TextField | models.JSONField
    return [field for field in model._meta.concrete_fields if isinstance(field, texts) and not field.choices]


def _states(model: type[models.Model]) -> list[dict[str, Any]]:
    for field in model._meta.concrete_fields:
        if field.name in ("status", "state") and field.choices:
            return [{field.name: value} for value, _label in field.choices]
    return [{}]


def _try_row(model: type[models.Model], state: dict[str, Any]) -> models.Model | None:
    try:
        with transaction.atomic():
            row = model(**_values(model) | TIED.get(model._meta.label, {}) | state)
            model._base_manager.bulk_create([row])
    except IntegrityError:
        return None
    return row


def _values(model: type[models.Model]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if field.primary_key:
            continue
        if isinstance(field, models.ForeignKey):
            if not field.null or field.related_model._meta.label in ("accounts.User", "accounts.Contact"):
                values[field.attname] = _related(field).pk
        elif field.choices:
            values[field.name] = field.choices[0][0]
        elif isinstance(field, models.JSONField):
            values[field.name] = SHAPES.get(f"{model._meta.label}.{field.name}", _json_like(field))
        elif isinstance(field, models.BinaryField):
            values[field.name] = MARKUP.encode()
        elif isinstance(field, models.DateTimeField) and not field.null:
            values[field.name] = timezone.now()
        elif isinstance(field, models.DateField) and not field.null:
            values[field.name] = timezone.now().date()
        elif isinstance(field, models.CharField | models.TextField):
            values[field.name] = _text(field)
        elif isinstance(field, models.IntegerField) and not field.null and not field.has_default():
            values[field.name] = next(_numbers)
    return values


def _related(field: models.ForeignKey) -> models.Model:
    """Return a row to refer to: a new one, so that no constraint on pairs is violated."""
    model = field.related_model
    if model._meta.app_label not in APPS:
        found = model._base_manager.first()
        assert found is not None, model
        return found
    for state in _states(model):
        if (row := _try_row(model, state)) is not None:
            return row
    found = model._base_manager.first()
    assert found is not None, model
    return found


def _text(field: models.CharField | models.TextField) -> str:
    text = f"{next(_numbers)}{MARKUP}"
    if field.max_length is None or len(text) <= field.max_length:
        return text.lower()  # addresses are stored so
    return f"{next(_numbers)}{SHORT}"[: field.max_length]


def _json_like(field: models.JSONField) -> Any:
    return [MARKUP] if field.default is list else {MARKUP: MARKUP, "plain": [MARKUP, {MARKUP: MARKUP}]}
