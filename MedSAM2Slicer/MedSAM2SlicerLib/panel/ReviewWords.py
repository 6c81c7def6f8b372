"""What is said of the images of a set."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from slicer.i18n import tr as _

if TYPE_CHECKING:
    from medsam2.image_sets.image_record import ImageRecord

    from ..logic.ImageSetReview import ImageSetReview


def stateInWords(record: "ImageRecord") -> str:
    """The state of an image; of a proposal how sure the network is."""
    if record.state == "proposed" and record.confidence is not None:
        percent = round(100 * record.confidence)
        if record.pixels == 0:
            return _("nothing found")
        return _("{percent} % sure").format(percent=percent)
    return {
        "waiting": _("not looked at yet"),
        "prompted": _("segmented by you"),
        "proposed": _("proposed"),
        "accepted": _("accepted"),
        "rejected": _("rejected"),
        "absent": _("without the object"),
        "unreadable": _("cannot be read"),
    }[record.state]


def captionOf(record: "ImageRecord") -> str:
    """Two lines below a thumbnail."""
    return f"{record.name}\n{stateInWords(record)}"


def sentenceOn(record: "ImageRecord") -> str:
    """One line about the chosen image."""
    said = _("{name}: {state}.").format(name=record.name, state=stateInWords(record))
    return f"{said} {record.reason}" if record.reason else said


def emptiedInWords(name: str) -> str:
    """What accepting an image did in which nothing was found."""
    return _(
        "Nothing was found in {name}, so it is without the object now: if the object is there, press "
        "Ctrl + Z, and then C to segment it."
    ).format(name=name)


def keptInWords(names: Sequence[str]) -> str:
    """Masks that do not follow what is decided, as another program changed them; empty for none."""
    if not names:
        return ""
    return _(
        "Files of masks that another program changed are kept as they are: {names}. Move them out of the "
        "folder of masks, and they follow what you decide here again."
    ).format(names=", ".join(names))


def keysInWords() -> str:
    """What keys do in the grid."""
    return _(
        "Enter accepts and goes on; R, Backspace or Del rejects; A says that the object is absent; "
        "C or a double click corrects in Segment Editor; Ctrl + Z takes back the last decision; "
        "arrow keys go to other images."
    )


def filters() -> dict[str, tuple[str, ...]]:
    """Which images are shown: a name for each choice, and the states of it; none for all."""
    return {
        _("All images"): (),
        _("To review"): ("proposed",),
        _("Not looked at yet"): ("waiting",),
        _("Segmented by you"): ("prompted",),
        _("Accepted"): ("accepted",),
        _("Rejected"): ("rejected",),
        _("Without the object"): ("absent",),
        _("Cannot be read"): ("unreadable",),
    }


def countsInWords(review: "ImageSetReview") -> str:
    """How much there is to do."""
    toReview = _("{count} of {total} to review").format(
        count=len(review.names(("proposed",))), total=len(review.records)
    )
    unreadable = len(review.names(("unreadable",)))
    if not unreadable:
        return toReview
    return _("{toReview}; {count} cannot be read").format(toReview=toReview, count=unreadable)


def nextStep(review: "ImageSetReview", segmenting: str) -> str:
    """What to do now."""
    if segmenting:
        return _(
            "{name} is open in Segment Editor. When the object is right there, come back here and press "
            "Use this mask."
        ).format(name=segmenting)
    if not review.templates():
        return _(
            "Choose an image that shows the object well, and press Segment it: Segment Editor opens with it."
        )
    if review.running:
        return _("You may review meanwhile: what you decide is heeded.")
    if review.names(("proposed",)):
        return _("Look at the most doubtful first. {keys}").format(keys=keysInWords())
    if review.names(("waiting", "rejected")):
        return _("Press Run: MedSAM2 looks for the object in all images that are not decided.")
    return _("All images are reviewed.")
