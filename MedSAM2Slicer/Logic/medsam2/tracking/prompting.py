"""A prompt on a slice becomes the object's mask there."""

from dataclasses import replace

from medsam2.model.network import ImageFeatures, MaskPrediction
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.protocol.messages import FieldOfViewChoice

from .drawn_lines import as_points
from .feature_cache import sorting_key
from .field_of_view import FieldOfView
from .field_of_view_choice import FieldOfViewChooser, mask_field_of_view, prompt_field_of_view
from .mask_rules import allowed_by, is_hit, is_rejected, near_prompt, within_lassos
from .memory_bank import MemoryEntry
from .slice_network import SliceNetwork
from .tracked_object import TrackedObject

LOGIT_LIMIT = 32.0
"""An earlier answer's logits are limited to this before they are corrected (SAM 2)."""


class Prompting:
    """Answers prompts.

    Args:
        seen: network that answers, with the slices.
        chooser: chooses the field of view where it is to be chosen.
        connected: drop parts of a mask that the prompt does not point at.
    """

    def __init__(self, seen: SliceNetwork, chooser: FieldOfViewChooser, connected: bool):
        self._seen = seen
        self._network = seen.network
        self._slices = seen.slices
        self._chooser = chooser
        self._connected = connected

    def answer(
        self,
        target: TrackedObject,
        prompt: Prompt,
        field_of_view: FieldOfViewChoice,
        keep_field_of_view: bool,
    ) -> MemoryEntry:
        """The object on the prompt's slice; what is known of the object stays as it is.

        Args:
            target: what is known of the object.
            prompt: all that was said on the slice, its lines as points.
            field_of_view: as for ``Tracker``.
            keep_field_of_view: keep that of the earlier answer on the slice, where it shows the prompt.
        """
        index = prompt.slice_index
        earlier = target.entries.get(index)
        shown = self._field_of_view_for(prompt, earlier, field_of_view, keep_field_of_view)
        return self._answer(target, prompt, shown, earlier, target.reversed.get(index))

    def correct(
        self, target: TrackedObject, prompt: Prompt, tracked: MemoryEntry, reverse: bool
    ) -> MemoryEntry:
        """What tracking brings to a slice, after negative clicks that wait there.

        Clicks beside the mask change nothing. An answer that they leave empty counts as prompted.

        Args:
            target: what is known of the object.
            prompt: the clicks and lines.
            tracked: the answer before them.
            reverse: whether tracking came from above.
        """
        grid = self._slices.grid(prompt.slice_index)
        before = tracked.mask(grid.shape)
        prompt = as_points(prompt, grid, before)
        if not is_hit(before, prompt, grid):
            return tracked
        shown = self._field_of_view_for(prompt, tracked, "auto", keep_field_of_view=True)
        entry = self._answer(target, prompt, shown, tracked, reverse)
        return replace(entry, prompted=False) if (entry.logits > 0).any() else entry.emptied()

    def _answer(
        self,
        target: TrackedObject,
        prompt: Prompt,
        shown: FieldOfView,
        earlier: MemoryEntry | None,
        reverse: bool | None,
    ) -> MemoryEntry:
        grid = self._slices.grid(prompt.slice_index)
        features = self._seen.features.get(prompt.slice_index, shown)
        prediction = self._predict(target, prompt, features, shown, earlier, reverse)
        key = sorting_key(features)
        entry = MemoryEntry.predicted(prompt.slice_index, shown, prediction, key, prompted=True)
        entry.logits = within_lassos(entry.logits, prompt, shown, grid)
        entry.allowed = allowed_by(prompt, grid)
        if self._connected:
            before = None if earlier is None else shown.logits_from(earlier.logits, earlier.field_of_view)
            entry.logits = near_prompt(entry.logits, prompt, shown, before)
        if earlier is not None and is_rejected(earlier.mask(grid.shape), prompt, grid):
            return entry.emptied()
        return entry

    def _predict(
        self,
        target: TrackedObject,
        prompt: Prompt,
        features: ImageFeatures,
        field_of_view: FieldOfView,
        earlier: MemoryEntry | None,
        reverse: bool | None,
    ) -> MaskPrediction:
        if prompt.mask is not None:
            whole = prompt.mask.full(self._slices.grid(prompt.slice_index).shape)
            painted = field_of_view.network_image(whole.astype("float32"), self._seen.image_size)
            mask = (painted >= 0.5).float()
            return self._network.take_mask(features, mask.to(self._network.device))
        points, labels = self._seen.points(prompt, field_of_view)
        conditioned = self._network.condition(features.s16, None)
        logits = None
        if earlier is not None:
            logits = field_of_view.logits_from(earlier.logits, earlier.field_of_view)
            logits = logits.clamp(-LOGIT_LIMIT, LOGIT_LIMIT)
            if reverse is not None:
                query, count = sorting_key(features), self._slices.count
                selection = target.bank.select(prompt.slice_index, reverse, count, query)
                conditioned = self._seen.conditioned(features, [selection], field_of_view)
        # What a click corrects is known, but official networks were trained as if it were not
        # (``multimask_output_for_tracking``).
        known = earlier is not None and self._network.config.single_mask_tracking
        ambiguous = prompt.is_ambiguous and not known
        return self._network.decode(features, conditioned, points, labels, logits, ambiguous)

    def _field_of_view_for(
        self,
        prompt: Prompt,
        earlier: MemoryEntry | None,
        field_of_view: FieldOfViewChoice,
        keep_field_of_view: bool,
    ) -> FieldOfView:
        grid = self._slices.grid(prompt.slice_index)
        if keep_field_of_view and earlier is not None:
            kept = earlier.field_of_view
            if all(kept.contains(*corner) for corner in prompt.corners()):
                return kept
        if field_of_view == "slice":
            return FieldOfView.whole(grid)
        if field_of_view != "auto":
            return prompt_field_of_view(prompt, float(field_of_view), grid)
        if prompt.mask is not None:
            return mask_field_of_view(prompt.mask, grid)
        if earlier is not None:
            # A correction beyond the field of view: show it together with what was segmented.
            covered = earlier.mask(grid.shape).full(grid.shape)
            for row, column in prompt.corners():
                covered[grid.voxel(row, column)] = True
            return mask_field_of_view(PlacedMask.cropped(covered), grid)
        return self._chooser.choose(prompt)
