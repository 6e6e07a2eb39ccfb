"""Patients of the echo cohorts with more than one view: CAMUS's and HMC-QU's adults.

Their hearts are those of ``population``, with the right ventricle between its insertions (the middle of the septum lies
30° in front of the four-chamber plane), so that a two-chamber view holds no right heart, and with the papillary muscles
where a short-axis view has them: at three and at seven o'clock.

Sources: CAMUS, 500 patients: EF at most 45 % in 49 % and at least 55 % in 20 % of them (Leclerc et al., IEEE TMI 38(9),
2019). HMC-QU, 72 of 109 with an infarct (Degerli et al., IEEE Access 9, 2021).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from cinecor.phantom.anatomy import Chamber, Heart, Region
from cinecor.phantom.population import EF_LIMITS, generator, heart_of
from cinecor.phantom.segments import IN_A2C, IN_A4C, infarcted

CAMUS_EF = (45.3, 11.5)  # mean and SD, %: gives CAMUS's two shares
INFARCTS = 72 / 109  # of HMC-QU's patients
IN_FIRST_VIEW = 0.9  # of infarcts must show in the four-chamber view, which those labels were made from
VISIBLE = IN_A4C + IN_A2C
_TRIES = 400  # an infarct that no view shows is drawn again


@dataclass(frozen=True, kw_only=True)
class Person:
    """Whom a heart belongs to."""

    age_years: float
    sex: str
    """F or M."""


def draw_person(seed: int, index: int) -> Person:
    """An adult of an echo laboratory; nothing else of the heart depends on it."""
    rng = generator(seed, index, "person")
    age = float(np.clip(round(rng.normal(65.0, 15.0)), 18, 97))
    return Person(age_years=age, sex="M" if rng.random() < 0.66 else "F")


def draw_camus_heart(seed: int, index: int) -> Heart:
    """A heart with CAMUS's ejection fractions."""
    rng = generator(seed, index, "camus heart")
    ef = float(np.clip(rng.normal(*CAMUS_EF), 12.0, 75.0))
    return anatomical(heart_of(ef, rng), rng)


def draw_infarct_heart(seed: int, index: int) -> Heart:
    """A heart of HMC-QU: two thirds have a segment that hardly moves; of the rest some move a little unevenly.

    Every segment of HMC-QU's views is judged by the true motion: whoever has no infarct has no positive segment.
    """
    rng = generator(seed, index, "infarct heart")
    ill = bool(rng.random() < INFARCTS)
    shown = IN_A4C if rng.random() < IN_FIRST_VIEW else VISIBLE
    for _ in range(_TRIES):
        heart = _ill(rng) if ill else _well(rng)
        labels = infarcted(heart)
        if any(labels[number] for number in shown) if ill else not any(labels.values()):
            return heart
    raise AssertionError(f"no heart in {_TRIES} draws")  # pragma: no cover (each draw succeeds more often than not)


def _ill(rng: np.random.Generator) -> Heart:
    """From one segment that just counts to a whole territory: ejection fraction and laziness are drawn apart."""
    heart = anatomical(heart_of(float(np.clip(rng.normal(47.0, 9.5), 18.0, 68.0)), rng), rng)
    # Middle of the territory in degrees, spread of it: anterior descending (segments 1, 2, 7, 8, 13, 14), right (3, 4,
    # 9, 10, 15) and circumflex artery (5, 6, 11, 12, 16); Cerqueira et al. 2002, figure 5.
    middle, spread, width, low, high = (
        (120.0, 28.0, (0.9, 1.6), 0.4, 0.9),
        (215.0, 18.0, (0.8, 1.4), 0.15, 0.7),
        (350.0, 18.0, (0.8, 1.4), 0.2, 0.75),
    )[int(rng.choice(3, p=(0.5, 0.3, 0.2)))]
    lazy = Region(
        angle=math.radians(float(rng.normal(middle, spread))),
        width=float(rng.uniform(*width)),
        level=float(rng.uniform(low, high)),
        height=float(rng.uniform(0.25, 0.6)),
    )
    return replace(heart, lazy=lazy, laziness=float(rng.uniform(0.65, 1.0)))


def _well(rng: np.random.Generator) -> Heart:
    """Normal hearts, some that fail evenly, some with a wall that is a little slow."""
    failing = rng.random() < 0.2
    ef = rng.normal(42.0, 8.0) if failing else rng.normal(61.0, 5.5)
    heart = anatomical(heart_of(float(np.clip(ef, 20.0, EF_LIMITS[1])), rng), rng)
    uneven = Region(
        angle=float(rng.uniform(-math.pi, math.pi)),
        width=float(rng.uniform(0.6, 1.0)),
        level=float(rng.uniform(0.2, 0.9)),
        height=float(rng.uniform(0.25, 0.45)),
    )
    slow = rng.random() < 0.3
    return replace(heart, lazy=uneven if slow else None, laziness=float(rng.uniform(0.1, 0.35)))


def anatomical(heart: Heart, rng: np.random.Generator) -> Heart:
    """The same heart with right ventricle, papillary muscles and atria as they are seen in views next to each other."""
    return replace(
        heart,
        la=_stout(heart.la),
        ra=_stout(heart.ra),
        rv_turn=float(rng.normal(math.radians(28.0), 0.06)),
        rv_reach=float(rng.uniform(1.12, 1.25)),
        papillary_angles=(float(rng.normal(-0.45, 0.15)), float(rng.normal(-2.6, 0.15))),
    )


def _stout(atrium: Chamber) -> Chamber:
    """No longer than its volume allows: an atrium is about as wide as it is long."""
    return replace(atrium, length=min(atrium.length, 13.0 * atrium.at_ed ** (1.0 / 3.0)))
