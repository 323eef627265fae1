from accounts.staff.models.api_token import ApiToken
from accounts.staff.models.audit_entry import AuditEntry
from accounts.staff.models.dismissal import Dismissal

__all__ = ["ApiToken", "AuditEntry", "Dismissal"]
