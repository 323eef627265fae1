"""Many clients that post purchases until stopped, and record the acknowledged ones."""

import random
import threading
import time
from types import TracebackType
from typing import Self

from tests.harness.webhooks import Answer, Sender, purchase


def email_of(event_id: str) -> str:
    """Return the buyer's address of an event: one buyer for each event, so that effects can be counted."""
    return f"{event_id.replace('_', '-')}@example.com"


class Flood:
    """Load of `rate` events a second from `clients` threads; a share of them repeats an earlier id.

    The rate stays below what one provider may send in a minute: a 429 is not what these tests are about.
    """

    def __init__(
        self, url: str, *, clients: int = 8, rate: float = 60, repeated: float = 0.05, name: str = "flood"
    ) -> None:
        self.url = url
        self.name = name
        self.pause = clients / rate
        self.repeated = repeated
        self.answers: list[tuple[str, Answer]] = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.post_until_stopped, args=(number,)) for number in range(clients)]

    def post_until_stopped(self, client: int) -> None:
        """Post as one client. An event without an answer is not repeated: it may be stored or not."""
        chance = random.Random(client)  # repeatable, nothing secret
        sender = Sender(self.url, timeout=10)
        sent: list[str] = []
        while not self.stopping.wait(self.pause * chance.uniform(0.5, 1.5)):
            repeats = sent and chance.random() < self.repeated
            event_id = chance.choice(sent) if repeats else f"evt_{self.name}_{client}_{len(sent)}"
            if not repeats:
                sent.append(event_id)
            answer = sender.post(purchase(event_id, email_of(event_id)))
            self.answers.append((event_id, answer))
        sender.close()

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    @property
    def acknowledged(self) -> set[str]:
        """Return the ids that were answered 2xx at least once."""
        return {event_id for event_id, answer in self.answers if answer.is_accepted}

    @property
    def refusals(self) -> list[Answer]:
        """Return the answers that were neither 2xx nor a broken connection."""
        return [answer for _, answer in self.answers if answer.status and not answer.is_accepted]

    def wait_for(self, acknowledged: int, *, seconds: float = 60) -> None:
        """Wait until that many more ids are acknowledged; raise AssertionError after `seconds`."""
        wanted = len(self.acknowledged) + acknowledged
        deadline = time.monotonic() + seconds
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < deadline, f"{len(self.acknowledged)} of {wanted} acknowledged after {seconds:g} s"
            time.sleep(0.05)
