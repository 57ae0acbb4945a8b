"""The rules of kept counts as plainly as they can be written: one user at a time, every step looked at by itself.

A third witness beside the embedded counter and Spark; it shares no code with either and never trades plainness for speed.
"""

import collections
import dataclasses

US_PER_DAY = 86_400_000_000


@dataclasses.dataclass(frozen=True)
class Rules:
    mode: str = "distinct"
    depth: int = 2
    gap_days: float | None = None
    user_day_max: int = 1_000_000
    window_days: int | None = None
    to_day: int | None = None


@dataclasses.dataclass
class Counts:
    """What a directory of kept counts says: histories are tuples, the most recent cluster first."""

    counts: collections.Counter  # (history, next, day) -> seen
    support: collections.Counter  # (history, next) -> users
    tails: collections.Counter  # history -> users
    users: int
    sequences: int
    from_us: int
    to_us: int


def count(events, rules):
    """Counts (user, ts_us, cluster) in any order."""
    events = [event for event in events if rules.to_day is None or event[1] // US_PER_DAY <= rules.to_day]
    last_day = rules.to_day if rules.to_day is not None else max(time // US_PER_DAY for _, time, _ in events)
    users = collections.defaultdict(list)
    for user, time, cluster in events:
        users[user].append((time, cluster))
    counts, supporters, tails, sequences = collections.Counter(), collections.defaultdict(set), collections.Counter(), 0
    for user, own in users.items():
        kept = [items for items in (thin(part, rules.mode) for part in cut(sorted(own), rules.gap_days)) if len(items) >= 2]
        sequences += len(kept)
        if kept:
            tails[tuple(cluster for _, cluster in reversed(kept[-1][-rules.depth :]))] += 1
        of_day = collections.Counter()
        for items in kept:
            for at, (time, cluster) in enumerate(items):
                day = time // US_PER_DAY
                of_day[day] += 1
                if of_day[day] > rules.user_day_max or (rules.window_days is not None and day <= last_day - rules.window_days):
                    continue
                for length in range(min(rules.depth, at) + 1):
                    history = tuple(items[at - back][1] for back in range(1, length + 1))
                    counts[history, cluster, day] += 1
                    supporters[history, cluster].add(user)
    support = collections.Counter({key: len(those) for key, those in supporters.items()})
    times = [time for _, time, _ in events]
    return Counts(counts, support, tails, len(users), sequences, min(times), max(times))


def cut(events, gap_days):
    """One user's events, cut where the pause is too long."""
    sequences, last = [], None
    for time, cluster in events:
        if last is None or (gap_days is not None and time - last > int(gap_days * US_PER_DAY)):
            sequences.append([])
        sequences[-1].append((time, cluster))
        last = time
    return sequences


def thin(sequence, mode):
    """What the mode leaves of a sequence."""
    items = []
    for time, cluster in sequence:
        repeats = {
            "distinct": any(cluster == other for _, other in items),
            "changes": bool(items) and items[-1][1] == cluster,
            "raw": False,
        }[mode]
        if not repeats:
            items.append((time, cluster))
    return items
