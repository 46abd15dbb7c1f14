"""The official clients against providers that speak the other vendor's language: what they get is what they know."""

import json
import os

import anthropic
import openai
import pytest

BASE = os.environ["SDK_TEST_TRANSLATED"]
KEY = os.environ["SDK_TEST_TRANSLATED_KEY"]
TOOL = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@pytest.fixture
def chat():
    return openai.OpenAI(base_url=f"{BASE}/v1", api_key=KEY, max_retries=0)


@pytest.fixture
def claude():
    return anthropic.Anthropic(base_url=BASE, api_key=KEY, max_retries=0)


def says(text):
    return [{"role": "user", "content": text}]


def test_chat_is_answered_by_a_provider_of_messages(chat):
    asked = [{"role": "system", "content": "Be brief."}, *says("Say hello")]
    answer = chat.chat.completions.create(model="claude-haiku-4-5", max_tokens=2048, messages=asked)
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_stream_of_chat_adds_up_and_its_tool_is_called_and_answered(chat):
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": TOOL}}]
    asked = says("Weather?")
    with chat.chat.completions.stream(
        model="claude-haiku-4-5", max_tokens=256, messages=asked, tools=tools, stream_options={"include_usage": True}
    ) as stream:
        answer = stream.get_final_completion()
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.usage.completion_tokens > 0
    call = answer.choices[0].message.tool_calls[0]
    assert list(json.loads(call.function.arguments)) == ["city"]
    # What it said goes back as a client writes it.
    asked += [answer.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "Rain"}]
    again = chat.chat.completions.create(model="claude-haiku-4-5", max_tokens=2048, messages=asked)
    assert again.choices[0].message.content


def test_what_messages_cannot_say_is_a_bad_request(chat):
    with pytest.raises(openai.BadRequestError) as caught:
        chat.chat.completions.create(model="claude-haiku-4-5", max_tokens=64, messages=says("hi"), seed=7)
    assert (caught.value.param, caught.value.code) == ("seed", "unsupported_parameter")


def test_messages_are_answered_by_a_provider_of_chat(claude):
    answer = claude.messages.create(model="gpt-4o-mini", max_tokens=2048, system="Be brief.", messages=says("Say hello"))
    assert answer.type == "message"
    assert answer.content[0].text
    assert answer.stop_reason == "end_turn"
    assert answer.usage.input_tokens > 0


def test_a_stream_of_messages_adds_up(claude):
    tools = [{"name": "get_weather", "input_schema": TOOL}]
    with claude.messages.stream(model="gpt-4o-mini", max_tokens=256, messages=says("Weather?"), tools=tools) as stream:
        answer = stream.get_final_message()
    call = answer.content[-1]
    assert (call.type, list(call.input), answer.stop_reason) == ("tool_use", ["city"], "tool_use")
    assert answer.usage.output_tokens > 0
    assert answer.usage.input_tokens > 0
