"""Memory that a computation freed is there for the next one."""

import subprocess
import sys

import pytest

COUNT_FAULTS = """
import resource, sys
import torch
from medsam2.model.freed_memory import keep_freed_memory
if sys.argv[1:] == ["kept"]:
    keep_freed_memory()
x = torch.ones(1000, 4000)
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def compute():
    first = x + 1
    second = first + 1
    return (second + 1).sum()
for _ in range(3):
    compute()
before = faults()
for _ in range(100):
    compute()
print(faults() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux alone")
def test_the_system_need_not_give_it_again():
    def faults(*way):
        return int(subprocess.check_output([sys.executable, "-c", COUNT_FAULTS, *way]))

    assert faults("kept") < faults() / 4
