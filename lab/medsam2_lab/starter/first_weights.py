"""First weights of the starter network: random, but with a decoder that looks where it is clicked."""

import torch
from torch import nn

from medsam2.model.network import MedSAM2
from medsam2.model.two_way_transformer import TwoWayAttentionBlock

MATCHING_GAIN = 1.8


def initialise(network: MedSAM2) -> None:
    """Prepare random weights for training from nothing.

    From plain random weights the decoder answers "empty" for a long time, because queries and keys must
    first discover that equal position codes belong together. Starting every attention between tokens and
    image with one and the same orthogonal matrix for both lets a click see its own surroundings at once.
    """
    for name, parameter in network.image_encoder.trunk.named_parameters():
        if name.startswith("pos_embed"):
            nn.init.trunc_normal_(parameter, std=0.02)
    for name, parameter in network.memory_encoder.fuser.named_parameters():
        if name.endswith("gamma"):
            nn.init.constant_(parameter, 0.1)
    transformer = network.sam_mask_decoder.transformer
    attentions = [transformer.final_attn_token_to_image]
    for layer in transformer.layers:
        if isinstance(layer, TwoWayAttentionBlock):
            attentions += [layer.cross_attn_token_to_image, layer.cross_attn_image_to_token]
    for attention in attentions:
        nn.init.orthogonal_(attention.q_proj.weight, gain=MATCHING_GAIN)
        with torch.no_grad():
            attention.k_proj.weight.copy_(attention.q_proj.weight)
        nn.init.zeros_(attention.q_proj.bias)
        nn.init.zeros_(attention.k_proj.bias)
