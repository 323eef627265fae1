"""Purchases of people, and the mails that they got for them."""

from accounts.commerce.models import FormSubmission, Order, Payment, Policy
from accounts.mail.models import EmailMessage
from accounts.memberships.models import Plan, Purchase, Subscription, SubscriptionFact, SubscriptionTransition
from tests.large.filling import PROVIDERS, Rows, ago, mostly, one_of, spread


def add_memberships(rows: Rows, *, events: int, people: int) -> None:
    """Add a membership for each login, with its purchase, facts and transitions."""
    members = people // 2
    rows.add(Plan, 6, code="'plan' || n", name="'Plan ' || n", price_cents="29900", period_months="12")
    rows.add(
        Subscription,
        members,
        user_id="n",
        plan_id=spread("n", 6),
        status=mostly("active", canceled=10, expired=3, past_due=50, refunded=200),
        started_at=ago("age * 60"),
        current_period_end="now() + (n % 300) * interval '1 day'",
        access_from=ago("age * 60"),
        access_until="now() + (n % 300 - 50) * interval '1 day'",
        next_change_at="now() + (n % 300 + 1) * interval '1 day'",
        provider="'kajabi'",
        created_at=ago("age * 60"),
    )
    rows.add(
        Purchase,
        members,
        subscription_id="n",
        key="'purchase-' || n",
        status=mostly("active", canceled=10, expired=3, past_due=50, refunded=200),
        external_id="'pur_' || n",
        billing="'subscription'",
        started_at=ago("age * 60"),
        paid_until="now() + (n % 300) * interval '1 day'",
    )
    rows.add(
        SubscriptionFact,
        members * 3,
        subscription_id="(n + 2) / 3",
        key="'fact-' || n",
        kind=one_of(("purchased", "paid", "renewed")),
        occurred_at=ago("age * 20"),
        learned_at=ago("age * 20"),
        purchase_id="(n + 2) / 3",
        rule="'id'",
        question="CASE WHEN n % 5000 = 0 THEN 'which_purchase' ELSE '' END",
        cause="'kajabi offer.purchased'",
        event_id=spread("n", events),
    )
    rows.add(
        SubscriptionTransition,
        members * 2,
        subscription_id="(n + 1) / 2",
        from_status="CASE WHEN n % 2 = 1 THEN '' ELSE 'past_due' END",
        to_status="'active'",
        occurred_at=ago("age * 30"),
        learned_at=ago("age * 30"),
        event_id=spread("n", events),
    )


def add_sales(rows: Rows, *, events: int, people: int) -> None:
    """Add orders, payments, policies, forms and mails."""
    sale = {"contact_id": spread("n", people), "provider": one_of(PROVIDERS)}
    rows.add(
        Order,
        people,
        external_id="'ord_' || n",
        number="(100000 + n)::text",
        placed_at=ago("age * 40"),
        currency="'USD'",
        total="299",
        **sale,
    )
    rows.add(
        Payment,
        people,
        external_id="'txn_' || n",
        kind=mostly("charge", refund=50, dispute=1000),
        amount="299",
        currency="'USD'",
        occurred_at=ago("age * 40"),
        **sale,
    )
    rows.add(
        Policy,
        people // 4,
        external_id="'pol_' || n",
        number="'HO-' || n",
        line_of_business="'Homeowners'",
        status="'Active'",
        currency="'USD'",
        reported_at=ago("age * 100"),
        **sale,
    )
    rows.add(FormSubmission, people // 4, external_id="'sub_' || n", submitted_at=ago("age * 100"), **sale)
    rows.add(
        EmailMessage,
        people,
        kind=one_of(("welcome", "resumed", "payment_failed", "ends_soon")),
        key="'mail-' || n",
        user_id=spread("n", people // 2),
        to="'person' || " + spread("n", people // 2) + " || '@example.com'",
        language="'en'",
        status=mostly("delivered", bounced=1000, failed=2000, pending=5000),
        next_attempt_at="NULL",
        created_at=ago("age * 35"),
        sent_at=ago("age * 35"),
    )
