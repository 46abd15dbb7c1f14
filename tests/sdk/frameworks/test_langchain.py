"""LangChain's chat models for both vendors, unmodified: answers, streams, tools, structures, refusals, embeddings."""

import anthropic
import openai
import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

GPT, CLAUDE = "gpt-4o-mini", "claude-haiku-4-5"


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return "sunny"


class Answer(BaseModel):
    """What is asked for."""

    word: str
    count: int


MODELS = {
    # It asks for usage by itself only where no other base URL is set.
    "openai": lambda **more: ChatOpenAI(model=GPT, stream_usage=True, **more),
    "responses": lambda **more: ChatOpenAI(model=GPT, use_responses_api=True, **more),
    "anthropic": lambda **more: ChatAnthropic(model=CLAUDE, max_tokens=256, **more),
}


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]


def test_an_answer_with_its_usage(model):
    answer = model().invoke([SystemMessage("Be kind."), HumanMessage("Say hello")])
    assert answer.text
    assert answer.usage_metadata["input_tokens"] > 0 and answer.usage_metadata["output_tokens"] > 0


def test_a_stream_adds_up_and_tells_its_usage(model):
    whole = None
    for piece in model().stream("Say hello"):
        whole = piece if whole is None else whole + piece
    assert whole.text and whole.usage_metadata["output_tokens"] > 0


async def test_many_at_once(model):
    answers = await model().abatch([f"Say {n}" for n in range(10)])
    assert len(answers) == 10 and all(answer.text for answer in answers)


def test_a_tool_is_called_and_answered(model):
    bound = model().bind_tools([get_weather])
    asked = [HumanMessage("What is the weather in Ghent?")]
    answer = bound.invoke(asked)
    [call] = answer.tool_calls
    assert call["name"] == "get_weather" and set(call["args"]) == {"city"}
    told = ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])
    assert bound.invoke([*asked, answer, told]).text


def test_a_streamed_tool_call_adds_up(model):
    whole = None
    for piece in model().bind_tools([get_weather]).stream("What is the weather in Ghent?"):
        whole = piece if whole is None else whole + piece
    assert [call["name"] for call in whole.tool_calls] == ["get_weather"]


def test_a_structure_comes_as_it_was_described(model):
    answer = model().with_structured_output(Answer).invoke("Count the words")
    assert isinstance(answer, Answer)


def test_embeddings():
    # Counting tokens beforehand would fetch tables from the internet.
    vectors = OpenAIEmbeddings(model="text-embedding-3-small", check_embedding_ctx_length=False).embed_documents(["one", "two"])
    assert [len(vector) for vector in vectors] == [1536, 1536]


@pytest.mark.parametrize(("name", "error"), [("openai", openai.RateLimitError), ("anthropic", anthropic.RateLimitError)])
def test_a_budget_used_up_is_said_and_not_asked_again(settings, name, error):
    key = settings.key(f"lc-{name}", "--label", f"team=lc-{name}")
    settings.add("budgets", f'{{ name: lc-{name}, match: {{ team: lc-{name} }}, limit: "$0.000001", window: 1d }}')
    denied = settings.metric("tollgate_decisions_total", verdict="deny")
    with pytest.raises(error, match=f"lc-{name}"):
        MODELS[name](api_key=key).invoke("Say hello")
    assert settings.metric("tollgate_decisions_total", verdict="deny") - denied == 1
