"""Mails to members and staff: enqueued with what they tell, sent, tracked."""

from accounts.mail.file_mailbox import FileMailbox

__all__ = ["FileMailbox"]  # EMAIL_BACKEND names it here
