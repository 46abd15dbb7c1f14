"""What an agent meets when its budget or its rate is used up, and what every answer's head tells. The settings file is
edited while the gateway runs, so each of these is also a test that an edit takes effect without a restart."""

import asyncio
import time
from decimal import Decimal

import openai
import pytest
from conftest import eventually
from test_chat import HELLO, MODEL


def test_the_head_of_an_answer_tells_who_decided_and_what_is_left(client):
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO)
    head, answer = raw.headers, raw.parse()
    assert head["x-request-id"] == answer._request_id
    assert head["x-tollgate-decision-id"].startswith("dec_")
    assert head["x-tollgate-policy-revision"]
    cost = Decimal("0.00000015") * answer.usage.prompt_tokens + Decimal("0.0000006") * answer.usage.completion_tokens
    assert Decimal(head["x-tollgate-cost-usd"]) == cost
    assert head["x-tollgate-budget-name"] == "up-day"
    assert Decimal(head["x-tollgate-budget-limit"]) == 10
    assert 0 < Decimal(head["x-tollgate-budget-remaining"]) < 10
    assert 0 < int(head["x-tollgate-budget-reset"]) <= 86400
    for kind in ("requests", "tokens"):
        assert int(head[f"x-ratelimit-remaining-{kind}"]) < int(head[f"x-ratelimit-limit-{kind}"])
        assert head[f"x-ratelimit-reset-{kind}"]
    assert head["server-timing"].startswith("tollgate;dur=")


def test_a_request_id_of_the_caller_is_kept(client):
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=HELLO, extra_headers={"x-request-id": "my-own-42"}
    )
    assert raw.headers["x-request-id"] == "my-own-42"


def test_a_stream_tells_its_head_too(client):
    with client.chat.completions.with_streaming_response.create(model=MODEL, messages=HELLO, stream=True) as raw:
        assert raw.headers["x-tollgate-decision-id"]
        assert raw.headers["x-ratelimit-limit-requests"]
        assert raw.headers["content-type"].startswith("text/event-stream")
        assert "[DONE]" in "".join(raw.iter_text())


def test_a_budget_used_up_is_refused_once_and_not_retried(settings):
    key = settings.key("spender", "--label", "team=spenders")
    settings.add("budgets", '{ name: spenders-day, match: { team: spenders }, limit: "$0.02", window: 1d }')
    client = openai.OpenAI(api_key=key)  # with the retries it makes by default
    for _ in range(2):
        raw = client.chat.completions.with_raw_response.create(model="sim-cent", messages=HELLO)
        assert raw.headers["x-tollgate-cost-usd"] == "0.01"
    denied = settings.metric("tollgate_decisions_total", verdict="deny")
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="sim-cent", messages=HELLO)
    error = caught.value
    assert settings.metric("tollgate_decisions_total", verdict="deny") - denied == 1
    assert error.response.headers["x-should-retry"] == "false"
    assert (error.status_code, error.code, error.type) == (429, "insufficient_quota", "budget_exceeded")
    assert "spenders" in error.message and "$0.02" in error.message
    # A smaller call would not help: there is nothing left.
    assert "wait until then or ask for a larger budget" in error.message
    assert "max_tokens" not in error.message
    told = error.body["tollgate"]
    assert told["budget"] == "spenders-day" and told["window"] == "1d"
    assert (told["limit"], told["spent"], told["reserved"], told["remaining"]) == ("0.02", "0.02", "0.00", "0.00")
    assert 0 < told["resets_in_s"] <= 86400
    assert told["decision_id"] == error.response.headers["x-tollgate-decision-id"]
    # More money, and the next call goes.
    settings.edit(settings.file.read_text().replace('"$0.02"', '"$0.03"'))
    assert client.chat.completions.create(model="sim-cent", messages=HELLO).choices


def test_the_end_of_a_budget_shortens_the_answer_and_says_so(settings):
    key = settings.key("clamped", "--label", "team=clamped")
    settings.add("budgets", '{ name: clamped-day, match: { team: clamped }, limit: "$0.001", window: 1d }')
    client = openai.OpenAI(api_key=key)
    raw = client.chat.completions.with_raw_response.create(
        model="gpt-4o", messages=[{"role": "user", "content": "@sim(out=5000)"}], max_tokens=5000
    )
    answer = raw.parse()
    assert raw.headers["x-tollgate-clamped"]
    assert answer.choices[0].finish_reason == "length"
    assert Decimal(raw.headers["x-tollgate-cost-usd"]) <= Decimal("0.001")


