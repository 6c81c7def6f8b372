"""What the pages name exists: pages and sections, files, names in the code; and the weights of the card."""

import hashlib
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from medsam2.resource_files import resource_path
from unit.packaging import weights_page

ROOT = Path(__file__).resolve().parents[3]
NOT_OURS = {
    "demo/": "made by the demo",
    "worst/": "made by evaluate",
    "tensorboard/": "made by train",
    "func_2d/function.py": "the released code of MedSAM-2",
    "MemoryMax": "systemd's",
}
"""Names on the pages that are not of this repository."""


@cache
def tracked() -> tuple[str, ...]:
    """The repository's files, from its root; outside of a clone nothing can be said."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    if listed.returncode:
        pytest.skip("not a clone")
    return tuple(path for path in listed.stdout.splitlines() if (ROOT / path).is_file())


@cache
def paths() -> frozenset[str]:
    """Every file and folder by every end of its path: ``a/b.py`` also as ``b.py``."""
    whole = {path for file in tracked() for path in (file, *map(str, Path(file).parents))} - {"."}
    return frozenset(path.split("/", cut)[-1] for path in whole for cut in range(path.count("/") + 1))


@cache
def words() -> frozenset[str]:
    """Every word of the code."""
    files = [ROOT / path for path in tracked() if path.endswith(".py")]
    return frozenset(word for file in files for word in re.findall(r"\w+", file.read_text("utf-8")))


def pages(*, of_today: bool = False) -> list[Path]:
    """All pages; those of today leave out what tells of the past."""
    found = [ROOT / path for path in tracked() if path.endswith(".md")]
    past = [ROOT / "CHANGELOG.md", ROOT / "docs" / "lab"]
    return [page for page in found if not of_today or not {page, page.parent} & set(past)]


def named(page: Path) -> list[str]:
    """What stands between backticks, blocks of code aside."""
    text = re.sub(r"(?ms)^```.*?^```", "", page.read_text("utf-8"))
    return re.findall(r"`([^`\n]+)`", text)


def anchors(page: Path) -> set[str]:
    """The names that a page's headings have as targets of links."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_to_files_and_sections_that_exist():
    broken = []
    for page in pages():
        for target, anchor in re.findall(
            r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text("utf-8")
        ):
            goal = page.parent / target if target else page
            if not goal.exists() or (anchor and anchor not in anchors(goal)):
                broken.append(f"{page.relative_to(ROOT)}: {target}#{anchor}")
    assert not broken


def test_files_and_folders_that_pages_name_exist():
    top = {path.split("/")[0] for path in tracked() if "/" in path}
    missing = []
    for page in pages(of_today=True):
        for name in named(page):
            is_path = re.fullmatch(r"[\w./-]+\.py|[\w.-]+/[\w./-]*", name)
            ours = name.endswith((".py", "/")) or name.split("/")[0] in top
            if is_path and ours and name not in NOT_OURS and name.strip("/") not in paths():
                missing.append(f"{page.relative_to(ROOT)}: {name}")
    assert not missing


def test_classes_and_tests_that_pages_name_are_in_the_code():
    missing = []
    for page in pages(of_today=True):
        for name in named(page):
            word = re.match(r"((?:[A-Z][a-z0-9]+){2,}|test_\w+)(?:[.(]|$)", name)
            if word and name not in NOT_OURS and not {word[1], f"{word[1]}.py"} & (words() | paths()):
                missing.append(f"{page.relative_to(ROOT)}: {name}")
    assert not missing


def test_the_model_card_is_that_of_the_shipped_weights():
    shipped = hashlib.sha256(resource_path("weights/starter.safetensors").read_bytes()).hexdigest()
    assert f"`{shipped}`" in (ROOT / "docs" / "model_card.md").read_text("utf-8")


def test_the_table_of_weights_is_that_of_the_catalogue():
    page = weights_page.PAGE.read_text("utf-8")
    assert page == weights_page.with_table(page), "run Testing/unit/packaging/weights_page.py"


def test_every_decision_is_listed_with_its_number():
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"^\| \[(\d+)\]\((\S+)\)", (folder / "README.md").read_text("utf-8"), re.MULTILINE)
    assert [name for _, name in listed] == sorted(
        path.name for path in folder.glob("*.md") if path.name != "README.md"
    )
    for number, name in listed:
        assert (folder / name).read_text("utf-8").startswith(f"# {number}. ")
        assert name.startswith(f"{int(number):02}_")
