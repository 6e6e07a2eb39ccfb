"""Synthetic hearts whose volumes are known exactly: one beating heart in three dimensions, every view a plane of it."""

from cinecor.phantom.camus import camus_study
from cinecor.phantom.cohort import MARK, population
from cinecor.phantom.echo import echo_study
from cinecor.phantom.exam import VIEW_NAMES, view_study
from cinecor.phantom.hmc_qu import infarct_study
from cinecor.phantom.mri import mri_study
from cinecor.phantom.pediatric import pediatric_study
from cinecor.phantom.screens import STYLES
from cinecor.phantom.walls import wall_study

__all__ = [
    "MARK",
    "STYLES",
    "VIEW_NAMES",
    "camus_study",
    "echo_study",
    "infarct_study",
    "mri_study",
    "pediatric_study",
    "population",
    "view_study",
    "wall_study",
]
