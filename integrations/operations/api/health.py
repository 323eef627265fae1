from http import HTTPStatus

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from integrations.operations import health as operations


@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 while events can be accepted, which takes the database and nothing else; 503 otherwise."""
    report = operations.report()
    is_away = report["status"] == "unavailable"
    return JsonResponse(report, status=HTTPStatus.SERVICE_UNAVAILABLE if is_away else HTTPStatus.OK)
