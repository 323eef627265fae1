"""Load generator of low cost: every request is built and signed before the clock starts.

Each process drives its connections with one selector and raw sockets, one request in flight on each connection.
"""

import json
import multiprocessing
import queue
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import Any

from tests.harness.flood import email_of
from tests.harness.webhooks import RELAY_PATH, purchase, sign

# More than any server here answers in a round; a round that runs out of requests ends early and counts its real time.
REQUESTS_A_SECOND = 4000


def request_bytes(port: int, event_id: str) -> bytes:
    """Return a complete signed HTTP request that posts a purchase."""
    body = json.dumps(purchase(event_id, email_of(event_id))).encode()
    head = (
        f"POST {RELAY_PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"X-Kajabi-Signature: {sign(body)}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass
class Connection:
    """Keep-alive connection and the answer that it is reading."""

    port: int
    sock: socket.socket = field(init=False)
    received: bytes = b""
    sent_at: float = 0.0

    def __post_init__(self) -> None:
        self.connect()

    def connect(self) -> None:
        self.sock = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> None:
        self.received = b""
        self.sent_at = time.perf_counter()
        self.sock.sendall(request)

    def read(self) -> tuple[int, bool] | None:
        """Return the status and whether the server closes once the answer is complete, else None. Status 0: cut off."""
        part = self.sock.recv(65536)
        if not part:
            return 0, True
        self.received += part
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator:
            return None
        lowered = head.lower()
        length = int(lowered.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(body) < length:
            return None
        return int(head[9:12]), b"\r\nconnection: close" in lowered


@dataclass
class Measurement:
    """Results of one round."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def per_second(self) -> float:
        """Return the accepted (2xx) answers a second."""
        return sum(many for status, many in self.statuses.items() if 200 <= status < 300) / self.seconds

    def percentile(self, share: float) -> float:
        """Return the latency in milliseconds below which `share` of the answers stayed."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def drive(port: int, requests: list[bytes], connections: int, seconds: float) -> Measurement:
    """Send the requests over that many connections until they or the time are used up."""
    measured = Measurement()
    remaining = iter(requests)
    with selectors.DefaultSelector() as selector:
        started = time.perf_counter()
        for _, request in zip(range(connections), remaining, strict=False):
            connection = Connection(port)
            selector.register(connection.sock, selectors.EVENT_READ, connection)
            connection.send(request)
        while selector.get_map():
            for key, _ in selector.select(timeout=30):
                connection = key.data
                answer = connection.read()
                if answer is None:
                    continue
                now = time.perf_counter()
                status, closes = answer
                measured.latencies.append(now - connection.sent_at)
                measured.statuses[status] += 1
                request = next(remaining, None) if now - started < seconds else None
                if closes or request is None:
                    selector.unregister(connection.sock)
                    connection.sock.close()
                if request is None:
                    continue
                if closes:
                    connection.connect()
                    selector.register(connection.sock, selectors.EVENT_READ, connection)
                connection.send(request)
        measured.seconds = time.perf_counter() - started
    return measured


def generate(
    port: int, name: str, count: int, connections: int, seconds: float, barrier: Barrier, results: "Queue[Any]"
) -> None:
    """Run one generator process: prepare, wait for the others, send, report."""
    requests = [request_bytes(port, f"evt_{name}_{number}") for number in range(count)]
    barrier.wait()
    results.put(drive(port, requests, connections, seconds))


def post_many(
    port: int, name: str, *, seconds: float, count: int | None = None, connections: int = 16, processes: int = 2
) -> Measurement:
    """Post purchases with ids `evt_<name>…` for that time, or `count` of them; return the sum over all processes."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(processes)
    results: Queue[Measurement] = context.Queue()
    each = int(seconds * REQUESTS_A_SECOND) // processes if count is None else -(-count // processes)
    started: list[Any] = []
    target: Callable[..., None] = generate
    for number in range(processes):
        arguments = (port, f"{name}_{number}", each, connections // processes, seconds, barrier, results)
        started.append(context.Process(target=target, args=arguments))
    for process in started:
        process.start()
    parts: list[Measurement] = []
    while len(parts) < processes:
        try:
            parts.append(results.get(timeout=1))
        except queue.Empty:
            if any(process.exitcode for process in started):
                raise RuntimeError("a load generator ended with an error") from None
    for process in started:
        process.join()
    return Measurement(
        seconds=max(part.seconds for part in parts),
        latencies=[latency for part in parts for latency in part.latencies],
        statuses=sum((part.statuses for part in parts), Counter()),
    )
