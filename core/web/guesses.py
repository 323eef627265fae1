"""Limits on guesses: passwords, codes, tokens and signatures that somebody may be trying out.

A guess is counted before it is judged, so that guesses sent at the same moment do not all find the counter low. A right
one is taken back afterwards:

    guesses.count("sign-in", client, limit=10, seconds=900)  # raises TooMany
    if not is_right(password):
        return refused
    guesses.forgive("sign-in", client)
"""

from core.web import limits

_windows: dict[str, int] = {}  # scope → the length of its window in seconds


class TooMany(Exception):
    """No more guesses are judged in this window: answer 429 with `retry_after`, in seconds.

    `is_first` is true for the first refusal of this identity in this window: the one that is reported as a lock-out.
    """

    def __init__(self, scope: str, identity: str, *, retry_after: int, is_first: bool) -> None:
        super().__init__(f"too many guesses in the scope {scope!r}; the next is judged in {retry_after} seconds")
        self.scope, self.identity = scope, identity
        self.retry_after, self.is_first = retry_after, is_first


def count(scope: str, *identities: str, limit: int, seconds: int) -> None:
    """Count one guess for each identity; at most `limit` in a window of `seconds` are let through for each of them.

    The identities are counted in their order, and the first that is at its limit ends it: put the client before the
    account, then a client that is locked out uses up nobody's account. A scope has one window, always the same.

    Raises TooMany; the refused guess does not count for the identity that refused it.
    """
    _windows[scope] = seconds
    for identity in identities:
        window = limits.Window(scope, identity, seconds=seconds)
        if window.add() > limit:
            # Else many right guesses at one moment would leave the counter above nought until the window ends, since
            # only those that were let through are forgiven. Those in flight keep it at the limit until they are judged.
            window.take_back()
            is_first = _is_first_refusal(scope, identity, seconds=seconds)
            raise TooMany(scope, identity, retry_after=limits.seconds_left(seconds), is_first=is_first)


def forgive(scope: str, *identities: str) -> None:
    """Take a right guess back that `count` let through in this process.

    Where the window turned in between, it is a guess of the new window that is taken back, if there was one.
    """
    for identity in identities:
        limits.Window(scope, identity, seconds=_windows[scope]).take_back()


def _is_first_refusal(scope: str, identity: str, *, seconds: int) -> bool:
    return limits.add(f"{scope}:refused", identity, seconds=seconds) == 1


class FrequentGuesses(limits.LocalCounts):
    """Guesses among many right ones, as tokens of webhooks are: counted in this process, so that a right one costs no
    round trip to the cache.

    A process judges no more than `limit` wrong guesses of a client in a window, however parallel they come. `wrong`
    counts wrong ones in the cache: once all processes together have seen `limit`, the next wrong guess in this process
    is its last.
    """

    def count(self, identity: str, *, limit: int) -> None:
        """Count one guess before it is judged. Raises TooMany."""
        with self._lock:
            self._begin_window()
            counted = self._counted.get(identity, 0)
            is_open = counted < limit and identity not in self._closed
            if is_open:
                self._counted[identity] = counted + 1
        if not is_open:
            raise self._too_many(identity)

    def forgive(self, identity: str) -> None:
        """Take a right guess back."""
        with self._lock:
            self._begin_window()
            counted = self._counted.pop(identity, 0) - 1
            if counted > 0:
                self._counted[identity] = counted

    def wrong(self, identity: str, *, limit: int) -> None:
        """Count a wrong guess, or anything else that counts as one, in the cache. Raises TooMany."""
        if limits.retry_after(self._scope, identity, limit=limit, seconds=self._seconds):
            raise self._too_many(identity)

    def _too_many(self, identity: str) -> TooMany:
        with self._lock:
            self._begin_window()
            is_news = identity not in self._closed
            self._closed.add(identity)
        is_first = is_news and _is_first_refusal(self._scope, identity, seconds=self._seconds)
        return TooMany(self._scope, identity, retry_after=limits.seconds_left(self._seconds), is_first=is_first)
