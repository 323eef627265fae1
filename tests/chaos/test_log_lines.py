"""Log lines of several processes in one LOG_FILE."""

from pathlib import Path

from tests.chaos.effects import wait_until_done
from tests.harness import Sender, production, purchase, wait_until
from tests.rendered import parsed


def test_processes_of_production_lose_no_log_line(tmp_path: Path, database_url: str) -> None:
    log, many = tmp_path / "enlace.log", 60
    with production(tmp_path, database_url, workers=2, web_workers=2, LOG_FILE=str(log)) as app:
        names = [f"evt_{number}" for number in range(many)]
        for name in names:
            sender = Sender(app.url)  # one connection for each, so that both of the server's processes get some
            assert sender.post(purchase(name, f"{name}@example.com")).status == 200
            sender.close()
        wait_until_done(app.rows, seconds=60)
        mails = app.rows.value("SELECT COUNT(*) FROM accounts_emailmessage WHERE status = 'sent'")
        least = {"outcome=processed": many, 'event="e-mail sent"': mails}
        are_written = lambda: all(log.read_text().count(end) >= number for end, number in least.items())  # noqa: E731
        wait_until(are_written, seconds=30, what="the last lines, each of which follows its commit")
        lines = [parsed(line) for line in log.read_text().splitlines()]
        webhook_lines = [line for line in lines if line.get("logger") == "webhooks"]
        received = [line for line in webhook_lines if "bytes" in line]
        assert sorted(line["key"] for line in received) == sorted(f"nssa:{name}" for name in names)
        done = [line for line in webhook_lines if line.get("outcome") == "processed"]
        assert sorted(line["event_id"] for line in done) == sorted(line["event_id"] for line in received)
        assert [line for line in lines if not {"timestamp", "level", "logger", "event"} <= set(line)] == []
        sent = {line["email_id"] for line in lines if line.get("event") == "e-mail sent"}
        assert len(sent) == mails > 0
