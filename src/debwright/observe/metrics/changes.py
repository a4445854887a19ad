"""Change points of a series: where its level moved, as against where it is only noisy.

Method: the series is cut into segments of constant level at the least squared error plus a
penalty for every cut, exactly, by PELT (Killick, Fearnhead and Eckley, "Optimal detection of
changepoints with a linear computational cost", JASA 107, 2012). Build times are skewed and have
stragglers, so it works on logarithms from which lone outliers are taken by a Hampel filter, and
measures noise by the median absolute difference of neighbours, which a change of level does not
disturb. Machines have good and bad hours, so that neighbours resemble each other: how much is seen
by how differences grow with the distance (a variogram), and noise that wanders makes a cut dearer,
by as much as it makes a mean less sure. A cut must hold for the values as they were, too: by the
rank-sum test of Mann and Whitney, the stricter the longer the series was searched, and by a
difference of medians that is worth mentioning.
"""

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

PENALTY = 4.0
"""Times the noise's variance times log n: at 4, fewer than 2 in 100 series of noise get a cut."""
SMALLEST = 5
"""Values on each side of a change."""
SURE = 0.01
"""The largest p of the rank-sum test, in a series of the shortest length."""
FARTHEST = 6
"""Neighbours that far apart are taken to be independent."""
RELEVANT = 0.05
"""Change of the median below which a change, however sure, is of no interest."""
LONGEST = 300
"""Values looked at, the newest."""
WINDOW, OUTLYING = 3, 3.5
"""The Hampel filter: neighbours on each side, and how many deviations are too many."""
_OF_MEAN = 0.75
"""How far the mean difference, which changes and outliers move, may raise the noise."""
_TO_DEVIATION = 1.4826
"""Median absolute deviation to standard deviation, for a normal distribution."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """From the value `index` on, the level is another one."""

    index: int
    before: float
    """Median of the segment before."""
    after: float
    p: float
    """Of the rank-sum test: how likely noise alone parts the two segments so well."""

    @property
    def growth(self) -> float:
        """0.5: by half more than before."""
        return self.after / self.before - 1 if self.before else math.inf


def change_points(values: Sequence[float], *, relevant: float = RELEVANT) -> list[Change]:
    """The changes of level in `values`, none of which is negative; oldest first."""
    offset = max(0, len(values) - LONGEST)
    series = list(values[offset:])
    if len(series) < 2 * SMALLEST:
        return []
    cuts = _pelt(_without_outliers([math.log(v + 1e-9) for v in series]))
    return [
        Change(index=c.index + offset, before=c.before, after=c.after, p=c.p)
        for c in _holding(series, cuts, relevant)
    ]


def _without_outliers(values: list[float]) -> list[float]:
    """Each lone outlier replaced by the median around it."""
    noise = _noise(values)
    clean = []
    for index, value in enumerate(values):
        around = values[max(0, index - WINDOW) : index + WINDOW + 1]
        middle = statistics.median(around)
        clean.append(middle if abs(value - middle) > OUTLYING * noise else value)
    return clean


def _noise(values: Sequence[float]) -> float:
    """Standard deviation around the level, whatever the level does."""
    steps = [abs(b - a) for a, b in pairwise(values)]
    return _TO_DEVIATION * statistics.median(steps) / math.sqrt(2)


def _variance(values: Sequence[float]) -> float:
    """Of the level's mean, times the number of values: larger than the noise's where it wanders."""
    farthest = min(FARTHEST, len(values) // 10)
    steps = [_half_square(values, k) for k in range(1, farthest + 1)]
    # Where most neighbours are equal, as rounded times are, their median says nothing.
    mean = statistics.fmean(abs(b - a) for a, b in pairwise(values)) * math.sqrt(math.pi) / 2
    near = max(steps[0], (_OF_MEAN * mean) ** 2)
    far = statistics.fmean(steps[farthest // 2 :])
    wandering = 2 * sum((1 - k / (farthest + 1)) * (far - s) for k, s in enumerate(steps, 1))
    return near + max(0.0, far - steps[0]) + max(0.0, wandering)


def _half_square(values: Sequence[float], distance: int) -> float:
    """Half the mean squared difference of values so far apart, by their median."""
    steps = [abs(b - a) for a, b in zip(values, values[distance:], strict=False)]
    return (_TO_DEVIATION * statistics.median(steps)) ** 2 / 2


def _pelt(values: list[float]) -> list[int]:
    """Where the segments of the cheapest segmentation begin, without the first."""
    n = len(values)
    # Times to the millisecond may be equal all along; a part in a thousand is no change.
    penalty = PENALTY * max(_variance(values), 1e-6) * math.log(n)
    middle = statistics.fmean(values)
    sums, squares = [0.0], [0.0]
    for value in values:
        sums.append(sums[-1] + value - middle)
        squares.append(squares[-1] + (value - middle) ** 2)
    best = [-penalty] + [math.inf] * n
    last = [0] * (n + 1)
    starts = [0]
    for end in range(SMALLEST, n + 1):
        costs = []
        for start in starts:
            total = sums[end] - sums[start]
            error = squares[end] - squares[start] - total * total / (end - start)
            costs.append(best[start] + error)
        least = min(range(len(costs)), key=costs.__getitem__)
        best[end], last[end] = costs[least] + penalty, starts[least]
        # A start that is worse than the best by more than a cut's price stays so.
        starts = [s for s, cost in zip(starts, costs, strict=True) if cost <= best[end]]
        if end + 1 - SMALLEST >= SMALLEST:
            starts.append(end + 1 - SMALLEST)
    cuts, place = [], n
    while (place := last[place]) > 0:
        cuts.append(place)
    return cuts[::-1]


def _holding(values: list[float], cuts: list[int], relevant: float) -> Iterator[Change]:
    """Cuts between levels that differ; the least differing goes first, until all do."""
    sure = SURE * 2 * SMALLEST / len(values)
    while cuts:
        segments = [values[a:b] for a, b in pairwise([0, *cuts, len(values)])]
        levels = [statistics.median(s) for s in segments]
        found = [
            (abs(after - before) / max(before, after, 1e-12), rank_sum_p(left, right))
            for (before, after), (left, right) in zip(
                pairwise(levels), pairwise(segments), strict=True
            )
        ]
        weak = [n for n, (size, p) in enumerate(found) if size < relevant or p > sure]
        if not weak:
            for index, (before, after), (_, p) in zip(cuts, pairwise(levels), found, strict=True):
                yield Change(index=index, before=before, after=after, p=p)
            return
        del cuts[min(weak, key=lambda n: found[n][0])]


def rank_sum_p(left: Sequence[float], right: Sequence[float]) -> float:
    """Two-sided p of the Mann-Whitney test, by its normal approximation with equal values."""
    m, n = len(left), len(right)
    total = m + n
    ranks, ties = _ranks([*left, *right])
    spread = (total + 1) - ties / (total * (total - 1))
    if spread <= 0:
        return 1.0
    away = abs(sum(ranks[:m]) - m * (total + 1) / 2)
    z = max(0.0, away - 0.5) / math.sqrt(m * n * spread / 12)
    return math.erfc(z / math.sqrt(2))


def _ranks(values: Sequence[float]) -> tuple[list[float], float]:
    """Mid-ranks, and the sum of t^3 - t over groups of t equal values."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks, ties, first = [0.0] * len(values), 0.0, 0
    while first < len(order):
        last = first
        while last + 1 < len(order) and values[order[last + 1]] == values[order[first]]:
            last += 1
        for position in order[first : last + 1]:
            ranks[position] = (first + last) / 2 + 1
        count = last - first + 1
        ties += count**3 - count
        first = last + 1
    return ranks, ties
