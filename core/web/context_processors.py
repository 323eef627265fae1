from typing import Any

from django.http import HttpRequest


def page(request: HttpRequest) -> dict[str, Any]:
    """What every page needs: where the language switch comes back to; the path alone, a query may hold a token."""
    return {"language_next": request.path}
