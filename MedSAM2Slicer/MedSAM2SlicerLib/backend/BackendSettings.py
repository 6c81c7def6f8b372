"""Which backend this computer uses: kept in the application's settings, never in a scene."""

from dataclasses import dataclass, fields

import qt

GROUP = "MedSAM2"


@dataclass
class BackendSettings:
    """Choices of the module's panel.

    Attributes:
        serverUrl: address such as ``wss://host/session``; empty for a backend on this computer.
        caFile: PEM file that the server's certificate is checked with; empty for the system's.
        weights: name of the network's weights, for a backend on this computer.
        device: auto, cpu, cuda or mps, for a backend on this computer.
        speed: exact or fast, for a backend on this computer.
    """

    serverUrl: str = ""
    caFile: str = ""
    weights: str = "starter"
    device: str = "auto"
    speed: str = "exact"

    @classmethod
    def load(cls) -> "BackendSettings":
        """What was saved last, else the defaults."""
        settings = qt.QSettings()
        saved = {item.name: settings.value(f"{GROUP}/{item.name}") for item in fields(cls)}
        return cls(**{name: str(value) for name, value in saved.items() if value is not None})

    def save(self) -> None:
        """Keep the choices. The server's token is not among them: it lives as long as the application."""
        settings = qt.QSettings()
        for item in fields(self):
            settings.setValue(f"{GROUP}/{item.name}", getattr(self, item.name))
