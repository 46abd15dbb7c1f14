#!/usr/bin/env python3
"""Measures a `tollgate` binary against the labelled corpus and the floors of its acceptance table.

    measure.py path/to/tollgate [--seed N] [--show N] [--goals] [--no-speed] [--json]

The binary is driven from outside, as anyone could: lines of JSON into `tollgate scan --jsonl`, lines of JSON out. Exit
status: 0 all floors met (with `--goals`: all goals), 1 some missed, 2 the binary could not be measured.
"""

import argparse
import json
import random
import subprocess
import sys
from dataclasses import asdict, dataclass

import generate
import injections
import scoring


class Unmeasurable(Exception):
    """The binary gave no usable answer; the message says to what."""


class Scanner:
    """The binary under examination."""

    def __init__(self, path):
        self.path = path

    def scan(self, lines, *flags):
        """One answer per line, in order."""
        asked = "".join(json.dumps(line) + "\n" for line in lines)
        command = [self.path, "scan", "--jsonl", *flags]
        try:
            done = subprocess.run(command, input=asked.encode(), capture_output=True, timeout=900)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unmeasurable(f"{' '.join(command)}: {error}") from error
        answers = [json.loads(answer) for answer in done.stdout.splitlines() if answer.strip()]
        if [answer.get("id") for answer in answers] != [line["id"] for line in lines]:
            complaint = done.stderr.decode(errors="replace").strip()[-300:]
            raise Unmeasurable(f"{' '.join(command)}: {len(answers)} answers to {len(lines)} lines, exit {done.returncode}: {complaint}")
        return answers


@dataclass
class Row:
    """One line of the table. `floor_met` and `goal_met` are None where a figure is only reported."""

    measure: str
    figure: str
    floor: str = ""
    goal: str = ""
    floor_met: bool | None = None
    goal_met: bool | None = None


def at_least(measure, figures, floors, goals):
    """A row whose figures must all reach their bounds."""
    def met(bounds):
        return all(figure >= bound for figure, bound in zip(figures, bounds))

    return Row(measure, " / ".join(f"{figure:.4f}" for figure in figures), " / ".join(map(str, floors)),
               " / ".join(map(str, goals)), met(floors), met(goals))


def at_most(measure, figure, floor, goal, unit=""):
    return Row(measure, f"{figure:.4g}{unit}", f"≤ {floor}{unit}", f"≤ {goal}{unit}", figure <= floor, figure <= goal)


def everything(measure, right, total):
    return Row(measure, f"{100 * right / total if total else 100:.2f} %", "100 %", "100 %", right == total, right == total)


# ---- findings in whole texts


def finding_rows(scores):
    def tally(name):
        return scores.row(name)

    core = tally("core")
    yield at_least("core PII precision / recall", (core.precision(), core.recall()), (0.97, 0.97), (0.99, 0.985))
    yield at_least("phone", (tally("PHONE").precision(), tally("PHONE").recall()), (0.95, 0.92), (0.98, 0.95))
    for kind in ("CREDIT_CARD", "IBAN", "US_SSN", "MAC_ADDRESS", "CRYPTO_ADDRESS"):
        row = tally(kind)
        yield at_least(f"  {kind}", (row.precision(), row.recall()), (0.98, 0.98), (1.0, 1.0))
    for kind in ("EMAIL", "IP_ADDRESS"):
        yield Row(f"  {kind}", f"{tally(kind).precision():.4f} / {tally(kind).recall():.4f}")
    national = tally("NATIONAL_ID")
    yield at_least("national ids with context", (national.precision(), national.recall()), (0.97, 0.98), (0.99, 1.0))
    code, chat = tally("secret_code"), tally("secret_chat")
    yield at_least("secrets in code", (code.precision(), code.recall()), (0.98, 0.97), (0.99, 0.99))
    yield at_least("secrets in chat", (chat.precision(), chat.recall()), (0.98, 0.96), (0.99, 0.99))
    yield at_most("benign texts hit", 100 * scores.benign_hit / max(scores.benign, 1), 0.5, 0, " %")
    hits = sum(scores.row(kind).hit for kind in scoring.TYPES)
    exact = sum(scores.row(kind).exact for kind in scoring.TYPES)
    yield Row("edges exact (of what was found)", f"{100 * exact / max(hits, 1):.2f} %")


