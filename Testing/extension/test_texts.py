"""What people read in Slicer is a literal within ``_()``, where Qt's lupdate finds it for translators."""

import ast
import json
import string
from pathlib import Path

import pytest
from MedSAM2SlicerLib.panel.WeightsTable import inWords

from fakes.translation import contextOf, messages, untranslated

MODULE = Path(__file__).resolve().parents[2] / "MedSAM2Slicer"
LIBRARY = MODULE / "MedSAM2SlicerLib"
MODULES = [MODULE / "MedSAM2Slicer.py", *sorted(LIBRARY.rglob("*.py"))]
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


def callsIn(path: Path) -> list[ast.Call]:
    return [
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
    ]


def textsIn(path: Path) -> list[str]:
    """What is within ``_()``."""
    return [ast.literal_eval(call.args[0]) for call in callsIn(path) if nameOf(call) == "_"]


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


def test_translators_get_all_texts_in_the_context_that_slicer_looks_them_up_in(theTexts):
    ours = {(contextOf(path), text) for path in MODULES for text in textsIn(path)}
    given = messages(theTexts)
    others = {(context, text) for context, text in given if context == "models"}
    assert set(given) == ours | others | {("qSlicerAbstractCoreModule", "Segmentation")}
    assert ("panel.StateSection", "Ready.") in given
    assert ("models", "SAM 2.1 tiny") in given


def test_no_two_files_share_a_context():
    assert len({contextOf(path) for path in MODULES}) == len(MODULES)


@pytest.mark.parametrize("path", MODULES, ids=[path.stem for path in MODULES])
def test_what_is_filled_in_has_names(path):
    for text in textsIn(path):
        fields = [
            name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name is not None
        ]
        assert all(name.isidentifier() for name in fields), text


@pytest.mark.parametrize("path", MODULES, ids=[path.stem for path in MODULES])
def test_no_text_is_shown_as_it_stands_in_the_code(path):
    """In states too that no other test reaches."""
    bare = [word for call in callsIn(path) if nameOf(call) in CALLS for word in bareWords(call)]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and {getattr(each, "attr", "") for each in node.targets} & {
            *PROPERTIES
        }:
            bare += bareWords(node.value)
    assert bare == []


def test_the_words_of_the_catalogue_can_be_translated(aLanguage):
    schema = json.loads((MODULE / "Resources" / "models.schema.json").read_text(encoding="utf-8"))
    models = json.loads((MODULE / "Resources" / "models.json").read_text(encoding="utf-8"))["models"]
    known = schema["properties"]["models"]["items"]["properties"]
    words = [*known["modality"]["items"]["enum"], *known["prompts"]["items"]["enum"], "not stated"]
    translated = ("title", "licence_note", "why_not")
    words += [model[name] for model in models for name in translated if name in model]
    assert untranslated(*(inWords(word) for word in words)) == set()


def test_what_is_said_of_imported_weights_can_be_translated(aLanguage, tmp_path):
    from medsam2.cli.weights_list import describe
    from medsam2.weights.store import StoredWeights

    (tmp_path / "mine.safetensors").write_bytes(b"")
    row = describe(None, StoredWeights("mine", tmp_path / "mine.safetensors"))
    said = (row["title"], row["licence"], row["licence_note"])
    assert untranslated(*(inWords(each) for each in said)) == set()
