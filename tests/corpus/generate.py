#!/usr/bin/env python3
"""Writes the labelled corpus: `corpus.jsonl`, and `injection.jsonl` beside it.

The corpus is generated when it is needed and not kept in the repository, for two reasons: forges refuse files full of
keys, however invented, and a corpus that nobody has read cannot be learnt by heart. One seed gives the same bytes on
every machine; another seed gives a fresh examination.

    generate.py OUT_DIR [--seed N]      generate.py --self-test
"""

import argparse
import json
import random
from pathlib import Path

import checks
import credentials
import hard
import injections
import lookalikes
import national
import surroundings
import values

SEED = 20260314
SIZES = {"core": 640, "phone": 480, "national": 360, "secret_code": 480, "secret_chat": 260, "benign": 640}
WRITING = ("prose", "chat", "fields", "prose", "fields")


class Corpus:
    """The decks of one run: every kind of value, every notation is dealt once before any is dealt twice."""

    def __init__(self, seed):
        self.rng = rng = random.Random(seed)
        families = {
            "card": values.card_makers(), "iban": values.iban_makers(), "ssn": values.ssn_makers(), "email": values.email_makers(),
            "ip": values.ip_makers(), "mac": values.mac_makers(), "crypto": values.crypto_makers(), "phone": values.phone_makers(),
            "national": national.national_makers(), "vendor": credentials.vendor_makers(), "named": credentials.named_makers(),
            "password": credentials.password_makers(),
        }
        self.decks = {name: values.Deck(rng, makers) for name, makers in families.items()}
        self.core = values.Deck(rng, "card card iban iban ssn email email ip mac crypto".split())
        self.notations = values.Deck(rng, sorted(surroundings.BESIDE) + sorted(surroundings.APART))
        self.code_notations = values.Deck(rng, sorted(set(surroundings.BESIDE) - {"markdown_rows", "html_list"}))
        self.code = values.Deck(rng, ["vendor"] * 9 + ["named"] * 4 + ["password"] * 4 + "url url header header connection pem".split())
        self.chatter = values.Deck(rng, ["vendor"] * 8 + ["password"] * 5 + "named url header pem".split())
        self.pem_styles = values.Deck(rng, ("file", "json", "yaml", "env"))

    def draw(self, family):
        return self.decks[family].deal()(self.rng)

    def several(self, family):
        return [self.draw(family()) for _ in range(self.rng.choice((1, 1, 1, 2, 2, 3, 4)))]

    def write(self, drawn):
        style = self.rng.choice(WRITING)
        if style == "prose":
            return surroundings.prose(self.rng, drawn)
        if style == "chat":
            return surroundings.chat(self.rng, drawn)
        return surroundings.fields(self.rng, drawn, self.notations)

    def core_text(self):
        return self.write(self.several(self.core.deal))

    def phone_text(self):
        return self.write(self.several(lambda: self.rng.choice(("phone", "phone", "phone", "email"))) + [self.draw("phone")])

    def national_text(self):
        drawn = [self.draw("national")]
        if self.rng.random() < 0.4:
            drawn.append(self.draw(self.rng.choice(("national", "email", "card"))))
        return self.write(drawn)

    def secret_code_text(self):
        family, rng = self.code.deal(), self.rng
        if family == "url":
            return surroundings.parts(rng, credentials.url_parts(rng), surroundings.AROUND_PARTS)
        if family == "connection":
            return surroundings.parts(rng, credentials.connection_parts(rng), surroundings.AROUND_PARTS[:3])
        if family == "header":
            made = rng.choice((credentials.basic_parts, credentials.bearer_parts))(rng)
            return surroundings.parts(rng, made, surroundings.AROUND_HEADERS)
        if family == "pem":
            return surroundings.block(rng, credentials.pem_value(rng), self.pem_styles.deal())
        drawn = [self.draw(family)]
        if rng.random() < 0.35:
            drawn.append(self.draw(rng.choice(("vendor", "password", "email", "ip"))))
        return surroundings.fields(rng, drawn, self.code_notations)

    def secret_chat_text(self):
        family, rng = self.chatter.deal(), self.rng
        if family == "url":
            return surroundings.parts(rng, credentials.url_parts(rng), surroundings.AROUND_CHAT)
        if family == "header":
            return surroundings.parts(rng, credentials.bearer_parts(rng), surroundings.AROUND_CHAT[:4])
        if family == "pem":
            return surroundings.block(rng, credentials.pem_value(rng), "chat")
        drawn = [self.draw(family)]
        if rng.random() < 0.25:
            drawn.append(self.draw(rng.choice(("vendor", "email", "phone"))))
        return rng.choice((surroundings.prose, surroundings.prose, surroundings.chat))(rng, drawn)

    def lines(self):
        makers = {
            "core": self.core_text, "phone": self.phone_text, "national": self.national_text,
            "secret_code": self.secret_code_text, "secret_chat": self.secret_chat_text,
        }
        for name, make in makers.items():
            for number in range(SIZES[name]):
                text = make()
                yield {"id": f"{name}-{number:03}", "text": str(text), "spans": text.spans, "class": name}
        for number, (trap, text) in enumerate(lookalikes.lookalikes(self.rng, SIZES["benign"])):
            yield {"id": f"benign-{number:03}-{trap}", "text": text, "spans": [], "class": "benign"}


def corpus(seed=SEED):
    """All generated texts and, behind them, the hand-written ones."""
    return list(Corpus(seed).lines()) + hard.texts()


def dump(path, lines):
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def check_labels(lines):
    """Every label must stand where it says, overlap no other, and pass the checks of its type."""
    digits = str.maketrans("", "", " -\u00a0")
    for line in lines:
        end = 0
        for span in line["spans"]:
            assert end <= span["start"] < span["end"] <= len(line["text"]), line["id"]
            end, value = span["end"], line["text"][span["start"] : span["end"]]
            assert value == value.strip(), (line["id"], value)
            if span["type"] == "CREDIT_CARD":
                assert checks.luhn_ok(value.translate(digits)), (line["id"], value)
            if span["type"] == "IBAN":
                assert checks.iban_ok(value), (line["id"], value)
    ids = [line["id"] for line in lines]
    assert len(ids) == len(set(ids))


def self_test():
    checks.self_test()
    lines = corpus()
    check_labels(lines)
    assert lines == corpus(), "the same seed must give the same texts"
    positive = [line for line in lines if line["spans"]]
    assert len(positive) >= 1500 and len(lines) - len(positive) >= 500
    size = sum(len(json.dumps(line, ensure_ascii=False).encode()) + 1 for line in lines)
    assert size < 1_500_000, size
    kinds = {span["value_kind"] for line in lines for span in line["spans"]}
    print(f"{len(positive)} texts with {sum(len(line['spans']) for line in positive)} values of {len(kinds)} kinds, "
          f"{len(lines) - len(positive)} without, {size / 1e6:.2f} MB")
    injections.self_test()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("out", nargs="?", type=Path, help="directory to write to")
    arguments.add_argument("--seed", type=int, default=SEED)
    arguments.add_argument("--self-test", action="store_true", help="check the arithmetic and the labels, write nothing")
    options = arguments.parse_args()
    if options.self_test:
        self_test()
    elif options.out is None:
        arguments.error("name a directory to write to")
    else:
        options.out.mkdir(parents=True, exist_ok=True)
        dump(options.out / "corpus.jsonl", corpus(options.seed))
        dump(options.out / "injection.jsonl", injections.texts(options.seed))


if __name__ == "__main__":
    main()
