"""A computer whose speed is known: no test waits until it is measured."""

import os
from collections.abc import Mapping
from unittest import mock

from medsam2.weights.speed import Speed, Work, keep

SPEED = Speed("cpu", Work(products=1.5e11, attention=1.5e11, bytes=1e10, calls=1e5))
"""Starter is quick on it, and the large networks are not."""


def keep_speed(environment: Mapping[str, str]) -> None:
    """As ``medsam2 weights list`` keeps what it measured, with these variables of its process."""
    with mock.patch.dict(os.environ, environment):
        keep("auto", SPEED)
