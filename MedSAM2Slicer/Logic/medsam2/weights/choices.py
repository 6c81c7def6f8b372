"""The words for device and precision, and what is said of wrong ones: known without torch."""

from medsam2.errors import InputError

DEVICES = ("auto", "cpu", "cuda", "mps", "xpu")
PRECISIONS = ("auto", "fp32", "bf16")


def check_device_word(device: str) -> None:
    """Refuse a device that no computer has; whether this one has it, torch knows."""
    if device.partition(":")[0] not in DEVICES:
        raise InputError(f"There is no device '{device}'; use 'auto', 'cpu', 'cuda' or 'mps'.")


def check_precision(precision: str) -> None:
    """Refuse a precision that is not known."""
    if precision not in PRECISIONS:
        raise InputError(f"There is no precision '{precision}'; choose one of {', '.join(PRECISIONS)}.")
