"""Answers read ahead are good once, and not for long."""

from integrations.toolkit import ahead
from integrations.toolkit.ahead import Ahead


def test_answer_is_good_once() -> None:
    answers: Ahead[str] = Ahead()
    answers.put("key", "answer")
    assert (answers.take("key"), answers.take("key"), answers.take("other")) == ("answer", None, None)


def test_answer_is_not_good_for_long() -> None:
    answers: Ahead[str] = Ahead()
    answers.put("key", "answer")
    put_at, answer = answers._answers["key"]
    answers._answers["key"] = (put_at - 21, answer)
    assert answers.take("key") is None


def test_newest_answers_are_kept() -> None:
    answers: Ahead[int] = Ahead()
    for number in range(ahead._MOST + 10):
        answers.put(number, number)
    assert (answers.take(0), answers.take(ahead._MOST + 9)) == (None, ahead._MOST + 9)
