"""Anthropic's own client, unmodified: messages whole and streamed, tools, counts, and what each refusal becomes."""

from decimal import Decimal

import anthropic
import pytest

MODEL = "claude-haiku-4-5"
HELLO = [{"role": "user", "content": "Say hello"}]
WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture
def claude():
    return anthropic.Anthropic()


@pytest.fixture
def once():
    """A client that does not try again by itself."""
    return anthropic.Anthropic(max_retries=0)


def says(text):
    return [{"role": "user", "content": text}]


def test_a_message_is_answered_and_paid(claude):
    raw = claude.messages.with_raw_response.create(model=MODEL, max_tokens=64, messages=HELLO, system="Be kind.")
    head, message = raw.headers, raw.parse()
    assert message.type == "message" and message.content[0].type == "text"
    assert message.stop_reason in ("end_turn", "max_tokens")
    assert message._request_id == head["x-request-id"]
    usage = message.usage
    cost = Decimal("0.000001") * usage.input_tokens + Decimal("0.000005") * usage.output_tokens
    assert Decimal(head["x-tollgate-cost-usd"]) == cost
    assert head["x-tollgate-budget-name"] == "up-day"


def test_every_class_of_the_cache_has_its_price(claude):
    knobs = "@sim(cached=9,cache_write=5,cache_write_1h=3,search=2,out=10) " + "word " * 40
    raw = claude.messages.with_raw_response.create(model=MODEL, max_tokens=64, messages=says(knobs))
    usage = raw.parse().usage
    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (9, 8)
    assert usage.server_tool_use.web_search_requests == 2
    million = Decimal(1_000_000)
    cost = (usage.input_tokens * 1 + 9 * Decimal("0.1") + 5 * Decimal("1.25") + 3 * 2 + 10 * 5) / million
    assert Decimal(raw.headers["x-tollgate-cost-usd"]) == cost + 2 * Decimal("0.01")


def test_a_stream_adds_up(claude):
    with claude.messages.stream(model=MODEL, max_tokens=64, messages=says("@sim(reasoning=4,out=12)")) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.content[1].text == text
    assert message.content[0].signature
    assert message.usage.output_tokens == 16 and message.stop_reason == "end_turn"


def test_a_stream_of_raw_events(claude):
    kinds = [event.type for event in claude.messages.create(model=MODEL, max_tokens=8, messages=HELLO, stream=True)]
    assert kinds[0] == "message_start" and kinds[-2:] == ["message_delta", "message_stop"]


async def test_an_async_stream():
    async with anthropic.AsyncAnthropic() as client:
        async with client.messages.stream(model=MODEL, max_tokens=32, messages=HELLO) as stream:
            message = await stream.get_final_message()
    assert message.content[0].text


def test_a_tool_is_called_and_answered(claude):
    asked = {"model": MODEL, "max_tokens": 256, "tools": [WEATHER]}
    message = claude.messages.create(messages=says("Weather in Bern?"), **asked)
    call = message.content[-1]
    assert (call.type, call.name, message.stop_reason) == ("tool_use", "get_weather", "tool_use")
    assert set(call.input) == {"city"}
    turns = [
        *says("Weather in Bern?"),
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]},
    ]
    assert claude.messages.create(messages=turns, **asked).content[0].type == "text"
    with claude.messages.stream(messages=says("Weather in Bern?"), **asked) as stream:
        assert stream.get_final_message().content[-1].input == call.input


def test_tokens_are_counted_and_nothing_is_paid(claude, gateway):
    gateway.settled()
    before = gateway.budget("up-day")["spent"]
    counted = claude.messages.count_tokens(model=MODEL, messages=HELLO).input_tokens
    assert gateway.budget("up-day")["spent"] == before
    message = claude.messages.create(model=MODEL, max_tokens=8, messages=HELLO)
    assert message.usage.input_tokens == counted


def test_models_are_listed(claude):
    assert MODEL in [model.id for model in claude.models.list()]
    assert claude.models.retrieve(MODEL).id == MODEL


def test_a_wrong_key_is_an_authentication_error():
    with pytest.raises(anthropic.AuthenticationError) as caught:
        anthropic.Anthropic(api_key="tg-wrong").messages.create(model=MODEL, max_tokens=8, messages=HELLO)
    error = caught.value
    assert (error.type, error.error_code) == ("authentication_error", "invalid_api_key")
    assert error.request_id


def test_a_token_is_as_good_as_a_key(claude):
    other = anthropic.Anthropic(api_key=None, auth_token=claude.api_key)
    assert other.messages.create(model=MODEL, max_tokens=8, messages=HELLO).content


def test_a_faulty_request_names_its_field(once):
    with pytest.raises(anthropic.BadRequestError) as caught:
        once.post("/v1/messages", body={"model": MODEL, "messages": HELLO}, cast_to=object)
    assert caught.value.body["error"]["details"]["param"] == "max_tokens"


def test_what_the_provider_refuses_passes_as_it_came(once):
    with pytest.raises(anthropic.BadRequestError) as caught:
        once.messages.create(model=MODEL, max_tokens=8, messages=[{"role": "system", "content": "x"}])
    assert caught.value.api_message.startswith("messages.0.role")


def test_a_provider_that_fails_is_told(once):
    with pytest.raises(anthropic.InternalServerError) as caught:
        once.messages.create(model=MODEL, max_tokens=8, messages=says("@sim(status=529)"))
    assert (caught.value.status_code, caught.value.type) == (502, "api_error")


def test_a_stream_that_breaks_off_raises(once):
    with pytest.raises(anthropic.APIStatusError) as caught:
        with once.messages.stream(model=MODEL, max_tokens=64, messages=says("@sim(cut=3,out=30)")) as stream:
            stream.until_done()
    assert caught.value.type == "api_error" and "broke off" in caught.value.api_message


def test_a_budget_used_up_is_a_rate_limit_error_and_not_retried(settings):
    key = settings.key("claude-spender", "--label", "team=claude-spenders")
    settings.add("budgets", '{ name: claude-day, match: { team: claude-spenders }, limit: "$0.01", window: 1d }')
    client = anthropic.Anthropic(api_key=key)  # with the retries it makes by default
    asked = {"model": "sim-cent", "max_tokens": 16, "messages": HELLO}
    assert client.messages.with_raw_response.create(**asked).headers["x-tollgate-cost-usd"] == "0.01"
    denied = settings.metric("tollgate_decisions_total", verdict="deny")
    with pytest.raises(anthropic.RateLimitError) as caught:
        client.messages.create(**asked)
    error = caught.value
    assert settings.metric("tollgate_decisions_total", verdict="deny") - denied == 1
    assert (error.type, error.error_code) == ("rate_limit_error", "insufficient_quota")
    assert "claude-day" in error.api_message and "$0.01" in error.api_message
    assert error.body["error"]["tollgate"]["remaining"] == "0.00"
    # What costs nothing is still answered.
    assert client.messages.count_tokens(model="sim-cent", messages=HELLO).input_tokens > 0


def test_the_end_of_a_budget_shortens_a_message(settings):
    key = settings.key("claude-short", "--label", "team=claude-short")
    settings.add("budgets", '{ name: claude-short, match: { team: claude-short }, limit: "$0.002", window: 1d }')
    client = anthropic.Anthropic(api_key=key)
    raw = client.messages.with_raw_response.create(model=MODEL, max_tokens=5000, messages=says("@sim(out=5000)"))
    assert raw.headers["x-tollgate-clamped"]
    assert raw.parse().stop_reason == "max_tokens"
