"""Chat completions and completions, streamed."""

import json

import openai
from test_chat import HELLO, MODEL, WEATHER, Solution


def text_of(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_a_stream_adds_up_to_an_answer_and_shows_no_usage_unless_asked(client):
    chunks = list(client.chat.completions.create(model=MODEL, messages=HELLO, stream=True))
    assert len(chunks) > 5 and text_of(chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


def test_the_usage_asked_for_comes_last_and_alone(client):
    stream = client.chat.completions.create(
        model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    *chunks, last = stream
    assert last.choices == []
    assert last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens > 0
    assert all(chunk.usage is None for chunk in chunks)


async def test_an_async_stream_adds_up(aclient):
    stream = await aclient.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    assert text_of([chunk async for chunk in stream])


def test_a_tool_call_comes_in_pieces_that_make_json(client):
    pieces, arguments, names = 0, {}, {}
    ask = [{"role": "user", "content": "Weather and more, in parallel"}]
    for chunk in client.chat.completions.create(model=MODEL, messages=ask, tools=[WEATHER], stream=True):
        for call in chunk.choices[0].delta.tool_calls or []:
            pieces += 1
            if call.function.name:
                names[call.index] = call.function.name
            arguments[call.index] = arguments.get(call.index, "") + (call.function.arguments or "")
    assert pieces > 4
    assert names == {0: "get_weather", 1: "get_weather"}
    assert all(json.loads(text)["city"] for text in arguments.values())


def test_the_stream_helper_gathers_text_tools_and_usage(client):
    with client.chat.completions.stream(
        model="gpt-4o", messages=HELLO, stream_options={"include_usage": True}, response_format=Solution
    ) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert isinstance(final.choices[0].message.parsed, Solution)
    assert final.usage.completion_tokens > 0


def test_two_choices_stream_side_by_side(client):
    texts = {}
    for chunk in client.chat.completions.create(model=MODEL, messages=HELLO, n=2, stream=True):
        for choice in chunk.choices:
            texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
    assert texts[0] and texts[1] and texts[0] != texts[1]


def test_a_stream_cut_through_anywhere_reads_the_same(client):
    ask = lambda knob: [{"role": "user", "content": f"@sim({knob})"}]
    for piece in (1, 7):
        chunks = client.chat.completions.create(model=MODEL, messages=ask(f"split={piece},out=40"), stream=True)
        assert text_of(chunks)


def test_a_stream_closed_early_frees_the_connection_and_is_settled(client, gateway):
    before = gateway.metric("tollgate_budget_spent_usd", budget="up-day")
    ask = [{"role": "user", "content": "@sim(out=4000,tps=100)"}]
    stream = client.chat.completions.create(model=MODEL, messages=ask, stream=True)
    for _, chunk in zip(range(5), stream):
        assert chunk.choices
    stream.close()
    gateway.settled()
    assert gateway.metric("tollgate_budget_spent_usd", budget="up-day") > before


async def test_an_async_stream_left_by_break_is_settled(aclient, gateway):
    ask = [{"role": "user", "content": "@sim(out=4000,tps=100)"}]
    async with await aclient.chat.completions.create(model=MODEL, messages=ask, stream=True) as stream:
        async for chunk in stream:
            break
    gateway.settled()


def test_the_time_a_provider_takes_to_stream_is_not_told_as_ours(client, gateway):
    before = gateway.metric("tollgate_overhead_seconds_sum", stream="true")
    ask = [{"role": "user", "content": "@sim(out=100,tps=100)"}]
    assert text_of(client.chat.completions.create(model=MODEL, messages=ask, stream=True))
    gateway.settled()
    assert gateway.metric("tollgate_overhead_seconds_sum", stream="true") - before < 0.5


def test_completions_whole_and_streamed(client):
    ask = dict(model="gpt-3.5-turbo-instruct", prompt="Once upon a time", max_tokens=12)
    answer = client.completions.create(**ask)
    assert answer.object == "text_completion" and answer.choices[0].text
    assert answer.usage.completion_tokens == 12
    chunks = list(client.completions.create(**ask, stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "length"


def test_an_upstream_that_breaks_off_is_an_error_and_is_settled(once, gateway):
    ask = [{"role": "user", "content": "@sim(cut=3,out=50)"}]
    seen = 0
    try:
        for _ in once.chat.completions.create(model=MODEL, messages=ask, stream=True):
            seen += 1
        ended = "as if it were whole"
    except (openai.APIError, Exception) as error:  # the HTTP client's own error passes through the SDK's streams
        ended = type(error).__name__
    assert seen and ended != "as if it were whole"
    gateway.settled()
