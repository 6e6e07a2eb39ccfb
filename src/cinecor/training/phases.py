"""A recipe's stages as recipes of their own, and the state in which one begins where the one before ended."""

from __future__ import annotations

from dataclasses import replace

from cinecor.training.recipe_fields import LossPart, Recipe, SchedulePart
from cinecor.training.state import State


def list_phases(recipe: Recipe) -> list[Recipe]:
    """One recipe for each stage; only the first says what weights the training starts from."""
    second = recipe.second
    if not second.epochs:
        return [recipe]
    changes = {
        "epochs": second.epochs,
        "patience": second.patience,
        "loss": LossPart(name=second.loss, delta=recipe.loss.delta, class_weights=recipe.loss.class_weights),
        "optimiser": recipe.optimiser.model_copy(update={"lr": second.lr}),
        "schedule": SchedulePart(name="step", every=1, factor=second.factor) if second.factor < 1 else SchedulePart(),
        "sampling": recipe.sampling.model_copy(update={"views": second.views}),
        "start": recipe.start.model_copy(update={"freeze": second.freeze}),
    }
    return [recipe, recipe.model_copy(update=changes)]


def begin_phase(state: State, phase: int) -> State:
    """The state at the first step of a stage: the best weights of the one before, and an optimiser that knows nothing.

    Epochs are counted on, so that no clip is drawn twice.
    """
    if phase == 0 or state.phase == phase:
        return state
    return replace(
        state,
        phase=phase,
        before=len(state.history),
        step=0,
        loss_sum=0.0,
        right=0.0,
        told=0.0,
        model=state.best,
        optimiser={},
        more={},
        best={},
    )
