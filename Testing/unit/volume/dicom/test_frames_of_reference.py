"""Positions are compared within one frame of reference only."""

import numpy as np
import pytest

from medsam2.errors import InputError
from medsam2.volume import ReadOptions, read_volume
from medsam2.volume.dicom.output.source import source_of
from unit.volume.dicom.examples import ROOT, VOXELS, write_series


def test_slices_of_two_frames_are_two_volumes(tmp_path):
    write_series(
        tmp_path,
        each=lambda number: {
            "FrameOfReferenceUID": f"{ROOT}.4.{number // 3}",
            "AcquisitionTime": f"10101{number}",
        },
    )
    with pytest.raises(
        InputError, match=rf"2 volumes.*made up, frame of reference {ROOT}\.4\.1, 14 x 12 x 3"
    ):
        read_volume(tmp_path)
    np.testing.assert_array_equal(read_volume(tmp_path, ReadOptions(volume=2)).voxels, VOXELS[3:])


def test_images_that_differ_in_the_frame_alone_are_no_copies(tmp_path):
    for part in range(2):
        write_series(tmp_path, name=f"p{part}-", FrameOfReferenceUID=f"{ROOT}.4.{part}")
    with pytest.raises(InputError, match="2 volumes"):
        read_volume(tmp_path)


def test_slices_that_do_not_say_it_go_with_the_others_where_these_agree(tmp_path):
    write_series(tmp_path, each=lambda number: {"FrameOfReferenceUID": f"{ROOT}.4" if number % 2 else None})
    volume = read_volume(tmp_path)
    np.testing.assert_array_equal(volume.voxels, VOXELS)
    assert volume.geometry.frame_of_reference == f"{ROOT}.4"


@pytest.mark.parametrize("odd", [None, f"{ROOT}.4.3"], ids=["none", "shared"])
@pytest.mark.parametrize("number_of_odd", [-1, 2])
def test_frames_that_a_program_made_up_for_each_file_do_not_part_them(tmp_path, odd, number_of_odd):
    def frame(number):
        return {"FrameOfReferenceUID": odd if number == number_of_odd else f"{ROOT}.4.{number}"}

    write_series(tmp_path, each=frame)
    volume = read_volume(tmp_path)
    np.testing.assert_array_equal(volume.voxels, VOXELS)
    assert volume.geometry.frame_of_reference == ""
    with pytest.raises(InputError, match=r"FrameOfReferenceUID.*end the name with"):
        source_of(volume)
