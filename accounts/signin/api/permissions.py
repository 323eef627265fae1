"""The permission of every API view: the table of access decides by its address and method."""

from typing import TYPE_CHECKING, Any

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission

from accounts.signin.second_factor import is_missing
from accounts.staff import denials
from core.web import access
from core.web.access import Rule, Who

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


class AsListed(BasePermission):
    """Lets in whom the table lists for the address and the method, and nobody where it lists neither.

    A session must have shown the second factor where one is due; a token stands for itself, and must hold the scope.
    """

    def has_permission(self, request: "Request", view: "APIView") -> bool:
        match = request._request.resolver_match
        rules = access.table().methods(match.view_name) if match else {}
        rule = access.table().rule(match.view_name, request.method) if match else None
        if rule is not None:
            return self._lets_in_or_records(request, rule)
        # OPTIONS lists the methods to users who may use some of them; other methods have no view.
        lets_in = any(self.lets_in(request, one) for one in rules.values())
        if lets_in and request.method != "OPTIONS":
            raise MethodNotAllowed(str(request.method))
        return lets_in

    def _lets_in_or_records(self, request: "Request", rule: Rule) -> bool:
        lets_in = self.lets_in(request, rule)
        if not lets_in and request.user and request.user.is_authenticated:
            denials.record(request._request, request.user)
        return lets_in

    def lets_in(self, request: "Request", rule: Rule) -> bool:
        user: Any = request.user
        if not access.holds(user, rule):
            return False
        token: Any = request.auth
        if token is not None:
            return rule.who is Who.ANYBODY or (bool(rule.scope) and rule.scope in token.scopes)
        return rule.who in (Who.ANYBODY, Who.OWN_PROOF, Who.MEMBER) or not is_missing(request._request)
