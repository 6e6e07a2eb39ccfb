"""Synthetic hearts whose volumes are known exactly: one beating heart in three dimensions, every view a plane of it."""

from cinecor.phantom.cohort import MARK, population
from cinecor.phantom.echo import echo_study
from cinecor.phantom.mri import mri_study

__all__ = ["MARK", "echo_study", "mri_study", "population"]
