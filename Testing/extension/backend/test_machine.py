"""What the extension finds out about the computer."""

import os
import sys


def test_no_python_of_the_working_folder_is_taken_for_slicers(aSession, tmp_path, monkeypatch):
    from MedSAM2SlicerLib.backend.Machine import pythonProgram

    program = tmp_path / "PythonSlicer"
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join(["", "."]))
    assert pythonProgram() == sys.executable
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pythonProgram() == str(program)
