"""Imaging planes of the one heart: what an echo view is called, how it lies, and where its probe stands.

The short axis is seen from the apex, the anterior wall on top and the lateral wall on the right. The four-chamber plane
runs through the middle of the inferoseptal and of the anterolateral segments; the heart's axis x lies in it. The
two-chamber plane runs through the middle of the inferior and the anterior segments, which is 60° further round.

Source: Cerqueira et al., Circulation 105:539, 2002 (six basal segments of 60°, the septum between the insertions of the
right ventricle); Lang et al., ASE/EACVI chamber quantification, J Am Soc Echocardiogr 28:1, 2015, figure 9 (which
segments each view shows) and Mitchell et al., J Am Soc Echocardiogr 32:1, 2019 (which side of the picture they lie on).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

Window = Literal["apical", "parasternal"]

ANTERIOR = math.radians(60.0)
"""Angle of the middle of the anterior wall, from the middle of the anterolateral one."""


@dataclass(frozen=True, kw_only=True)
class View:
    """An imaging plane. Its axes are unit vectors in the heart's own (x, y, z)."""

    name: str
    """Clinical name, as ``Cine.view`` has it."""
    shows: str
    """What is seen, from left to right."""
    right: tuple[float, float, float]
    """Direction that points right in the picture."""
    down: tuple[float, float, float]
    """Direction that points down in the picture, away from the probe."""
    window: Window = "apical"
    """Where on the chest the probe stands."""
    height: float = 0.5
    """Place of the plane's centre on the long axis, from apex (0) to mitral plane (1)."""
    distance: float = 0.0
    """Of a parasternal probe from the long axis, in lengths of the heart: what lies between them is deeper here than
    there."""

    @property
    def long_axis(self) -> bool:
        """Whether the plane holds the long axis of the left ventricle."""
        return abs(self.right[2]) + abs(self.down[2]) > 0.5

    @property
    def across(self) -> Float[np.ndarray, " 3"]:
        """Unit vector out of the plane, towards which a positive yaw turns the right side of the picture."""
        return np.cross(np.asarray(self.down), np.asarray(self.right))


def _around(degrees: float) -> tuple[float, float, float]:
    """A direction across the long axis: 0° anterolateral, 60° anterior, 180° inferoseptal, 240° inferior."""
    return (math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), 0.0)


UP = (0.0, 0.0, 1.0)
"""From the apex to the base."""

A4C = View(
    name="A4C",
    shows="right atrium and ventricle, inferior septum, left ventricle and atrium, anterolateral wall",
    right=(1.0, 0.0, 0.0),
    down=UP,
)
A2C = View(
    name="A2C",
    shows="inferior wall, left ventricle and atrium, anterior wall",
    right=_around(60.0),
    down=UP,
)
PSAX = View(
    name="PSAX",
    shows="right ventricle, the left ventricle at its papillary muscles, lateral wall",
    right=_around(-30.0),
    down=_around(-120.0),
    window="parasternal",
    height=0.55,
    distance=0.63,
)
PLAX = View(
    name="PLAX",
    shows="right ventricle, anterior septum, left ventricle and inferolateral wall from above to below; atrium right",
    right=UP,
    down=_around(-60.0),
    window="parasternal",
    height=0.7,
    distance=0.86,
)
VIEWS = {view.name: view for view in (A4C, A2C, PSAX, PLAX)}
