"""Orders, payments and form answers: stored once by the provider's id. What a later report adds is filled in."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from accounts.commerce.models import FormSubmission, Order, OrderLine, Payment
from core.insert_once import insert_once


def store_order(order: Order, lines: Sequence[OrderLine]) -> bool:
    """Store an order with its lines; False where it is known, and then only lines that are new are added.

    `order` has its key afterwards.
    """
    with transaction.atomic(savepoint=False):
        is_new = insert_once(order)
        if not is_new:
            order.pk = Order.objects.values_list("pk", flat=True).get(
                provider=order.provider, external_id=order.external_id
            )
        for line in lines:
            line.order_id = order.pk
            insert_once(line)
    return is_new


def store_payment(payment: Payment) -> bool:
    """Store a transaction; False where nothing is new about it.

    The order and purchases that one report lacks, another one adds, in any order; a transaction's state may move on.
    `payment` has its key afterwards.
    """
    with transaction.atomic(savepoint=False):
        payment.purchase_ids = sorted({*payment.purchase_ids})
        if insert_once(payment):
            return True
        known = Payment.objects.select_for_update().get(provider=payment.provider, external_id=payment.external_id)
        payment.pk = known.pk
        reported: Mapping[str, Any] = {
            "external_order_id": payment.external_order_id,
            "purchase_ids": sorted({*known.purchase_ids, *payment.purchase_ids}),
            "state": payment.state,
        }
        changes = {name: value for name, value in reported.items() if value and getattr(known, name) != value}
        Payment.objects.filter(pk=known.pk).update(**changes) if changes else None
    return bool(changes)


def store_submission(submission: FormSubmission) -> bool:
    """Store answers to a form; False where it is known. `submission` has its key afterwards."""
    if insert_once(submission):
        return True
    submission.pk = FormSubmission.objects.values_list("pk", flat=True).get(
        provider=submission.provider, external_id=submission.external_id
    )
    return False
