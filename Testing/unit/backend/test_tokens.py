"""Who may connect."""

import os

import pytest

from medsam2.backend.tokens import OneToken, TokenFile
from medsam2.errors import InputError

ANNA, BERT = "anna-0123456789abcdef", "bert-0123456789abcdef"


@pytest.fixture
def write(tmp_path):
    """Write the token file, with a time of its own."""
    path = tmp_path / "tokens"
    stamps = iter(range(1, 1000))

    def write(text: str, mode: int = 0o600):
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        stamp = 10**9 + next(stamps)
        os.utime(path, (stamp, stamp))
        return path

    return write


def test_one_token_opens_and_no_other():
    known = OneToken(ANNA)
    assert known.name_of(ANNA) == "local"
    for wrong in ("", "x", ANNA[:-1], ANNA + "x", "ä" * 20):
        assert known.name_of(wrong) is None


def test_tokens_of_a_file_have_names(write):
    known = TokenFile(write(f"# the department\n\nanna {ANNA}\n  bert\t{BERT}  # until May\n"))
    assert known.name_of(ANNA) == "anna"
    assert known.name_of(BERT) == "bert"
    for wrong in ("", "anna", ANNA[:-1], f"anna {ANNA}", "ä" * 20):
        assert known.name_of(wrong) is None


def test_a_token_may_hold_what_else_starts_a_comment(write):
    known = TokenFile(write(f"#first\nanna {ANNA}#1 #until May\n  # bert {BERT}\n"))
    assert known.name_of(f"{ANNA}#1") == "anna"
    assert known.name_of(ANNA) is None
    assert known.name_of(BERT) is None


def test_an_edit_revokes_and_adds(write):
    known = TokenFile(write(f"anna {ANNA}\n"))
    write(f"bert {BERT}\n")
    assert known.name_of(ANNA) is None
    assert known.name_of(BERT) == "bert"


def test_an_edit_that_keeps_the_length_counts_too(write):
    known = TokenFile(write(f"anna {ANNA}\n"))
    write(f"bert {BERT}\n")
    assert known.name_of(ANNA) is None


@pytest.mark.parametrize("text", ["anna\n", "anna short\n", f"anna {ANNA} more\n", f"{ANNA}\n"])
def test_a_wrong_line_is_refused_with_its_number(write, text):
    with pytest.raises(InputError, match="Line 2"):
        TokenFile(write("# first\n" + text))


def test_a_wrong_line_names_no_token(write):
    with pytest.raises(InputError) as problem:
        TokenFile(write("anna secretsecret\n"))
    assert "secret" not in str(problem.value)


def test_an_edit_with_a_wrong_line_closes_the_door_until_it_is_corrected(write, capsys):
    known = TokenFile(write(f"anna {ANNA}\n"))
    write(f"anna {ANNA}\nbert\n")
    assert known.name_of(ANNA) is None
    assert "tokens_refused" in capsys.readouterr().err
    write(f"anna {ANNA}\n")
    assert known.name_of(ANNA) == "anna"


def test_a_file_that_is_gone_closes_the_door(write):
    path = write(f"anna {ANNA}\n")
    known = TokenFile(path)
    path.unlink()
    assert known.name_of(ANNA) is None


def test_a_missing_file_and_one_that_is_no_text_are_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        TokenFile(tmp_path / "nothing")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "binary").chmod(0o600)
    with pytest.raises(InputError, match="cannot be read"):
        TokenFile(tmp_path / "binary")


@pytest.mark.skipif(os.name != "posix", reason="Windows has no file modes")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_file_that_others_can_read_or_write_is_refused(write, mode):
    with pytest.raises(InputError, match="chmod 600"):
        TokenFile(write(f"anna {ANNA}\n", mode))
