"""The report of a cohort: a page and a table."""

import csv
import time
from dataclasses import replace
from html.parser import HTMLParser

from medsam2.cli.cohort.case import Case, CaseResult, FoundObject
from medsam2.cli.cohort.record import Record, write_record
from medsam2.cli.cohort.report import page, write_report
from unit.cli.cohort.volumes import case

SURE, UNSURE = FoundObject("liver", 1500.0, 40, 0.93), FoundObject("cyst", 2.0, 3, 0.4, [4, 5, 9])


def done(name: str, *objects: FoundObject, **more) -> CaseResult:
    files = (f"{name}.seg.nrrd", f"{name}.png", f"thumbnails/{name}.jpg")
    return CaseResult(name, "done", objects=objects, axis="k", files=files, seconds=3.2, **more)


class Names(HTMLParser):
    """Texts of the page, names of tags, and their attributes."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def named(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_a_long_name_goes_on_below_after_an_underscore():
    failed = CaseResult("patient_2", "failed", "The image does not exist: check its name.")
    text = page([failed, done("patient_1", replace(SURE, name="<left>_kidney"))], 2)
    for name in ("patient_<wbr>2", "patient_<wbr>1", "&lt;left&gt;_<wbr>kidney"):
        assert name in text
    assert "patient_1.png" in text


def test_failures_come_first_then_what_to_look_at_by_doubt(tmp_path):
    few_doubtful = done("c", replace(SURE, doubtful_slices=[7]))
    results = {
        "a": done("a", SURE),
        "b": done("b", replace(SURE, confidence=0.9)),
        "c": few_doubtful,
        "d": done("d", SURE, UNSURE),
        "e": CaseResult("e", "failed", "The image does not exist: check its name."),
    }
    cases = [case(tmp_path, name=name) for name in (*results, "later")]
    for each in cases[:-1]:
        write_record(each, Record({}, result=results[each.name]))
    assert [result.name for result in write_report(cases)] == ["e", "d", "c", "b", "a"]
    shown = Names((cases[0].folder / "report.html").read_text("utf-8"))
    assert [image["src"] for image in shown.named("img")] == [f"thumbnails/{name}.jpg" for name in "dcba"]
    assert [link["href"] for link in shown.named("a")] == [f"{name}.png" for name in "dcba"]
    for text in ("6 cases", "4done", "2to look at", "1failed", "1to come", "slices 4 to 5, 9", "1,500 ml"):
        assert text in shown.text
    with (cases[0].folder / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["case"], row["object"]) for row in rows] == [
        ("e", ""),
        ("d", "liver"),
        ("d", "cyst"),
        ("c", "liver"),
        ("b", "liver"),
        ("a", "liver"),
    ]
    assert rows[2]["doubtful_slices"] == "4 5 9"


def test_names_are_text_and_never_code_formulas_or_other_addresses(tmp_path):
    evil = '<script>alert(1)</script>"&'
    result = done("a#?%", replace(SURE, name=evil), notes=(f"=note {evil}",))
    failed = CaseResult("b", "failed", f"=HYPERLINK({evil})")
    shown = Names(page([failed, result], 2))
    assert {tag for tag, _ in shown.tags}.isdisjoint({"script", "iframe", "object", "link"})
    assert evil in shown.text
    assert shown.named("img")[0]["src"] == "thumbnails/a%23%3F%25.jpg"
    assert "default-src 'none'" in shown.named("meta")[-1]["content"]
    cases = [case(tmp_path, name="b")]
    write_record(cases[0], Record({}, result=failed))
    write_report(cases)
    with (cases[0].folder / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        assert next(csv.DictReader(file))["reason"].startswith("'=HYPERLINK")


def test_files_whose_names_are_no_utf_8_are_named(tmp_path):
    one = case(tmp_path)
    failed = CaseResult(one.name, "failed", "caf\udce9.dcm is damaged.", notes=("caf\udce8.dcm is too.",))
    write_record(one, Record({}, result=failed))
    write_report([one])
    assert "caf?.dcm is damaged" in (one.folder / "report.html").read_text("utf-8")
    assert r"caf\udce9.dcm is damaged.,caf\udce8.dcm" in (one.folder / "results.csv").read_text("utf-8-sig")


def test_a_record_that_is_none_is_a_failure_that_says_so(tmp_path):
    one: Case = case(tmp_path)
    one.record.write_text("theirs")
    (result,) = write_report([one])
    assert "no record" in result.reason
    assert one.record.read_text() == "theirs"


def test_a_thousand_cases_are_a_page_of_less_than_a_megabyte_whose_pictures_wait(tmp_path):
    results = [done(f"case_{number:04}", SURE, UNSURE) for number in range(1000)]
    began = time.perf_counter()
    text = page(results, 1000)
    assert time.perf_counter() - began < 5
    assert len(text) < 2**20
    assert all(image["loading"] == "lazy" for image in Names(text).named("img"))
