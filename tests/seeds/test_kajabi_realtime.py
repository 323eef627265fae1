"""The real-time document's addresses and events as printed, against a running server beside a fake Kajabi."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from integrations.providers.kajabi.hooks import EVENTS
from tests.fakes import kajabi_records as records
from tests.fakes.kajabi import CLIENT_ID, CLIENT_SECRET, FakeKajabi
from tests.harness.curl import send
from tests.harness.embedded import Embedded, embedded
from tests.harness.environment import WEBHOOK_TOKEN
from tests.harness.process import wait_until
from tests.harness.webhooks import Answer

pytestmark = pytest.mark.embedded

PASSWORD = "una contraseña de configuración"
PUBLIC = "https://tu-servidor.com"
SITE = "Plataforma de desarrollo"
OFFER_ID = "2150456456"


@pytest.fixture(scope="module")
def kajabi() -> Iterator[FakeKajabi]:
    with FakeKajabi() as fake:
        fake.add(records.site("1", title=SITE))
        fake.add(records.site("2", title="Another site"))
        yield fake


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, kajabi: FakeKajabi) -> Iterator[Embedded]:
    variables = {
        "KAJABI_API_BASE_URL": kajabi.url,
        "KAJABI_CLIENT_ID": CLIENT_ID,
        "KAJABI_CLIENT_SECRET": CLIENT_SECRET,
        "KAJABI_SITE_NAME": SITE,
        "KAJABI_RECONCILE_MINUTES": "0",
        "NSSA_KAJABI_PRODUCT_ID": OFFER_ID,
        "WEBHOOK_CONFIG_PASSWORD": PASSWORD,
        "FRONTEND_URL": PUBLIC,  # Kajabi calls nothing but https
        "TRUSTED_PROXY_COUNT": "1",
        "ALLOWED_HOSTS": "127.0.0.1",
    }
    with embedded(tmp_path_factory.mktemp("realtime"), **variables) as installation:
        yield installation


def behind_the_proxy(_body: bytes) -> dict[str, str]:
    """Return the headers of a proxy that terminates https."""
    return {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}


def operate(app: Embedded, path_and_query: str, *, password: str = PASSWORD) -> Answer:
    """Call an operator's address as the document does, by a plain GET with the password in the address."""
    joint = "&" if "?" in path_and_query else "?"
    command = f'curl "https://tu-servidor.com{path_and_query}{joint}password={quote(password)}"'
    return send(command, to=app.url, proof=behind_the_proxy)


def test_one_call_creates_the_six_webhooks_and_listing_shows_them(app: Embedded, kajabi: FakeKajabi) -> None:
    """Steps "Paso 1" and "Paso 2"."""
    made = operate(app, "/configurar-webhooks-kajabi")
    assert made.status == 200, made.body
    assert [hook["attributes"]["event"] for hook in kajabi.records["hooks"].values()] == list(EVENTS)
    listed = operate(app, "/gestionar-webhooks-kajabi?action=list").json()
    assert {hook["event"] for hook in listed["hooks"]} == set(EVENTS)
    assert WEBHOOK_TOKEN not in json.dumps(listed)


def test_one_webhook_is_deleted_and_created_by_its_event(app: Embedded, kajabi: FakeKajabi) -> None:
    operate(app, "/configurar-webhooks-kajabi")
    number = next(key for key, hook in kajabi.records["hooks"].items() if hook["attributes"]["event"] == "purchase")
    assert operate(app, f"/gestionar-webhooks-kajabi?action=delete&id={number}").status == 200
    assert number not in kajabi.records["hooks"]
    target = quote(f"{PUBLIC}/kajabi-webhook/{WEBHOOK_TOKEN}", safe="")
    created = operate(app, f"/gestionar-webhooks-kajabi?action=create&event=purchase&url={target}")
    assert created.status == 200, created.body
    assert "purchase" in {hook["attributes"]["event"] for hook in kajabi.records["hooks"].values()}


@pytest.mark.parametrize("address", ["/configurar-webhooks-kajabi", "/gestionar-webhooks-kajabi?action=list"])
def test_wrong_password_configures_nothing(app: Embedded, address: str) -> None:
    assert operate(app, address, password="xxx").status == 401


def add_person(kajabi: FakeKajabi, number: str, *, email: str, phone: str) -> dict[str, list[dict[str, Any]]]:
    """Add a person with all records to the fake Kajabi; return the resources in each event's body."""
    customer_id = f"9{number}"
    contact = records.contact(
        number, email=email, name="Ana Example", customer_id=customer_id, tags=("55",), phone_number=phone
    )
    tag, offer = records.tag("55", name="Miembros"), records.offer(OFFER_ID, title="NSSA Annual Membership")
    customer = records.customer(customer_id, email=email, name="Ana Example", contact_id=number)
    purchase = records.purchase(number, customer_id=customer_id, offer_id=OFFER_ID, transactions=(number,))
    transaction = records.transaction(number, customer_id=customer_id, purchases=(number,))
    order = records.order(number, customer_id=customer_id, order_items=(number,))
    item = records.order_item(number, order_id=number, offer_id=OFFER_ID)
    form = records.form("31", title="Contacto")
    submission = records.form_submission(number, form_id="31", email=email, name="Ana Example")
    for record in (contact, tag, offer, customer, purchase, transaction, order, item, form, submission):
        kajabi.add(record)
    return {
        "purchase": [purchase, offer, customer],
        "payment_succeeded": [transaction, customer],
        "order_created": [order, transaction, customer, item],
        "form_submission": [submission, form],
        "tag_added": [contact, tag],
        "tag_removed": [contact, tag],
    }


def test_each_event_synchronises_its_contact_within_seconds(app: Embedded, kajabi: FakeKajabi) -> None:
    """Sections "Eventos soportados" and "Eventos y acciones": one of each, each about another person."""
    phones = {event: f"+120755570{place:02}" for place, event in enumerate(EVENTS)}
    for place, event in enumerate(EVENTS):
        number = str(7000 + place)
        resources = add_person(kajabi, number, email=f"{event}@example.com", phone=phones[event])[event]
        body = json.dumps({"id": number, "event": event, "payload": resources})
        delivery = f"curl -X POST https://tu-servidor.com/kajabi-webhook/{WEBHOOK_TOKEN} -d '{body}'"
        assert send(delivery, to=app.url, proof=behind_the_proxy).status == 200

    contacts = "SELECT email, phone FROM accounts_contact WHERE phone <> ''"
    wanted = {f"{event}@example.com": phone for event, phone in phones.items()}
    wait_until(
        lambda: {row["email"]: row["phone"] for row in app.rows.all(contacts)} == wanted,
        seconds=60,
        what="every contact as Kajabi has it",
    )
    assert set(app.rows.statuses()) == {"processed"}
    bought = "SELECT u.email FROM accounts_subscription s JOIN accounts_user u ON u.id = s.user_id"
    assert set(app.rows.column(bought)) == {"purchase@example.com", "payment_succeeded@example.com"}
