"""Split groups of images into train, validation and test: reproducible, even, never through a group."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

from nuseg.datasets.dataset import SPLITS
from nuseg.errors import NusegError
from nuseg.text import plural

_ORDERS = 32


def parse_fractions(text: str) -> tuple[float, float, float]:
    """Read "0.7,0.15,0.15" (or percents, "70,15,15"): shares of train, validation and test, of sum 1."""
    try:
        shares = [float(part) for part in text.split(",")]
    except ValueError:
        shares = []
    if len(shares) != 3 or not all(0 <= share < float("inf") for share in shares):
        raise NusegError(f"split='{text}': expected three shares for train,validation,test such as 0.7,0.15,0.15")
    total = sum(shares)
    if abs(total - 1) > 0.005 and abs(total - 100) > 0.5:
        raise NusegError(f"split='{text}': the shares sum to {total:g}, expected 1 (or 100)")
    return shares[0] / total, shares[1] / total, shares[2] / total


def split_groups(sizes: Mapping[str, tuple[int, int]], fractions: Sequence[float], seed: int) -> dict[str, str]:
    """Assign every group to a split so that images and nuclei come near the wanted shares.

    Groups are taken in a seeded order, each to the split that lacks most; of 32 such orders the most even
    result is kept. Groups with nuclei go before those without, and every split gets one of them; where there are too
    few, train comes first, then validation. The order comes from hashes of seed and group name, so that neither file
    order nor platform matter.

    Parameters
    ----------
    sizes : mapping of group to (images, nuclei)
    fractions : three floats
        Shares of train, validation and test, of sum 1; a split of share 0 stays empty, no other does.
    seed : int

    Returns
    -------
    dict of group to split

    Raises
    ------
    NusegError
        Fewer groups than splits with a share.
    """
    wanted = {split: share for split, share in zip(SPLITS, fractions, strict=True) if share > 0}
    if len(sizes) < len(wanted):
        fewer = "split='0.8,0.2,0' to train without a test set, or " if len(sizes) == 2 else ""
        raise NusegError(
            f"the splits {', '.join(wanted)} need at least {plural(len(wanted), 'group')}, found {len(sizes)}: "
            f"give more images or finer groups (group=), or fewer splits: {fewer}split='0,0,1' for a test set alone"
        )
    images = sum(size[0] for size in sizes.values())
    nuclei = max(1, sum(size[1] for size in sizes.values()))
    shares = {group: (size[0] / images, size[1] / nuclei) for group, size in sizes.items()}
    results = (_fill(shares, wanted, f"{seed}/{order}") for order in range(_ORDERS))
    return min(results, key=lambda result: _unevenness(result, shares, wanted))


def _fill(shares: Mapping[str, tuple[float, float]], wanted: Mapping[str, float], salt: str) -> dict[str, str]:
    order = sorted(shares, key=lambda group: hashlib.sha256(f"{salt}/{group}".encode()).digest())
    lack = dict(wanted)
    result: dict[str, str] = {}
    with_nuclei = [group for group in order if shares[group][1] > 0]
    for groups in (with_nuclei, [group for group in order if shares[group][1] == 0]):
        taken = set() if groups is with_nuclei else set(result.values())
        empty = [name for name in wanted if name not in taken]
        for place, group in enumerate(groups):
            # Towards the end the groups left over are kept for splits that still have none.
            left = len(groups) - place
            choice = empty[:left] if left <= len(empty) else list(wanted)
            split = max(choice, key=lambda name: lack[name])
            result[group] = split
            empty = [name for name in empty if name != split]
            lack[split] -= sum(shares[group]) / 2
    return result


def _unevenness(
    result: Mapping[str, str], shares: Mapping[str, tuple[float, float]], wanted: Mapping[str, float]
) -> float:
    filled: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for group, split in result.items():
        for kind in (0, 1):
            filled[split][kind] += shares[group][kind]
    return sum(abs(filled[split][kind] - share) for split, share in wanted.items() for kind in (0, 1))
