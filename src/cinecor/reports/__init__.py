"""A report as files that people and machines read: JSON, text, one HTML page a study, CSV."""

from cinecor.reports import csv, html, json, text
from cinecor.reports.json import to_json

__all__ = ["csv", "html", "json", "text", "to_json"]
