"""Small answers of others, over real HTTP: whole ones are given; long, slow and broken ones are refused in time."""

from typing import Any

import pytest
import requests

from core.web import small_answers
from core.web.small_answers import TooLong
from tests.fakes.http_server import Answer, Drip, FakeServer, Hang, Reset

BROKEN = Answer(status=200, body=b"no gzip", headers={"Content-Encoding": "gzip"})


def get(url: str) -> small_answers.SmallAnswer:
    return small_answers.get(url, timeout=(1.0, 0.3), patience=0.5, largest=1000)


def test_answer_is_given_whole_and_of_others_the_status_alone() -> None:
    with FakeServer(lambda asked: Answer(status=200, body=b"yes")) as outside:
        assert get(outside.url) == small_answers.SmallAnswer(status=200, body=b"yes")
        outside.misbehave(Answer(status=302, headers={"Location": "/elsewhere"}), Answer(status=503, body=b"no"))
        assert [get(outside.url) for _ in range(2)] == [
            small_answers.SmallAnswer(status=302, body=b""),
            small_answers.SmallAnswer(status=503, body=b""),
        ]
        assert len(outside.exchanges) == 3  # no redirect was followed


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (Answer(status=200, body=b"0" * 1001), TooLong),
        (Drip(), TimeoutError),
        (Hang(), requests.RequestException),
        (Reset(), requests.RequestException),
        (BROKEN, requests.RequestException),
    ],
    ids=["long", "drip", "hang", "reset", "broken"],
)
def test_answer_that_is_too_long_too_slow_or_broken_is_refused(trouble: Any, error: type[Exception]) -> None:
    with FakeServer() as outside:
        outside.misbehave(trouble)
        with pytest.raises(error):
            get(outside.url)


def test_no_password_of_a_netrc_goes_along(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password theirs\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with FakeServer(lambda asked: Answer(status=200)) as outside:
        get(outside.url)
        assert "authorization" not in outside.exchanges[0].asked.headers
