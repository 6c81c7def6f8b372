"""What people read in Slicer is a literal within ``_()``, so that it can be translated."""

import ast
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[2] / "MedSAM2Slicer" / "MedSAM2SlicerLib"
MODULES = sorted(LIBRARY.rglob("*.py"))
CALLS = (
    "showMessage",
    "GridError",
    "InstallError",
    "setWindowTitle",
    "QLabel",
    "QPushButton",
    "QCheckBox",
    "QRadioButton",
    "addItem",
    "addRow",
    "addLabeledOptionsWidget",
    "button",
    "section",
    "sentence",
    "showProblem",
    "showStatusMessage",
    "setText",
    "onStep",
)
PROPERTIES = ("text", "toolTip", "title", "format", "placeholderText")


def nameOf(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def bareWords(node: ast.AST) -> list[str]:
    """Literals with words in an expression, but for those within ``_()``."""
    if isinstance(node, ast.Call):
        return [] if nameOf(node) in ("_", "translate") else [w for arg in node.args for w in bareWords(arg)]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value] if any(len(word) > 1 and word.isalpha() for word in node.value.split()) else []
    if isinstance(node, ast.JoinedStr | ast.BinOp | ast.IfExp | ast.BoolOp):
        parts = [each for each in ast.iter_child_nodes(node) if not isinstance(each, ast.FormattedValue)]
        return [word for part in parts for word in bareWords(part)]
    return []


@pytest.mark.parametrize("path", MODULES, ids=[path.relative_to(LIBRARY).as_posix() for path in MODULES])
def test_every_text_can_be_translated(path):
    bare = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and nameOf(node) in ("_", "translate"):
            assert all(isinstance(arg, ast.Constant) for arg in node.args), f"line {node.lineno}"
        elif isinstance(node, ast.Call) and nameOf(node) in CALLS:
            bare += bareWords(node)
        elif isinstance(node, ast.Assign):
            names = {getattr(target, "attr", "") for target in node.targets}
            bare += bareWords(node.value) if names & set(PROPERTIES) else []
    assert bare == []
