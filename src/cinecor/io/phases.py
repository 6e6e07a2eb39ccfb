"""NIfTI volumes of single phases, one a file, that are one heart: put together, with the masks that lie beside them.

``a_frame01.nii.gz`` and ``a_frame12.nii.gz`` are phases 1 and 12 of ``a``; ``a_ED.nii.gz`` and ``a_ES.nii.gz`` its ED
and ES. ``a_frame01_gt.nii.gz`` holds the labels of ``a_frame01.nii.gz``. Two volumes of one size that are given by name
and alone are the two phases of one heart, whatever they are called.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cinecor.records import Study

MASK = "_gt"
"""Ending of the name of a volume's labels."""

_NUMBERED = re.compile(r"(?P<stem>.+?)[_-]?frame[_-]?(?P<phase>\d+)", re.IGNORECASE)
_NAMED = re.compile(r"(?P<stem>.+?)[_-](?P<phase>ED|ES)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A NIfTI file that was found as a study of its own."""

    path: Path
    study: Study
    named: bool
    """Whether it was given by name."""

    @property
    def whole(self) -> bool:
        """Whether it holds slices of one phase."""
        return len(self.study.cines) > 1 and all(cine.frames == 1 for cine in self.study.cines)

    @property
    def geometry(self) -> tuple[object, ...]:
        """What the phases of one heart share."""
        first = self.study.cines[0]
        return len(self.study.cines), first.height, first.width, first.spacing_mm, first.thickness_mm


@dataclass
class _Heart:
    """Volumes of one name: images and masks by phase."""

    stem: str
    images: dict[str, Volume] = field(default_factory=dict)
    masks: dict[str, Volume] = field(default_factory=dict)


def join_phases(volumes: Sequence[Volume]) -> list[tuple[Path, Study]]:
    """Studies of the volumes, each with its first file: those of single phases together, all others as they are."""
    hearts, others = _by_heart(volumes)
    found = []
    for heart in hearts:
        members = [*heart.images.values(), *heart.masks.values()]
        if len(heart.images) > 1 and len({volume.geometry for volume in members}) == 1:
            found.append(_joined(heart))
            others += [volume for phase, volume in heart.masks.items() if phase not in heart.images]
        else:
            others += members
    if not found and len(volumes) == 2 and _is_pair(*others):
        pair = {str(place): volume for place, volume in enumerate(others)}
        return [_joined(_Heart(stem=others[0].study.id, images=pair))]
    return [*found, *((volume.path, volume.study) for volume in others)]


def _by_heart(volumes: Sequence[Volume]) -> tuple[list[_Heart], list[Volume]]:
    hearts: dict[tuple[Path, str, bool], _Heart] = {}
    others = []
    for volume in volumes:
        name = volume.study.id
        bare = name.removesuffix(MASK)
        numbered = _NUMBERED.fullmatch(bare)
        match = (numbered or _NAMED.fullmatch(bare)) if volume.whole else None
        if match is None:
            others.append(volume)
            continue
        heart = hearts.setdefault((volume.path.parent, match["stem"], numbered is not None), _Heart(match["stem"]))
        (heart.images if name == bare else heart.masks)[match["phase"].upper()] = volume
    return list(hearts.values()), others


def _is_pair(one: Volume, other: Volume) -> bool:
    return one.named and other.named and one.whole and other.whole and one.geometry == other.geometry


def _joined(heart: _Heart) -> tuple[Path, Study]:
    """One study whose cines have a frame for each phase."""
    order = sorted(heart.images, key=lambda phase: (int(phase) if phase.isdigit() else 0, phase))
    volumes = [heart.images[phase] for phase in order]
    masks = {place: heart.masks[phase].path for place, phase in enumerate(order) if phase in heart.masks}
    note = f"{len(order)} phases, a file each: {', '.join(volume.path.name for volume in volumes)}"
    cines = tuple(
        replace(cine, source=tuple(volume.path for volume in volumes), frames=len(order), masks=masks, notes=(note,))
        for cine in volumes[0].study.cines
    )
    labels = {"ed_frame": 0.0, "es_frame": 1.0} if order == ["ED", "ES"] else {}
    return min(volume.path for volume in volumes), Study(id=heart.stem, cines=cines, labels=labels)
