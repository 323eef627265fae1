"""Declarations of personal data: every model has one, and each fits its model."""

import pytest
from django.apps import apps
from django.db import connection, models

from accounts.people.person import Person
from accounts.privacy.holdings import Retention, all_holdings
from accounts.privacy.prune import due

DECLARED = {holding.model: holding for holding in all_holdings()}


@pytest.mark.parametrize("model", apps.get_models(include_auto_created=True), ids=lambda model: model._meta.label)
def test_every_model_is_declared(model: type[models.Model]) -> None:
    assert model in DECLARED, (
        f"say in accounts/privacy/declarations.py or integrations/operations/personal_data.py: {model}"
    )


@pytest.mark.parametrize("holding", DECLARED.values(), ids=lambda holding: holding.label)
@pytest.mark.django_db
def test_every_declaration_fits_its_model(holding: object) -> None:
    columns = {column.attname: column for column in holding.model._meta.concrete_fields}
    named = {*(holding.becomes or {}), *holding.secret}
    assert named <= set(columns) | {column.name for column in columns.values()}, named
    assert holding.holds
    if holding.own is not None:
        everything = Person(users={1}, contacts={1}, emails={"a@b.c"}, phones={"2075550100"}, ids={("p", "k", "1")})
        assert holding.own_keys(everything) is not None
    if isinstance(holding.retention, Retention):
        assert holding.retention.since in columns
        assert set(holding.retention.becomes or {}) <= set(columns)
        assert (holding.retention.becomes is None) or "pruned_at" in columns
    else:
        assert holding.retention


@pytest.mark.parametrize(
    "holding",
    [
        holding
        for holding in DECLARED.values()
        if isinstance(holding.retention, Retention) and holding.retention.becomes is not None
    ],
    ids=lambda holding: holding.label,
)
@pytest.mark.django_db
def test_due_rows_are_found_by_a_partial_index(holding: object) -> None:
    """A run must not go through the rows again that were pruned before."""
    cutoff = holding.retention.cutoff()
    assert cutoff is not None
    if connection.vendor == "sqlite":
        plan = due(holding, cutoff).explain()
        assert "to_be_pruned" in plan, plan
    names = [index.name for index in holding.model._meta.indexes if "pruned_at" in str(index.condition)]
    assert len(names) == 1
