"""API for staff: sync one record by hand, or with `dry_run` return the difference."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, PolymorphicProxySerializer, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.people.models import User
from accounts.staff.audit import record
from core.cause import Cause
from core.field_names import CUSTOM
from core.queue.waiting import wait_for
from core.text import storable
from integrations.contracts.exceptions import Permanent, Retryable, Unmatched, Unreadable
from integrations.inbox.models import InboxEvent
from integrations.inbox.models.event import Status
from integrations.outbox import manual, switch
from integrations.outbox.enqueue import mirrored_providers
from integrations.outbox.manual import Progress
from integrations.outbox.models import OutgoingWrite

_DIRECTION = "to_"


_REQUEST = inline_serializer(
    "ManualSync",
    {
        "source": serializers.CharField(help_text="nowcerts or ghl: whose record `data` is"),
        "entity_type": serializers.CharField(help_text="contact; from NowCerts also policy or quote"),
        "direction": serializers.CharField(help_text="to_ghl or to_nowcerts"),
        "data": serializers.DictField(help_text="the record, by its provider's names"),
        "dry_run": serializers.BooleanField(required=False, help_text="answer the difference and write nothing"),
    },
)
_ANSWER = inline_serializer(
    "ManualSyncAnswer",
    {
        "success": serializers.BooleanField(),
        "message": serializers.CharField(),
        "event_id": serializers.CharField(),
        "status_url": serializers.CharField(required=False),
        "data": serializers.DictField(),
    },
)

_FAILED = inline_serializer(
    "ManualSyncFailed",
    {
        "success": serializers.BooleanField(default=False),
        "message": serializers.CharField(),
        "detail": serializers.CharField(),
        "event_id": serializers.CharField(required=False),
        "data": serializers.DictField(required=False),
    },
)
_FAULT = inline_serializer(
    "ManualSyncFault",
    {
        "loc": serializers.ListField(child=serializers.CharField()),
        "msg": serializers.CharField(),
        "type": serializers.CharField(),
    },
    many=True,
)
# A record that names nobody is answered as a failed sync; a field that cannot be read, by its place.
_UNREADABLE = PolymorphicProxySerializer(
    "ManualSyncUnreadable", [inline_serializer("ManualSyncFaults", {"detail": _FAULT}), _FAILED], None
)
_EXAMPLE = OpenApiExample(
    "a contact of NowCerts",
    {
        "source": "nowcerts",
        "entity_type": "contact",
        "direction": "to_ghl",
        "data": {"firstName": "Manual", "lastName": "Sync", "email": "manual@example.com", "phone": "+1555555555"},
    },
    request_only=True,
)


class ManualSync(APIView):
    """Sync one record now. Waits up to ten seconds for the result; else 202, with the address that says how it goes."""

    @extend_schema(
        tags=["Staff"],
        request=_REQUEST,
        responses={200: _ANSWER, 202: _ANSWER, 422: _UNREADABLE, 502: _FAILED, 503: _FAILED},
        examples=[_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        body: Any = storable(request.data)
        try:
            sync = _requested(body)
        except Unreadable as error:
            return _unreadable(error)
        if sync.target.key not in mirrored_providers():
            message = f"{sync.target.title} is not connected, or CONTACT_SYNC is off: nothing can be written there."
            return Response({"success": False, "message": message, "detail": message}, HTTPStatus.SERVICE_UNAVAILABLE)
        if body.get("dry_run"):
            return self._dry_run(sync)
        if held := switch.reason():
            return Response({"success": False, "message": held, "detail": held}, HTTPStatus.SERVICE_UNAVAILABLE)
        assert isinstance(request.user, User)
        try:
            event = manual.begin(sync, cause=Cause.by_staff(request.user))
        except Unreadable as error:
            return _unreadable(error)
        except Unmatched as error:
            return _unreadable(Unreadable(str(error), at=("data",)))
        record(
            "contact.synced_by_hand",
            request=request._request,
            actor=request.user,
            target=event,
            source=sync.source.key,
            to=sync.target.key,
            kind=sync.entity_type,
        )
        progress = wait_for(lambda: manual.follow(event), is_done=lambda progress: progress.is_done)
        return _answer(event, progress)

    def _dry_run(self, sync: manual.ManualSync) -> Response:
        try:
            preview = manual.dry_run(sync)
        except Unreadable as error:
            return _unreadable(error)
        except Unmatched as error:
            return _unreadable(Unreadable(str(error), at=("data",)))
        except (Retryable, Permanent) as error:
            return Response({"success": False, "message": str(error), "detail": str(error)}, HTTPStatus.BAD_GATEWAY)
        here = {name: {"before": before, "after": after} for name, (before, after) in preview.local.items()}
        there = [difference.as_json() for difference in preview.remote]
        data = {"dry_run": True, "here": here, "there": there}
        answer = {"success": not preview.problem, "message": "Simulación: no se escribió nada", "event_id": ""}
        if preview.problem:
            problem = {"message": f"No se podría sincronizar: {preview.problem}", "detail": preview.problem}
            return Response({**answer, **problem, "data": data}, HTTPStatus.BAD_GATEWAY)
        return Response({**answer, "data": data})


class ManualSyncStatus(APIView):
    """Progress of a manual sync."""

    @extend_schema(tags=["Staff"], responses={200: _ANSWER, 202: _ANSWER, 422: _FAILED, 502: _FAILED})
    def get(self, request: Request, event_id: str) -> Response:
        key = int(event_id) if len(event_id) < 19 else 0
        event = get_object_or_404(InboxEvent, pk=key, endpoint=manual.ENDPOINT)
        return _answer(event, manual.follow(event))


def _requested(body: Any) -> manual.ManualSync:
    """Return the sync that a request asks for. Raises Unreadable, naming the field."""
    if not isinstance(body, Mapping):
        raise Unreadable("an object is expected")
    sides = manual.sides_by_name()
    source = sides.get(str(body.get("source", "")).lower())
    if source is None:
        raise Unreadable(f"source: one of {', '.join(sorted(sides))} is expected", at=("source",))
    direction = str(body.get("direction", "")).lower()
    target = sides.get(direction.removeprefix(_DIRECTION)) if direction.startswith(_DIRECTION) else None
    if target is None or target.key == source.key:
        others = sorted(f"{_DIRECTION}{name}" for name, side in sides.items() if side.key != source.key)
        raise Unreadable(f"direction: one of {', '.join(others)} is expected", at=("direction",))
    if not isinstance(body.get("data"), Mapping):
        raise Unreadable("data: a record is expected", at=("data",))
    if not isinstance(body.get("dry_run", False), bool):
        raise Unreadable("dry_run: true or false is expected", at=("dry_run",))
    return manual.ManualSync(
        source=source, target=target, entity_type=str(body.get("entity_type", "contact")).lower(), record=body["data"]
    )


def _answer(event: InboxEvent, progress: Progress) -> Response:
    failed = progress.is_done and bool(progress.problem)
    wrote = any(write.status == OutgoingWrite.Status.DONE for write in progress.writes)
    if failed:
        message, status = f"No se pudo sincronizar: {progress.problem}", HTTPStatus.BAD_GATEWAY
        if event.status == Status.UNMATCHED:  # no provider is to blame: the record names nobody
            status = HTTPStatus.UNPROCESSABLE_ENTITY
    elif not progress.is_done:
        waits_for = f": {progress.problem}" if progress.problem else ""
        message, status = f"Sincronización en curso{waits_for}", HTTPStatus.ACCEPTED
    else:
        message = "Sincronización completada" if wrote else "Ya estaba igual: no hubo nada que escribir"
        status = HTTPStatus.OK
    data = {
        "status": "failed" if failed else "done" if progress.is_done else "pending",
        "contact_id": progress.contact.pk if progress.contact else None,
        "writes": [_shown(write) for write in progress.writes],
    }
    answer = {"success": not failed, "message": message, "event_id": event.key.removeprefix("delivery:"), "data": data}
    if failed:
        answer["detail"] = progress.problem
    if not progress.is_done:
        answer["status_url"] = reverse("manual-sync-status", args=[event.pk])
    return Response(answer, status=status)


def _shown(write: OutgoingWrite) -> dict[str, Any]:
    return {
        "id": write.pk,
        "provider": write.provider,
        "kind": write.kind,
        "operation": write.operation or None,
        "status": write.status,
        "external_id": write.external_id or None,
        "changes": {
            name.removeprefix(CUSTOM): {"before": write.before.get(name), "after": value}
            for name, value in write.after.items()
        },
        "attempts": write.attempts,
        "error": write.last_error or None,
    }


def _unreadable(error: Unreadable) -> Response:
    fault = {"loc": ["body", *error.at], "msg": str(error), "type": "value_error"}
    return Response({"detail": [fault]}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
