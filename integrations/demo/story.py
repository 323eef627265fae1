"""The story of the demo: which webhook came when, of the same people and with the same ids for the same seed.

Each is one of the samples of `manage.py simulate`, changed to its person and moment. A few are open problems, so that
there is something to see and to decide.
"""

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from accounts.demo.marks import DOMAIN
from integrations.demo.people import DemoPerson, people

DAY = timedelta(days=1)
IDS = 9_700_000_000  # above the ids of providers that we know
ANNUAL, MONTHLY, UNMAPPED = "9700000001", "9700000002", "9700000003"  # offers
TITLES = {ANNUAL: "Annual Membership", MONTHLY: "Monthly Membership", UNMAPPED: "Summer Workshop"}
PRICES = {ANNUAL: 29900, MONTHLY: 3500, UNMAPPED: 4900}  # cents
COURSES = ("Foundations of Retirement Income", "Ethics in Practice", "Client Conversations", "Bases del Seguro Social")
COMPANIES = ("Harbor Insurance Group", "Seguros del Valle", "Bright Path Advisors", "Grupo Mirador", "Oak & Fisher")
ACCOUNTS = [str(IDS + number) for number in range(len(COMPANIES))]
_CARRIERS = ("Sample Mutual", "Coastal Casualty", "Mutua Ejemplar")
_LINES = ("Auto", "Homeowners", "Life", "General Liability")
_SPACE = uuid.UUID("b9b0a1de-91a5-4f6b-8a1e-3c6f3a0c2d10")
_KINDS = {"member": 1, "transaction": 2, "subscription": 3, "purchase": 4, "order": 5, "contact": 6, "course": 7}


