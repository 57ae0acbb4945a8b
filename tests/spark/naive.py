"""The rules of kept counts as plainly as they can be written: one user at a time, every step looked at by itself.

A third witness beside the embedded counter and Spark; it shares no code with either and never trades plainness for speed.
"""

import collections
import dataclasses
import re

US_PER_DAY = 86_400_000_000
REQUEST_HISTORY_MAX = 16


@dataclasses.dataclass(frozen=True)
class Rules:
    mode: str = "distinct"
    depth: int = 2
    gap_days: float | None = None
    user_day_max: int = 1_000_000
    window_days: int | None = None
    to_day: int | None = None
    witness_max: int = 32
    request_users_share: float = 0.0


@dataclasses.dataclass
class Counts:
    """What a directory of kept counts says: histories are tuples, the most recent cluster first."""

    counts: collections.Counter  # (history, next, day) -> seen
    support: dict  # (history, next, day) -> users and, where they are few, who
    tails: collections.Counter  # history -> users
    requests: collections.Counter  # (user, ts_us, history, next) -> times; this history is oldest first
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
        users[user_hash(user)].append((time, cluster))
    counts, tails, requests, sequences = collections.Counter(), collections.Counter(), collections.Counter(), 0
    supporters = collections.defaultdict(set)
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
                    supporters[history, cluster, day].add(user)
                if at > 0 and (user % 2**64) / (2**64 - 1) < rules.request_users_share:
                    history = tuple(cluster for _, cluster in items[max(0, at - REQUEST_HISTORY_MAX) : at])
                    requests[user, time, history, cluster] += 1
    named = lambda those: tuple(sorted(those)) if len(those) < rules.witness_max else None
    support = {key: (len(those), named(those)) for key, those in supporters.items()}
    times = [time for _, time, _ in events]
    return Counts(counts, support, tails, requests, len(users), sequences, min(times), max(times))


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


def user_hash(user):
    """A user's name as a number: XXH64 of the bytes of its text, or of the integer that the text spells as integers usually are."""
    if re.fullmatch(r"0|-?[1-9][0-9]*", str(user)) and -(2**63) <= int(user) < 2**63:
        return xxh64(int(user).to_bytes(8, "little", signed=True))
    return xxh64(user.encode())


def xxh64(data, seed=42):
    """XXH64 of fewer than 32 bytes, as its specification (Yann Collet) describes it; signed, as Parquet has it."""
    assert len(data) < 32, "users of the tests have short names"
    one, two, three, four, five = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
    wrap = lambda number: number % 2**64
    turn = lambda number, by: wrap(number << by) | number >> (64 - by)
    number = lambda at, length: int.from_bytes(data[at : at + length], "little")
    state, at = wrap(seed + five + len(data)), 0
    while at + 8 <= len(data):
        lane = wrap(turn(wrap(number(at, 8) * two), 31) * one)
        state, at = wrap(turn(state ^ lane, 27) * one + four), at + 8
    if at + 4 <= len(data):
        state, at = wrap(turn(state ^ wrap(number(at, 4) * one), 23) * two + three), at + 4
    for at in range(at, len(data)):
        state = wrap(turn(state ^ wrap(data[at] * five), 11) * one)
    state = wrap((state ^ state >> 33) * two)
    state = wrap((state ^ state >> 29) * three)
    state ^= state >> 32
    return state - 2**64 if state >= 2**63 else state
