from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cinecor import datasets
from cinecor.datasets.layouts import Layout
from cinecor.errors import ConfigError, DatasetError


@pytest.mark.parametrize("name", datasets.layouts())
def test_each_layout_has_the_same_verbs(name: str) -> None:
    assert isinstance(datasets.get(name), Layout)


def test_an_unknown_layout() -> None:
    with pytest.raises(ConfigError, match="choose one of echonet_dynamic, acdc, camus, hmc_qu"):
        datasets.get("mnist")


def test_recognise(tmp_path: Path) -> None:
    for name in (tmp_path / "absent", tmp_path):
        with pytest.raises(DatasetError, match="MISSING_FILE"):
            datasets.recognise(name)
    echo, mri, dicom = tmp_path / "echo", tmp_path / "mri", tmp_path / "dicom" / "deep"
    for folder in (echo, mri / "training" / "patient001", dicom):
        folder.mkdir(parents=True)
    (echo / "FileList.csv").touch()
    (mri / "training" / "patient001" / "Info.cfg").touch()
    (dicom / "no_suffix").write_bytes(bytes(128) + b"DICM" + bytes(20))
    assert datasets.recognise(echo) == "echonet_dynamic"
    assert datasets.recognise(mri) == "acdc"
    assert datasets.recognise(mri / "training") == "acdc"
    assert datasets.recognise(tmp_path / "dicom") == "dicom_folder"


def test_reading_a_layout_needs_no_torch() -> None:
    code = """
import sys
from cinecor import datasets
for name in datasets.layouts():
    datasets.get(name)
print([name for name in ("torch", "pydicom", "nibabel", "matplotlib") if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_the_command_looks_at_each_layout(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from cinecor.cli.__main__ import app

    for name, path in {
        "camus": "database_nifti/patient0001/Info_4CH.cfg",
        "hmc_qu": "A4C.xlsx",
        "echonet_pediatric": "PSAX/FileList.csv",
        "echonet_lvh": "MeasurementsList.csv",
    }.items():
        file = tmp_path / name / path
        file.parent.mkdir(parents=True)
        file.write_text("nothing of use")
    (tmp_path / "hmc_qu" / "HMC-QU" / "A4C").mkdir(parents=True)
    for name in ("camus", "hmc_qu", "echonet_pediatric", "echonet_lvh"):
        assert datasets.recognise(tmp_path / name) == name
        answer = CliRunner().invoke(app, ["check", str(tmp_path / name)], standalone_mode=False)
        assert answer.return_value == 5
        assert answer.output.startswith(f"layout: {name}\n")
        assert "error " in answer.output
