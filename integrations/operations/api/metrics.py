"""`GET /metrics`, for Prometheus."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from integrations.api.permissions import AsListedOrMonitor
from integrations.operations import metrics


@extend_schema(tags=["Monitoring"], responses={(200, "text/plain"): str})
class PrometheusView(APIView):
    """The metrics of the whole installation, whichever of its processes answers."""

    permission_classes = (AsListedOrMonitor,)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Accept every media type: metrics have one form, and refusals are JSON."""
        return JSONRenderer(), JSONRenderer.media_type

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(
            metrics.exposition(), content_type=CONTENT_TYPE_PLAIN_0_0_4, headers={"Cache-Control": "no-store"}
        )
