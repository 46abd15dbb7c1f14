"""What counts as found, leaked, restored: pure functions over texts, labels and the scanner's answers.

A span is found when a finding of the same type overlaps it by four fifths of either. That forgives a scanner for taking
a bracket or a country prefix with it, and nothing more; how often the edges are exact is reported beside it.

Not here: running the scanner, floors and goals (`measure`).
"""

import re
from collections import Counter
from dataclasses import dataclass, field

TYPES = "CREDIT_CARD IBAN US_SSN PHONE EMAIL IP_ADDRESS CRYPTO_ADDRESS MAC_ADDRESS NATIONAL_ID SECRET".split()
CORE = ("CREDIT_CARD", "IBAN", "US_SSN", "EMAIL", "IP_ADDRESS", "CRYPTO_ADDRESS", "MAC_ADDRESS")
OVERLAP = 0.8


@dataclass
class Tally:
    """Right, wrong and missing findings of one row."""

    hit: int = 0
    exact: int = 0
    false: int = 0
    missed: int = 0

    def precision(self):
        return self.hit / (self.hit + self.false) if self.hit + self.false else 1.0

    def recall(self):
        return self.hit / (self.hit + self.missed) if self.hit + self.missed else 1.0

    def edges(self):
        return self.exact / self.hit if self.hit else 1.0


@dataclass
class Scores:
    """All tallies of one scan, and the findings behind them."""

    rows: dict = field(default_factory=dict)
    pairs: list = field(default_factory=list)
    misses: list = field(default_factory=list)
    false_hits: list = field(default_factory=list)
    benign_hit: int = 0
    benign: int = 0

    def row(self, name):
        return self.rows.setdefault(name, Tally())


def known(findings):
    """A scanner may have types of its own; only the common ones are measured."""
    return [finding for finding in findings if finding["type"] in TYPES]


def overlaps(label, finding):
    shared = min(label["end"], finding["end"]) - max(label["start"], finding["start"])
    longest = max(label["end"] - label["start"], finding["end"] - finding["start"])
    return shared > 0 and shared >= OVERLAP * longest


def paired(labels, findings):
    """Each label with its finding or None, and the findings that belong to no label."""
    left, pairs = list(findings), []
    for label in labels:
        match = next((f for f in left if f["type"] == label["type"] and overlaps(label, f)), None)
        if match:
            left.remove(match)
        pairs.append((label, match))
    return pairs, left


def rows_of(kind, text_class):
    """The rows in which a value or a false hit of this type counts."""
    names = [kind]
    if kind in CORE:
        names.append("core")
    if kind == "SECRET":
        # A false secret in a letter or a lockfile spoils both rows: neither kind of text caused it.
        names += [text_class] if text_class in ("secret_code", "secret_chat") else ["secret_code", "secret_chat"]
    return names


def score(lines, answers):
    scores = Scores()
    for line, answer in zip(lines, answers):
        pairs, strays = paired(line["spans"], known(answer["spans"]))
        for label, finding in pairs:
            for name in rows_of(label["type"], line["class"]):
                row = scores.row(name)
                row.hit += finding is not None
                row.missed += finding is None
                row.exact += finding is not None and (finding["start"], finding["end"]) == (label["start"], label["end"])
            if finding is None:
                scores.misses.append((line, label))
            else:
                scores.pairs.append((line, finding))
        for finding in strays:
            scores.false_hits.append((line, finding))
            for name in rows_of(finding["type"], line["class"]):
                scores.row(name).false += 1
        if line["class"] == "benign":
            scores.benign += 1
            scores.benign_hit += bool(answer["spans"])
    return scores


def outside(text, spans):
    """The pieces of a text between its findings."""
    pieces, place = [], 0
    for span in spans:
        pieces.append(text[place : span["start"]])
        place = span["end"]
    return pieces + [text[place:]]


def leak(value, out, rest):
    """`whole`, `partial` or None: how much of a value that was found stands in what was let through.

    A third of a value counts as a part of it, unless the same letters stand in the text outside all findings anyway.
    """
    if value in out and not any(value in piece for piece in rest):
        return "whole"
    width = min(len(value), max(6, len(value) // 3))
    for start in range(len(value) - width + 1):
        window = value[start : start + width]
        if window in out and not any(window in piece for piece in rest):
            return "partial"
    return None


# Long enough for any placeholder, too short to hide a paragraph in.
REPLACEMENT = 100


def byte_exact(text, spans, out):
    """Whether `out` is the text with something in the place of every finding, and nothing else changed."""
    first, *others = outside(text, spans)
    ends = {len(first)} if out.startswith(first) else set()
    for piece in others:
        starts = {end + width for end in ends for width in range(1, REPLACEMENT + 1)}
        ends = {start + len(piece) for start in starts if out.startswith(piece, start)}
    return len(out) in ends


def same_spans(one, other):
    def keys(spans):
        return [(span["start"], span["end"], span["type"]) for span in spans]
    return keys(one) == keys(other)


def replaced(text, spans, placeholders):
    pieces = outside(text, spans)
    return pieces[0] + "".join(name + piece for name, piece in zip(placeholders, pieces[1:]))


def normal(value):
    return re.sub(r"\W", "", value).casefold()


def percentile(numbers, share):
    ordered = sorted(numbers)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0


def masked(value):
    value = value.replace("\n", "\\n")
    return value if len(value) < 6 else f"{value[:3]}…{value[-2:]} ({len(value)})"


def by_kind(pairs, key):
    return Counter(key(item) for _, item in pairs).most_common()
