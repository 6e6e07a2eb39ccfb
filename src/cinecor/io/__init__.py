"""Bytes to arrays and back: video, DICOM, NIfTI, stills and tables. The only home of their libraries."""
