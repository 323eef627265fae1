"""Sample events, posted as `manage.py simulate` posts them, without a process for each."""

import json

from integrations import registry, samples
from tests.harness import Embedded
from tests.harness.environment import OFFER_ID
from tests.harness.webhooks import Sender


def post(app: Embedded, event: str, **chosen: str) -> None:
    """Post Kajabi's sample of `event` with the `chosen` values: `email`, `first_name`, `offer_id`, `id` …"""
    kajabi = registry.provider("kajabi")
    assert kajabi.simulation is not None
    payload = json.loads(samples.find(kajabi, event).read_text())
    payload = kajabi.simulation.personalise(payload, {"offer_id": OFFER_ID} | chosen)
    path = registry.endpoint_of(kajabi.key, kajabi.simulation.endpoint_for(payload)).path
    sender = Sender(app.url)
    answer = sender.post(payload, path=f"/{path}")
    sender.close()
    assert answer.is_accepted, answer
