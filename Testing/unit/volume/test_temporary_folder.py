"""A full folder for temporary files is told, and no image is blamed for it."""

import pytest
from pydicom import uid

from medsam2.errors import InputError
from medsam2.volume import ReadOptions, read_volume
from unit.full_disk import full_disk
from unit.volume.dicom.examples import write_series
from unit.volume.dicom.special_files import LARGE, encoded


@pytest.mark.parametrize("skip_damaged", [False, True])
def test_good_compressed_images_are_not_called_damaged(tmp_path, skip_damaged):
    write_series(tmp_path, stored=LARGE, finish=encoded(uid.RLELossless))
    refused = pytest.raises(
        InputError, match=r"temporary files.*cannot be written to \(File too large\): free"
    )
    with full_disk(100), refused:
        read_volume(tmp_path, ReadOptions(skip_damaged=skip_damaged))


def test_a_folder_that_is_not_there_is_named(tmp_path, monkeypatch):
    write_series(tmp_path, stored=LARGE, finish=encoded(uid.RLELossless))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(InputError, match=r"temporary files .*missing cannot be written to \(No such file"):
        read_volume(tmp_path)