# ---- streams


def cut(text, places):
    places = sorted({place for place in places if 0 < place < len(text)})
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)])]


def cuts(rng, line):
    """Each text three times: letter by letter, at random, and where it hurts: inside and at the edges of values."""
    text, places, edges = line["text"], [], []
    yield "letters", list(text)
    place = 0
    while place < len(text):
        place += rng.choice((1, 2, 3, 5, 8, 13, 40, 120))
        places.append(place)
    yield "random", cut(text, places)
    for span in line["spans"]:
        edges += [span["start"], span["start"] + 1, (span["start"] + span["end"]) // 2, span["end"] - 1, span["end"], span["end"] + 1]
    yield "edges", cut(text, edges or [len(text) // 2])


def stream_rows(scanner, lines, answers, scores, seed, faults):
    rng = random.Random(seed)
    asked, origin = [], []
    for number, line in enumerate(lines):
        for way, chunks in cuts(rng, line):
            asked.append({"id": f"{line['id']}#{way}", "chunks": chunks})
            origin.append(number)
    found = {}
    for line, finding in scores.pairs:
        found.setdefault(line["id"], []).append(finding)
    values = exact = equal = 0
    leaks, held = {"whole": 0, "partial": 0}, []
    for number, question, answer in zip(origin, asked, scanner.scan(asked, "--stream")):
        line, out = lines[number], answer["out"]
        rest = scoring.outside(line["text"], answers[number]["spans"])
        for finding in found.get(line["id"], ()):
            values += 1
            how = scoring.leak(line["text"][finding["start"] : finding["end"]], out, rest)
            if how:
                leaks[how] += 1
                faults.append((f"stream leaks {how}", question["id"], finding["type"]))
        if scoring.byte_exact(line["text"], answer["spans"], out):
            exact += 1
        else:
            faults.append(("stream changes other text", question["id"], ""))
        if scoring.same_spans(answer["spans"], answers[number]["spans"]):
            equal += 1
        else:
            faults.append(("stream finds otherwise", question["id"], ""))
        if line["class"] == "benign" and question["id"].endswith("#letters"):
            held.append(answer["max_hold"])
    yield at_most("streaming: whole values leaked", leaks["whole"], 0, 0)
    yield at_most("streaming: partial values leaked", 100 * leaks["partial"] / max(values, 1), 0.5, 0, " %")
    yield everything("streaming: other text byte-exact", exact, len(asked))
    yield everything("streaming: equal to whole-text scan", equal, len(asked))
    yield at_most("longest hold-back, benign, p99", scoring.percentile(held, 0.99), 64, 32)


# ---- placeholders

REPLIES = ("Done: {}", "I wrote to **{}**.", '{{"to":"{}"}}', "`{}`", "See {}, thanks!", "Bitte „{}“ prüfen.", "确认{}。")
FORGED = "Dear TG_EMAIL_7H2K9QXD, your card TG_CREDIT_CARD_A2B3C4D5 is ready. Mail ana@blauhaus.de"


def reply_to(spans, number):
    """A reply that names every finding, the first one twice."""
    order = list(range(len(spans))) + ([0] if spans else [])
    return "\n".join(REPLIES[(place + number) % len(REPLIES)].format("{{%d}}" % which) for place, which in enumerate(order))


def repeated(lines):
    """Texts in which one value stands twice, as it does in every conversation."""
    for line in lines[::12]:
        for span in line["spans"][:1]:
            if span["type"] != "SECRET":
                text = f"{line['text']}\n\n---\nAnd once more, the same:\n{line['text']}"
                yield {"id": f"{line['id']}#twice", "text": text, "class": line["class"], "spans": []}


def reversible_rows(scanner, lines, faults):
    lines = lines + list(repeated(lines))
    spans = [answer["spans"] for answer in scanner.scan([{"id": line["id"], "text": line["text"]} for line in lines])]
    asked = [{"id": line["id"], "text": line["text"], "reply_template": reply_to(spans[number], number)} for number, line in enumerate(lines)]
    asked.append({"id": "forged", "text": FORGED, "reply_template": "ok"})
    *answers, forged = scanner.scan(asked, "--reversible")
    clean = restored = stable = 0
    names = {}
    for line, question, found, answer in zip(lines, asked, spans, answers):
        text, placeholders = line["text"], answer["placeholders"]
        values = [text[span["start"] : span["end"]] for span in found]
        rest = scoring.outside(text, found)
        left = any(value in answer["redacted"] and not any(value in piece for piece in rest) for value in values if len(value) > 3)
        in_place = len(placeholders) == len(found) and answer["redacted"] == scoring.replaced(text, found, placeholders)
        clean += not left and in_place
        # A secret is never given back: what stands for it in the reply stays there.
        wanted = question["reply_template"]
        for which, (span, value) in enumerate(zip(found, values)):
            back = value if span["type"] != "SECRET" or which >= len(placeholders) else placeholders[which]
            wanted = wanted.replace("{{%d}}" % which, back)
        restored += answer["restored_reply"] == wanted
        steady = True
        for span, value, name in zip(found, values, placeholders):
            if span["type"] != "SECRET":
                steady &= names.setdefault((span["type"], value), name) == name
                steady &= scoring.normal(names.setdefault(name, value)) == scoring.normal(value)
        stable += steady
        checked = {
            "value left or text changed": not left and in_place,
            "reply not restored": answer["restored_reply"] == wanted,
            "name not stable": steady,
        }
        faults += [(f"reversible: {what}", line["id"], "") for what, right in checked.items() if not right]
    clean += "TG_EMAIL_7H2K9QXD" not in forged["redacted"] and "TG_CREDIT_CARD_A2B3C4D5" not in forged["redacted"]
    yield everything("reversible: no value left", clean, len(lines) + 1)
    yield everything("reversible: exact restore", restored, len(lines))
    yield everything("reversible: stable names", stable, len(lines))


# ---- injection and speed


def injection_rows(scanner, seed, faults):
    lines = injections.texts(seed)
    answers = scanner.scan([{"id": line["id"], "text": line["text"]} for line in lines], "--injection")
    bad = [answer for line, answer in zip(lines, answers) if line["injection"]]
    good = [answer for line, answer in zip(lines, answers) if not line["injection"]]
    for line, answer in zip(lines, answers):
        if line["injection"] != answer["flag"]:
            faults.append(("injection missed" if line["injection"] else "injection false alarm", line["id"], " ".join(map(str, answer.get("signals", [])))))
    recall = sum(answer["flag"] for answer in bad) / len(bad)
    alarms = 100 * sum(answer["flag"] for answer in good) / len(good)
    yield Row("injection recall, as flagged", f"{recall:.3f}", "0.5", "0.7", recall >= 0.5, recall >= 0.7)
    yield at_most("injection false positives", alarms, 2.5, 2.5, " %")
    # The score at which 2.5 % of the harmless texts would be flagged, and what it would catch.
    edge = scoring.percentile([answer["score"] for answer in good], 0.975)
    yield Row("injection recall, best threshold", f"{sum(answer['score'] > edge for answer in bad) / len(bad):.3f}")


def documents(lines, size=4096):
    """Benign texts joined to documents of a few kilobytes, so that the figure is about scanning, not about starting."""
    document, number = "", 0
    for line in lines:
        document += line["text"] + "\n\n"
        if len(document.encode()) >= size:
            yield {"id": f"speed-{number}", "text": document}
            document, number = "", number + 1


def speed_rows(scanner, lines):
    asked = list(documents([line for line in lines if line["class"] == "benign"]))
    best = [float("inf")] * len(asked)
    for _ in range(5):
        answers = scanner.scan(asked, "--timings")
        best = [min(time, answer["us"]) for time, answer in zip(best, answers)]
    sizes = [len(line["text"].encode()) / 1024 for line in asked]
    yield at_most("speed on benign text, best of 5", sum(best) / sum(sizes), 30, 10, " µs/KB")
    yield Row("  slowest document, best of 5", f"{max(time / size for time, size in zip(best, sizes)):.4g} µs/KB")


# ---- the table


def rows(scanner, options, faults):
    lines = generate.corpus(options.seed)
    answers = scanner.scan([{"id": line["id"], "text": line["text"]} for line in lines])
    scores = scoring.score(lines, answers)
    parts = (
        ("findings", lambda: finding_rows(scores)), ("streaming", lambda: stream_rows(scanner, lines, answers, scores, options.seed, faults)),
        ("reversible", lambda: reversible_rows(scanner, lines, faults)), ("injection", lambda: injection_rows(scanner, options.seed, faults)),
        ("speed", lambda: speed_rows(scanner, lines)),
    )
    if options.no_speed:
        parts = [part for part in parts if part[0] != "speed"]
    table = []
    for name, part in parts:
        try:
            table += part()
        except (Unmeasurable, KeyError, json.JSONDecodeError) as error:
            table.append(Row(name, f"not measured: {error!r:.200}", floor_met=False, goal_met=False))
    return table, scores


def verdict(met):
    return {True: "pass", False: "MISS", None: ""}[met]


def print_table(table):
    width = max(len(row.measure) for row in table)
    print(f"{'measure':{width}}  {'figure':18} {'floor':14} {'':5} {'goal':14}")
    for row in table:
        print(f"{row.measure:{width}}  {row.figure:18} {row.floor:14} {verdict(row.floor_met):5} {row.goal:14} {verdict(row.goal_met)}".rstrip())
    print("not measured from outside: detector state of an idle stream")


def print_details(scores, faults, count):
    def text(line, span):
        return scoring.masked(line["text"][span["start"] : span["end"]])

    print(f"\nmissed: {len(scores.misses)}")
    for kind, times in scoring.by_kind(scores.misses, lambda span: f"{span['type']} {span['value_kind']}")[:count]:
        print(f"  {times:4} {kind}")
    for line, span in scores.misses[:count]:
        print(f"  {line['id']}:{span['start']} {span['type']} {span['value_kind']} {text(line, span)}")
    print(f"false hits: {len(scores.false_hits)}")
    for kind, times in scoring.by_kind(scores.false_hits, lambda span: f"{span['type']} {span.get('detector', '')}")[:count]:
        print(f"  {times:4} {kind}")
    for line, span in scores.false_hits[:count]:
        print(f"  {line['id']}:{span['start']} {span['type']} {span.get('detector', '')} {text(line, span)}")
    print(f"other faults: {len(faults)}")
    shown = {}
    for what, where, kind in faults:
        shown[what] = shown.get(what, 0) + 1
        if shown[what] <= count:
            print(f"  {what}: {where} {kind}".rstrip())


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("tollgate", help="the binary to measure")
    arguments.add_argument("--seed", type=int, default=generate.SEED, help="another seed is another corpus")
    arguments.add_argument("--show", type=int, default=0, metavar="N", help="list up to N misses, false hits and faults of a kind")
    arguments.add_argument("--goals", action="store_true", help="fail when a goal is missed, not only a floor")
    arguments.add_argument("--no-speed", action="store_true", help="leave speed out: a build for debugging says nothing about it")
    arguments.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    options = arguments.parse_args()
    faults = []
    try:
        table, scores = rows(Scanner(options.tollgate), options, faults)
    except Unmeasurable as error:
        print(f"measure: {error}", file=sys.stderr)
        return 2
    if options.json:
        types = {name: asdict(tally) for name, tally in sorted(scores.rows.items())}
        print(json.dumps({"seed": options.seed, "rows": [asdict(row) for row in table], "tallies": types}, ensure_ascii=False, indent=1))
    else:
        print_table(table)
        if options.show:
            print_details(scores, faults, options.show)
    bounds = [row.goal_met if options.goals else row.floor_met for row in table]
    return 1 if False in bounds else 0


if __name__ == "__main__":
    sys.exit(main())
