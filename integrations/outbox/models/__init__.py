from integrations.outbox.models.first_sync import FirstSync
from integrations.outbox.models.refused import RefusedValue
from integrations.outbox.models.write import Circuit, OpportunityMapping, OutgoingWrite

__all__ = ["Circuit", "FirstSync", "OpportunityMapping", "OutgoingWrite", "RefusedValue"]
