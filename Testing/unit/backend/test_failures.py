"""What clients are told of failures."""

import numpy as np
import pytest
import torch

from medsam2.backend.failures import failure, is_out_of_memory
from medsam2.errors import InputError
from medsam2.protocol import Error, ProtocolError

ORDINARY = [
    RuntimeError("shapes do not match"),
    RuntimeError("could not create a primitive descriptor for a convolution"),
    KeyError("out of memory"),
    ValueError("x"),
]


def raised(function) -> Exception:
    with pytest.raises(Exception) as info:  # noqa: PT011 - any
        function()
    return info.value


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
        RuntimeError("std::bad_alloc"),
        RuntimeError("could not create a primitive"),
        RuntimeError("could not create a memory object"),
        RuntimeError("MPS backend out of memory (MPS allocated: 1.00 GB)"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("mmap failed: Cannot allocate memory"),
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    ],
)
def test_memory_runs_out_in_many_words(error):
    assert is_out_of_memory(error)
    answer = failure(error, 7)
    assert (answer.id, answer.code) == (7, "out_of_memory")
    assert answer.hint


def test_real_allocations_that_fail_are_recognised():
    assert is_out_of_memory(raised(lambda: np.empty(2**62, np.uint8)))
    assert is_out_of_memory(raised(lambda: torch.empty(2**55)))


@pytest.mark.parametrize("error", ORDINARY)
def test_other_errors_are_internal_and_their_text_stays_here(error):
    assert not is_out_of_memory(error)
    answer = failure(error, 7)
    assert (answer.id, answer.code) == (7, "internal")
    assert str(error) not in answer.message + answer.hint
    assert answer.hint


def test_wrong_input_is_told_in_its_own_words():
    assert failure(InputError("Slice 9 does not exist."), 3) == Error(
        3, "bad_input", "Slice 9 does not exist."
    )


def test_protocol_errors_keep_their_code_and_the_id_that_they_know():
    assert failure(ProtocolError("busy", "Full.", 5), 3) == Error(5, "busy", "Full.", failure_hint("busy"))
    assert failure(ProtocolError("no_volume", "None."), 3).id == 3


def test_a_full_budget_says_itself_what_to_do():
    error = ProtocolError("out_of_memory", "Remove an object.")
    assert not is_out_of_memory(error)
    assert failure(error, 3).hint == ""


def failure_hint(code: str) -> str:
    hint = failure(ProtocolError(code, ""), 0).hint
    assert hint.endswith(".")
    return hint
