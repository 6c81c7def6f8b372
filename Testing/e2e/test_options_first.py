"""Options that are wrong whatever the data are told before any of it is read."""

import pytest

SEGMENT = "segment absent.nrrd -o a.nrrd --ijk --point"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (f"{SEGMENT} 1,2,3 --weights nonsuch", "nonsuch"),
        (f"{SEGMENT} 1,2,3 --weights nonsuch.pt", "no checkpoint file"),
        (f"{SEGMENT} 1,2,3 --device gpu", "no device 'gpu'"),
        (f"{SEGMENT} 1,2,3 --precision fp8", "no precision 'fp8'"),
        (f"{SEGMENT} 1,2,3 --view x", "--view x"),
        (f"{SEGMENT} 1", "--point 1 is not"),
        (f"{SEGMENT} 1,2,3 --prompts p.json", "Give only one of these"),
        (f"{SEGMENT} 1,2,3 --server wss://host/session --token-file none", "token file none"),
        ("segment absent.nrrd -o a.nrrd --prompts none.json", "none.json does not exist"),
        ("demo absent.nrrd --point 1,2,3 --weights nonsuch", "nonsuch"),
        ("evaluate absent -o out --weights nonsuch", "nonsuch"),
        ("evaluate absent -o out --precision fp8", "no precision 'fp8'"),
        ("train absent -o out --device gpu", "no device 'gpu'"),
    ],
)
def test_a_wrong_option_is_told_before_anything_is_read(here, tmp_path, command, words):
    run = here(*command.split())
    (line,) = run.stderr.splitlines()
    assert run.returncode == 2
    assert words in line
    assert "absent" not in line
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == []
