"""Which differences still are questions to staff: those that neither a newer audit nor a reading has settled."""

from typing import Any

import pytest
from django.test import Client

from integrations.contracts.pull import RunKind
from integrations.reconcile.findings import current_findings
from integrations.reconcile.models import SyncFinding, SyncRun

pytestmark = pytest.mark.django_db
Kind = SyncFinding.Kind
STAY = {Kind.REFUNDED_HERE, Kind.UNKNOWN_THERE, Kind.GONE_THERE, Kind.CONTACT_DIFFERS}


def run(kind: str, *, provider: str = "kajabi", status: str = "done") -> SyncRun:
    return SyncRun.objects.create(provider=provider, kind=kind, status=status, stage="purchases", cause="test")


def audit(**more: Any) -> SyncRun:
    """An audit that found one difference of each kind."""
    made = run(RunKind.AUDIT, **more)
    for kind in Kind:
        SyncFinding.objects.create(run=made, key=f"{kind}:1", kind=kind, person="jane@example.com")
    return made


def open_kinds() -> set[str]:
    return set(current_findings(SyncFinding.objects.filter(status="open")).values_list("kind", flat=True))


def test_reading_of_everything_after_an_audit_settles_what_it_applies() -> None:
    audit()
    assert open_kinds() == set(Kind)
    run(RunKind.BACKFILL)
    assert open_kinds() == STAY


@pytest.mark.parametrize(
    "reading",
    [
        {"kind": RunKind.BACKFILL, "status": "pending"},
        {"kind": RunKind.BACKFILL, "status": "failed"},
        {"kind": RunKind.BACKFILL, "provider": "nowcerts"},
        {"kind": RunKind.INCREMENTAL},
    ],
    ids=["not ended", "failed", "of another provider", "of what changed"],
)
def test_any_other_reading_settles_nothing(reading: dict[str, str]) -> None:
    audit()
    run(**reading)
    assert open_kinds() == set(Kind)


def test_reading_before_the_audit_settles_nothing_that_it_found() -> None:
    run(RunKind.BACKFILL)
    audit()
    assert open_kinds() == set(Kind)


def test_newer_audit_takes_the_place_of_an_older_one() -> None:
    audit()
    run(RunKind.AUDIT)
    assert open_kinds() == set()


def test_what_a_reading_itself_found_stays_after_it() -> None:
    reading = run(RunKind.BACKFILL)
    SyncFinding.objects.create(run=reading, key="gone_there:contact:1", kind=Kind.GONE_THERE)
    assert open_kinds() == {Kind.GONE_THERE}


def test_home_leads_to_what_is_left(admin_client: Client) -> None:
    audit()
    run(RunKind.BACKFILL)
    url = "/admin/integrations/syncfinding/?status__exact=open"
    assert f'href="{url}"' in admin_client.get("/admin/").content.decode()
    assert {row.kind for row in admin_client.get(url).context["cl"].result_list} == STAY
