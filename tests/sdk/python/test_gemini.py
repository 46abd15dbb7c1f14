"""Google's own client, unmodified: contents whole and streamed, functions, counts, embeddings, and what each refusal becomes."""

from decimal import Decimal

import pytest
from google import genai
from google.genai import errors, types

MODEL = "gemini-2.5-flash"
WEATHER = types.FunctionDeclaration(
    name="get_weather",
    description="The weather in a city",
    parameters=types.Schema(type="OBJECT", properties={"city": types.Schema(type="STRING")}, required=["city"]),
)


@pytest.fixture
def google():
    return genai.Client()


def capped(tokens=64, **more):
    return types.GenerateContentConfig(max_output_tokens=tokens, **more)


def test_contents_are_generated_and_paid(google):
    answer = google.models.generate_content(
        model=MODEL, contents="Say hello", config=capped(system_instruction="Be kind.", temperature=0.5)
    )
    assert answer.text and answer.candidates[0].finish_reason in ("STOP", "MAX_TOKENS")
    usage = answer.usage_metadata
    million = Decimal(1_000_000)
    cost = (usage.prompt_token_count * Decimal("0.3") + usage.candidates_token_count * Decimal("2.5")) / million
    assert Decimal(answer.sdk_http_response.headers["x-tollgate-cost-usd"]) == cost


def test_a_stream_adds_up_and_shows_its_thoughts(google):
    config = capped(thinking_config=types.ThinkingConfig(include_thoughts=True))
    events = list(
        google.models.generate_content_stream(model=MODEL, contents="@sim(reasoning=4,out=12)", config=config)
    )
    parts = [part for event in events for part in event.candidates[0].content.parts]
    assert any(part.thought and part.text for part in parts)
    assert "".join(part.text for part in parts if part.text and not part.thought)
    last = events[-1]
    assert last.candidates[0].finish_reason == "STOP"
    usage = last.usage_metadata
    assert (usage.candidates_token_count, usage.thoughts_token_count) == (12, 4)


def test_a_stream_that_reaches_its_cap_says_so(google):
    events = list(google.models.generate_content_stream(model=MODEL, contents="@sim(out=50)", config=capped(20)))
    assert events[-1].candidates[0].finish_reason == "MAX_TOKENS"
    assert events[-1].usage_metadata.candidates_token_count == 20


def test_a_function_is_called_and_its_answer_taken(google):
    config = capped(256, tools=[types.Tool(function_declarations=[WEATHER])])
    ask = types.Content(role="user", parts=[types.Part(text="What is the weather?")])
    answer = google.models.generate_content(model=MODEL, contents=[ask], config=config)
    call = answer.function_calls[0]
    assert call.name == "get_weather" and list(call.args) == ["city"]
    told = types.Part.from_function_response(name=call.name, response={"result": "rain"})
    again = google.models.generate_content(
        model=MODEL,
        contents=[ask, answer.candidates[0].content, types.Content(role="user", parts=[told])],
        config=config,
    )
    assert again.text


def test_tokens_are_counted_for_nothing(google):
    assert google.models.count_tokens(model=MODEL, contents="Say hello").total_tokens > 0


def test_texts_are_embedded(google):
    found = google.models.embed_content(model="gemini-embedding-001", contents=["one", "two"])
    assert len(found.embeddings) == 2 and len(found.embeddings[0].values) == 3072


def test_models_are_listed(google):
    assert f"models/{MODEL}" in [model.name for model in google.models.list()]
    assert google.models.get(model=MODEL).name == f"models/{MODEL}"


def test_refusals_are_googles(google):
    with pytest.raises(errors.ClientError) as refused:
        google.models.generate_content(model=MODEL, contents="@sim(status=429)")
    assert (refused.value.code, refused.value.status) == (429, "RESOURCE_EXHAUSTED")
    stranger = genai.Client(api_key="wrong")
    with pytest.raises(errors.ClientError) as refused:
        stranger.models.generate_content(model=MODEL, contents="hi")
    assert (refused.value.code, refused.value.status) == (401, "UNAUTHENTICATED")
    with pytest.raises(errors.ClientError) as refused:
        google.models.generate_content(
            model=MODEL, contents="hi", config=capped(tools=[types.Tool(google_search=types.GoogleSearch())])
        )
    assert (refused.value.code, refused.value.status) == (403, "PERMISSION_DENIED")