@dataclass(frozen=True, kw_only=True)
class Sending:
    """A webhook: the sample by provider, event and case, and what it is changed to; `broken` ones end in the middle."""

    at: datetime
    provider: str
    event: str
    case: str
    chosen: dict[str, str] = field(default_factory=dict)
    broken: bool = False

    def body(self, payload: dict[str, object]) -> bytes:
        text = json.dumps(payload, ensure_ascii=False).encode()
        return text[: len(text) // 2] if self.broken else text


@dataclass(frozen=True, kw_only=True)
class Story:
    """All that was sent, in order. Mails to `bouncing` come back; those in `with_password` chose one."""

    sendings: Sequence[Sending]
    bouncing: frozenset[str]
    with_password: frozenset[str]
    spanish: frozenset[str]


def tell(*, members: int, since: datetime, until: datetime, seed: int = 1) -> Story:
    """Return the story of `members` buyers, and of some more contacts, between two moments."""
    chance = Random(seed)  # noqa: S311 (plausible, not secret)
    others = max(4, members // 12)
    everybody = people(chance, members + 2 * others)
    buyers, leads = everybody[:members], everybody[-others:]
    insureds = [everybody[0], *everybody[members * 9 // 10 : -others]]
    first, *rest = buyers
    early = since + (until - since) * 0.15
    told = list(_membership(first, chance, since, until, bought=early))  # somebody with everything, to look at
    told += [sending for person in rest for sending in _membership(person, chance, since, until)]
    told += [sending for person in insureds for sending in _insured(person, chance, since, until)]
    told += [sending for person in leads for sending in _lead(person, chance, since, until)]
    told += _companies(chance, since, until)
    told += _problems(buyers, insureds, until)
    bouncing = frozenset(person.email for person in buyers[3::100])
    return Story(
        sendings=sorted((one for one in told if since <= one.at < until), key=lambda one: one.at),
        bouncing=bouncing,
        with_password=frozenset(person.email for person in buyers if person.number % 10 < 7) - bouncing,
        spanish=frozenset(person.email for person in everybody if person.language == "es"),
    )


def _membership(
    person: DemoPerson, chance: Random, since: datetime, until: datetime, *, bought: datetime | None = None
) -> Iterator[Sending]:
    """Yield a purchase, the order behind it, and what follows: renewals, failures, refunds, an end, courses.

    Without `bought` the offer, the moment and the fate of the membership are left to chance.
    """
    offer = MONTHLY if bought else chance.choices((ANNUAL, MONTHLY), weights=(2, 3))[0]
    fate = 1.0 if bought else chance.random()
    bought = bought or since + (until - since) * 0.98 * chance.random()
    yield _kajabi(person, "purchase.created", "in_app", bought, offer, interval="year" if offer == ANNUAL else "month")
    yield _kajabi(person, "order_created", "native", bought + timedelta(seconds=2), offer)
    yield from _studies(person, chance, bought, until)
    if fate < 0.05:
        yield _kajabi(person, "purchase.refunded", "leaps_relay", bought + DAY * chance.uniform(2, 12), offer)
        return
    if fate < 0.13:
        yield _kajabi(person, "member.subscription.canceled", "nssa_relay", bought + DAY * chance.uniform(3, 25), offer)
        return
    renewal = bought
    while offer == MONTHLY:
        renewal = renewal + timedelta(days=30, hours=10)
        if chance.random() < 0.06:
            yield _kajabi(person, "payment.failed", "nssa_relay", renewal, offer)
            if chance.random() < 0.4:
                return
            renewal += DAY * 2
        if renewal >= until:
            return
        yield _kajabi(person, "payment.succeeded", "in_app", renewal, offer)


def _studies(person: DemoPerson, chance: Random, bought: datetime, until: datetime) -> Iterator[Sending]:
    at = bought
    for number in chance.sample(range(len(COURSES)), chance.choice((0, 0, 1, 1, 2, 3))):
        at += DAY * chance.uniform(1, 15)
        if at < until:
            yield _course(person, number, at, email=person.email)


def _insured(person: DemoPerson, chance: Random, since: datetime, until: datetime) -> Iterator[Sending]:
    """Yield an insured as the agency's system reports them, with a policy for most."""
    at = since + (until - since) * chance.uniform(0.02, 0.95)
    yield _insured_report(person, at)
    if chance.random() < 0.7:
        yield _policy(person, chance, at + timedelta(hours=chance.uniform(1, 40)))
    if chance.random() < 0.3:
        moved = at + DAY * chance.uniform(2, 20)
        yield _insured_report(person, moved, address_line_1=f"{chance.randrange(900, 999)} Sunset Boulevard")


def _lead(person: DemoPerson, chance: Random, since: datetime, until: datetime) -> Iterator[Sending]:
    """Yield a contact of the CRM, and for some a change a few days later."""
    at = since + (until - since) * chance.uniform(0.05, 0.97)
    chosen = {
        **_name(person),
        "email": person.email,
        "phone": person.phone,
        "address1": person.address,
        "city": person.city,
        "state": person.state,
        "postal_code": person.zip_code,
        "company_name": "",
        "date_of_birth": "",
        "website": "",
        "id": str(uuid.uuid5(_SPACE, f"lead {person.number}")),
    }
    yield Sending(at=at, provider="gohighlevel", event="ContactCreate", case="app", chosen=chosen)
    if chance.random() < 0.4:
        changed = chosen | {"id": str(uuid.uuid5(_SPACE, f"change {person.number}")), "city": "Sarasota"}
        later = at + DAY * chance.uniform(1, 9)
        yield Sending(at=later, provider="gohighlevel", event="ContactUpdate", case="app", chosen=changed)


def _companies(chance: Random, since: datetime, until: datetime) -> Iterator[Sending]:
    for number, (account, name) in enumerate(zip(ACCOUNTS, COMPANIES, strict=True)):
        at = since + (until - since) * chance.uniform(0.05, 0.9)
        admin = f"admin{number + 1}@{DOMAIN}"
        chosen = {"account": account, "name": name, "email": admin}
        yield Sending(at=at, provider="chatwoot", event="account_created", case="installation", chosen=chosen)
        for one in range(2):
            visitor = {"account": account, "contact_id": str(IDS + 10 * number + one), "phone": ""}
            visitor |= {"name": ("Ana Paredes", "Tom Ellis")[one], "email": f"visitor{number}{one}@{DOMAIN}"}
            later = at + timedelta(hours=chance.uniform(1, 30))
            yield Sending(
                at=later, provider="chatwoot", event="contact_created", case="account_webhook", chosen=visitor
            )


def _problems(buyers: Sequence[DemoPerson], insureds: Sequence[DemoPerson], until: datetime) -> Iterator[Sending]:
    """Yield what needs a decision: all of the last two days."""
    first, second, third = buyers[:3]
    ago = until - timedelta(minutes=5)
    yield _kajabi(first, "purchase.created", "in_app", ago - timedelta(hours=3), UNMAPPED, number=1)
    yield _kajabi(second, "purchase.created", "in_app", ago - timedelta(hours=20), UNMAPPED, number=1)
    yield _course(third, 0, ago - timedelta(hours=5), email=f"{third.last_name.lower().split()[0]}.home@{DOMAIN}")
    yield _course(third, 1, ago - timedelta(hours=4), email=f"unknown.student@{DOMAIN}")
    yield _kajabi(third, "payment.failed", "nssa_relay", ago - timedelta(hours=2), MONTHLY)
    one, other = insureds[-2:]
    # The record of one person, with the address of another: are they one?
    yield _insured_report(one, ago - timedelta(hours=7), email=other.email)
    broken = {"email": first.email}
    yield Sending(
        at=ago - timedelta(hours=9), provider="kajabi", event="tag_added", case="native", chosen=broken, broken=True
    )


def _kajabi(
    person: DemoPerson, event: str, case: str, at: datetime, offer: str, *, number: int = 0, interval: str = "month"
) -> Sending:
    ids = _ids(person, number)
    is_payment = event == "payment.succeeded"
    chosen = {
        **_name(person),
        "email": person.email,
        "member_id": f"mem_{_ids(person)['member']}" if case.endswith("relay") else _ids(person)["member"],
        "contact_id": ids["contact"],
        "offer_id": offer,
        "offer_title": TITLES[offer],
        "amount": str(PRICES[offer]),
        "interval": interval,
        "subscription_id": ids["subscription"],
        "purchase_id": ids["purchase"],
        "order_id": ids["order"],
        "order_number": str(1001 + person.number),
        "transaction_id": _number(f"{person.number} {at}") if is_payment else ids["transaction"],
        "submission_id": ids["order"],
        "occurred_at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "phone": person.phone,
        "address": person.address,
        "city": person.city,
        "state": person.state,
        "zip_code": person.zip_code,
    }
    if case == "in_app":
        chosen["id"] = _uuid_of(at, person.number)
    elif case != "native":
        chosen["id"] = f"evt_demo_{_number(f'{event} {person.number} {at}')}"
    return Sending(at=at, provider="kajabi", event=event, case=case, chosen=chosen)


def _course(person: DemoPerson, number: int, at: datetime, *, email: str) -> Sending:
    chosen = {
        "email": email,
        "name": person.name,
        "member_id": f"mem_{_ids(person)['member'] if email == person.email else _number(email)}",
        "course": COURSES[number],
        "course_id": str(IDS + 70_000_000 + number),
        "occurred_at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "id": f"evt_demo_{_number(f'course {email} {number}')}",
    }
    return Sending(at=at, provider="kajabi", event="course_completed", case="leaps_relay", chosen=chosen)


def _insured_report(person: DemoPerson, at: datetime, **changed: str) -> Sending:
    chosen = {
        **_name(person),
        "email": person.email,
        "insured_id": _insured_id(person),
        "e_mail_2": "",
        "middle_name": "",
        "phone": person.phone,
        "cell_phone": "",
        "date_of_birth": f"{1955 + person.number % 40}-0{1 + person.number % 9}-17T00:00:00",
        "address_line_1": person.address,
        "address_line_2": "",
        "city": person.city,
        "state": person.state,
        "zip_code": person.zip_code,
        **changed,
    }
    return Sending(at=at, provider="nowcerts", event="INSURED_UPDATE", case="sync_with_id", chosen=chosen)


def _policy(person: DemoPerson, chance: Random, at: datetime) -> Sending:
    chosen = {
        "email": person.email,
        "insured_id": _insured_id(person),
        "policy_number": f"DEMO-{10_000 + person.number}",
        "policy_type": chance.choice(_LINES),
        "premium": str(chance.randrange(4, 40) * 60),
        "carrier": chance.choice(_CARRIERS),
        "effective_date": f"{at:%Y-%m-%d}",
        "expiration_date": f"{at + timedelta(days=365):%Y-%m-%d}",
    }
    return Sending(at=at, provider="nowcerts", event="POLICY_INSERT", case="sync", chosen=chosen)


def _ids(person: DemoPerson, number: int = 0) -> dict[str, str]:
    """Return a person's ids by kind; `number` counts their purchases."""
    return {kind: str(IDS + code * 10_000_000 + person.number * 10 + number) for kind, code in _KINDS.items()}


def _name(person: DemoPerson) -> dict[str, str]:
    return {"first_name": person.first_name, "last_name": person.last_name}


def _insured_id(person: DemoPerson) -> str:
    return str(uuid.uuid5(_SPACE, f"insured {person.number}"))


def _number(text: str) -> str:
    return str(IDS + 100_000_000 + uuid.uuid5(_SPACE, text).int % 99_999_999)


def _uuid_of(moment: datetime, number: int) -> str:
    """Return a UUID of version 1, which holds its moment, as the ids of in-app hooks."""
    ticks = int(moment.timestamp() * 10_000_000) + 0x01B21DD213814000  # tenths of a microsecond since 1582
    low, middle, high = ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, ticks >> 48 & 0x0FFF | 0x1000
    return str(uuid.UUID(fields=(low, middle, high, 0x80, number % 256, 0x0242AC120000 + number)))
