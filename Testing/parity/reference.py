"""The reference: the official `sam2` 1.1.0 package with random weights, fed with tensors.

Tests and benchmarks only. The package's image predictor, and with it torchvision, is not used. Images are
grey, (B, 1, S, S) in [0, 1], as our network takes them; points and boxes are (x, y) in their pixels.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from unittest import mock

import torch
from sam2 import sam2_video_predictor
from sam2.build_sam import build_sam2_video_predictor
from torch import Tensor, nn

from medsam2.model.building import WithoutRandomNumbers

_SIZES = {"tiny": "t", "small": "s", "base_plus": "b+", "large": "l", "tiny_512": "t"}
_FOLDERS = {"sam2.0": "configs/sam2/sam2", "sam2.1": "configs/sam2.1/sam2.1"}
_MEAN = torch.tensor((0.485, 0.456, 0.406)).view(3, 1, 1)
_STD = torch.tensor((0.229, 0.224, 0.225)).view(3, 1, 1)


@dataclass(frozen=True)
class Prompt:
    """What is given on one image: points and their labels, or a box (x0, y0, x1, y1), or a mask (S, S)."""

    points: tuple[tuple[float, float], ...] = ()
    labels: tuple[int, ...] = ()
    box: tuple[float, float, float, float] | None = None
    mask: Tensor | None = None


@dataclass(frozen=True)
class Answer:
    """What the reference says of one image: logits (S/4, S/4), IoU, object score, pointer (256,)."""

    logits: Tensor
    iou: Tensor
    object_score: Tensor
    pointer: Tensor


def build_reference(
    preset: str, family: str, image_size: int, seed: int = 0, *, vos_optimized: bool = False
) -> nn.Module:
    """The official video predictor on the CPU, in eval mode, every parameter and buffer random.

    Options are those of `build_sam2_video_predictor`, except that corrected frames become prompted frames,
    and that holes stay unfilled: that needs the package's compiled extension.
    """
    overrides = [
        f"++model.image_size={image_size}",
        "++model.add_all_frames_to_correct_as_cond=true",
        "++model.binarize_mask_from_pts_for_mem_enc=true",
        "++model.sam_mask_decoder_extra_args.dynamic_multimask_via_stability=true",
        "++model.sam_mask_decoder_extra_args.dynamic_multimask_stability_delta=0.05",
        "++model.sam_mask_decoder_extra_args.dynamic_multimask_stability_thresh=0.98",
    ]
    if preset == "tiny_512":
        layer = "model.memory_attention.layer"
        overrides += [f"{layer}.{name}_attention.feat_sizes=[32,32]" for name in ("self", "cross")]
    with WithoutRandomNumbers():
        model = build_sam2_video_predictor(
            f"{_FOLDERS[family]}_hiera_{_SIZES[preset]}.yaml",
            device="cpu",
            hydra_overrides_extra=overrides,
            apply_postprocessing=False,
            vos_optimized=vos_optimized,
        )
    _randomise(model, seed)
    return model


@torch.no_grad()
def _randomise(model: nn.Module, seed: int) -> None:
    """Fill all parameters and buffers with noise that keeps the size of what passes through.

    That includes those that start as zeros or ones (position embeddings, layer scale, norms), and makes
    attention sharper than an untrained network's: a nearly uniform one would hide wrong positions.
    """
    generator = torch.Generator().manual_seed(seed)
    for path, module in model.named_modules():
        is_product = isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)
        gain = 2.0 if path.endswith(("q_proj", "k_proj")) else 1.0
        tensors = {
            **dict(module.named_parameters(recurse=False)),
            **dict(module.named_buffers(recurse=False)),
        }
        for name, tensor in tensors.items():
            noise = torch.randn(tensor.shape, generator=generator)
            if is_product and tensor.ndim > 1:
                tensor.copy_(gain * noise / math.sqrt(tensor[0].numel()))
            elif tensor.ndim == 1:
                tensor.copy_(0.1 * noise + (name == "weight"))
            else:
                tensor.copy_(0.5 * noise)


def image_features(model: nn.Module, images: Tensor) -> list[Tensor]:
    """Features of grey images at strides 4, 8 and 16, as the mask decoder gets them."""
    with torch.inference_mode():
        return model.forward_image((images - _MEAN) / _STD)["backbone_fpn"]


def answer(model: nn.Module, image: Tensor, prompt: Prompt, earlier_logits: Tensor | None = None) -> Answer:
    """Answer a prompt on a single image (1, 1, S, S), given the logits (S/4, S/4) of an earlier answer."""
    with torch.inference_mode():
        features = model.forward_image((image - _MEAN) / _STD)
        _, features, positions, sizes = model._prepare_backbone_features(features)
        _, outputs, _, _ = model._track_step(
            frame_idx=0,
            is_init_cond_frame=True,
            current_vision_feats=features,
            current_vision_pos_embeds=positions,
            feat_sizes=sizes,
            point_inputs=point_inputs(prompt),
            mask_inputs=None if prompt.mask is None else prompt.mask[None, None],
            output_dict={},
            num_frames=1,
            track_in_reverse=False,
            prev_sam_mask_logits=None if earlier_logits is None else earlier_logits[None, None],
        )
    _, _, ious, logits, _, pointer, score = outputs
    return Answer(logits[0, 0], ious.max(), score.squeeze(), pointer[0])


def point_inputs(prompt: Prompt) -> dict[str, Tensor] | None:
    """Points and box as the network takes them; None where there are none."""
    corners = () if prompt.box is None else (prompt.box[:2], prompt.box[2:])
    points, labels = (*corners, *prompt.points), (*(2, 3)[: len(corners)], *prompt.labels)
    if not points:
        return None
    return {
        "point_coords": torch.tensor(points)[None],
        "point_labels": torch.tensor(labels, dtype=torch.int32)[None],
    }


class _TorchKeepingFloat32(ModuleType):
    """torch as the video predictor sees it, which stores memories as bfloat16: here, as float32."""

    bfloat16 = torch.float32

    def __getattr__(self, name: str):
        return getattr(torch, name)


class ReferenceTrack:
    """Objects tracked by the official predictor through grey frames, T times (1, S, S).

    Later calls see the prompts and the memories of earlier ones. An object of this class made for each
    direction gives tracks that know nothing of each other.
    """

    def __init__(self, model: nn.Module, grey: Sequence[Tensor] | Tensor):
        self.model = model
        self._size = grey[0].shape[-1]
        frames = torch.empty(len(grey), 3, self._size, self._size)
        for index in range(len(grey)):  # one by one, as the package reads a video
            frames[index] = (grey[index] - _MEAN) / _STD
        frames = frames.to(model.device)

        def in_memory(**_):
            # As if the video had the size of the low-resolution masks: logits come back without resizing.
            return frames, self._size // 4, self._size // 4

        with mock.patch.object(sam2_video_predictor, "load_video_frames", in_memory):
            self._state = model.init_state(video_path=None)
        self._encode_every_frame_once(len(grey))

    def prompt(self, frame: int, prompt: Prompt, name: str = "object") -> Tensor:
        """Add a prompt to what an object already has on the frame; return its logits there, (S/4, S/4)."""
        if prompt.mask is not None:
            _, names, logits = self.model.add_new_mask(self._state, frame, name, prompt.mask)
            return logits[names.index(name), 0]
        _, names, logits = self.model.add_new_points_or_box(
            self._state,
            frame,
            name,
            points=torch.tensor(prompt.points).reshape(-1, 2) / self._size,
            labels=torch.tensor(prompt.labels, dtype=torch.int32),
            box=None if prompt.box is None else torch.tensor(prompt.box) / self._size,
            clear_old_points=prompt.box is not None,
            normalize_coords=False,
        )
        return logits[names.index(name), 0]

    def propagate(self, start: int, reverse: bool = False) -> dict[int, Tensor]:
        """Track one object from `start` to the last frame, or the first: logits (S/4, S/4) by frame."""
        return {frame: logits[0, 0] for frame, logits in self.steps(start, reverse)}

    def steps(
        self, start: int, reverse: bool = False, *, memories: torch.dtype = torch.float32
    ) -> Iterator[tuple[int, Tensor]]:
        """Track all objects, frame by frame: its number and logits (N, 1, S/4, S/4).

        Memories are kept in the package's own bfloat16, or in float32, as ours are.
        """
        keeping = _TorchKeepingFloat32("torch") if memories == torch.float32 else torch
        in_their_type = mock.patch.object(sam2_video_predictor, "torch", keeping)
        without_progress_bar = mock.patch.object(sam2_video_predictor, "tqdm", lambda steps, **_: steps)
        with in_their_type, without_progress_bar:
            steps = self.model.propagate_in_video(self._state, start_frame_idx=start, reverse=reverse)
            for frame, _, logits in steps:
                yield frame, logits

    def forget(self) -> None:
        """As before the first prompt; frames stay encoded."""
        self.model.reset_state(self._state)

    def object_scores(self) -> dict[int, float]:
        """The object score logit of every frame answered so far."""
        outputs = self._state["output_dict_per_obj"][0]
        by_frame = {**outputs["non_cond_frame_outputs"], **outputs["cond_frame_outputs"]}
        return {frame: float(out["object_score_logits"]) for frame, out in sorted(by_frame.items())}

    def _encode_every_frame_once(self, count: int) -> None:
        """Fill the predictor's cache of image features, which keeps only the frame of the last miss."""
        features = {}
        with torch.inference_mode():
            for frame in range(count):
                self.model._get_image_feature(self._state, frame, batch_size=1)
                features.update(self._state["cached_features"])
        self._state["cached_features"] = features


