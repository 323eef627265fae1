from accounts.staff.models.api_token import ApiToken
from accounts.staff.models.audit_entry import AuditEntry
from accounts.staff.models.dismissal import Dismissal
from accounts.staff.models.saved_filter import SavedFilter

__all__ = ["ApiToken", "AuditEntry", "Dismissal", "SavedFilter"]
