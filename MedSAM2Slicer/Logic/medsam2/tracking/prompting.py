"""A prompt on a slice becomes the object's mask there."""

from dataclasses import replace

import numpy as np

from medsam2.model.segmentation_network import ImageFeatures, MaskPrediction
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import DrawnLine, Prompt
from medsam2.protocol.messages import FieldOfViewChoice

from .drawn_lines import allowed_by, as_points
from .feature_cache import sorting_key
from .field_of_view import FieldOfView
from .field_of_view_choice import FieldOfViewChooser, mask_field_of_view, prompt_field_of_view
from .mask_rules import (
    changed_near_prompt,
    given_up_near_strokes,
    held_by_click,
    is_hit,
    is_rejected,
    near_prompt,
    within_lines,
)
from .memory_bank import MemoryEntry
from .slice_network import SliceNetwork
from .tracked_object import TrackedObject

LOGIT_LIMIT = 32.0
"""An earlier answer's logits are limited to this before they are corrected (SAM 2)."""
LASSO_LOGIT = 6.0
"""What a lasso holds is shown to the network as an answer that is so sure of itself."""


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
        drawn: Prompt,
        told: Prompt,
        field_of_view: FieldOfViewChoice,
        keep_field_of_view: bool,
    ) -> MemoryEntry:
        """The object on the prompt's slice; what is known of the object stays as it is.

        Args:
            target: what is known of the object.
            drawn: all that was said on the slice.
            told: the same as the network takes it (``told``).
            field_of_view: as for ``Tracker``.
            keep_field_of_view: keep that of the earlier answer on the slice, where it shows the prompt.
        """
        index = drawn.slice_index
        earlier = target.entries.get(index)
        shown = self._field_of_view_for(told, drawn, earlier, field_of_view, keep_field_of_view)
        if earlier is not None and earlier.is_drawn and not (drawn.mask or drawn.box or drawn.lassos):
            return self._redrawn(target, drawn, told, shown, earlier)
        return self._answer(target, told, shown, earlier, target.reversed.get(index))

    def told(self, prompt: Prompt, known: PlacedMask | None) -> Prompt:
        """A prompt with its lines as the network takes them (``as_points``)."""
        grid = self._slices.grid(prompt.slice_index)
        return as_points(prompt, grid, known, self._network.config.stroke_points)

    def without(self, entry: MemoryEntry, prompt: Prompt) -> MemoryEntry:
        """An answer without what the negative lines of a prompt take away; the rest of it stays as it is.

        A negative click would make the network answer anew, and give up more than is meant.
        """
        grid = self._slices.grid(prompt.slice_index)
        logits = within_lines(entry.logits, prompt, entry.field_of_view, grid)
        left = replace(
            entry,
            logits=logits,
            prompted=True,
            allowed=allowed_by(prompt, grid),
            memory=None,
            memory_field_of_view=None,
        )
        return left.emptied() if left.mask(grid.shape).is_empty else left

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
        mask = tracked.mask(grid.shape)
        told = self.told(prompt, mask)
        if not is_hit(mask, told, grid):
            return tracked
        if is_hit(mask, replace(told, lassos=()), grid):
            shown = self._field_of_view_for(told, prompt, tracked, "auto", keep_field_of_view=True)
            entry = self._answer(target, told, shown, tracked, reverse)
        else:
            entry = self.without(tracked, told)
        return entry.emptied() if entry.mask(grid.shape).is_empty else replace(entry, prompted=False)

    def _redrawn(
        self, target: TrackedObject, drawn: Prompt, told: Prompt, shown: FieldOfView, earlier: MemoryEntry
    ) -> MemoryEntry:
        """A mask that a person drew, after clicks and strokes that correct it: it stays one, to the voxel."""
        grid = self._slices.grid(drawn.slice_index)
        mask = earlier.mask(grid.shape)
        held = told if told.shows_object else held_by_click(told, mask, grid)
        entry = self._answer(target, held, shown, earlier, None)
        changed = changed_near_prompt(mask, entry.mask(grid.shape), drawn, grid)
        if is_rejected(mask, told, grid) or changed.is_empty:
            return entry.emptied()
        return self._answer(target, Prompt(drawn.slice_index, mask=changed), shown, earlier, None)

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
        before = None if earlier is None else shown.logits_from(earlier.logits, earlier.field_of_view)
        if self._connected and before is not None:
            entry.logits = given_up_near_strokes(entry.logits, before, prompt, shown, grid)
        entry.logits = within_lines(entry.logits, prompt, shown, grid)
        entry.allowed = allowed_by(prompt, grid)
        entry.painted = None if prompt.mask is None else prompt.mask.tightened()
        entry.lead = None if earlier is None else earlier.lead
        if self._connected:
            entry.logits = near_prompt(entry.logits, prompt, shown, before)
        rejected = earlier is not None and is_rejected(earlier.mask(grid.shape), prompt, grid)
        nothing_left = not prompt.shows_object and entry.mask(grid.shape).is_empty
        return entry.emptied() if rejected or nothing_left else entry

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
            mask = (field_of_view.share(whole, self._seen.image_size) >= 0.5).float()
            return self._network.take_mask(features, mask.to(self._network.device))
        points, labels = self._seen.points(_with_lead(prompt, earlier), field_of_view)
        conditioned = self._network.condition(features.s16, None)
        logits = None
        if earlier is not None:
            logits = field_of_view.logits_from(earlier.logits, earlier.field_of_view)
            logits = logits.clamp(-LOGIT_LIMIT, LOGIT_LIMIT)
            if reverse is not None:
                query, count = sorting_key(features), self._slices.count
                selection = target.bank.select(prompt.slice_index, reverse, count, query)
                conditioned = self._seen.conditioned(features, [selection], field_of_view)
        lassos, said = _positive_lassos(prompt), target.said(prompt.slice_index)
        # What was answered within the same lassos is corrected like any other answer.
        if lassos and (earlier is None or said is None or lassos != _positive_lassos(said)):
            grid = self._slices.grid(prompt.slice_index)
            allowed = allowed_by(prompt, grid)
            assert allowed is not None
            share = field_of_view.share(allowed.full(grid.shape), self._network.config.logit_size)
            logits = LASSO_LOGIT * (2 * share.to(self._network.device) - 1)
        # What a click corrects is known, but official networks were trained as if it were not
        # (``multimask_output_for_tracking``).
        known = earlier is not None and self._network.config.single_mask_tracking
        ambiguous = prompt.is_ambiguous and not known
        if not self._network.config.takes_mask_prompts:
            logits = None
        return self._network.decode(features, conditioned, points, labels, logits, ambiguous)

    def _field_of_view_for(
        self,
        prompt: Prompt,
        drawn: Prompt,
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
        if earlier is None:
            return self._chooser.choose(drawn)
        # A correction beyond the field of view: show it together with what was segmented.
        covered = earlier.mask(grid.shape).full(grid.shape)
        for row, column in prompt.corners():
            covered[grid.voxel(row, column)] = True
        return mask_field_of_view(PlacedMask.cropped(covered), grid)


def _positive_lassos(prompt: Prompt) -> list[DrawnLine]:
    return [lasso for lasso in prompt.lassos if lasso.positive]


def _with_lead(prompt: Prompt, earlier: MemoryEntry | None) -> Prompt:
    """A prompt on a slice that ``SliceWalker`` asked for with a box: with that, grown to hold the object."""
    if earlier is None or earlier.lead is None or prompt.box is not None:
        return prompt
    places = [place[:2] for place in prompt.points if place[2]]
    corners = np.array([earlier.lead[:2], earlier.lead[2:], *places])
    low, high = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return replace(prompt, box=(*low, *high))
