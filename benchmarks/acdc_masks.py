"""Mean LVEF of each group of ACDC from its published masks.

python benchmarks/acdc_masks.py FOLDER        (the folder that holds patient001 …)
"""

from __future__ import annotations

import sys
from pathlib import Path

import nibabel
import numpy as np

from cinecor.measures import ejection_fraction, myocardial_mass_g, stack_volume_ml

RV, MYOCARDIUM, LV = 1, 2, 3
COLUMNS = ("EF %", "EDV mL", "ESV mL", "RVEF %", "RVEDV mL", "mass g")


def measure(folder: Path) -> tuple[str, tuple[float, ...]]:
    """Group of a patient, and EF, EDV, ESV, RVEF, RVEDV and LV mass."""
    info = dict(line.split(": ") for line in (folder / "Info.cfg").read_text().splitlines() if line)
    volumes: dict[tuple[str, int], float] = {}
    for phase in ("ED", "ES"):
        image = nibabel.load(folder / f"{folder.name}_frame{int(info[phase]):02d}_gt.nii.gz")
        width, height, step = (float(size) for size in image.header.get_zooms()[:3])
        masks = np.asanyarray(image.dataobj).T.astype(np.uint8)
        for label in (RV, MYOCARDIUM, LV):
            volumes[phase, label] = stack_volume_ml(masks, label, (height, width), step)
    edv, esv, rv = volumes["ED", LV], volumes["ES", LV], volumes["ED", RV]
    mass = myocardial_mass_g(volumes["ED", MYOCARDIUM])
    return info["Group"], (ejection_fraction(edv, esv), edv, esv, ejection_fraction(rv, volumes["ES", RV]), rv, mass)


def main(root: Path) -> None:
    """Print volumes and ejection fractions by group beside the published ones."""
    groups: dict[str, list[tuple[float, ...]]] = {}
    for folder in sorted(path for path in root.glob("patient*") if (path / "Info.cfg").is_file()):
        group, values = measure(folder)
        groups.setdefault(group, []).append(values)
    print("group  n   " + "".join(f"{name:>16}" for name in COLUMNS) + "   (mean ± SD)")
    for group, rows in sorted(groups.items()):
        values = np.array(rows)
        cells = zip(values.mean(axis=0), values.std(axis=0, ddof=1), strict=True)
        print(f"{group:5} {len(rows):3}   " + "".join(f"{mean:9.1f} ± {sd:4.1f}" for mean, sd in cells))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
