from integrations.fields.models.field_rule import FieldPlace, FieldRule, PipelineRule, PolicyStatusRule

__all__ = ["FieldPlace", "FieldRule", "PipelineRule", "PolicyStatusRule"]
