from integrations.outbox.models.write import Circuit, OpportunityMapping, OutgoingWrite

__all__ = ["Circuit", "OpportunityMapping", "OutgoingWrite"]
