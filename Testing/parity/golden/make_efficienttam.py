"""Make `efficienttam.json` from a checkout of EfficientTAM, https://github.com/yformer/EfficientTAM.

    PYTHONPATH=Testing .venv/bin/python -m parity.golden.make_efficienttam CHECKOUT

The source is imported as it is and is no part of this project. Its networks are built from its own
configuration files, with weights made of their names, and answer on the CPU in fp32.
"""

import json
import sys
from pathlib import Path
from unittest import mock

import torch
from torch import Tensor, nn

from parity.golden.efficienttam_cases import CASES, FRAMES, Case, give_weights, samples

MEAN = torch.tensor((0.485, 0.456, 0.406)).view(3, 1, 1)
STD = torch.tensor((0.229, 0.224, 0.225)).view(3, 1, 1)
OPTIONS = [  # those of its video predictor
    "++model.compile_image_encoder=false",
    "++model.sam_mask_decoder_extra_args.dynamic_multimask_via_stability=true",
    "++model.sam_mask_decoder_extra_args.dynamic_multimask_stability_delta=0.05",
    "++model.sam_mask_decoder_extra_args.dynamic_multimask_stability_thresh=0.98",
    "++model.binarize_mask_from_pts_for_mem_enc=true",
]


def build(case: Case) -> nn.Module:
    """The public source's network of a case."""
    import efficient_track_anything  # noqa: F401 - tells hydra where its configuration files are
    from hydra import compose
    from hydra.utils import instantiate

    name = case.preset.replace("_512", "_512x512")
    options = [*OPTIONS, f"++model.image_size={case.image_size}"]
    network = instantiate(compose(f"configs/efficienttam/{name}.yaml", options).model).eval()
    give_weights(network)
    return network


def answers(network: nn.Module, case: Case) -> dict[str, list[float]]:
    """Numbers of the features, of the answers to a click and to a box, and of a track from the click."""
    x0, y0, x1, y1 = case.box()
    click, box = points([case.click()], [1]), points([(x0, y0), (x1, y1)], [2, 3])
    inputs = [network.forward_image((image[None] - MEAN) / STD) for image in case.frames()]
    first = step(network, inputs[0], 0, click, {})
    kept = {"cond_frame_outputs": {0: first}, "non_cond_frame_outputs": {}}
    numbers = {
        "features": numbers_of(inputs[0]["vision_features"]),
        "click": numbers_of(first["pred_masks"]),
        "pointer": numbers_of(first["obj_ptr"]),
        "box": numbers_of(step(network, inputs[0], 0, box, {})["pred_masks"]),
    }
    for frame in range(1, FRAMES):
        kept["non_cond_frame_outputs"][frame] = step(network, inputs[frame], frame, None, kept)
        numbers[f"frame {frame}"] = numbers_of(kept["non_cond_frame_outputs"][frame]["pred_masks"])
    return numbers


def numbers_of(tensor: Tensor) -> list[float]:
    return samples(tensor.numpy()).tolist()


def step(network: nn.Module, image: dict, frame: int, given: dict[str, Tensor] | None, kept: dict) -> dict:
    """What the network says of one frame, its memory included."""
    _, features, positions, sizes = network._prepare_backbone_features(image)
    return network.track_step(
        frame_idx=frame,
        is_init_cond_frame=given is not None,
        current_vision_feats=features,
        current_vision_pos_embeds=positions,
        feat_sizes=sizes,
        point_inputs=given,
        mask_inputs=None,
        output_dict=kept,
        num_frames=FRAMES,
    )


def points(places: list[tuple[float, float]], labels: list[int]) -> dict[str, Tensor]:
    """Points as the network takes them."""
    return {
        "point_coords": torch.tensor(places)[None],
        "point_labels": torch.tensor(labels, dtype=torch.int32)[None],
    }


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    with torch.inference_mode(), mock.patch("torch.cuda.is_available", return_value=False):
        found = {case.name: answers(build(case), case) for case in CASES}
    how = (
        "Numbers from the public source, yformer/EfficientTAM abcd061; make_efficienttam.py makes them again."
    )
    file = Path(__file__).with_name("efficienttam.json")
    file.write_text(json.dumps({"how": how, "cases": found}) + "\n", encoding="utf-8")
