"""Embeddings, moderations, images, speech and models."""

import base64

import openai
import pytest


def test_embeddings_come_as_the_client_asks_by_default_and_as_floats(client):
    ask = dict(model="text-embedding-3-small", input=["one", "two"])
    packed = client.embeddings.create(**ask)  # the SDK asks for base64 and unpacks it
    floats = client.embeddings.create(**ask, encoding_format="float")
    raw = client.embeddings.create(**ask, encoding_format="base64")
    assert len(packed.data) == len(floats.data) == 2
    assert len(packed.data[0].embedding) == 1536
    assert packed.data[0].embedding == pytest.approx(floats.data[0].embedding, abs=1e-6)
    assert isinstance(raw.data[0].embedding, str)
    assert packed.usage.total_tokens == packed.usage.prompt_tokens > 0


def test_embeddings_of_tokens_and_of_fewer_dimensions(client):
    answer = client.embeddings.create(model="text-embedding-3-large", input=[1, 2, 3], dimensions=256)
    assert len(answer.data[0].embedding) == 256


def test_moderations_of_texts_and_of_parts_need_no_model(client):
    texts = client.moderations.create(input=["hello", "violence"])
    assert texts.model == "omni-moderation-latest"
    assert [result.flagged for result in texts.results] == [False, True]
    assert texts.results[1].categories.violence and not texts.results[1].categories.hate
    image = {"type": "image_url", "image_url": {"url": "https://example.com/x.png"}}
    parts = client.moderations.create(model="omni-moderation-2024-09-26", input=[{"type": "text", "text": "hello"}, image])
    assert len(parts.results) == 1
    assert parts.results[0].category_applied_input_types.violence == ["text", "image"]


def test_images_are_made(client):
    answer = client.images.generate(model="gpt-image-1", prompt="a crab", n=2, size="1024x1536", quality="low")
    assert len(answer.data) == 2
    assert base64.b64decode(answer.data[0].b64_json).startswith(b"\x89PNG")
    assert answer.usage.output_tokens == 2 * 408
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(model="gpt-image-1", prompt="a crab", stream=True)
    assert refused.value.param == "stream"


def test_speech_is_streamed(client, tmp_path):
    ask = dict(model="gpt-4o-mini-tts", voice="coral", input="a crab walks sideways")
    with client.audio.speech.with_streaming_response.create(**ask) as answer:
        assert answer.headers["content-type"] == "audio/mpeg"
        answer.stream_to_file(tmp_path / "crab.mp3")
    assert (tmp_path / "crab.mp3").stat().st_size > 1000
    assert client.audio.speech.create(**ask).content == (tmp_path / "crab.mp3").read_bytes()
    with client.audio.speech.with_streaming_response.create(**ask, stream_format="sse") as answer:
        lines = [line for line in answer.iter_lines() if line]
    assert "speech.audio.done" in lines[-1] and "output_tokens" in lines[-1]


def test_models_are_listed_and_found(client):
    names = [model.id for model in client.models.list()]
    assert "gpt-4o-mini" in names and "sim-cent" in names
    model = client.models.retrieve("gpt-4o-mini")
    assert (model.id, model.object) == ("gpt-4o-mini", "model")


async def test_async_models_are_listed(aclient):
    assert "gpt-4o-mini" in [model.id async for model in aclient.models.list()]


def test_only_models_a_key_may_name_are_listed(gateway):
    client = openai.OpenAI(api_key=gateway.key("lister", "--models", "gpt-4o-mini,sim-*"))
    names = [model.id for model in client.models.list()]
    assert "gpt-4o-mini" in names and "gpt-4o" not in names
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4o")
