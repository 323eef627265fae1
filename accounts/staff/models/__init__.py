from accounts.staff.models.api_token import ApiToken
from accounts.staff.models.audit_entry import AuditEntry

__all__ = ["ApiToken", "AuditEntry"]
