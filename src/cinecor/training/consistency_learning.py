"""FixMatch: labelled clips as ever, and for clips without a label what the network is sure of in a weaker variation."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from cinecor.objectives import class_loss, consistency_loss
from cinecor.records import Batch
from cinecor.training.learning import Learned, Learner
from cinecor.training.loss import spread_classes


class ConsistencyLearner(Learner):
    """One pass in each step, of labelled, weakly and strongly varied clips together, whose batch norms they share."""

    def _learn(self, batches: Sequence[Batch]) -> Learned:
        weak, labelled, strong = batches
        streams = zip(*(self.task.pick(batch) for batch in (labelled, weak, strong)), strict=True)
        self.optimiser.zero_grad()
        logits = spread_classes(self.module(*(torch.cat(parts) for parts in streams)))
        counts = [len(batch.studies) for batch in (labelled, weak, strong)]
        known, easy, hard = logits.split(counts)  # type: ignore[no-untyped-call]
        semi, target = self.recipe.semi, self.recipe.target
        loss = class_loss(known, labelled.targets[target].long(), self.class_weights)
        loss = loss + semi.weight * consistency_loss(easy, hard, semi.threshold)
        self._descend(loss)
        return self._count(loss, known, labelled)
