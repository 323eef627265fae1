"""Mails to staff lead to the page that they are about, where the reader may open it."""

from typing import Any

import pytest

from accounts.mail import deliver
from accounts.mail.models import EmailMessage
from accounts.people.models import User
from accounts.tests.admin_clients import clerk


@pytest.mark.parametrize(
    ("permissions", "leads_to"),
    [(["view_silence"], "/admin/integrations/silence/7/change/"), (["view_inboxevent"], "/admin/")],
)
def test_mail_to_a_colleague_leads_to_no_page_that_they_may_not_open(
    db: None, settings: Any, permissions: list[str], leads_to: str
) -> None:
    clerk(*permissions)
    reader = User.objects.get(is_staff=True)
    path = "/admin/integrations/silence/7/change/"
    context = {"question": "silence", "provider": "Kajabi", "details": ["It is silent."], "admin_path": path}
    mail = deliver.compose(EmailMessage(kind="staff_question", to=reader.email, context=context, language="en"))
    assert f"{settings.FRONTEND_URL}{leads_to}\n" in f"{mail.body}\n"
