"""How good a table of predictions is: errors, agreement, classification and calibration, with intervals over patients.

Everything here is a pure function of saved tables: no model, no image and no GPU is needed to score a run.
"""

from cinecor.errors import ConfigError

try:
    from cinecor.evaluation.bootstrap import Drawing
    from cinecor.evaluation.report import write_report
    from cinecor.evaluation.results import Results, evaluate
except ModuleNotFoundError as error:
    if error.name not in ("pandas", "matplotlib"):
        raise
    raise ConfigError(
        "MISSING_EXTRA", f"{error.name} is not installed", "pip install 'cinecor[train]'", where="evaluation"
    ) from error

__all__ = ["Drawing", "Results", "evaluate", "write_report"]