@torch.no_grad()
def let_object_come_and_go(track: ReferenceTrack, start: int, prompt: Prompt) -> None:
    """Shift the object scores: `prompt` is present on frame `start`, and absent on some, at most on half.

    Random weights would else say the same of all frames. Changes the last layer of the model's object score
    head; the track is left without prompts. An absent frame changes the memories, and with them later
    scores, so several shifts are tried.
    """
    last = track.model.sam_mask_decoder.pred_obj_score_head.layers[-1]
    surely_present = 10.0
    last.bias.fill_(surely_present)
    prompted, others = _scores(track, start, prompt)
    others -= surely_present
    # A mask is present whatever the head says.
    prompted = math.inf if prompt.mask is not None else prompted - surely_present
    sign = 1.0 if prompted > others.median() else -1.0
    last.weight.mul_(sign)
    others = (sign * others).sort().values
    for absent in (2, 1, 3):
        threshold = float(others[absent - 1 : absent + 1].mean())
        last.bias.fill_(-min(threshold, sign * prompted - 0.01))
        _, scores = _scores(track, start, prompt)
        if 1 <= int((scores <= 0).sum()) <= (len(scores) + 1) // 2:
            return
    raise AssertionError("no shift of the object scores makes the object come and go: take another seed")


def _scores(track: ReferenceTrack, start: int, prompt: Prompt) -> tuple[float, Tensor]:
    """Object scores of a track both ways: of the prompted frame, and of the others in order."""
    track.prompt(start, prompt)
    track.propagate(start)
    track.propagate(start, reverse=True)
    scores = track.object_scores()
    track.forget()
    return scores.pop(start), torch.tensor(list(scores.values()))
