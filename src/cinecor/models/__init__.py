"""Networks: tensors in, tensors out. The register costs no import of torch; a network is imported when it is made."""

from cinecor.models._registry import (
    ModelEntry,
    ModelOption,
    create_model,
    describe_model,
    list_models,
    model_entry,
    model_options,
)

__all__ = ["ModelEntry", "ModelOption", "create_model", "describe_model", "list_models", "model_entry", "model_options"]
