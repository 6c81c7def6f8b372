"""How Slicer translates: Qt's lupdate finds the texts, Qt looks them up, the file of a text is its context.

Written after Slicer's ``slicer/i18n.py`` and ``Utilities/Scripts/update_translations.py``. A language is
made up from what lupdate finds, in which each text is the English one in brackets: whatever is shown
without brackets cannot be translated.
"""

import json
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from PySide6 import QtCore, QtGui, QtWidgets

TR_CALL = re.compile(r"""(?<=[^_])_\((\s*(["']).+?\2\s*)\)""", re.DOTALL)
"""What Slicer takes for a text: ``_()`` with a literal, or several in a row, and nothing else in it."""
BRACKETED = re.compile(r"⟦[^⟦⟧]*⟧")
TAG = re.compile(r"<[^>]*>")
WORD = re.compile(r"[^\W\d_]{2}")
TYPED = ("text", "displayText")
"""Of a line to type in."""
NOT_SHOWN = (
    "accessibleIdentifier",
    "html",
    "iconText",
    "inputMask",
    "markdown",
    "objectName",
    "styleSheet",
    "windowFilePath",
)


def makeModule() -> types.ModuleType:
    """``slicer.i18n``"""
    module = types.ModuleType("slicer.i18n")
    module.tr, module.translate, module.getContext = tr, translate, contextOf
    return module


def tr(text: str) -> str:
    """The text in the language of the application, or itself."""
    return translate(contextOf(sys._getframe(1).f_code.co_filename), text)


def translate(context: str, text: str) -> str:
    return QtCore.QCoreApplication.translate(context, text)


def contextOf(file: str | Path) -> str:
    """The package that a file lies in, if it does, and its name, such as ``panel.StateSection``."""
    path = Path(file)
    return f"{path.parent.name}.{path.stem}" if (path.parent / "__init__.py").is_file() else path.stem


# What a translator is given


def extract(root: Path, target: Path) -> None:
    """Let lupdate write all texts of the files below ``root`` into ``target`` (.ts), by context.

    It knows ``translate(context, text)``, into which Slicer changes ``_(text)`` before. Of a JSON file it
    finds what the schema that the file names calls translatable.
    """
    with TemporaryDirectory() as folder:
        copies = []
        for path in sorted([*root.rglob("*.py"), *root.rglob("*.json")]):
            copy = Path(folder, path.relative_to(root))
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy = copy if path.suffix == ".py" else copy.with_suffix(".h")
            content = _withContext(path) if path.suffix == ".py" else _header(path)
            copy.write_text(content, encoding="utf-8")
            copies.append(str(copy))
        listing = Path(folder, "files")
        listing.write_text("\n".join(copies), encoding="utf-8")
        _run("lupdate", f"@{listing}", "-ts", str(target))


def messages(ts: Path) -> list[tuple[str, str]]:
    """Contexts and texts in a .ts file."""
    contexts = ElementTree.parse(ts).iter("context")
    return [
        (each.findtext("name"), message.findtext("source"))
        for each in contexts
        for message in each.iter("message")
    ]


def _withContext(path: Path) -> str:
    context, code = contextOf(path), path.read_text(encoding="utf-8")
    return TR_CALL.sub(lambda call: f'translate("{context}", {call[1]})', code)


def _header(path: Path) -> str:
    """Lines of C++ that lupdate understands."""
    content = json.loads(path.read_text(encoding="utf-8"))
    schema = path.parent / Path(content.get("$schema", "")).name
    names = set(_translatable(json.loads(schema.read_text(encoding="utf-8")))) if schema.is_file() else set()
    return "\n".join(
        f'QT_TRANSLATE_NOOP("{path.stem}", {json.dumps(text, ensure_ascii=False)})'
        for text in dict.fromkeys(_values(content, names))
    )


def _translatable(schema: dict) -> Iterator[str]:
    for name, each in schema.get("properties", {}).items():
        if each.get("translatable") is True:
            yield name
        yield from _translatable(each)
    if "items" in schema:
        yield from _translatable(schema["items"])


def _values(content, names: set[str]) -> Iterator[str]:
    for name, value in content.items() if isinstance(content, dict) else enumerate(content):
        if isinstance(value, (dict, list)):
            yield from _values(value, names)
        elif name in names and isinstance(value, str):
            yield value


def _run(tool: str, *arguments: str) -> None:
    """One of Qt's tools, which PySide6 brings."""
    code = f"from PySide6.scripts.pyside_tool import {tool}; {tool}()"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr


# The language in brackets


def makeBracketLanguage(ts: Path) -> Path:
    """Translate what ``extract`` has written; gives the .qm file beside it."""
    tree = ElementTree.parse(ts)
    for message in tree.iter("message"):
        translation = message.find("translation")
        translation.attrib.clear()
        translation.text = f"⟦{message.findtext('source')}⟧"
    translated, released = ts.with_suffix(".brackets.ts"), ts.with_suffix(".qm")
    tree.write(translated, encoding="utf-8")
    _run("lrelease", str(translated), "-qm", str(released))
    return released


@contextmanager
def speaking(qm: Path) -> Iterator[None]:
    """Let the application speak a language."""
    translator = QtCore.QTranslator()
    assert translator.load(str(qm))
    QtCore.QCoreApplication.installTranslator(translator)
    yield
    QtCore.QCoreApplication.removeTranslator(translator)


def untranslated(*texts: str) -> set[str]:
    """What has words without brackets, of texts that may be HTML."""
    rests = (_withoutBracketed(TAG.sub("", text)).strip() for text in texts)
    return {rest for rest in rests if WORD.search(rest)}


def _withoutBracketed(text: str) -> str:
    inner = BRACKETED.sub("", text)
    return text if inner == text else _withoutBracketed(inner)


def shownBy(widget) -> list[str]:
    """All that a widget and what is in it says, tool tips, choices and cells of tables included."""
    parts = [widget, *widget.findChildren(QtWidgets.QWidget), *widget.findChildren(QtGui.QAction)]
    return [text for part in parts for text in (*_properties(part), *_items(part)) if text]


def _properties(part) -> Iterator[str]:
    about = part.metaObject()
    for number in range(about.propertyCount()):
        item = about.property(number)
        isTyped = isinstance(part, QtWidgets.QLineEdit) and item.name() in TYPED
        if item.typeName() == "QString" and item.name() not in NOT_SHOWN and not isTyped:
            yield item.read(part)
    if type(part).__name__ == "ctkCollapsibleButton":
        yield part.text


def _items(part) -> Iterator[str]:
    if isinstance(part, QtWidgets.QComboBox):
        yield from (part.itemText(number) for number in range(part.count))
    if isinstance(part, QtWidgets.QTableWidget):
        columns = range(part.columnCount)
        yield from (part.horizontalHeaderItem(column).text() for column in columns)
        yield from (part.item(row, column).text() for row in range(part.rowCount) for column in columns)
