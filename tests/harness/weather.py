"""Bad conditions that both storms share: webhooks that come late, twice, reordered or never, work that is done now or
later, and calls that go wrong.
"""

import random
from typing import Any

from hypothesis import strategies as st

from tests.fakes import gohighlevel, nowcerts
from tests.fakes.http_server import Answer, Lost, Reset
from tests.harness.held_sides import A_MOMENT, HeldSides

WEATHER: tuple[Any, ...] = (
    st.tuples(st.just("hooks"), st.integers(0, 8), st.booleans(), st.booleans()),
    st.tuples(st.just("work")),
    st.tuples(st.just("time")),
    st.tuples(st.just("trouble"), st.integers(0, 1), st.integers(0, 4)),
)


class Weather:
    """Both sides under bad conditions; `chance` is seeded, so that a story can be told again."""

    def __init__(self, sides: HeldSides, *, seed: int) -> None:
        self.sides, self.chance = sides, random.Random(seed)

    def blow(self, step: tuple[Any, ...]) -> None:
        """Let one step of WEATHER happen."""
        match step:
            case ("hooks", count, doubled, shuffled):
                self._deliver(count, doubled=doubled, shuffled=shuffled)
            case ("work",):
                self.sides.drain()
            case ("time",):
                self.sides.forward(A_MOMENT)
                self.sides.drain()
            case ("trouble", side, kind):
                self._trouble(side, kind)

    def _deliver(self, count: int, *, doubled: bool, shuffled: bool) -> None:
        """Deliver some of the webhooks that wait, the oldest first or any; the others come later."""
        hooks = self.sides.hooks
        if shuffled:
            self.chance.shuffle(hooks)
        taken, hooks[:] = hooks[:count], hooks[count:]
        for hook in taken * (2 if doubled else 1):
            self.sides.deliver(hook)

    def _trouble(self, side: int, kind: int) -> None:
        """Let one of the next calls go wrong."""
        fake = self.sides.ghl if side else self.sides.nowcerts
        bad = nowcerts.failure("Try again later") if not side else gohighlevel.too_many()
        away = Answer(status=503, body=b"{}")
        fake.misbehave(
            [Reset(), Lost(), away, bad, Lost()][kind], on="" if kind == 2 else "/contacts" if side else "/api/I"
        )
