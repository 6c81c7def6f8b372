"""The box round a whole structure, as the experiment gives it to the network."""

from unittest.mock import Mock

import numpy as np

from medsam2.prompt import Prompt
from medsam2.volume import Geometry, Volume, VolumeSlices
from medsam2_lab.experiments.box_through_slices import mask_of


def test_the_box_goes_round_the_outer_edges_of_the_voxels_on_all_slices():
    truth = np.zeros((9, 20, 20), bool)
    truth[2, 4:8, 5:7] = truth[6, 6:11, 3:6] = True
    client = Mock(propagate=Mock(return_value=[]))
    slices = VolumeSlices(Volume(truth.astype(np.uint8), Geometry(truth.shape, np.eye(4))), "k")
    mask_of(client, slices, truth, "three")
    asked = [call.args[2] for call in client.prompt.call_args_list]
    assert asked == [Prompt(index, box=(3.5, 2.5, 10.5, 6.5)) for index in (3, 4, 5)]
