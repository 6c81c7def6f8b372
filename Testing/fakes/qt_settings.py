"""``qt.QSettings`` in memory."""

STORE: dict[str, object] = {}


class QSettings:
    """The application's settings. All instances share them, as they share one file in Slicer."""

    def __init__(self, *_):
        self._groups = []

    def value(self, key: str, defaultValue=None):
        return STORE.get(self._full(key), defaultValue)

    def setValue(self, key: str, value):
        STORE[self._full(key)] = value

    def contains(self, key: str) -> bool:
        return self._full(key) in STORE

    def remove(self, key: str):
        """Remove a key and what lies below it; the empty key stands for the group."""
        full = self._full(key).rstrip("/")
        for each in [each for each in STORE if each == full or each.startswith(full + "/") or not full]:
            del STORE[each]

    def beginGroup(self, name: str):
        self._groups.append(name)

    def endGroup(self):
        self._groups.pop()

    def allKeys(self) -> tuple[str, ...]:
        """PythonQt turns string lists into tuples."""
        prefix = self._full("")
        return tuple(each[len(prefix) :] for each in sorted(STORE) if each.startswith(prefix))

    def childKeys(self) -> tuple[str, ...]:
        return tuple(each for each in self.allKeys() if "/" not in each)

    def childGroups(self) -> tuple[str, ...]:
        return tuple(sorted({each.split("/")[0] for each in self.allKeys() if "/" in each}))

    def sync(self):
        pass

    def _full(self, key: str) -> str:
        return "/".join([*self._groups, key])


def rereadFromDisk():
    """What a restart does to the types on some systems: everything comes back as text."""
    for key, value in STORE.items():
        STORE[key] = str(value).lower() if isinstance(value, bool) else str(value)
