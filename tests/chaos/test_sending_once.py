"""A process that ends between the mail server's answer and our mark repeats the same mail (R5)."""

import email
import email.policy
from pathlib import Path

import pytest

from tests.chaos.effects import assert_every_effect_once, wait_until_done
from tests.harness import Sender, production, purchase, wait_until
from tests.harness.failpoints import LEASE_SECONDS, with_failpoints


@pytest.mark.usefixtures("only_long")
def test_mail_sent_without_its_mark_is_repeated_at_most_once_with_its_id(tmp_path: Path, database_url: str) -> None:
    with production(tmp_path, database_url, worker_env=with_failpoints("mail:exit-after-send:first")) as app:
        sender = Sender(app.url)
        assert sender.post(purchase("evt_mailed", "jane@example.com")).status == 200
        sender.close()
        wait_until(lambda: app.rows.mails("jane@example.com"), seconds=30, what="the welcome mail is enqueued")
        wait_until_done(app.rows, seconds=3 * LEASE_SECONDS + 30)
        assert_every_effect_once(app.rows, {"evt_mailed"})

        files = list((app.var_dir / "mail").glob("*.eml"))
        mails = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in files]
        for address, many in app.rows.counts("accounts_emailmessage", "to").items():
            copies = [mail for mail in mails if address in str(mail["To"])]
            assert many <= len(copies) <= many + 1
            assert len({mail["Message-ID"] for mail in copies}) == many
