"""Paper 004's semi-supervised training: a classifier, which also tells real clips from those of a generator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from cinecor.evaluation.samples import COLUMNS, FOLDER, ROWS, sample_name
from cinecor.io.images import write_png
from cinecor.models.gan import Generator
from cinecor.objectives import class_loss, discriminator_loss, mean_feature_difference, squared_feature_difference
from cinecor.records import Batch
from cinecor.training.learning import Learned, Learner, on_cpu
from cinecor.training.loss import spread_classes
from cinecor.training.optimiser import cut_gradients, make_optimiser, set_rate
from cinecor.training.state import State

_MIDDLE = 127.5  # grey level that a generator's 0 is, and levels to 1 and -1
_MATCHES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": squared_feature_difference,
    "mean": mean_feature_difference,
}


@contextmanager
def keep_statistics(network: nn.Module) -> Iterator[None]:
    """Batch norms normalise what they see, and remember nothing of it."""
    norms = [each for each in network.modules() if isinstance(each, _BatchNorm)]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, before, strict=True):
            norm.momentum = momentum


class AdversarialLearner(Learner):
    """In each step three passes of the discriminator, of labelled, unlabelled and generated clips, and one of the
    generator; both learn from these, each with an optimiser of its own, so that neither sees what the other has just
    learned. The norms' running statistics, which evaluation normalises by, are those of real clips alone: it sees no
    others."""

    def _open(self, state: State) -> None:
        recipe = self.recipe
        spec, semi = recipe.clip_spec, recipe.semi
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            generator = Generator(
                (spec.height, spec.width), channels=spec.channels, noise=semi.noise, width=semi.generator_width
            )
        if "generator" in state.more:
            generator.load_state_dict(state.more["generator"])
        self._bare = generator
        self.generator, self.generator_optimiser = self.fabric.setup(
            generator, make_optimiser(generator, recipe.optimiser)
        )
        if "generator_optimiser" in state.more:
            self.generator_optimiser.load_state_dict(state.more["generator_optimiser"])

    def keep(self, state: State) -> None:
        """With the generator and its optimiser."""
        super().keep(state)
        state.more["generator"] = on_cpu(self._bare.state_dict())
        state.more["generator_optimiser"] = self.generator_optimiser.state_dict()

    @torch.no_grad()
    def end_epoch(self, folder: Path, number: int) -> None:
        """A picture of what the generator makes of eight draws, the same after each epoch."""
        noise = self._draw(ROWS * COLUMNS, torch.Generator().manual_seed(self.recipe.seed))
        clips = self.generator(noise.to(self.fabric.device))[:, :, 0].float().cpu().numpy()
        levels = np.rint(clips * _MIDDLE + _MIDDLE).astype(np.uint8)
        channels, height, width = levels.shape[1:]
        grid = levels.reshape(ROWS, COLUMNS, channels, height, width).transpose(0, 3, 1, 4, 2)
        write_png(folder / FOLDER / sample_name(number), grid.reshape(ROWS * height, COLUMNS * width, channels))

    def _learn(self, batches: Sequence[Batch]) -> Learned:
        unlabelled, labelled = batches
        set_rate(self.generator_optimiser, self.rate)
        semi, target = self.recipe.semi, self.recipe.target
        made = self._as_clips(self.generator(self._draw(len(unlabelled.studies)).to(self.fabric.device)))
        _, logits, _ = self.module(*self.task.pick(labelled))
        known, _, real = self.module(*self.task.pick(unlabelled))
        with keep_statistics(self.task):
            faked, _, generated = self.module(made)
        of_classes = class_loss(spread_classes(logits), labelled.targets[target].long(), self.class_weights)
        loss = discriminator_loss(of_classes, real, generated, semi.weight)
        self._descend_both(loss, _MATCHES[semi.matching](faked, known.detach()))
        return self._count(loss, logits, labelled)

    def _descend_both(self, loss: Tensor, matched: Tensor) -> None:
        """Each network down its own loss, of the same pass."""
        self.optimiser.zero_grad()
        self.generator_optimiser.zero_grad()
        own = [parameter for parameter in self.task.parameters() if parameter.requires_grad]
        torch.autograd.backward(matched, inputs=list(self._bare.parameters()), retain_graph=True)
        torch.autograd.backward(loss, inputs=own)
        for network, optimiser in ((self.task, self.optimiser), (self._bare, self.generator_optimiser)):
            cut_gradients(network, self.recipe.gradient_clip, self.recipe.gradient_clip_by)
            optimiser.step()

    def _draw(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Noise, of the step's random numbers or those of ``generator``, on the CPU, so that it is any device's."""
        draw = torch.rand if self.recipe.semi.noise_kind == "uniform" else torch.randn
        return draw(count, self.recipe.semi.noise, generator=generator)

    def _as_clips(self, images: Tensor) -> Tensor:
        """Generated images, -1 black and 1 white, as the clip's mean and standard deviation have grey levels."""
        spec = self.recipe.clip_spec
        mean, std = (
            torch.tensor(values, dtype=images.dtype, device=images.device).view(1, -1, 1, 1, 1)
            for values in (spec.mean, spec.std)
        )
        return (images * _MIDDLE + _MIDDLE - mean) / std
