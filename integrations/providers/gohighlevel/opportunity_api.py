"""GoHighLevel's opportunities as they are read and written for policies (contracts/mirror.py).

Where an opportunity stands in its pipeline is people's business: a change never names it. Its status is written where
the policy's status changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from django.conf import settings

from integrations.contracts.exceptions import Gone
from integrations.contracts.mirror import Deals, Opportunity, OutgoingCall, RemoteOpportunity, Sent, Stage
from integrations.providers.gohighlevel.client import GoHighLevelClient, Record, record_path
from integrations.providers.gohighlevel.fields import day_of
from integrations.providers.gohighlevel.opportunity_fields import ids_of
from integrations.providers.gohighlevel.permissions import CUSTOM_FIELDS, OPPORTUNITIES
from integrations.toolkit import answers
from integrations.toolkit.failures import NotFound
from integrations.toolkit.fields import text_of
from integrations.toolkit.reading import text_at

# The keys of the custom fields that a location should have for opportunities.
DETAILS = ("policy_number", "carrier", "effective_date", "expiration_date")
_DATES = frozenset({"effective_date", "expiration_date"})


@dataclass(frozen=True)
class GoHighLevelOpportunities:
    """The OpportunityApi of the location."""

    client: GoHighLevelClient

    def read(self, external_id: str) -> RemoteOpportunity:
        try:
            record = self.client.opportunity(external_id)
        except NotFound as error:
            raise Gone(answers.NO_MORE(provider="GoHighLevel", kind="opportunity", id=external_id)) from error
        return self._remote_opportunity({**record, "id": external_id})

    def of_contact(self, contact_id: str) -> Sequence[RemoteOpportunity]:
        records = sorted(self.client.opportunities_of(contact_id), key=lambda record: text_at(record, "createdAt"))
        return [self._remote_opportunity(record) for record in records]

    def stages(self) -> Sequence[Stage]:
        return [
            Stage(
                pipeline_id=text_at(pipeline, "id"),
                stage_id=text_at(stage, "id"),
                pipeline_name=text_at(pipeline, "name"),
                stage_name=text_at(stage, "name"),
            )
            for pipeline in self.client.pipelines()
            for stage in _stages_of(pipeline)
        ]

    def creation(self, wanted: Opportunity, *, contact_id: str, stage: Stage) -> OutgoingCall:
        body = {
            "pipelineId": stage.pipeline_id,
            "pipelineStageId": stage.stage_id,
            "status": wanted.status or "open",
            "contactId": contact_id,
            "locationId": self.client.location_id,
            **self._written(title=wanted.title, amount=wanted.amount, details=wanted.details),
        }
        return OutgoingCall(method="POST", path="/opportunities/", body=body)

    def change(self, remote: RemoteOpportunity, wanted: Opportunity) -> OutgoingCall:
        """Return the call that changes what differs; an amount that is not known changes nothing."""
        current = remote.values
        body = self._written(
            title=wanted.title if wanted.title != current.title else "",
            amount=wanted.amount if wanted.amount != current.amount else None,
            details={name: text for name, text in wanted.details.items() if text != current.details.get(name, "")},
        )
        if wanted.status and wanted.status != remote.status:
            body["status"] = wanted.status
        path, external_id = record_path("/opportunities", remote.external_id), remote.external_id
        return OutgoingCall(method="PUT", path=path, body=body, external_id=external_id)

    def send(self, call: OutgoingCall) -> Sent:
        if call.creates:
            made = self.client.create_opportunity(call.body)
            return Sent(external_id=made.external_id, answer=made.answer, existed=not made.is_new)
        try:
            record = self.client.update_opportunity(call.external_id, call.body)
        except NotFound as error:
            raise Gone(answers.NO_MORE(provider="GoHighLevel", kind="opportunity", id=call.external_id)) from error
        return Sent(external_id=call.external_id, answer={"opportunity": record})

    def _written(self, *, title: str, amount: int | None, details: Mapping[str, str]) -> dict[str, Any]:
        """Return the given values as the API takes them.

        A detail goes by its name where the location has no field for it: GoHighLevel drops it then, and takes it from
        the day on which the field exists.
        """
        body: dict[str, Any] = {"name": title} if title else {}
        if amount is not None:
            body["monetaryValue"] = amount // 100 if amount % 100 == 0 else amount / 100
        if details:
            ids = ids_of(self.client, details)
            body["customFields"] = [
                ({"id": ids[name]} if name in ids else {"key": name}) | {"field_value": text}
                for name, text in details.items()
            ]
        return body

    def _remote_opportunity(self, record: Record) -> RemoteOpportunity:
        return RemoteOpportunity(
            external_id=text_at(record, "id"),
            contact_id=text_of(record, (("contactId",), ("contact", "id"))),
            values=Opportunity(
                title=text_at(record, "name"),
                amount=_minor_units(record.get("monetaryValue")),
                details=self._details(record),
            ),
            status=text_at(record, "status").lower(),
            record=record,
        )

    def _details(self, record: Record) -> dict[str, str]:
        own = record.get("customFields")
        values = {text_at(field, "id"): _value(field) for field in own} if isinstance(own, list) else {}
        if not values:
            return {}
        ids = ids_of(self.client, DETAILS)
        details = {name: values[ids[name]] for name in DETAILS if ids.get(name) in values}
        return {name: day_of(value) if name in _DATES else str(value).strip() for name, value in details.items()}


DEALS = Deals(
    identity="contact",
    open=lambda patience: GoHighLevelOpportunities(GoHighLevelClient(patience=patience)),
    resources=(OPPORTUNITIES, CUSTOM_FIELDS),
    stages=lambda: settings.GHL_PIPELINES,
)


def _stages_of(pipeline: Record) -> list[Record]:
    stages = pipeline.get("stages")
    stages = [stage for stage in stages if isinstance(stage, dict)] if isinstance(stages, list) else []
    return sorted(stages, key=_position)


def _position(stage: Record) -> float:
    position = stage.get("position")
    return position if isinstance(position, int | float) else 0


def _value(field: Any) -> Any:
    """Return the value of an opportunity's custom field: under `fieldValue`, or under a name like fieldValueString."""
    names = [name for name in field if name.startswith("fieldValue")] if isinstance(field, dict) else []
    return next((field[name] for name in sorted(names) if field[name] is not None), "")


def _minor_units(value: Any) -> int | None:
    try:
        amount = Decimal(str(value))
        return int((amount * 100).to_integral_value(ROUND_HALF_UP)) if amount.is_finite() else None
    except InvalidOperation:
        return None
