"""The responses API."""

import json

from test_chat import Solution

MODEL = "gpt-4.1-mini"
TOOL = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def test_a_response_has_text_and_usage(client):
    answer = client.responses.create(model=MODEL, input="Say hello", instructions="Be short")
    assert answer.object == "response" and answer.status == "completed"
    assert answer.output_text
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 0


def test_a_response_at_its_cap_is_incomplete(client):
    answer = client.responses.create(model=MODEL, input="Say hello", max_output_tokens=16)
    assert answer.status == "incomplete"
    assert answer.incomplete_details.reason == "max_output_tokens"
    assert answer.usage.output_tokens == 16


def test_events_come_in_order_and_end_with_the_whole(client):
    events = list(client.responses.create(model=MODEL, input="Say hello", stream=True))
    kinds = [event.type for event in events]
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert deltas and deltas == events[-1].response.output_text
    assert events[-1].response.usage.output_tokens > 0


def test_the_stream_helper_parses_the_final_response(client):
    with client.responses.stream(model=MODEL, input="Solve 8x = 4", text_format=Solution) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_response()
    assert "response.output_text.delta" in kinds
    assert isinstance(final.output_parsed, Solution)


async def test_an_async_response_streams(aclient):
    text = ""
    async for event in await aclient.responses.create(model=MODEL, input="Say hello", stream=True):
        if event.type == "response.output_text.delta":
            text += event.delta
    assert text


def test_a_structured_response_is_parsed_into_its_class(client):
    answer = client.responses.parse(model=MODEL, input="Solve 8x + 7 = -23", text_format=Solution)
    assert isinstance(answer.output_parsed, Solution)


def test_a_tool_call_comes_whole_and_in_pieces(client):
    ask = dict(model=MODEL, input="What is the weather in Ghent?", tools=[TOOL])
    call = client.responses.create(**ask).output[-1]
    assert call.type == "function_call" and json.loads(call.arguments)["city"]
    events = list(client.responses.create(**ask, stream=True))
    pieces = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
    done = [event for event in events if event.type == "response.function_call_arguments.done"]
    assert "".join(pieces) == done[0].arguments
    assert json.loads(done[0].arguments)["city"]


def test_a_response_stream_closed_early_is_settled(client, gateway):
    with client.responses.create(model=MODEL, input="@sim(out=4000,tps=100)", stream=True) as stream:
        for _, _event in zip(range(6), stream):
            pass
    gateway.settled()
