from integrations.fields.models.field_rule import FieldPlace, FieldRule, PipelineRule

__all__ = ["FieldPlace", "FieldRule", "PipelineRule"]
