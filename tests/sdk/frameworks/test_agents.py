"""Frameworks that run a model and its tools in a loop: each makes several calls, and each is governed."""

import agents
import instructor
import openai
import pydantic_ai
import pytest
from pydantic import BaseModel
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel

GPT, CLAUDE = "gpt-4o-mini", "claude-haiku-4-5"


class Answer(BaseModel):
    word: str
    count: int


PYDANTIC = {
    "openai": lambda: OpenAIChatModel(GPT),
    "responses": lambda: OpenAIResponsesModel(GPT),
    "anthropic": lambda: AnthropicModel(CLAUDE),
}


@pytest.fixture(params=PYDANTIC)
def model(request):
    return PYDANTIC[request.param]()


async def test_pydantic_ai_calls_a_tool_and_goes_on(model):
    agent = pydantic_ai.Agent(model, system_prompt="Be kind.")
    asked = []

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather of a city."""
        asked.append(city)
        return "sunny"

    run = await agent.run("What is the weather in Ghent?")
    assert len(asked) == 1 and run.output
    assert run.usage.requests == 2 and run.usage.output_tokens > 0


async def test_pydantic_ai_gets_the_structure_it_describes(model):
    run = await pydantic_ai.Agent(model, output_type=Answer).run("Count the words")
    assert isinstance(run.output, Answer)


async def test_pydantic_ai_streams(model):
    async with pydantic_ai.Agent(model).run_stream("Say hello") as run:
        pieces = [piece async for piece in run.stream_text(delta=True)]
        whole = await run.get_output()
    assert "".join(pieces) == whole and whole


@pytest.fixture(params=["chat", "responses"])
def runner(request):
    agents.set_tracing_disabled(True)
    agents.set_default_openai_api("chat_completions" if request.param == "chat" else "responses")
    client = openai.AsyncOpenAI()
    agents.set_default_openai_client(client, use_for_tracing=False)
    return agents.Runner


@agents.function_tool
def weather(city: str) -> str:
    """The weather of a city."""
    return "sunny"


async def test_openai_agents_call_a_tool_and_go_on(runner):
    agent = agents.Agent(name="scout", instructions="Be kind.", model=GPT, tools=[weather])
    run = await runner.run(agent, "What is the weather in Ghent?")
    kinds = [item.type for item in run.new_items]
    assert kinds == ["tool_call_item", "tool_call_output_item", "message_output_item"]
    assert run.context_wrapper.usage.requests == 2


async def test_openai_agents_stream(runner):
    run = runner.run_streamed(agents.Agent(name="scout", model=GPT), "Say hello")
    kinds = {event.type async for event in run.stream_events()}
    assert "raw_response_event" in kinds and run.final_output


async def test_openai_agents_get_a_structure(runner):
    agent = agents.Agent(name="scout", model=GPT, output_type=Answer)
    run = await runner.run(agent, "Count the words")
    assert isinstance(run.final_output, Answer)


@pytest.mark.parametrize("name", [f"openai/{GPT}", f"anthropic/{CLAUDE}"])
def test_instructor_gets_a_structure(name):
    client = instructor.from_provider(name)
    answer = client.create(
        response_model=Answer, max_tokens=512, messages=[{"role": "user", "content": "Count the words"}]
    )
    assert isinstance(answer, Answer)


@pytest.mark.parametrize("mode", [instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA])
def test_instructor_streams_a_partial_structure(mode):
    client = instructor.from_openai(openai.OpenAI(), mode=mode)
    pieces = client.create_partial(
        model=GPT, response_model=Answer, messages=[{"role": "user", "content": "Count the words"}]
    )
    assert isinstance(list(pieces)[-1].count, int)
