"""What the tests need besides the client: the gateway's admin port, its settings file, its `key` command.

The client under test is always the official one, made as an application makes it: no argument, or those a test is about.
"""

import json
import os
import re
import subprocess
import time
import urllib.request
from pathlib import Path

import openai
import pytest

PATIENCE = 10.0


def eventually(probe, what):
    """Waits until `probe()` is true; returns what it said."""
    end = time.monotonic() + PATIENCE
    while not (found := probe()):
        assert time.monotonic() < end, f"not within {PATIENCE:.0f} s: {what}"
        time.sleep(0.02)
    return found


class Gateway:
    """The gateway as its administrator sees it."""

    def __init__(self):
        self.admin = os.environ["SDK_TEST_ADMIN"]
        self.state = Path(os.environ["SDK_TEST_STATE"])
        self.file = self.state / "up.yaml"

    def _get(self, path):
        with urllib.request.urlopen(self.admin + path, timeout=10) as answer:
            return answer.read().decode()

    def status(self):
        return json.loads(self._get("/status"))

    def budget(self, name):
        found = [budget for budget in self.status()["budgets"] if budget["name"].startswith(name)]
        return found[0] if found else None

    def metric(self, name, **labels):
        """The sum of the series of this name that have these labels."""
        total = 0.0
        for line in self._get("/metrics").splitlines():
            if re.match(rf"{name}[{{ ]", line) and all(f'{k}="{v}"' in line for k, v in labels.items()):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def settled(self):
        """Nothing is in flight and nothing reserved any more."""

        def quiet():
            reserved = {budget["reserved"] for budget in self.status()["budgets"]}
            return reserved <= {"0.00"} and self.metric("tollgate_requests_in_flight") == 0

        eventually(quiet, "every reservation settled")

    def key(self, name, *options):
        """Makes a key, as `tollgate key new` does, and waits until the running gateway knows it."""
        secret = json.loads(self.run_key("new", name, "--json", *options))["secret"]

        def known():
            try:
                return openai.OpenAI(api_key=secret).models.list() is not None
            except openai.AuthenticationError:
                return False

        eventually(known, f"key {name} known")
        return secret

    def rotate(self, name):
        return json.loads(self.run_key("rotate", name, "--json"))["secret"]

    def run_key(self, *words):
        """`tollgate key …` on this gateway."""
        command = [os.environ["SDK_TEST_BINARY"], "key", *words, "--state-dir", self.state]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def edit(self, text):
        """Writes the settings file; returns once the gateway runs by it."""
        before = self.status()["config"]["revision"]
        self.file.write_text(text)
        eventually(lambda: self.status()["config"]["revision"] != before, "the edit took effect")

    def add(self, section, line):
        """Adds an entry to a list of the settings file."""
        self.edit(self.file.read_text().replace(f"\n{section}:\n", f"\n{section}:\n  - {line}\n", 1))


@pytest.fixture(scope="session")
def gateway():
    return Gateway()


@pytest.fixture
def settings(gateway):
    """The gateway, its settings file restored afterwards."""
    before = gateway.file.read_text()
    yield gateway
    if gateway.file.read_text() != before:
        gateway.edit(before)


@pytest.fixture
def client():
    return openai.OpenAI()


@pytest.fixture
async def aclient():
    async with openai.AsyncOpenAI() as client:
        yield client


@pytest.fixture
def once():
    """A client that does not try again by itself, for tests of what one answer says."""
    return openai.OpenAI(max_retries=0)
