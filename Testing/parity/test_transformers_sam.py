"""SAM equals the network of the package `transformers`, and its files are read."""

from dataclasses import replace

import pytest
import torch

from medsam2.errors import InputError
from medsam2.model.building import build_network
from medsam2.model.config import network_config
from medsam2.model.slice_wise_config import SliceWiseConfig, ViTSizes
from medsam2.weights.checkpoint import read_checkpoint
from medsam2.weights.matching import require_match
from medsam2.weights.transformers_names import official_names
from parity.conftest import TOLERANCE, largest_difference, random_images
from parity.seeded_weights import seed_weights

transformers = pytest.importorskip("transformers", reason="`make test` installs it")


def config_of(preset: str, **sizes):
    encoder = network_config(preset).encoder
    assert isinstance(encoder, ViTSizes)
    vision = {
        "hidden_size": encoder.width,
        "num_hidden_layers": encoder.depth,
        "num_attention_heads": encoder.heads,
        "global_attn_indexes": list(encoder.global_blocks),
        "mlp_dim": 4 * encoder.width,
    }
    vision |= sizes
    prompts = {"image_size": vision.get("image_size", 1024)}
    return transformers.SamConfig(vision_config=vision, prompt_encoder_config=prompts)


@pytest.mark.parametrize("preset", ["sam_vit_b", "sam_vit_l", "sam_vit_h"])
def test_all_names_are_known(preset):
    with torch.device("meta"):
        theirs = transformers.SamModel(config_of(preset)).state_dict()
        ours = build_network(network_config(preset)).state_dict()
    renamed = official_names(theirs)
    assert {name: tensor.shape for name, tensor in renamed.items()} == {
        name: tensor.shape for name, tensor in ours.items()
    }


def test_a_published_file_is_read(tmp_path):
    model = transformers.SamModel(config_of("sam_vit_b")).half()
    model.save_pretrained(tmp_path)
    (file,) = tmp_path.glob("*.safetensors")
    with pytest.raises(InputError, match=r"--family sam or --family medsam"):
        read_checkpoint(file)
    checkpoint = read_checkpoint(file, family="medsam", dtype=None)
    assert require_match(checkpoint, file.name).preset == "medsam"


def test_masks():
    sizes = {"image_size": 256, "num_hidden_layers": 3, "global_attn_indexes": [2]}
    model = transformers.SamModel(config_of("sam_vit_b", **sizes)).eval()
    seed_weights(model)
    config = network_config("sam_vit_b")
    assert isinstance(config, SliceWiseConfig)
    encoder = replace(config.encoder, depth=3, global_blocks=(2,))
    network = build_network(replace(config, image_size=256, encoder=encoder)).eval()
    network.load_state_dict(official_names(model.state_dict()))
    images = random_images(1, 256)
    click, label = torch.tensor([[[100.0, 130.0]]]), torch.tensor([[1]])
    box = torch.tensor([[[60.0, 80.0, 190.0, 170.0]]])
    with torch.inference_mode():
        features = network.encode_image(images)
        seen = {"pixel_values": network.prepared(images)}
        several = model(**seen, input_points=click[None], input_labels=label[None])
        single = model(**seen, input_boxes=box, multimask_output=False)
        of_click = network.decode(features, features.s16, click, label)
        corners, kinds = box.reshape(1, 2, 2), torch.tensor([[2, 3]])
        of_box = network.decode(features, features.s16, corners, kinds, ambiguous=False)
    best = int(several.iou_scores.argmax())
    assert single.pred_masks.std() > 0.1
    assert largest_difference(of_click.logits[0, 0], several.pred_masks[0, 0, best]) <= TOLERANCE
    assert largest_difference(of_box.logits[0, 0], single.pred_masks[0, 0, 0]) <= TOLERANCE
