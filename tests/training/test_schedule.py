"""Learning rates against torch's schedulers."""

import pytest
import torch
from torch.optim import lr_scheduler

from cinecor.training.recipe_fields import SchedulePart
from cinecor.training.schedule import learning_rate

EPOCHS, STEPS, HIGHEST = 30, 5, 0.1


def _rates(part: SchedulePart, monitored=()) -> list[float]:
    return [
        learning_rate(
            part,
            HIGHEST,
            step=step,
            steps_per_epoch=STEPS,
            epochs=EPOCHS,
            monitored=list(monitored)[: step // STEPS],
        )
        for step in range(EPOCHS * STEPS)
    ]


def _theirs(make, metrics=None) -> list[float]:
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=HIGHEST)
    schedule, rates = make(optimiser), []
    for epoch in range(EPOCHS):
        rates += [optimiser.param_groups[0]["lr"]] * STEPS
        optimiser.step()
        schedule.step(*([] if metrics is None else [metrics[epoch]]))
    return rates


def test_constant():
    assert set(_rates(SchedulePart())) == {HIGHEST}


@pytest.mark.parametrize(("name", "factor"), [("step", 0.3), ("halve", 0.5)])
def test_steps_equal_torchs(name, factor):
    ours = _rates(SchedulePart(name=name, every=7, factor=0.3))
    assert ours == pytest.approx(_theirs(lambda o: lr_scheduler.StepLR(o, 7, factor)))


def test_plateau_equals_torchs():
    torch.manual_seed(0)
    metrics = torch.rand(EPOCHS).add(torch.linspace(1, 0.5, EPOCHS)).tolist()
    ours = _rates(SchedulePart(name="plateau", every=3, factor=0.5), metrics)
    theirs = _theirs(lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=0.5, patience=2, threshold=0.0), metrics)
    assert len(set(ours)) > 2
    assert ours == pytest.approx(theirs)


def test_a_plateau_has_a_floor():
    assert min(_rates(SchedulePart(name="plateau", every=1, floor=0.2), [1.0] * EPOCHS)) == pytest.approx(0.02)


def test_cosine_equals_torchs_step_by_step():
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=HIGHEST)
    schedule, theirs = lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS * STEPS, eta_min=0.01), []
    for _ in range(EPOCHS * STEPS):
        theirs.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    assert _rates(SchedulePart(name="cosine", floor=0.1)) == pytest.approx(theirs)


@pytest.mark.parametrize("name", ["constant", "cosine", "halve"])
def test_warm_up_rises_in_equal_steps_to_the_highest(name):
    rates = _rates(SchedulePart(name=name, warmup_epochs=2))
    assert rates[:11] == pytest.approx([HIGHEST * part / 11 for part in range(1, 11)] + [HIGHEST])
    assert max(rates) == pytest.approx(HIGHEST)


def test_steps_can_be_limited():
    part = SchedulePart(name="step", every=5, factor=0.1, times=1)
    expected = _theirs(lambda optimiser: lr_scheduler.MultiStepLR(optimiser, [5], gamma=0.1))
    assert _rates(part) == pytest.approx(expected)
