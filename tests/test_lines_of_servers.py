"""Log lines of running servers and workers that the documents search for by grep."""

import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.harness import Sender, embedded, purchase, wait_until
from tests.harness.servers import gunicorn
from tests.rendered import parsed

CHATWOOT_TOKEN = "a-chatwoot-token-that-only-tests-know"
NOWCERTS_TOKEN = "a-nowcerts-token-that-only-tests-know"
GHL_TOKEN = "a-ghl-token-that-only-tests-know"
TOKENS = {
    "CHATWOOT_WEBHOOK_TOKEN": CHATWOOT_TOKEN,
    "NOWCERTS_WEBHOOK_TOKEN": NOWCERTS_TOKEN,
    "GHL_WEBHOOK_TOKEN": GHL_TOKEN,
}
# As the documents have them; the first argument of grep or of Railway's filter.
SEARCHED = [
    "Kajabi Webhook",
    r"📥 \[Kajabi Webhook\]",
    r"✅ \[Kajabi Webhook\]",
    r"❌ \[Kajabi Webhook\]",
    r"📥 \[Kajabi Webhook\] Evento recibido:",
    r"✅ \[Kajabi Webhook\] Evento offer.purchased procesado exitosamente",
    r"🔄 \[Kajabi Webhook\] Sincronizando contacto .*\.\.\.",
    r"❌ \[Kajabi Webhook\] Error procesando evento",
    r"\[INCOMING\] NOWCERTS_WEBHOOK - Payload: {.*}",
    r"\[OUTGOING\] NOWCERTS_WEBHOOK - Response: ",
    r"\[INCOMING\] GHL_WEBHOOK - Payload: {.*}",
    r"\[OUTGOING\] GHL_WEBHOOK - Response: ",
    "Chatwoot",
    r"\[Chatwoot Webhook\] Account created: 123 - Test Company S.A.",
    r"\[Chatwoot Sync\] Creating company: chatwoot_123",
    r"\[Chatwoot Sync\] Company created successfully: chatwoot_123",
    r"\[Chatwoot Sync\] Error: ",
    "chatwoot_account_id:123",
]


def grep(pattern: str, log: Path) -> list[str]:
    done = subprocess.run(["grep", "-a", pattern, str(log)], capture_output=True, text=True, check=False, timeout=10)
    return done.stdout.splitlines()


def post_all(url: str, name: str) -> None:
    """Post a webhook of each provider, and one of Kajabi and Chatwoot that fails."""
    sender = Sender(url)
    person = {"firstName": "Janeprivate", "email": f"{name}.private@example.com", "phone": "3055550142"}
    account = {"event": "account_created", "id": 123, "name": "Test Company S.A.", "users": []}
    nowcerts = {"event_type": "INSURED_INSERT", "data": person}
    chatwoot = f"/api/chatwoot/webhooks/account-created/{CHATWOOT_TOKEN}"
    answers = [
        sender.post(purchase(f"evt_{name}", f"{name}.private@example.com")),
        sender.post(purchase(f"evt_{name}_2", f"{name}.private@example.com", offer={"id": "nobody_sells_this"})),
        sender.post(nowcerts, path=f"/api/v1/webhooks/nowcerts/{NOWCERTS_TOKEN}"),
        sender.post({"event": "contact.created", "contact": person}, path=f"/api/v1/webhooks/ghl/{GHL_TOKEN}"),
        sender.post(account, path=chatwoot),
        sender.post(account | {"id": "none", "made_by": name}, path=chatwoot),
    ]
    sender.close()
    assert [answer.status for answer in answers] == [200, 200, 200, 200, 200, 400]


def ends(log: Path) -> Counter[str]:
    """Return how often each outcome of an attempt was logged."""
    return Counter(line["outcome"] for line in map(parsed, log.read_text().splitlines()) if "attempt" in line)


@pytest.mark.embedded
def test_documented_searches_find_their_log_lines_on_both_servers(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "nested" / "enlace.log"
    with embedded(tmp_path, LOG_FILE=str(log), WEB_CONCURRENCY="1", **TOKENS) as app, gunicorn(app) as port:
        assert f"ready: {app.url}" in app.log, "the terminal still says where it is"
        for number, (url, name) in enumerate([(app.url, "waitress"), (f"http://127.0.0.1:{port}", "gunicorn")]):
            post_all(url, name)
            expected = {"processed": 4 + 3 * number, "unmatched": 1 + number}  # the account is new only once
            wait_until(lambda expected=expected: ends(log) == expected, seconds=30, what=f"{expected}; {log}")  # type: ignore[misc]
        assert {pattern: bool(grep(pattern, log)) for pattern in SEARCHED} == dict.fromkeys(SEARCHED, True)
        assert len(grep(r"📥 \[Kajabi Webhook\]", log)) == 4
        assert len(grep(r"✅ \[Kajabi Webhook\]", log)) == 2
        written = log.read_text() + app.log
        values = ["Janeprivate", ".private@", "3055550142", *TOKENS.values()]
        assert [value for value in values if value in written] == []
        assert "private-at-example" not in log.read_text(), "so is the file called that the mail lies in"
        assert "logger=webhooks" not in app.log
