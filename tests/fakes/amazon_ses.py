"""Fake of Amazon SES: an SMTP server, and its reports about mails."""

import json
import socketserver
import threading
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from types import TracebackType
from typing import Any, Self
from uuid import uuid4


def new_id() -> str:
    """Return a message id like those of SES."""
    return f"0100019a{uuid4().hex[:8]}-{uuid4()}-000000"


class FakeSes:
    """SMTP server that answers with message ids; `mails` holds the accepted ones by id, in order.

    While it `is_down` it takes no mail, and says so in the first line.
    `answers` are given in the place of its own answer after a mail's text, one each. `taken` is called with the id
    before the answer goes out.
    """

    def __init__(self) -> None:
        self.mails: dict[str, Message] = {}
        self.answers: list[str] = []
        self.is_down = False
        self.taken: Any = lambda mail_id: None

    def __enter__(self) -> Self:
        self._server = _Server(self)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def last_id(self) -> str:
        return list(self.mails)[-1]


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, ses: FakeSes) -> None:
        self.ses = ses
        super().__init__(("127.0.0.1", 0), _Session)


class _Session(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        if self.server.ses.is_down:
            self._say("421 4.3.2 Service not available")
            return
        self._say("220 email-smtp.amazonaws.com ESMTP SimpleEmailService")
        while line := self.rfile.readline():
            match line.split(b" ")[0].strip().upper():
                case b"DATA":
                    self._take()
                case b"QUIT":
                    self._say("221 Bye")
                    return
                case _:
                    self._say("250 Ok")

    def _take(self) -> None:
        self._say("354 End data with <CR><LF>.<CR><LF>")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        ses = self.server.ses
        if ses.answers:
            self._say(ses.answers.pop(0))
            return
        mail_id = new_id()
        ses.mails[mail_id] = message_from_bytes(b"".join(lines))
        ses.taken(mail_id)
        self._say(f"250 Ok {mail_id}")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


# Reports --------------------------------------------------------------------------------------------------------------


def at(moment: datetime | None = None) -> str:
    return (moment or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def mail_of(mail_id: str, to: str, *, source: str = "somebody@example.net", message_id: str = "") -> dict[str, Any]:
    """Return the `mail` object; with `message_id`, with the original headers too."""
    report: dict[str, Any] = {"timestamp": at(), "source": source, "messageId": mail_id, "destination": [to]}
    if message_id:
        report["headers"] = [{"name": "From", "value": source}, {"name": "Message-ID", "value": message_id}]
        report["commonHeaders"] = {"from": [source], "to": [to], "messageId": message_id, "subject": "Hello"}
    return report


def bounce(mail_id: str, to: str, *, kind: str = "Permanent", sub: str = "General", **mail: str) -> dict[str, Any]:
    recipient = {"emailAddress": to, "status": "5.1.1", "action": "failed", "diagnosticCode": "smtp; 550 no such user"}
    report = {"bounceType": kind, "bounceSubType": sub, "bouncedRecipients": [recipient], "timestamp": at()}
    return {"notificationType": "Bounce", "bounce": report, "mail": mail_of(mail_id, to, **mail)}


def complaint(
    mail_id: str, to: str, *others: str, kind: str = "abuse", when: datetime | None = None, **mail: str
) -> dict[str, Any]:
    listed = [{"emailAddress": address} for address in (to, *others)]
    report = {"complainedRecipients": listed, "complaintFeedbackType": kind, "timestamp": at(when)}
    return {"notificationType": "Complaint", "complaint": report, "mail": mail_of(mail_id, to, **mail)}


def delivery(mail_id: str, to: str, **mail: str) -> dict[str, Any]:
    report = {
        "recipients": [to],
        "smtpResponse": "250 2.6.0 accepted",
        "timestamp": at(),
        "reportingMTA": "mta.example",
    }
    return {"notificationType": "Delivery", "delivery": report, "mail": mail_of(mail_id, to, **mail)}


def as_event(report: dict[str, Any]) -> dict[str, Any]:
    """Return the same report as a configuration set publishes it."""
    return {("eventType" if name == "notificationType" else name): value for name, value in report.items()}


def text(report: dict[str, Any]) -> str:
    return json.dumps(report)
