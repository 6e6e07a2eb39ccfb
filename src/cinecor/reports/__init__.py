"""A report as files that people and machines read: JSON, text, one HTML page a study, CSV."""

from cinecor.reports import csv, html, json, patients, text
from cinecor.reports.json import to_json

__all__ = ["csv", "html", "json", "patients", "text", "to_json"]