def test_a_stream_over_the_end_of_a_budget_ends_in_order(settings):
    key = settings.key("streamer", "--label", "team=streamers")
    settings.add("budgets", '{ name: streamers-day, match: { team: streamers }, limit: "$0.001", window: 1d }')
    client = openai.OpenAI(api_key=key)
    # A provider that ignores the cap: the gateway ends the stream itself.
    chunks = list(client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "@sim(out=5000,overrun=1)"}],
        stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage.completion_tokens > 0
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "length"
    settings.edit(settings.file.read_text().replace('"$0.001"', '"$0.004"'))
    events = list(client.responses.create(model="gpt-4o", input="@sim(out=5000,overrun=1)", stream=True))
    assert events[-1].type == "response.incomplete"
    assert events[-1].response.incomplete_details.reason == "max_output_tokens"
    settings.settled()


def test_a_rate_limit_tells_when_to_come_again(settings):
    key = settings.key("slow", "--label", "team=slow")
    settings.add("limits", "{ name: slow-team, match: { team: slow }, rpm: 1 }")
    client = openai.OpenAI(api_key=key, max_retries=0)
    client.chat.completions.create(model=MODEL, messages=HELLO)
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model=MODEL, messages=HELLO)
    head = caught.value.response.headers
    assert (caught.value.code, caught.value.type) == ("rate_limit_exceeded", "rate_limit_exceeded")
    assert 50 <= int(head["retry-after"]) <= 60
    assert int(head["retry-after"]) - 1 <= int(head["retry-after-ms"]) / 1000 <= int(head["retry-after"])
    assert head.get("x-should-retry") != "false"
    assert "`slow-team` of key `slow` is 1 request a minute" in caught.value.message


def test_the_client_waits_out_a_rate_limit_by_itself(settings):
    key = settings.key("brisk", "--label", "team=brisk")
    settings.add("limits", "{ name: brisk-team, match: { team: brisk }, rpm: 40 }")
    client = openai.OpenAI(api_key=key)
    denied = settings.metric("tollgate_decisions_total", verdict="deny")
    started = time.monotonic()
    for _ in range(41):
        client.chat.completions.create(model="sim-small", messages=HELLO, max_tokens=1)
    assert time.monotonic() - started >= 0.9
    # Had it come back before its time, it would have been refused again.
    assert settings.metric("tollgate_decisions_total", verdict="deny") - denied == 1


async def test_a_start_with_no_configuration_takes_a_hundred_calls_at_once(aclient):
    ask = lambda n: aclient.with_options(max_retries=0).chat.completions.create(
        model="sim-small", messages=[{"role": "user", "content": f"{n} @sim(latency=300ms,out=1)"}])
    answers = await asyncio.gather(*(ask(n) for n in range(100)))
    assert len(answers) == 100


def test_a_key_rotated_or_revoked_is_refused_while_the_gateway_runs(gateway):
    old = gateway.key("turning")
    new = gateway.rotate("turning")
    refused = lambda secret: isinstance(attempt(secret), openai.AuthenticationError)
    eventually(lambda: refused(old) and not refused(new), "the new secret takes the old one's place")
    gateway.run_key("revoke", "turning")
    eventually(lambda: refused(new), "the revoked key is refused")


def attempt(secret):
    try:
        return openai.OpenAI(api_key=secret).models.list()
    except openai.APIStatusError as error:
        return error


def test_a_bad_edit_changes_nothing_and_is_told_with_its_place(settings):
    before = settings.file.read_text()
    errors = settings.metric("tollgate_config_reload_total", result="error")
    settings.file.write_text(before.replace("budgets:", "budgetz:", 1))
    told = eventually(lambda: settings.status()["config"].get("error"), "the bad edit told")
    assert "budgetz" in str(told) and "up.yaml:" in str(told)
    assert settings.metric("tollgate_config_reload_total", result="error") > errors
    assert openai.OpenAI().chat.completions.create(model=MODEL, messages=HELLO).choices
    settings.file.write_text(before)
    eventually(lambda: not settings.status()["config"].get("error"), "the mended edit taken")


def test_a_dry_run_asks_without_paying(client, gateway):
    before = gateway.budget("up-day")["spent"]
    quote = client.post("/chat/completions", body={"model": MODEL, "messages": HELLO, "max_tokens": 100}, cast_to=object,
                        options={"headers": {"x-tollgate-dry-run": "1"}})
    assert quote["verdict"] == "allow"
    assert quote["tokens"]["output_cap"] == 100
    assert Decimal(quote["cost"]["worst_case"]) > 0
    assert gateway.budget("up-day")["spent"] == before
