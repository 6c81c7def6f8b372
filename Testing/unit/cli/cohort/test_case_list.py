"""Lists of cases as programs and spreadsheets write them."""

import pytest

from medsam2.cli.cohort.case_list import read_rows
from medsam2.errors import InputError

TWO = [("a", {"image": "a.nii.gz", "point": "1,2,3", "ijk": "yes"}), ("b", {"image": "x/b.nrrd"})]


def listed(tmp_path, data: bytes | str):
    path = tmp_path / "cases.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return [(row.name, dict(row.cells)) for row in read_rows(path)]


@pytest.mark.parametrize(
    "text",
    [
        'image,point,ijk\na.nii.gz,"1,2,3",yes\nx/b.nrrd,,\n',
        '\ufeffImage;Points;IJK\r\n"a.nii.gz";1,2,3;yes\r\n\r\n;;\r\nx/b.nrrd;;\r\n',
        "image\tpoint\tijk\t\na.nii.gz\t1,2,3\tyes\nx/b.nrrd",
        "sep=;\r\nimage;point;ijk;#name\r\na.nii.gz;1,2,3;yes;someone\r\nx/b.nrrd;;;\r\n",
        'case, image, "--point", ijk\na, a.nii.gz, "1,2,3", yes\nb, x/b.nrrd, ,\n',
    ],
)
def test_the_same_list_is_read_from_all_that_writes_csv(tmp_path, text):
    assert listed(tmp_path, text) == TWO
    assert listed(tmp_path, text.encode("utf-16")) == TWO


def test_names_of_a_western_spreadsheet_keep_their_letters(tmp_path):
    assert listed(tmp_path, "image\nKöln.nii\n".encode("cp1252")) == [("Köln", {"image": "Köln.nii"})]


def test_a_cell_may_hold_quotes_and_line_breaks(tmp_path):
    text = 'image,stroke\n"a ""b"" c.nii","1,2,3 4,5,3\n6,7,3 8,9,3"\n'
    with pytest.raises(InputError, match="no file's name"):
        listed(tmp_path, text)
    ((name, cells),) = listed(tmp_path, text.replace('""b""', "b"))
    assert name == "a b c"
    assert "\n" in cells["stroke"]


def test_a_folder_keeps_its_whole_name(tmp_path):
    (tmp_path / "CT.1.2").mkdir()
    assert listed(tmp_path, "image\nCT.1.2\n")[0][0] == "CT.1.2"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "lists no case"),
        ("image\n\n", "lists no case"),
        ("point\n1\n", "no column image"),
        ("image,pionts\na,1\n", "a column pionts"),
        ("image,weights\na,starter\n", "a column weights"),
        ("image,Image\na,b\n", "two columns image"),
        ("image,point\na,1,2,3\n", "quotes"),
        ("image\na.nii\nb/A.nrrd\n", "Lines 2 and 3"),
        ("image,case\na.nii,../a\n", "Line 2"),
        ("image,case\na.nii,aux.b\n", "Line 2"),
        ("image,case\na.nii,.hidden\n", "Line 2"),
        ("image,point\n,1\n", "names no image"),
        ('image\n"a"b\n', "Line 2"),
        ("image\n" + "n" * 300 + "\n", "short"),
        (b"image\n\0\n", "no text"),
        (b"PK\x03\x04\0\0", "no text"),
        ("image\na\0.nii".encode("utf-16"), "no text"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused_in_a_sentence(tmp_path, text, what):
    with pytest.raises(InputError, match=what) as error:
        listed(tmp_path, text)
    assert str(error.value).endswith(".")


def test_a_list_that_is_missing_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_rows(tmp_path / "absent.csv")
