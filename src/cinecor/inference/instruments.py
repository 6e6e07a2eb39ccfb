"""The networks that an analysis has at hand, and what a report says of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cinecor.clips.masking import NetworkMask
from cinecor.inference.predictor import Predictor
from cinecor.inference.view_telling import ViewTeller
from cinecor.inference.wording import trained_on
from cinecor.models.checkpoint import Manifest, read_manifest
from cinecor.records import Cine, Provenance, UsedNetwork
from cinecor.version import __version__


@dataclass(frozen=True, kw_only=True, eq=False)
class Instruments:
    """Networks loaded once, for any number of studies.

    Attributes:
        ef: predicts ejection fraction, or outlines the left ventricle.
        outliner: a second network, of outlines, that finds the beats which the first one then judges.
        teller: tells the view of loops of which nobody states it.
        hypertrophy: predicts left ventricular hypertrophy.
        shipped: whether the weights that measure EF are those of the package.
    """

    ef: Predictor
    outliner: Predictor | None = None
    teller: ViewTeller | None = None
    hypertrophy: Predictor | None = None
    shipped: bool = False

    def teller_of(self, cines: Sequence[Cine]) -> ViewTeller | None:
        """What tells the views of a study of these loops; None where that is not asked for."""
        return self.teller if self.teller is not None and self.teller.tells(cines) else None

    def synthetic(self, *, told: bool) -> bool:
        """Whether any of the weights were made of synthetic hearts; ``told``: those for views count."""
        return any(manifest.training_data.get("synthetic") for _, manifest in self._manifests(told=told))

    def provenance(self, *, told: bool) -> Provenance:
        """What made a report; ``told``: whether views were told."""
        first, second = self.ef.manifest, None if self.outliner is None else self.outliner.manifest
        others = (each for each in self._manifests(told=told) if each[0] not in ("", "segmentation"))
        return Provenance(
            version=__version__,
            model=f"{first.model} (weights in the package)" if self.shipped else first.model,
            weights_sha256=first.weights_sha256,
            trained_on=trained_on(first),
            segmentation="" if second is None else second.model,
            segmentation_sha256="" if second is None else second.weights_sha256,
            segmentation_trained_on="" if second is None else trained_on(second),
            networks=tuple(dict.fromkeys(_used(role, manifest) for role, manifest in others)),  # masks may be shared
        )

    def _manifests(self, *, told: bool) -> Iterator[tuple[str, Manifest]]:
        """Each network's part and manifest; that which measures EF has no name, the next is the segmentation."""
        tellers = self.teller.predictors if told and self.teller is not None else ()
        parts = [("", self.ef), ("segmentation", self.outliner), ("hypertrophy", self.hypertrophy)]
        for role, predictor in (*(("views", each) for each in tellers), *parts):
            if predictor is None:
                continue
            yield role, predictor.manifest
            if isinstance(predictor.mask, NetworkMask):
                yield f"mask of {role or predictor.manifest.target}", read_manifest(predictor.mask.folder)


def _used(role: str, manifest: Manifest) -> UsedNetwork:
    return UsedNetwork(
        role=role, model=manifest.model, weights_sha256=manifest.weights_sha256, trained_on=trained_on(manifest)
    )
