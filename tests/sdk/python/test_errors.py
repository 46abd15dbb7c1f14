"""Which of the client's errors each refusal becomes, and what it tells."""

import openai
import pytest
from test_chat import HELLO, MODEL


def says(knob):
    return [{"role": "user", "content": f"@sim({knob})"}]


def test_a_wrong_key_is_an_authentication_error(gateway):
    with pytest.raises(openai.AuthenticationError) as caught:
        openai.OpenAI(api_key="tg-wrong").chat.completions.create(model=MODEL, messages=HELLO)
    assert caught.value.status_code == 401
    assert caught.value.code == "invalid_api_key"
    assert caught.value.type == "authentication_error"
    assert "tg-wrong" not in str(caught.value)
    assert caught.value.request_id


def test_an_unknown_path_is_not_found_and_names_the_routes(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.fine_tuning.jobs.list()
    assert caught.value.code == "unknown_url"
    assert "/v1/fine_tuning/jobs" in caught.value.message
    assert "/v1/chat/completions" in caught.value.message


def test_a_model_no_route_leads_to_is_not_found(client, settings):
    settings.edit(settings.file.read_text() + '\nmodels: [{ name: "gpt-*", provider: sim }]\n')
    for ask in (
        lambda: client.models.retrieve("claude-9"),
        lambda: client.chat.completions.create(model="claude-9", messages=HELLO),
        lambda: client.responses.create(model="claude-9", input="hello"),
    ):
        with pytest.raises(openai.NotFoundError) as caught:
            ask()
        assert caught.value.code == "model_not_found"
        assert caught.value.param == "model"
        assert "claude-9" in caught.value.message


def test_a_model_without_a_price_is_denied_with_the_remedy(client):
    with pytest.raises(openai.PermissionDeniedError) as caught:
        client.chat.completions.create(model="mystery-9", messages=HELLO)
    assert caught.value.code == "price_unknown"
    assert "mystery-9" in caught.value.message and "check its name" in caught.value.message


def test_a_request_without_messages_names_the_member(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/chat/completions", body={"model": MODEL}, cast_to=object)
    assert caught.value.param == "messages"
    assert caught.value.type == "invalid_request_error"


def test_a_member_of_the_wrong_type_is_named(client):
    cases = {"model": {"model": 7, "messages": HELLO}, "max_tokens": {"model": MODEL, "messages": HELLO, "max_tokens": "many"}}
    for param, body in cases.items():
        with pytest.raises(openai.BadRequestError) as caught:
            client.post("/chat/completions", body=body, cast_to=object)
        assert caught.value.param == param


def test_a_body_that_is_not_json_is_a_bad_request(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/chat/completions", content=b'{"model": "gpt-4o-mini", ', cast_to=object,
                    options={"headers": {"content-type": "application/json"}})
    assert caught.value.type == "invalid_request_error"


def test_a_model_the_key_may_not_name_is_denied(gateway):
    client = openai.OpenAI(api_key=gateway.key("narrow", "--models", "sim-small"))
    assert client.chat.completions.create(model="sim-small", messages=HELLO).choices
    with pytest.raises(openai.PermissionDeniedError) as caught:
        client.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert caught.value.code == "model_not_allowed"
    assert caught.value.param == "model"
    assert "narrow" in caught.value.message and "gpt-4o" in caught.value.message


def test_an_upstream_that_fails_is_a_502_after_our_own_attempts(once, gateway):
    with pytest.raises(openai.InternalServerError) as caught:
        once.chat.completions.create(model=MODEL, messages=says("status=500"))
    assert caught.value.status_code == 502
    assert caught.value.type == "upstream_error"
    assert "`sim`" in caught.value.message and "attempts" in caught.value.message
    gateway.settled()


def test_an_upstreams_own_client_error_passes_unchanged(once):
    with pytest.raises(openai.BadRequestError) as caught:
        once.chat.completions.create(model=MODEL, messages=says("status=400"))
    assert "tollgate" not in (caught.value.body or {})
    with pytest.raises(openai.UnprocessableEntityError):
        once.chat.completions.create(model=MODEL, messages=says("status=422"))


def test_an_upstreams_rate_limit_passes_with_its_wait(once):
    with pytest.raises(openai.RateLimitError) as caught:
        once.chat.completions.create(model=MODEL, messages=says("status=429,retry_after=9"))
    assert caught.value.response.headers["retry-after"] == "9"


def test_a_client_that_stops_waiting_gets_its_timeout_and_is_settled(client, gateway):
    hasty = client.with_options(timeout=0.2, max_retries=0)
    with pytest.raises(openai.APITimeoutError):
        hasty.chat.completions.create(model=MODEL, messages=says("latency=5s"))
    gateway.settled()


async def test_an_async_error_is_of_the_same_class(gateway):
    async with openai.AsyncOpenAI(api_key="tg-wrong") as client:
        with pytest.raises(openai.AuthenticationError):
            await client.chat.completions.create(model=MODEL, messages=HELLO)


def test_an_error_in_the_middle_of_a_stream_is_raised(once, gateway):
    with pytest.raises(openai.APIError):
        for _ in once.chat.completions.create(model=MODEL, messages=says("error_in_200=1,out=50"), stream=True):
            pass
    gateway.settled()
