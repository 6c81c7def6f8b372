"""What ``one-prompt`` is told about answers: that they are right, wrong, or that the object is absent."""

from collections.abc import Callable, Sequence

from medsam2.errors import InputError, note
from medsam2.image_sets.image_record import State
from medsam2.image_sets.review_file import ReviewFile

_DECIDE: dict[str, Callable[[ReviewFile, str], None]] = {
    "--accept": ReviewFile.accept,
    "--reject": ReviewFile.reject,
    "--absent": ReviewFile.mark_absent,
}


class Decisions:
    """At most one for each image; none makes it false.

    Args:
        given: names of images by option, ``--accept``, ``--reject`` and ``--absent``.

    Raises:
        InputError: an image is in two of them.
    """

    def __init__(self, given: dict[str, Sequence[str] | None]):
        self._options: dict[str, str] = {}
        self._emptied: list[str] = []
        for option, names in given.items():
            for name in names or ():
                earlier = self._options.setdefault(name, option)
                if earlier != option:
                    raise InputError(f"{earlier} {name} and {option} {name} contradict each other: give one.")

    def __bool__(self) -> bool:
        return bool(self._options)

    def refuse_on(self, template: str) -> None:
        """Raise InputError where one is on the image that the prompts of the same command are on."""
        if template in self._options:
            raise InputError(
                f"{template} is the template, which its prompts decide on: leave out "
                f"{self._options[template]} {template}."
            )

    def take_down(self, review: ReviewFile) -> None:
        """Put all in; InputError where one makes no sense."""
        for name, option in self._options.items():
            was = review.record(name).state
            _DECIDE[option](review, name)
            if option == "--accept" and State.ABSENT is review.record(name).state is not was:
                self._emptied.append(name)

    def tell(self) -> None:
        """Note which accepted images have become absent, as nothing was found in them."""
        for name in self._emptied:
            note(
                f"Nothing was found in {name}, so it is absent now: if the object is there, show it with "
                f"--template '{name}'."
            )
