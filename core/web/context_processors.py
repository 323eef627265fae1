from typing import Any

from django.http import HttpRequest

from core.web import branding


def page(request: HttpRequest) -> dict[str, Any]:
    """Return what every page needs: where the language switch comes back to, and how the business is presented.

    The path alone, a query may hold a token.
    """
    return {"language_next": request.path, "brand": branding.current()}
