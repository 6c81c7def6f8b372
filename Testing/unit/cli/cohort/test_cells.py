"""Cells mean what the options of ``medsam2 segment`` mean."""

from medsam2.cli.cohort.cells import objects_of_case
from unit.cli.cohort.volumes import case


def test_voxel_indices_asked_for_a_whole_list_leave_its_cases_with_a_mask_alone(tmp_path):
    assert callable(objects_of_case(case(tmp_path, mask="m.nrrd", ijk="yes")))
