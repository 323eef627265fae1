"""Errors for front ends: each has `success`, a message that can be shown as it is, and a code that never changes."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import APIException, Throttled, ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from core.web.refusals import refusal


class RefusalSerializer(serializers.Serializer[Any]):
    """`detail` is the message again. `errors` names the fields at fault, where single fields are."""

    success = serializers.BooleanField(default=False)
    message = serializers.CharField()
    detail = serializers.CharField()
    code = serializers.CharField()
    errors = serializers.DictField(  # type: ignore[assignment]  # the class has none of its own once this is a field
        child=serializers.ListField(child=serializers.CharField()), required=False
    )


TAG = "Front ends"
REFUSALS = dict.fromkeys((400, 405, 411, 413, 415, 429), RefusalSerializer)


class FrontEndView(APIView):
    """Answers anybody, without a session, and answers errors as RefusalSerializer describes."""

    authentication_classes: list[Any] = []

    def get_exception_handler(self) -> Any:
        return _answer_error


def _answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the answer to an error of the API, None for any other. Status and headers are Django REST framework's."""
    response = exception_handler(error, context)
    if response is None or not isinstance(error, APIException):
        return response
    if isinstance(error, Throttled):
        message = _("Too many tries. Try again in %(seconds)d seconds.") % {
            "seconds": getattr(error, "wait", None) or 0
        }
        response.data = refusal(message, code="throttled")
    elif isinstance(error, ValidationError) and isinstance(error.detail, dict):
        errors = {field: [str(text) for text in texts] for field, texts in error.detail.items()}
        sentences = (
            text if field == "non_field_errors" else f"{field}: {text}" for field in errors for text in errors[field]
        )
        response.data = refusal(" ".join(sentences), code="invalid", errors=errors)
    else:
        codes = error.get_codes()
        response.data = refusal(str(error.detail), code=codes if isinstance(codes, str) else error.default_code)
    return response
