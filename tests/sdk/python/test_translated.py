"""The official clients against providers that speak another vendor's language: what they get is what they know."""

import json
import os

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors, types

BASE = os.environ["SDK_TEST_TRANSLATED"]
KEY = os.environ["SDK_TEST_TRANSLATED_KEY"]
TOOL = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@pytest.fixture
def chat():
    return openai.OpenAI(base_url=f"{BASE}/v1", api_key=KEY, max_retries=0)


@pytest.fixture
def claude():
    return anthropic.Anthropic(base_url=BASE, api_key=KEY, max_retries=0)


@pytest.fixture
def google():
    return genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=BASE))


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


def test_chat_is_answered_by_a_provider_of_contents(chat):
    asked = [{"role": "system", "content": "Be brief."}, *says("Say hello")]
    answer = chat.chat.completions.create(model="gemini-2.5-flash", max_tokens=2048, messages=asked)
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_stream_of_chat_from_contents_adds_up_and_its_tools_are_answered(chat):
    tools = [
        {"type": "function", "function": {"name": name, "parameters": TOOL}} for name in ("get_weather", "get_time")
    ]
    asked = says("Weather and time, in parallel")
    with chat.chat.completions.stream(
        model="gemini-2.5-flash", max_tokens=512, messages=asked, tools=tools, stream_options={"include_usage": True}
    ) as stream:
        answer = stream.get_final_completion()
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.usage.completion_tokens > 0
    calls = answer.choices[0].message.tool_calls
    assert [call.function.name for call in calls] == ["get_weather", "get_time"]
    assert all(list(json.loads(call.function.arguments)) == ["city"] for call in calls)
    told = [{"role": "tool", "tool_call_id": call.id, "content": "Rain"} for call in calls]
    asked += [answer.choices[0].message, *told]
    again = chat.chat.completions.create(model="gemini-2.5-flash", max_tokens=2048, messages=asked)
    assert again.choices[0].message.content


@pytest.mark.parametrize("model", ["gpt-4o-mini", "claude-haiku-4-5"])
def test_contents_are_answered_by_providers_of_others(google, model):
    declared = types.FunctionDeclaration(
        name="get_weather",
        parameters=types.Schema(type="OBJECT", properties={"city": types.Schema(type="STRING")}, required=["city"]),
    )
    config = types.GenerateContentConfig(
        max_output_tokens=2048, system_instruction="Be brief.", tools=[types.Tool(function_declarations=[declared])]
    )
    ask = types.Content(role="user", parts=[types.Part(text="Weather?")])
    answer = google.models.generate_content(model=model, contents=[ask], config=config)
    call = answer.function_calls[0]
    assert (call.name, list(call.args)) == ("get_weather", ["city"])
    assert answer.usage_metadata.prompt_token_count > 0
    # The id is left out, as this client leaves it out.
    told = types.Part.from_function_response(name=call.name, response={"result": "rain"})
    asked = [ask, answer.candidates[0].content, types.Content(role="user", parts=[told])]
    events = list(google.models.generate_content_stream(model=model, contents=asked, config=config))
    assert "".join(event.text or "" for event in events)
    assert events[-1].candidates[0].finish_reason == "STOP"
    assert events[-1].usage_metadata.candidates_token_count > 0


def test_what_chat_cannot_say_of_contents_is_a_client_error(google):
    with pytest.raises(errors.ClientError) as caught:
        google.models.generate_content(
            model="gpt-4o-mini", contents="hi", config=types.GenerateContentConfig(max_output_tokens=64, top_k=5)
        )
    assert caught.value.code == 400
    assert "generationConfig.topK" in caught.value.message
