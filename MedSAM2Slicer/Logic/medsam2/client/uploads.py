"""Volumes that may have to be sent: contiguous, little-endian, of a type that the protocol has."""

import uuid
from collections.abc import Collection
from typing import get_args

import numpy as np

from medsam2.protocol.messages import Dtype

from .client_error import ClientError


class Uploads:
    """Voxels by the name of their upload."""

    def __init__(self):
        self._given: dict[str, np.ndarray] = {}
        self._sendable: dict[str, np.ndarray] = {}

    def add(self, voxels: np.ndarray) -> str:
        """The name of the upload of a volume (k, j, i): the same for the same array object.

        Raises:
            ClientError: it is no volume, or of a type that cannot be sent.
        """
        known = [name for name, given in self._given.items() if given is voxels]
        if known:
            return known[0]
        name = uuid.uuid4().hex
        self._sendable[name] = sendable(voxels)
        self._given[name] = voxels
        return name

    def __getitem__(self, name: str) -> np.ndarray:
        return self._sendable[name]

    def keep(self, names: Collection[str]) -> None:
        """Let go of all others."""
        for name in self._given.keys() - set(names):
            del self._given[name], self._sendable[name]


def sendable(voxels: np.ndarray) -> np.ndarray:
    """The volume (k, j, i) as it can be sent; copied only where its layout makes that necessary.

    Raises:
        ClientError: it is no volume, or of a type that cannot be sent.
    """
    if voxels.ndim != 3 or not voxels.size:
        raise ClientError("bad_input", "The volume must be an array (k, j, i) with voxels in it.")
    if voxels.dtype.name not in get_args(Dtype):
        raise ClientError(
            "bad_input",
            f"Voxels of type {voxels.dtype.name} cannot be sent: convert them to float32 or int32.",
        )
    return np.ascontiguousarray(voxels, voxels.dtype.newbyteorder("<"))
