#!/usr/bin/env python3
"""Reads a release, or a bare table.segue, with the standard library alone.

Written from the byte diagram in src/snapshot/format.rs and nothing else, so that the diagram is known to suffice.

    reader.py dump   RELEASE_DIR|TABLE              every history with its candidates, one JSON object a line
    reader.py lookup RELEASE_DIR 22,9 [LIMIT]       what `segue lookup RELEASE_DIR 22,9 --limit LIMIT --json` answers
"""

import json
import pathlib
import struct
import sys
import zlib


class Table:
    """The table of a release; clusters are indexes, a history is a tuple of them, oldest first."""

    def __init__(self, data):
        self.data = data
        label, version, order, self.clusters, self.depth, self.width, self.index_bytes = struct.unpack_from(
            "<8sIIIBBB", data
        )
        expect("label", label, b"SEGUETBL")
        expect("format version", version, 1)
        expect("byte order mark", order, 0x0A0B0C0D)
        expect("header checksum", u32(data, 252), zlib.crc32(data[:252]))
        self.record_bytes = u32(data, 24)
        expect("bytes of a cluster index", self.index_bytes, 2 if self.clusters <= 65535 else 4)
        expect("bytes of a record", self.record_bytes, self.expected_record_bytes())
        expect("bytes of the file", len(data), struct.unpack_from("<Q", data, 32)[0])
        self.levels = [self.read_level(length) for length in range(self.depth + 1)]

    def expected_record_bytes(self):
        packed = 2 + self.width * (self.index_bytes + 2)
        return next((size for size in (8, 16, 32, 64) if packed <= size <= packed + 2), packed)

    def read_level(self, length):
        """Checks the sections of a level; gives its presence words with their ranks, and where its records start."""
        present, bitmap_at, records_at, bitmap_crc, records_crc = struct.unpack_from("<QQQII", self.data, 64 + 32 * length)
        records_end = padded(records_at + present * self.record_bytes)
        expect("bitmap checksum", zlib.crc32(self.data[bitmap_at:records_at]), bitmap_crc)
        expect("records checksum", zlib.crc32(self.data[records_at:records_end]), records_crc)
        blocks = -(-(self.clusters**length) // 64)
        return list(struct.iter_unpack("<QQ", self.data[bitmap_at : bitmap_at + 16 * blocks])), records_at

    def get(self, history):
        """The candidates of a history as (index, score from 0 to 65,535), best first; None where it is absent."""
        key = 0
        for index in history:
            key = key * self.clusters + index
        blocks, records_at = self.levels[len(history)]
        rank, bits = blocks[key // 64]
        bit = 1 << (key % 64)
        if not bits & bit:
            return None
        return self.read_record(records_at + (rank + bin(bits & (bit - 1)).count("1")) * self.record_bytes)

    def read_record(self, at):
        (count,) = struct.unpack_from("<H", self.data, at)
        slot = struct.Struct("<HH" if self.index_bytes == 2 else "<IH")
        return [slot.unpack_from(self.data, at + 2 + place * slot.size) for place in range(count)]

    def histories(self):
        """Every history present, shorter ones first, then by key."""
        for length, (blocks, _) in enumerate(self.levels):
            for block, (_, bits) in enumerate(blocks):
                for bit in range(64):
                    if bits >> bit & 1:
                        yield self.history(length, 64 * block + bit)

    def history(self, length, key):
        indexes = []
        for _ in range(length):
            key, index = divmod(key, self.clusters)
            indexes.append(index)
        return tuple(reversed(indexes))


class Release:
    """A table with the ids of its catalogue; a bare table's clusters are their own ids."""

    def __init__(self, path):
        table = path / "table.segue" if path.is_dir() else path
        self.table = Table(table.read_bytes())
        self.ids = list(range(self.table.clusters))
        if path.is_dir():
            lines = (path / "catalogue.jsonl").read_text(encoding="utf-8").splitlines()
            self.ids = [json.loads(line)["id"] for line in lines]
        expect("clusters of the catalogue", len(self.ids), self.table.clusters)

    def dump(self):
        for history in self.table.histories():
            candidates = [[self.ids[index], score] for index, score in self.table.get(history)]
            print(json.dumps({"history": [self.ids[index] for index in history], "candidates": candidates}))

    def lookup(self, history, limit):
        """The last distinct known clusters, then ever shorter suffixes of them, then the popular list."""
        known, ignored = self.known(history)
        candidates, source, matched = [], "popular", ()
        for start in range(len(known) + 1):
            suffix = known[start:]
            step = "popular" if not suffix else "table" if start == 0 else "suffix"
            record = self.table.get(suffix) if len(candidates) < limit else None
            if record is None:
                continue
            if not candidates:
                source, matched = step, suffix
            for index, score in record:
                taken = any(candidate["cluster"] == self.ids[index] for candidate in candidates)
                if not taken and len(candidates) < limit:
                    candidates.append({"cluster": self.ids[index], "score": decimal(score), "source": step})
        matched = [self.ids[index] for index in matched]
        return {"candidates": candidates, "source": source, "matched": matched, "ignored": ignored}

    def known(self, history):
        """The indexes of the last distinct known clusters, oldest first, and the unknown ids, most recent first."""
        known, ignored = [], []
        for cluster in dict.fromkeys(reversed(history)):
            if cluster not in self.ids:
                ignored.append(cluster)
            elif len(known) < self.table.depth:
                known.append(self.ids.index(cluster))
        return tuple(reversed(known)), ignored


def decimal(score):
    """A stored score, 65,535 for 1, rounded to five decimals."""
    return (score * 100_000 + 32_767) // 65_535 / 100_000


def u32(data, at):
    return struct.unpack_from("<I", data, at)[0]


def padded(end):
    return -(-end // 64) * 64


def expect(what, got, expected):
    if got != expected:
        sys.exit(f"{what} is {got!r}, expected {expected!r}")


def main(command, path, history="", limit="10"):
    release = Release(pathlib.Path(path))
    if command == "dump":
        release.dump()
    else:
        history = [int(cluster) for cluster in history.split(",") if cluster]
        print(json.dumps(release.lookup(history, int(limit))))


if __name__ == "__main__":
    main(*sys.argv[1:])
