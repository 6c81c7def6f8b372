"""``SampleData``: Slicer's module of that name, as far as extensions register data with it.

Written after Slicer's Modules/Scripted/SampleData: the same parameters, the same checks, and the same place
where sources are kept.
"""

import types

import slicer


class SampleDataSource:
    """One entry. A single string becomes a list of one; all lists must be of one length."""

    def __init__(
        self,
        sampleName=None,
        sampleDescription=None,
        uris=None,
        fileNames=None,
        nodeNames=None,
        checksums=None,
        loadFiles=None,
        customDownloader=None,
        thumbnailFileName=None,
        loadFileType=None,
        loadFileProperties=None,
    ):
        self.sampleName = sampleName
        self.sampleDescription = sampleDescription or sampleName
        self.customDownloader = customDownloader
        self.thumbnailFileName = thumbnailFileName
        self.loadFileProperties = loadFileProperties or {}
        single = isinstance(uris, str)
        self.uris = [uris] if single else list(uris)
        count = len(self.uris)
        lists = (fileNames, nodeNames, checksums, loadFiles, loadFileType)
        lists = [[each] if single else _listOf(each, count) for each in lists]
        self.fileNames, self.nodeNames, self.checksums, self.loadFiles, self.loadFileType = lists
        if any(len(each) != count for each in lists):
            raise ValueError("All fields of sample data source must have the same length")

    def __str__(self):
        return str(vars(self))

    def __eq__(self, other):
        return str(self) == str(other)


class SampleDataLogic:
    """Keeps sources by category in ``slicer.modules.sampleDataSources``."""

    @staticmethod
    def registerCustomSampleDataSource(
        category="Custom",
        sampleName=None,
        uris=None,
        fileNames=None,
        nodeNames=None,
        customDownloader=None,
        thumbnailFileName=None,
        loadFileType="VolumeFile",
        loadFiles=None,
        loadFileProperties=None,
        checksums=None,
    ):
        """Registering twice is registering once."""
        fields = {name: value for name, value in locals().items() if name != "category"}
        source = SampleDataSource(**fields)
        sources = SampleDataLogic.sampleDataSourcesByCategory().setdefault(category, [])
        if source not in sources:
            sources.append(source)

    @staticmethod
    def sampleDataSourcesByCategory(category=None):
        """Sources of one category, or all categories."""
        if not hasattr(slicer.modules, "sampleDataSources"):
            slicer.modules.sampleDataSources = {}
        everything = slicer.modules.sampleDataSources
        return everything if category is None else everything.get(category, [])


def pressButton(sampleName: str):
    """Press the button of an entry in the module's panel; returns what its downloader returns."""
    sources = [each for some in SampleDataLogic.sampleDataSourcesByCategory().values() for each in some]
    (source,) = [each for each in sources if each.sampleName == sampleName]
    return source.customDownloader(source)


def _listOf(value, count: int) -> list:
    return list(value) if isinstance(value, (list, tuple)) else [value] * count


def makeModule() -> types.ModuleType:
    """The module ``SampleData``."""
    module = types.ModuleType("SampleData")
    for each in (SampleDataSource, SampleDataLogic):
        setattr(module, each.__name__, each)
    return module
