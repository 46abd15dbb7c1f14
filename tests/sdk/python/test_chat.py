"""Chat completions, not streamed."""

import asyncio
import json
from decimal import Decimal

import openai
from pydantic import BaseModel

MODEL = "gpt-4o-mini"
HELLO = [{"role": "user", "content": "Say hello"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["C", "F"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
}


class Step(BaseModel):
    explanation: str
    output: float


class Solution(BaseModel):
    steps: list[Step]
    answer: int


def test_a_chat_is_answered_with_its_usage(client):
    answer = client.chat.completions.create(model=MODEL, messages=HELLO)
    assert answer.object == "chat.completion"
    assert answer.model == MODEL
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_async_chats_run_side_by_side(aclient):
    ask = lambda n: aclient.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": f"{n} @sim(echo=1)"}])
    answers = await asyncio.gather(*(ask(n) for n in range(20)))
    assert [answer.choices[0].message.content.split()[0] for answer in answers] == [str(n) for n in range(20)]


def test_every_choice_asked_for_comes(client):
    answer = client.chat.completions.create(model=MODEL, messages=HELLO, n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in answer.choices}) == 3


def test_a_cap_of_the_caller_ends_the_answer(client):
    for cap in ({"max_tokens": 7}, {"max_completion_tokens": 7}):
        answer = client.chat.completions.create(model=MODEL, messages=HELLO, **cap)
        assert answer.choices[0].finish_reason == "length"
        assert answer.usage.completion_tokens == 7


def test_log_probabilities_come_token_by_token(client):
    answer = client.chat.completions.create(model=MODEL, messages=HELLO, logprobs=True, max_tokens=5)
    tokens = answer.choices[0].logprobs.content
    assert "".join(token.token for token in tokens) == answer.choices[0].message.content
    assert all(token.logprob <= 0 for token in tokens)


def test_a_tool_is_called_and_its_result_answered(client):
    messages = [{"role": "user", "content": "What is the weather in Ghent?"}]
    asked = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    assert asked.choices[0].finish_reason == "tool_calls"
    call = asked.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments)["unit"] in ("C", "F")
    messages += [asked.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "9 degrees"}]
    answer = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.content


def test_a_structured_answer_is_parsed_into_its_class(client):
    answer = client.chat.completions.parse(
        model="gpt-4o", messages=[{"role": "user", "content": "Solve 8x + 7 = -23"}], response_format=Solution
    )
    assert isinstance(answer.choices[0].message.parsed, Solution)


async def test_a_tool_of_a_class_is_parsed_into_it(aclient):
    answer = await aclient.chat.completions.parse(
        model="gpt-4o", messages=HELLO, tools=[openai.pydantic_function_tool(Step)]
    )
    assert isinstance(answer.choices[0].message.tool_calls[0].function.parsed_arguments, Step)


def test_an_image_by_address_and_by_content_is_let_through(client):
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    for url in ("https://images.example/cat.png", f"data:image/png;base64,{pixel}"):
        parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
        answer = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": parts}])
        assert answer.choices[0].message.content


def test_a_screenshot_of_ten_megabytes_counts_as_an_image(client):
    url = "data:image/png;base64," + "A" * (10 << 20)
    parts = [{"type": "image_url", "image_url": {"url": url}}]
    ask = dict(model="gpt-4o", messages=[{"role": "user", "content": parts}], max_tokens=5)
    assert client.chat.completions.create(**ask).choices
    quote = client.post("/chat/completions", body=ask, cast_to=object, options={"headers": {"x-tollgate-dry-run": "1"}})
    # What the price book says an image can be, and the text around it; not its bytes.
    assert Decimal(quote["cost"]["worst_case"]) < Decimal("0.01")


def test_a_text_too_long_is_the_models_to_refuse_and_not_the_token_limits(client):
    # Its bytes alone are more than a minute's tokens, but no model takes so much.
    ask = [{"role": "user", "content": "word " * (2 << 20)}]
    assert client.chat.completions.create(model="gpt-4o-mini", messages=ask, max_tokens=5).choices


def test_a_compressed_answer_is_unpacked_by_the_client_and_priced(client):
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=[{"role": "user", "content": "long @sim(gzip=1,out=2000)"}]
    )
    assert raw.headers["content-encoding"] == "gzip"
    answer = raw.parse()
    assert answer.usage.completion_tokens == 2000
    # $0.15 and $0.60 a million tokens.
    cost = Decimal("0.00000015") * answer.usage.prompt_tokens + Decimal("0.0000006") * 2000
    assert Decimal(raw.headers["x-tollgate-cost-usd"]) == cost
