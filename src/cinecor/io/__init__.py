"""Bytes to arrays and back: video, DICOM, NIfTI, stills and tables. The only home of their libraries.

Kinds of files are recognised by content. Every failure is an InputError, a LimitError or, of a table, a DatasetError.
"""

from cinecor.io.discovery import Failure, discover
from cinecor.io.limits import Limits
from cinecor.io.loading import describe, load, load_mask

__all__ = ["Failure", "Limits", "describe", "discover", "load", "load_mask"]
