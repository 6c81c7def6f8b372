"""Painters of structures with a plan of their own: vessels, bowel, glands, ribs and spines."""

import numpy as np
from scipy import ndimage

from medsam2_lab.synthetic.shapes import (
    Canvas,
    log_uniform,
    random_direction,
    smooth_curve,
    smooth_noise,
)
from medsam2_lab.synthetic.tissues import pick_tissue


def random_position(canvas: Canvas, rng: np.random.Generator, margin: float = 0.1) -> np.ndarray:
    """A random point (3,) of the volume, not within ``margin`` (a share of its side) of the border."""
    return rng.uniform(margin, 1 - margin, 3) * np.array(canvas.shape)


def settle(canvas: Canvas, rng: np.random.Generator, number: int, content: int) -> None:
    """Turn an object's content above a flat level (towards low j, as for a patient lying down) into gas."""
    inside = (canvas.objects == number) & (canvas.tissues == content)
    if inside.any():
        rows = np.flatnonzero(inside.any((0, 2)))
        level = rows[int(len(rows) * rng.uniform(0.15, 0.7))]
        inside[:, level:] = False
        canvas.tissues[inside] = pick_tissue(rng, "gas")


def _radii(rng: np.random.Generator, points: int, radius: float, change: float) -> np.ndarray:
    """Radius along a tube: smooth variation about ``radius`` by the relative ``change``."""
    knots = rng.normal(0, change, points // 16 + 3)
    return radius * np.exp(np.interp(np.arange(points) / 16, np.arange(len(knots)), knots))


def _heading(rng: np.random.Generator) -> np.ndarray:
    """Along a grid axis in half of the cases, else anywhere."""
    return np.eye(3)[rng.integers(3)] if rng.random() < 0.5 else random_direction(rng)


def paint_tube(canvas: Canvas, rng: np.random.Generator) -> None:
    """A vessel, duct, muscle or cord; some end inside the volume, some have a wall."""
    radius = log_uniform(rng, 1.5, 15)
    length = rng.uniform(0.3, 1.4) * canvas.shape[0]
    curve = smooth_curve(
        rng, random_position(canvas, rng, 0), _heading(rng), length, rng.uniform(0, 0.35 / radius)
    )
    radii = _radii(rng, len(curve), radius, rng.uniform(0, 0.3))
    squash = np.exp(rng.uniform(-0.6, 0, 3)) if rng.random() < 0.4 else np.ones(3)
    number = canvas.new_object()
    inner = pick_tissue(rng, "vessel", "vessel", "soft", "fluid")
    if radius > 3 and rng.random() < 0.4:
        canvas.tube(curve, radii, pick_tissue(rng, "soft", "fat"), number, squash)
        canvas.tube(curve, radii - rng.uniform(1, 0.4 * radius), inner, number, squash)
    else:
        canvas.tube(curve, radii, inner, number, squash)


def paint_tree(canvas: Canvas, rng: np.random.Generator) -> None:
    """A branching vessel: one object, thinner at every fork."""
    number, tissue = canvas.new_object(), pick_tissue(rng, "vessel")
    shoots = [(random_position(canvas, rng), _heading(rng), log_uniform(rng, 1.6, 9))]
    for _ in range(14):
        if not shoots:
            break
        start, heading, radius = shoots.pop(0)
        curve = smooth_curve(rng, start, heading, radius * rng.uniform(4, 10), 0.3 / radius)
        canvas.tube(curve, np.linspace(radius, radius * 0.8, len(curve)), tissue, number)
        if radius > 1.4:
            tip = curve[-1] - curve[-2]
            for share in (rng.uniform(0.7, 0.9), rng.uniform(0.5, 0.85)):
                shoots.append((curve[-1], tip + random_direction(rng) * 0.8, radius * share))


def paint_bowel(canvas: Canvas, rng: np.random.Generator) -> None:
    """A thick winding tube that folds and touches itself, with content and some gas."""
    radius = log_uniform(rng, 4, 13)
    curve = smooth_curve(
        rng, random_position(canvas, rng, 0.25), random_direction(rng), 45 * radius, 0.9 / radius
    )
    low, high = 0.08 * canvas.shape[0], 0.92 * canvas.shape[0]
    curve = low + np.abs((curve - low) % (2 * (high - low)) - (high - low))  # folded back at the borders
    radii = _radii(rng, len(curve), radius, 0.2)
    number, content = canvas.new_object(), pick_tissue(rng, "fluid", "soft")
    canvas.tube(curve, radii, pick_tissue(rng, "soft"), number)
    canvas.tube(curve, radii - rng.uniform(1, 0.35 * radius), content, number)
    if rng.random() < 0.6:
        settle(canvas, rng, number, content)


def paint_lobed_gland(canvas: Canvas, rng: np.random.Generator) -> None:
    """An elongated gland of uneven width with fat in its clefts, as the pancreas."""
    radius = log_uniform(rng, 3, 12)
    length, bend = radius * rng.uniform(4, 12), rng.uniform(0.1, 0.5) / radius
    curve = smooth_curve(rng, random_position(canvas, rng), random_direction(rng), length, bend)
    squash = np.exp(rng.uniform(-0.4, 0, 3))
    number = canvas.new_object()
    canvas.tube(curve, _radii(rng, len(curve), radius, 0.3), pick_tissue(rng, "soft"), number, squash)
    box = ndimage.find_objects(canvas.objects, number)[-1]
    gland = canvas.objects[box] == number
    wave = radius * rng.uniform(0.5, 1.2)
    k, j, i = (int(np.ceil(side / wave)) for side in gland.shape)
    noise = smooth_noise(rng, gland.shape, (k, j, i))
    canvas.fill(box, gland & (noise > rng.uniform(0.9, 2)), pick_tissue(rng, "fat"), None)


def paint_limbed_gland(canvas: Canvas, rng: np.random.Generator) -> None:
    """Two or three thin limbs that meet in a ridge, as the adrenal gland."""
    thickness = log_uniform(rng, 1.2, 3)
    width = thickness * rng.uniform(4, 9)
    heading = _heading(rng)
    ridge = smooth_curve(rng, random_position(canvas, rng), heading, width * rng.uniform(1, 2.5), 0.02)
    number, tissue = canvas.new_object(), pick_tissue(rng, "soft", "soft", "lesion")
    for _ in range(rng.integers(2, 4)):
        across = np.cross(heading, random_direction(rng))
        across /= np.linalg.norm(across)
        reach = width * (0.6 + 0.4 * np.sin(np.linspace(0.2, rng.uniform(1.5, 3), len(ridge))))
        for foot, steps in zip(ridge, reach.astype(int), strict=True):
            limb = foot + np.arange(steps)[:, None] * across
            canvas.tube(limb, np.linspace(1.2, 1, steps) * thickness, tissue, number)


def paint_ribs(canvas: Canvas, rng: np.random.Generator) -> None:
    """Near-identical curved oblique tubes at a regular distance: cortex with marrow, each its own object."""
    radius = log_uniform(rng, 1.8, 7)
    heading = random_direction(rng)
    curve = smooth_curve(
        rng, random_position(canvas, rng, 0), heading, rng.uniform(0.5, 1.4) * canvas.shape[0], 0.1 / radius
    )
    across = np.cross(heading, random_direction(rng))
    pitch = across / np.linalg.norm(across) * radius * rng.uniform(2.3, 6)
    cortex, marrow = pick_tissue(rng, "cortex", "cortex", "vessel"), pick_tissue(rng, "marrow")
    squash = np.exp(rng.uniform(-0.7, 0, 3))
    count = int(rng.integers(2, 9))
    for turn in range(count):
        rib = curve + pitch * (turn - count // 2) + rng.normal(0, 0.1 * radius, 3)
        radii, number = _radii(rng, len(rib), radius, 0.12), canvas.new_twin()
        canvas.tube(rib, radii, cortex, number, squash)
        if radius > 2.2:
            canvas.tube(rib, radii - max(1, 0.3 * radius), marrow, number, squash)


def paint_column(canvas: Canvas, rng: np.random.Generator) -> None:
    """A spine: bodies with cortex, marrow and arms, discs between them, a canal behind."""
    radius = log_uniform(rng, 6, 22)
    heading = np.eye(3)[0] + rng.normal(0, 0.15, 3)
    start = random_position(canvas, rng, 0.2) * (0, 1, 1)
    curve = smooth_curve(rng, start, heading, 1.2 * canvas.shape[0], 0.02)
    cortex, marrow, disc = (
        pick_tissue(rng, "cortex"),
        pick_tissue(rng, "marrow"),
        pick_tissue(rng, "soft", "fluid"),
    )
    height = radius * rng.uniform(0.8, 1.5)
    back = np.cross(heading, random_direction(rng))
    back /= np.linalg.norm(back)
    canvas.tube(curve, np.full(len(curve), radius * 0.85), disc, None)
    for middle in np.arange(height / 2, len(curve) - 2, height):
        centre = curve[int(middle)]
        along = curve[int(middle) + 1] - centre
        _paint_vertebra(canvas, rng, centre, along, back, radius, height, (cortex, marrow))
    canal = curve + back * radius * 1.25
    canvas.tube(canal, np.full(len(curve), radius * 0.38), pick_tissue(rng, "fluid", "fat"), 0)
    canvas.tube(canal, np.full(len(curve), radius * 0.22), pick_tissue(rng, "soft"), canvas.new_object())


def _paint_vertebra(
    canvas: Canvas,
    rng: np.random.Generator,
    centre: np.ndarray,
    along: np.ndarray,
    back: np.ndarray,
    radius: float,
    height: float,
    tissues: tuple[int, int],
) -> None:
    cortex, marrow = tissues
    back = back - along * (back @ along)
    back = back / np.linalg.norm(back)
    side = np.cross(along, back)
    number, shell = canvas.new_twin(), max(1.0, radius * 0.1)
    arms = [(back * 1.25 + side, side), (back * 1.25 - side, -side), (back * 1.6, back - along * 0.5)]
    arms += [(back * 0.7 + side * 0.6, back + side * 0.1), (back * 0.7 - side * 0.6, back - side * 0.1)]
    for inward, tissue in ((0.0, cortex), (shell, marrow)):
        for start, direction in arms:
            line = centre + start * radius + np.arange(int(radius * 0.9))[:, None] * direction
            canvas.tube(line, np.full(len(line), max(0.3 * radius - inward, 0.5)), tissue, number)
    box = canvas.box(centre, radius + height)
    if box is None:
        return
    axial, front, lateral = canvas.grid(box, centre, np.stack([along, back, side]))
    across = np.sqrt((front / 0.85) ** 2 + lateral**2)
    across += smooth_noise(rng, across.shape, (3, 3, 3)) * np.float32(0.03 * radius)
    depth = np.minimum(radius - across, height * rng.uniform(0.36, 0.45) - np.abs(axial) + 0.06 * across)
    canvas.fill(box, depth >= 0, cortex, number)
    canvas.fill(box, depth >= shell, marrow, number)
