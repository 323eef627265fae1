"""The sentence that says why somebody has access or not: for each status, in both languages."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone, translation
from django.utils.formats import date_format

from accounts.memberships import explain, subscriptions
from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.models import Plan, Subscription
from accounts.memberships.terms import StatedTerms
from accounts.people.models import User
from core.cause import Cause

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
BY_EVENT = Cause(text="kajabi offer.purchased evt_1", event_id=1)


def day(number: float) -> datetime:
    return NOW + timedelta(days=number)


def shown(number: float) -> str:
    return date_format(timezone.localtime(day(number)), "DATE_FORMAT")


@pytest.fixture
def monthly() -> Plan:
    return Plan.objects.create(code="club", name="Club", period_months=1)


@pytest.fixture
def happened(user: User, monthly: Plan) -> Callable[..., None]:
    """Record a fact that happened that many days from NOW."""
    keys = iter(range(1000))

    def record(kind: str, number: float, *, purchase: str = "", by_staff: bool = False, **fields: Any) -> None:
        terms = StatedTerms(**fields.pop("terms", {}))
        if "ends" in fields:
            fields["period_end"] = day(fields.pop("ends"))
        fact = Fact(
            key=f"{'staff' if by_staff else 'kajabi'}:{next(keys):03}",
            kind=kind,
            occurred_at=day(number),
            references={"purchase": purchase, "book": "relay"} if purchase else {},
            terms=terms,
            **fields,
        )
        subscriptions.record(user, monthly, fact, cause=BY_EVENT)

    return record


def sentences() -> tuple[str, str]:
    """Return what is said at NOW, in English and in Spanish, with "Jane" for whoever it is about."""
    subscription = Subscription.objects.select_related("user", "plan").get()
    name = subscription.user.get_full_name() or subscription.user.email
    found = []
    for language in ("en", "es"):
        with translation.override(language):
            found.append(explain.of_subscription(subscription, now=NOW).sentence.replace(name, "Jane"))
    return found[0], found[1]


def assert_says(english: str, spanish: str) -> None:
    """Dates in `english` are as `shown` writes them; in `spanish` only the words around them are compared."""
    said, dicho = sentences()
    stored = "What is stored is older than its facts"
    assert said.split(f" {stored}")[0] == english
    for words in spanish.split("…"):
        assert words in dicho
    assert " access " not in dicho


def test_scheduled_purchase_names_its_beginning(happened: Any) -> None:
    happened("purchased", -2, terms={"starts_at": day(10)})
    assert_says(
        f"Jane has no access to Club yet: it begins on {shown(10)}, because it was bought on {shown(-2)}.",
        "Jane todavía no tiene acceso a Club: empieza el …, porque se compró el …",
    )


def test_scheduled_purchase_that_was_canceled_names_its_beginning_and_its_end(happened: Any) -> None:
    happened("purchased", -2, ends=20, terms={"starts_at": day(10)})
    happened("canceled", -1)
    assert_says(
        f"Jane has no access to Club yet: it begins on {shown(10)} and lasts until {shown(20)}, "
        f"because it was canceled on {shown(-1)} and lasts to the end of what was paid.",
        "empieza el … y dura hasta el …, porque se canceló el … y dura hasta el final de lo pagado",
    )


def test_end_at_midnight_names_the_last_day(happened: Any) -> None:
    happened("purchased", -10, ends=20.5)
    assert_says(
        f"Jane has access to Club until {shown(20)}, because it was bought on {shown(-10)}.",
        "Jane tiene acceso a Club hasta el …, porque se compró el …",
    )


def test_cancellation_to_a_day_of_its_own_says_nothing_of_what_was_paid(happened: Any) -> None:
    happened("purchased", -10, ends=20)
    happened("canceled", -1, ends=3)
    assert_says(
        f"Jane has access to Club until {shown(3)}, because it was canceled on {shown(-1)}.", "porque se canceló el"
    )


def test_trial_names_its_end(happened: Any) -> None:
    happened("purchased", -4, terms={"trial_days": 14})
    assert_says(
        f"Jane has access to Club in a trial until {shown(10)}, because it was bought on {shown(-4)}.",
        "Jane tiene acceso a Club a prueba hasta el …, porque se compró el …",
    )


def test_trial_without_a_payment_has_ended(happened: Any) -> None:
    happened("purchased", -40, terms={"trial_days": 14})
    assert_says(
        f"Jane has no access to Club: the trial ended on {shown(-26)} and no payment came. "
        "A new payment gives it again.",
        "la prueba terminó el … y no llegó ningún pago. Un nuevo pago se lo devuelve.",
    )


def test_active_purchase_names_the_paid_end_without_grace(happened: Any) -> None:
    happened("purchased", -10, ends=20)
    assert_says(
        f"Jane has access to Club until {shown(20)}, because it was bought on {shown(-10)}.",
        "Jane tiene acceso a Club hasta el …, porque se compró el …",
    )


def test_renewal_decides_where_it_extended(happened: Any) -> None:
    happened("purchased", -40, ends=-10)
    happened("renewed", -10, ends=20)
    happened("paid", -10 + 0.001)
    assert_says(
        f"Jane has access to Club until {shown(20)}, because it was renewed on {shown(-10)}.", "porque se renovó el"
    )


def test_past_due_names_the_end_of_the_grace_days(happened: Any) -> None:
    happened("purchased", -31, ends=-1)
    assert_says(
        f"Jane has access to Club until {shown(2)} while the payment due on {shown(-1)} is awaited.",
        "Jane tiene acceso a Club hasta el … mientras se espera el pago que vencía el …",
    )


def test_failed_payment_before_the_end_is_named(happened: Any) -> None:
    happened("purchased", -28, ends=2)
    happened("payment_failed", -1)
    assert_says(
        f"Jane has access to Club until {shown(5)}, although a payment failed on {shown(-1)}.",
        "Jane tiene acceso a Club hasta el …, aunque un pago falló el …",
    )


def test_period_without_a_next_payment_is_over_after_the_grace_days(happened: Any) -> None:
    happened("purchased", -40, ends=-10)
    happened("payment_failed", -9)
    assert_says(
        f"Jane has no access to Club: what was paid ended on {shown(-10)}, and no payment came until {shown(-7)}. "
        "A new payment gives it again.",
        "lo pagado terminó el … y no llegó ningún pago hasta el …. Un nuevo pago se lo devuelve.",
    )


def test_paused_purchase_lasts_to_what_was_paid(happened: Any) -> None:
    happened("purchased", -10, ends=20)
    happened("paused", -1)
    assert_says(
        f"Jane has access to Club until {shown(20)}, although it was paused on {shown(-1)}.",
        "Jane tiene acceso a Club hasta el …, aunque se pausó el …",
    )


def test_paused_purchase_that_has_run_out_goes_on_when_resumed(happened: Any) -> None:
    happened("purchased", -40, ends=-10)
    happened("paused", -20)
    assert_says(
        f"Jane has no access to Club, because it was paused on {shown(-20)} and what was paid ended on {shown(-10)}. "
        "It goes on when it is resumed.",
        "porque se pausó el … y lo pagado terminó el …. Continúa cuando se reanude.",
    )


def test_canceled_purchase_lasts_to_its_end(happened: Any) -> None:
    happened("purchased", -10, ends=20)
    happened("canceled", -1)
    assert_says(
        f"Jane has access to Club until {shown(20)}, "
        f"because it was canceled on {shown(-1)} and lasts to the end of what was paid.",
        "porque se canceló el",
    )


def test_canceled_purchase_that_has_ended_names_both_days(happened: Any) -> None:
    happened("purchased", -40, ends=-10)
    happened("canceled", -20)
    assert_says(
        f"Jane has no access to Club: it was canceled on {shown(-20)} and ended on {shown(-10)}. "
        "A new payment gives it again.",
        "se canceló el … y terminó el …. Un nuevo pago se lo devuelve.",
    )


def test_resumed_purchase_is_no_longer_canceled(happened: Any) -> None:
    happened("purchased", -10, ends=20)
    happened("canceled", -5)
    happened("resumed", -1)
    assert_says(
        f"Jane has access to Club until {shown(20)}, because it was resumed on {shown(-1)}.", "porque se reanudó el"
    )


def test_dispute_suspends_and_says_what_restores(happened: Any) -> None:
    happened("purchased", -10, ends=20)
    happened("disputed", -1)
    assert_says(
        f"Jane has no access to Club, because the payment was disputed on {shown(-1)}. "
        "It comes back if the dispute is won.",
        "porque el pago se disputó el …. Vuelve si se gana la disputa.",
    )


def test_dispute_keeps_access_where_the_plan_says_so(happened: Any, monthly: Plan) -> None:
    Plan.objects.filter(pk=monthly.pk).update(disputes="keep")
    monthly.refresh_from_db()
    happened("purchased", -10, ends=20)
    happened("disputed", -1)
    assert_says(
        f"Jane has access to Club until {shown(23)}, although the payment was disputed on {shown(-1)}.",
        "aunque el pago se disputó el",
    )


def test_won_dispute_gives_access_and_a_lost_one_ends_it(happened: Any) -> None:
    happened("purchased", -10, ends=20)
    happened("disputed", -5)
    happened("dispute_won", -1)
    assert_says(
        f"Jane has access to Club until {shown(20)}, because the dispute was won on {shown(-1)}.",
        "porque la disputa se ganó el",
    )
    happened("dispute_lost", -0.5)


@pytest.mark.parametrize(
    ("kind", "why", "spanish"),
    [
        ("refunded", "it was refunded on", "porque se reembolsó el"),
        ("expired", "it was ended on", "porque se terminó el"),
        ("dispute_lost", "the dispute was lost on", "porque la disputa se perdió el"),
    ],
)
def test_ended_purchase_names_what_ended_it(happened: Any, kind: str, why: str, spanish: str) -> None:
    happened("purchased", -10, ends=20)
    if kind == "dispute_lost":
        happened("disputed", -3)
    happened(kind, -1)
    happened("payment_failed", -0.5)
    assert_says(f"Jane has no access to Club, because {why} {shown(-1)}. A new payment gives it again.", spanish)


def test_lifetime_has_no_end(happened: Any) -> None:
    happened("purchased", -1000, terms={"billing": "lifetime"})
    assert_says(
        f"Jane has access to Club without an end, because it was bought on {shown(-1000)}.",
        "Jane tiene acceso a Club sin fin, porque se compró el",
    )


def test_purchase_that_gives_access_is_named_among_several(happened: Any) -> None:
    happened("purchased", -20, purchase="A", ends=10)
    happened("purchased", -15, purchase="B", ends=15)
    happened("refunded", -1, purchase="B")
    assert_says(
        f"Jane has access to Club until {shown(10)}, because it was bought on {shown(-20)}. "
        f"Of 2 purchases, purchase A of {shown(-20)} gives access.",
        "De 2 compras, la compra A del … da acceso.",
    )


def test_purchase_that_lasts_longest_is_named(happened: Any) -> None:
    happened("purchased", -20, purchase="A", ends=40)
    happened("canceled", -10, purchase="A")
    happened("purchased", -15, purchase="B", ends=15)
    assert_says(
        f"Jane has access to Club until {shown(40)}, "
        f"because it was canceled on {shown(-10)} and lasts to the end of what was paid. "
        f"2 of 2 purchases give access; it lasts longest by purchase A of {shown(-20)}.",
        "2 de 2 compras dan acceso; la que más dura es la compra A del",
    )


def test_last_of_several_ended_purchases_is_named(happened: Any) -> None:
    happened("purchased", -20, purchase="A", ends=10)
    happened("purchased", -15, purchase="B", ends=15)
    happened("refunded", -3, purchase="A")
    happened("refunded", -1, purchase="B")
    assert_says(
        f"Jane has no access to Club, because it was refunded on {shown(-1)}. A new payment gives it again. "
        f"None of 2 purchases gives access; this is about purchase B of {shown(-15)}.",
        "Ninguna de 2 compras da acceso; se trata de la compra B del",
    )


def test_grant_of_staff_is_named_beside_a_purchase(happened: Any) -> None:
    happened("purchased", -40, ends=-10)
    happened("extended", -5, by_staff=True, ends=30)
    said, dicho = sentences()
    assert f"because staff gave it on {shown(-5)}. Of 2 purchases, what staff gave on {shown(-5)} gives" in said
    assert "lo que dio el personal el" in dicho


def test_end_that_staff_set_is_theirs(happened: Any) -> None:
    happened("purchased", -10, ends=20)
    happened("canceled", -1, by_staff=True, ends=5)
    said, dicho = sentences()
    assert said.startswith(f"Jane has access to Club until {shown(5)}, because staff set its end on {shown(-1)}.")
    assert "porque el personal fijó su fin el" in dicho
    happened("expired", -0.5, by_staff=True)
    said, dicho = sentences()
    assert said.startswith(f"Jane has no access to Club, because staff ended it on {shown(-0.5)}.")
    assert "porque el personal lo terminó el" in dicho


def test_note_without_a_purchase_says_what_is_known(happened: Any) -> None:
    happened("payment_failed", -3)
    assert_says(
        f"Jane has no access to Club: no purchase was reported, only that a payment failed on {shown(-3)}.",
        "no se comunicó ninguna compra, solo que un pago falló el",
    )


def test_open_question_is_counted_until_it_is_decided(happened: Any, staff: User) -> None:
    happened("purchased", -20, purchase="A", ends=10)
    happened("purchased", -15, purchase="B", ends=15)
    happened("refunded", -1)
    subscription = Subscription.objects.get()
    said, dicho = sentences()
    assert "1 fact is to be decided by staff." in said
    assert "El personal debe decidir sobre 1 hecho." in dicho
    (asked,) = explain.of_subscription(subscription, now=NOW).questions
    assert (asked.kind, asked.question) == ("refunded", "which_purchase")
    of_b = subscription.purchases.get(external_id="B")
    subscriptions.decide(asked, purchase=of_b, cause=Cause.by_staff(staff, "she said so"))
    said, _dicho = sentences()
    assert said.startswith(f"Jane has access to Club until {shown(10)}, because it was bought on {shown(-20)}.")
    assert "to be decided" not in said


def test_locked_login_is_the_reason(happened: Any, user: User) -> None:
    happened("purchased", -10, ends=20)
    User.objects.filter(pk=user.pk).update(is_active=False)
    said, dicho = sentences()
    assert said.startswith("Jane has no access to Club: the login is locked.")
    assert "la cuenta está bloqueada" in dicho


def test_stored_state_that_is_older_than_its_facts_is_named(happened: Any) -> None:
    happened("purchased", -10, ends=20)
    Subscription.objects.update(access_from=None, access_until=None)
    said, dicho = sentences()
    assert said.endswith("What is stored is older than its facts: run manage.py recompute_subscriptions.")
    assert "Lo guardado es anterior a sus hechos" in dicho


@pytest.mark.parametrize("kind", FactKind.values)
def test_every_kind_of_fact_has_words_in_both_languages(kind: str) -> None:
    words = explain._BECAUSE[kind]
    with translation.override("en"):
        english = str(words)
    with translation.override("es"):
        assert str(words) != english
