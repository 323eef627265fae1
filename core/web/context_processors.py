from typing import Any

from django.http import HttpRequest


def page(request: HttpRequest) -> dict[str, Any]:
    """Return what every page needs: where the language switch comes back to.

    The path alone, a query may hold a token.
    """
    return {"language_next": request.path}
