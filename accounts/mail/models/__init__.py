from accounts.mail.models.email_message import EmailMessage
from accounts.mail.models.suppressed_address import SuppressedAddress

__all__ = ["EmailMessage", "SuppressedAddress"]
