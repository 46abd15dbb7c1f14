"""LlamaIndex's models for both vendors, unmodified."""

import os

import pytest
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.anthropic import Anthropic
from llama_index.llms.openai import OpenAI, OpenAIResponses

GPT, CLAUDE = "gpt-4o-mini", "claude-haiku-4-5"
# The address is named, because this framework has a name of its own for it in the environment.
AT = os.environ["OPENAI_BASE_URL"]
MODELS = {
    "openai": lambda: OpenAI(model=GPT, api_base=AT),
    "responses": lambda: OpenAIResponses(model=GPT, api_base=AT),
    "anthropic": lambda: Anthropic(model=CLAUDE, max_tokens=256),
}


def get_weather(city: str) -> str:
    """The weather of a city."""
    return "sunny"


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]()


def says(text):
    return [ChatMessage(role="system", content="Be kind."), ChatMessage(role="user", content=text)]


def test_an_answer(model):
    assert model.chat(says("Say hello")).message.content
    assert model.complete("Say hello").text


def test_a_stream_adds_up(model):
    pieces = list(model.stream_chat(says("Say hello")))
    assert "".join(piece.delta or "" for piece in pieces) == pieces[-1].message.content


async def test_asynchronously(model):
    assert (await model.achat(says("Say hello"))).message.content


def test_a_tool_is_called(model):
    tool = FunctionTool.from_defaults(get_weather)
    answer = model.chat_with_tools([tool], user_msg="What is the weather in Ghent?")
    [call] = model.get_tool_calls_from_response(answer)
    assert call.tool_name == "get_weather" and set(call.tool_kwargs) == {"city"}


def test_embeddings():
    vectors = OpenAIEmbedding(model="text-embedding-3-small", api_base=AT).get_text_embedding_batch(["one", "two"])
    assert [len(vector) for vector in vectors] == [1536, 1536]
