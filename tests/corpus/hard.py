"""Reads `hard.jsonl`, the hand-written texts.

A text is a list of pieces. A string is itself; `{"TYPE": piece}` labels a piece; `{"concat": [...]}` joins strings, so
that no key stands whole in the file and no forge has a reason to refuse it.
"""

import json
from pathlib import Path

from surroundings import Text
from values import Value


def joined(piece):
    return "".join(piece["concat"]) if isinstance(piece, dict) else piece


def texts():
    lines = []
    source = Path(__file__).with_name("hard.jsonl").read_text(encoding="utf-8")
    for line in map(json.loads, source.splitlines()):
        text = Text()
        for piece in line["text"]:
            label = next(iter(piece)) if isinstance(piece, dict) else "concat"
            if label == "concat":
                text.add(joined(piece))
            else:
                text.value(Value(label, line["id"], joined(piece[label])))
        lines.append({"id": f"hard-{line['id']}", "text": str(text), "spans": text.spans, "class": line["class"]})
    return lines
