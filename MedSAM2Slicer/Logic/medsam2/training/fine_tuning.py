"""Fine-tuning of any weights on a labelled set: the work behind ``medsam2 train``."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pooch
from torch import Tensor

from medsam2.complete_file import complete_file
from medsam2.datasets import Case
from medsam2.errors import InputError
from medsam2.tracking import MEMORIES, Tracker
from medsam2.training.clip_batch import ClipBatch
from medsam2.training.clip_forward import Teaching, clip_loss, encode_clips
from medsam2.training.fine_tuning_clips import LabelledClips, fine_tuning_batches
from medsam2.training.losses import fine_tuning_loss
from medsam2.training.model_card import Training, model_card
from medsam2.training.parameter_rates import freeze, make_optimiser, trainable
from medsam2.training.ranks import Ranks
from medsam2.training.run import Recipe, Run, next_multiple, train_until
from medsam2.training.saving import write_weights
from medsam2.training.settings import Settings, keep_settings, names_digest
from medsam2.training.training_log import TrainingLog, validation_begins
from medsam2.training.validation import History, mean_click_dice
from medsam2.volume import VolumeSlices
from medsam2.weights.loading import load_chooser, load_model
from medsam2.weights.store import locate

CLIP_NORM = 0.1
MASK_SHARE = 0.5
WARMUP_SHARE, LAST_RATE = 0.05, 0.1
"""The rate rises over this share of the steps, then falls along a cosine to this share of its height."""
HELD_OUT_SHARE = 0.2
WEIGHTS_FILE, CARD_FILE = "finetuned.safetensors", "model_card.md"


@dataclass(frozen=True)
class Sets:
    """The cases to learn from and those held out, and what the set is called.

    Raises:
        InputError: an image is in both.
    """

    name: str
    training: Sequence[Case]
    validation: Sequence[Case]

    def __post_init__(self) -> None:
        trained_on = {case.image.resolve() for case in self.training}
        for case in self.validation:
            if case.image.resolve() in trained_on:
                raise InputError(
                    f"{case.image} is trained on and held out, so its score would mean nothing: leave such "
                    "cases out of either."
                )


@dataclass(frozen=True)
class RunOptions:
    """What a run may do otherwise when it goes on, without another result.

    Attributes:
        save_every: steps between two states on disk.
        workers: processes that make clips ahead, for each process that trains.
        tensorboard: also write curves for TensorBoard.
    """

    save_every: int = 100
    workers: int = 2
    tensorboard: bool = False


def split_cases(cases: Sequence[Case], seed: int) -> tuple[list[Case], list[Case]]:
    """Cases to learn from, and those of a fifth of the images, at least one, held out.

    Raises:
        InputError: there is only one image.
    """
    images = list(dict.fromkeys(case.image.resolve() for case in cases))
    if len(images) < 2:
        raise InputError("The set has a single case, so none can be held out: give others with --validation.")
    count = max(1, round(HELD_OUT_SHARE * len(images)))
    held_out = {images[index] for index in np.random.default_rng(seed).permutation(len(images))[:count]}
    return (
        [case for case in cases if case.image.resolve() not in held_out],
        [case for case in cases if case.image.resolve() in held_out],
    )


def schedule(step: int, steps: int) -> float:
    """Rate at a step, in shares of the highest: linear warm-up, cosine to a tenth."""
    warmup = max(1, round(WARMUP_SHARE * steps))
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * done))


class FineTuning:
    """A fine-tuning run, new or going on, in a folder of its own.

    The folder holds ``settings.json``, the newest ``state.pt``, ``log.jsonl``, ``validation.json``, and the
    best weights so far with their model card.

    Args:
        folder: of the run.
        sets: what to learn from.
        settings: what the result depends on.
        running: what it does not depend on.
        ranks: the processes that train together.

    Attributes:
        history: the scores so far.

    Raises:
        InputError: weights or a part to freeze are unknown, or the folder holds a run of other settings.
    """

    def __init__(self, folder: Path, sets: Sets, settings: Settings, running: RunOptions, ranks: Ranks):
        self._folder = folder
        self._sets = sets
        self._settings = settings
        self._running = running
        self._ranks = ranks
        self.network = trainable(load_model(settings.weights, str(ranks.device)), settings.weights).train()
        freeze(self.network, settings.freeze)
        self._field_of_view_network = load_chooser(self.network)
        self._claim_folder()
        self._log = TrainingLog(folder, running.tensorboard, settings.steps) if ranks.writes else None
        self.history = History(folder)
        self._validation_seconds: float | None = None
        recipe = Recipe(self._loss, lambda step: schedule(step, settings.steps), CLIP_NORM, settings.seed)
        optimiser = make_optimiser(self.network, settings.rate)
        self._run = Run(folder, {"network": self.network}, optimiser, recipe, ranks)
        ranks.wait()  # nobody writes before everybody has read

    def train(self) -> float:
        """Train to the last step, or until validation stalls; returns the best score."""
        settings, run = self._settings, self._run
        batches = fine_tuning_batches(
            self._clips(), run.step, settings.steps, self._ranks, self._running.workers
        )
        while True:
            if self._validation_is_due():
                self._validate()
            if run.step >= settings.steps or self.history.has_stalled(settings.patience):
                return self.history.scores[self.history.best_step]
            intervals = (self._running.save_every, settings.validate_every)
            end = min(settings.steps, *(next_multiple(run.step, interval) for interval in intervals))
            train_until(run, batches, end, self._log)

    def _claim_folder(self) -> None:
        digests = {
            "dataset": names_digest([case.name for case in self._sets.training]),
            "validation": names_digest([case.name for case in self._sets.validation]),
            "weights_sha256": pooch.file_hash(str(locate(self._settings.weights).path)),
        }
        if self._ranks.writes:
            keep_settings(self._folder, self._settings, digests)
        self._ranks.wait()

    def _loss(self, batch: ClipBatch) -> tuple[Tensor, dict[str, float]]:
        teaching = Teaching(fine_tuning_loss, MASK_SHARE, MEMORIES[self._settings.memory]())
        features = encode_clips(self.network, batch.images, self._settings.checkpointing)
        return clip_loss(self.network, features, batch, teaching)

    def _clips(self) -> LabelledClips:
        settings = self._settings
        size = settings.image_size or self.network.config.image_size
        cases = self._sets.training
        return LabelledClips(cases, settings.seed, settings.clips, size, settings.frames, settings.objects)

    def _validation_is_due(self) -> bool:
        step, settings = self._run.step, self._settings
        is_stop = step % settings.validate_every == 0 or step == settings.steps
        return is_stop and step not in self.history.scores

    def _validate(self) -> None:
        """Score the network; the best weights so far are written, before the score that says they are."""
        step = self._run.step
        if self._log is not None:
            print(validation_begins(len(self._sets.validation), self._validation_seconds), flush=True)
        started = time.monotonic()
        self.network.eval()
        score = mean_click_dice(self._sets.validation, self._tracker, self._ranks)
        self.network.train()
        is_best = self.history.is_best(score)
        self.history.add(step, score)
        if self._log is None:
            return
        if is_best:
            self._export(score)
        self.history.write()
        self._validation_seconds = round(time.monotonic() - started, 1)
        numbers = {"validation_dice": round(score, 4), "validation_seconds": self._validation_seconds}
        self._log.write(step, numbers)

    def _tracker(self, slices: VolumeSlices) -> Tracker:
        """A tracker as people use it with these weights."""
        memory = MEMORIES[self._settings.memory]()
        return Tracker(self.network, slices, memory=memory, field_of_view_network=self._field_of_view_network)

    def _export(self, score: float) -> None:
        sets, step = self._sets, self._run.step
        base = locate(self._settings.weights)
        cases = len(sets.training), len(sets.validation)
        training = Training(base, sets.name, *cases, step, score, self.history.scores[0])
        write_weights(self._folder / WEIGHTS_FILE, self.network, step)
        with complete_file(self._folder / CARD_FILE) as unfinished:
            unfinished.write_text(model_card(training, self._settings), "utf-8", "backslashreplace")
