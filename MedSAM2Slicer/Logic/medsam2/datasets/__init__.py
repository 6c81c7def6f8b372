"""Annotated images on disk: which cases a dataset holds, and what each holds. No torch here."""

from medsam2.datasets.case import Case, LabelledVolume
from medsam2.datasets.checking import Problem, check_cases
from medsam2.datasets.finding import read_dataset

__all__ = ["Case", "LabelledVolume", "Problem", "check_cases", "read_dataset"]
