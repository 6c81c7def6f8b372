"""A network of one slice chooses its own field of view where no other does it."""

from dataclasses import replace

import numpy as np
import torch

from medsam2.model.config import network_config
from medsam2.model.slice_wise import SliceWiseNetwork
from medsam2.model.slice_wise_config import SliceWiseConfig, ViTSizes
from medsam2.prompt import Prompt
from medsam2.tracking.tracker import Tracker
from medsam2.volume import ImageSet


def test_a_box_is_answered_in_a_field_of_view_of_its_own():
    config = network_config("sam_vit_b")
    assert isinstance(config, SliceWiseConfig)
    encoder = ViTSizes(width=32, depth=2, heads=2, global_blocks=(1,))
    torch.manual_seed(3)
    network = SliceWiseNetwork(replace(config, image_size=128, encoder=encoder)).eval()
    images = np.random.default_rng(1).random((1, 200, 160), dtype=np.float32)
    answer = Tracker(network, ImageSet(list(images))).prompt("object", Prompt(0, box=(60, 50, 120, 110)))
    shown = answer.field_of_view
    assert shown.row <= 60
    assert shown.row + shown.rows > 120
    assert 0 <= answer.iou <= 1
