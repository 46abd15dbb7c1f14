//! From a request to its answer: which route, who calls, and what to say when it goes no further.

use super::body::Outward;
use super::connection::{Connections, Life};
use super::extract::{self, Head};
use super::query::Query;
use super::reply::{self, Named};
use super::status::Refused;
use crate::chat::{self, Addressed, Dialect, Endpoint, unescaped};
use crate::clock::{self, Moment};
use crate::dialect::{self, anthropic, gemini, openai};
use crate::governance::audit::Who;
use crate::governance::budget::Standing;
use crate::governance::gate::Quoted;
use crate::governance::identity::KeyIndex;
use crate::ids::PassageId;
use crate::pipeline::{Call, Note, Plan, Quote};
use crate::telemetry::event;
use http::header::HeaderValue;
use http::{Method, Request, Response, Version};
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

/// Where a request leads.
enum Route {
    Call(Endpoint, Option<Addressed>),
    Models,
    Model(Box<str>),
}

/// One request's stay at the door.
struct Visit {
    connections: Rc<Connections>,
    plan: Arc<Plan>,
    id: PassageId,
    began: Moment,
    peer: Option<IpAddr>,
    request_id: Option<HeaderValue>,
    /// Who calls, once that is known.
    who: Arc<Who>,
    endpoint: Option<Endpoint>,
    /// In whose words the caller is answered.
    dialect: Dialect,
    streaming: bool,
    note: Note,
}

/// Answers one request. The connection counts as busy until the answer is out.
pub(super) async fn answer(
    connections: Rc<Connections>,
    life: Rc<Life>,
    request: Request<Incoming>,
) -> Result<Response<Outward>, Infallible> {
    if request.version() == Version::HTTP_2 {
        life.is_multiplexed();
    }
    let busy = life.busy();
    let began = clock::now();
    let plan = connections.door.desk.plan.load_full();
    let id = connections.worker.passage_id(began);
    let who = plan.stranger.clone();
    let mut visit = Visit {
        connections,
        plan,
        id,
        began,
        peer: life.peer,
        request_id: None,
        who,
        endpoint: None,
        dialect: surface(&request),
        streaming: false,
        note: Note::default(),
    };
    let response = match visit.pass(request).await {
        Ok(response) => response,
        Err(refusal) => visit.turn_back(&refusal),
    };
    Ok(response.map(|body| body.keeping(busy)))
}

impl Visit {
    async fn pass(&mut self, request: Request<Incoming>) -> Result<Response<Outward>, Refused> {
        let (parts, body, head, route) = {
            let rules = self.connections.door.rules.load();
            extract::check_origin(&request, &rules)?;
            let route = route(request.method(), request.uri().path())?;
            let (parts, body) = request.into_parts();
            let mut head = extract::head(&parts.headers)?;
            self.request_id = head.request_id.take();
            if self.dialect == Dialect::Gemini {
                let query = Query::read(parts.uri.query())?;
                if let Some(key) = &query.key {
                    head.proof(key, 0)?;
                }
                if let Route::Call(_, Some(addressed)) = &route {
                    query.fits(addressed.stream)?;
                }
            }
            (parts, body, head, route)
        };
        let key = self.identify(&head)?;
        match route {
            Route::Models => Ok(self.models(key)),
            Route::Model(name) => self.model(key, &name),
            Route::Call(endpoint, addressed) => {
                self.endpoint = Some(endpoint);
                self.dialect = endpoint.dialect();
                if !parts.headers.contains_key(http::header::CONTENT_TYPE) {
                    return Err(Refused::content_type());
                }
                let most = self.connections.door.rules.load().settings.max_body;
                let came = extract::gather(body, most).await?;
                let (body, compressed) = if head.gzip {
                    (extract::unpack(&came, most)?, Some(came))
                } else {
                    (came, None)
                };
                let call = Box::new(Call {
                    id: self.id,
                    began: self.began,
                    arrived: clock::since_start(),
                    endpoint,
                    // What follows the path of an addressed call was read, and is written anew.
                    query: match &addressed {
                        Some(_) => None,
                        None => parts.uri.query().map(Into::into),
                    },
                    addressed,
                    headers: parts.headers,
                    body,
                    compressed,
                    key,
                    peer: self.peer,
                    labels: head.labels,
                    cost_comment: head.cost_comment,
                    deadlines: head.deadlines,
                });
                if head.dry_run {
                    self.quote(&call).await
                } else {
                    self.call(call).await
                }
            }
        }
    }

    fn identify(&mut self, head: &Head) -> Result<KeyIndex, Refused> {
        let secret = head
            .secret
            .as_ref()
            .and_then(|value| value.as_bytes().get(head.secret_at..));
        let found = secret.and_then(|secret| {
            self.plan
                .charter
                .keys()
                .find(secret.trim_ascii(), self.began.wall)
        });
        let key = found.ok_or_else(|| Refused::key(secret.is_some()))?;
        self.who = self.plan.owner(key).clone();
        Ok(key)
    }

    async fn call(&mut self, call: Box<Call>) -> Result<Response<Outward>, Refused> {
        let endpoint = call.endpoint;
        let worker = &self.connections.worker;
        let admitted = match worker.admit(&self.plan, &call, &mut self.note).await {
            Ok(admitted) => admitted,
            Err(refusal) => {
                let refusal = Refused::from(refusal);
                self.tell(&refusal, Some(&call));
                return Ok(self.refused(&refusal, endpoint));
            }
        };
        match admitted.make(call).await {
            Ok(answer) => Ok(reply::answered(answer, self.named())),
            // Told already: it was let go, and failed on its way.
            Err(refusal) => Ok(self.refused(&refusal.into(), endpoint)),
        }
    }

    /// A refusal; where a policy wants it so, as the model itself would refuse.
    fn refused(&self, refusal: &Refused, endpoint: Endpoint) -> Response<Outward> {
        if refusal.soft {
            let body = dialect::declined(
                endpoint,
                self.note.streaming,
                self.id.request().as_str(),
                self.began.wall.secs(),
                &self.note.model,
                &refusal.message,
            );
            if let Some(body) = body {
                return reply::declined(body, self.note.streaming, self.named());
            }
        }
        reply::refused(refusal, self.named())
    }

    async fn quote(&self, call: &Call) -> Result<Response<Outward>, Refused> {
        let quote = self
            .connections
            .worker
            .quote(&self.plan, call)
            .await
            .map_err(Refused::from)?;
        let body = quoted(&quote, self.began);
        Ok(reply::own(body.to_string().into_bytes(), self.named()))
    }

    fn models(&self, key: KeyIndex) -> Response<Outward> {
        let names = self
            .plan
            .charter
            .keys()
            .get(key)
            .map(|key| self.plan.models(key))
            .unwrap_or_default();
        let body = match self.dialect {
            Dialect::OpenAi => openai::models_list(names),
            Dialect::Anthropic => anthropic::models_list(names),
            Dialect::Gemini => gemini::models_list(names),
        };
        reply::own(body, self.named())
    }

    fn model(&self, key: KeyIndex, name: &str) -> Result<Response<Outward>, Refused> {
        let key = self.plan.charter.keys().get(key);
        let may = key.is_some_and(|key| key.may_use(name)) && self.plan.covers(name);
        if !may {
            return Err(Refused::no_model(name));
        }
        let body = match self.dialect {
            Dialect::OpenAi => openai::model_object(name),
            Dialect::Anthropic => anthropic::model_object(name),
            Dialect::Gemini => gemini::model_object(name),
        };
        Ok(reply::own(body, self.named()))
    }

    fn named(&self) -> Named<'_> {
        Named {
            dialect: self.dialect,
            id: self.id,
            request_id: self.request_id.clone(),
            revision: &self.plan.revisions.policy,
            scan: self.note.scan(),
            now: self.began,
        }
    }

    fn turn_back(&self, refusal: &Refused) -> Response<Outward> {
        self.tell(refusal, None);
        reply::refused(refusal, self.named())
    }

    /// Every refusal is counted and recorded, also of those we do not know.
    fn tell(&self, refusal: &Refused, call: Option<&Call>) {
        let total = clock::since_start().saturating_sub(self.began.since_start);
        let scope: Option<Arc<str>> = refusal.scope.as_deref().map(Arc::from);
        let ruled = self.note.ruled();
        self.connections.door.desk.telemetry.denied(&event::Denied {
            passage: event::Passage {
                id: self.id,
                at: self.began.wall,
                who: &self.who,
                run: call.and_then(|call| call.labels.run.as_deref()),
                session: call.and_then(|call| call.labels.session.as_deref()),
                endpoint: self.endpoint,
                model: &self.note.model,
                streaming: self.streaming,
                revisions: &self.plan.revisions,
                look: self.note.look,
                decide: self.note.decide,
                total,
                ruled: ruled.as_ref(),
            },
            reason: refusal.reason(),
            source: refusal.source,
            scope: scope.as_ref(),
            status: refusal.status.as_u16(),
        });
    }
}

/// In whose words a request is answered before it is known where it leads: by its path, or, where that is nobody's own, by
/// the version of the API that one vendor's clients always name.
fn surface<B>(request: &Request<B>) -> Dialect {
    let path = request.uri().path();
    let bare = path.strip_prefix("/v1").unwrap_or(path);
    let is_below = |rest: &str| rest.is_empty() || rest.starts_with('/');
    if bare.strip_prefix("/messages").is_some_and(is_below) {
        return Dialect::Anthropic;
    }
    if path.strip_prefix("/v1beta").is_some_and(is_below) {
        return Dialect::Gemini;
    }
    let named = if request.headers().contains_key("anthropic-version") {
        Dialect::Anthropic
    } else if request.headers().contains_key("x-goog-api-key") {
        Dialect::Gemini
    } else {
        Dialect::OpenAi
    };
    match route(request.method(), path) {
        Ok(Route::Call(endpoint, _)) => endpoint.dialect(),
        // Whoever knows the way knows its words, also where it is gone by the wrong method.
        Err(_) if addressed(path).is_some() => Dialect::Gemini,
        _ => named,
    }
}

/// The call of a path that names its model, as `/v1beta/models/{model}:generateContent` does, with the version or without.
fn addressed(path: &str) -> Option<(Endpoint, Addressed)> {
    let (version, bare) = match path.strip_prefix("/v1beta/") {
        Some(bare) => (chat::Version::Beta, bare),
        None => match path.strip_prefix("/v1/") {
            Some(bare) => (chat::Version::Stable, bare),
            None => (chat::Version::Beta, path.strip_prefix('/')?),
        },
    };
    let (model, method) = bare.strip_prefix("models/")?.rsplit_once(':')?;
    let (endpoint, stream) = Endpoint::of_method(method)?;
    let model = unescaped(model).filter(|model| !model.is_empty())?;
    let addressed = Addressed {
        model,
        stream,
        version,
    };
    Some((endpoint, addressed))
}

fn route(method: &Method, path: &str) -> Result<Route, Refused> {
    let below = |version: &str| {
        path.strip_prefix(version)
            .filter(|rest| rest.starts_with('/'))
    };
    // Only Gemini's API has a version of this name, and of its calls all name their model.
    let beta = below("/v1beta").filter(|bare| bare.starts_with("/models"));
    let bare = beta.or_else(|| below("/v1")).unwrap_or(path);
    let endpoint = match bare {
        "/chat/completions" => Endpoint::Chat,
        "/completions" => Endpoint::Completions,
        "/embeddings" => Endpoint::Embeddings,
        "/responses" => Endpoint::Responses,
        "/moderations" => Endpoint::Moderations,
        "/images/generations" => Endpoint::ImageGenerations,
        "/audio/speech" => Endpoint::Speech,
        "/messages" => Endpoint::Messages,
        "/messages/count_tokens" => Endpoint::CountTokens,
        "/models" => {
            return if method == Method::GET {
                Ok(Route::Models)
            } else {
                Err(Refused::method("GET"))
            };
        }
        other => {
            if let Some((endpoint, addressed)) = addressed(path) {
                return if method == Method::POST {
                    Ok(Route::Call(endpoint, Some(addressed)))
                } else {
                    Err(Refused::method("POST"))
                };
            }
            let name = other
                .strip_prefix("/models/")
                .filter(|name| !name.is_empty());
            let name = name
                .and_then(unescaped)
                .ok_or_else(|| Refused::unknown_path(method, path))?;
            return if method == Method::GET {
                Ok(Route::Model(name))
            } else if name.contains(':') {
                // Something is asked of a model that nobody here knows how to meter.
                Err(Refused::unknown_path(method, path))
            } else {
                Err(Refused::method("GET"))
            };
        }
    };
    if method == Method::POST {
        Ok(Route::Call(endpoint, None))
    } else {
        Err(Refused::method("POST"))
    }
}

/// A quote as it is answered.
pub fn quoted(quote: &Quote, now: Moment) -> Value {
    let Quoted {
        denial,
        cap,
        worst_case,
        estimate,
        budgets,
        ..
    } = &quote.quoted;
    let verdict = match denial {
        Some(_) => "deny",
        None if cap.clamped => "clamp",
        None => "allow",
    };
    let line = |standing: &Standing| {
        json!({
            "name": standing.to_string(),
            "limit": standing.limit,
            "spent": standing.spent,
            "reserved": standing.reserved,
            "remaining": standing.remaining(),
            "resets_in_s": standing.period.left(now.wall),
        })
    };
    let mut answer = json!({
        "verdict": verdict,
        "model": quote.model,
        "provider": &*quote.provider,
        "tokens": { "input": quote.input.0, "input_bound": quote.input_bound.0, "output_cap": cap.tokens.0 },
        "cost": { "estimate": estimate, "worst_case": worst_case },
        "budgets": budgets.iter().map(line).collect::<Vec<_>>(),
        "rules": [],
    });
    if let Some(denial) = denial {
        let refusal = Refused::from(crate::pipeline::Refusal::Denied(denial.clone()));
        answer["error"] =
            json!({ "type": refusal.kind, "code": refusal.code, "message": refusal.message });
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_in_whose_words_it_is_answered_before_a_header_does() {
        let check = |path: &str, version: bool, expected: Dialect| {
            let mut request = Request::post(path);
            if version {
                request = request.header("anthropic-version", "2023-06-01");
            }
            let request = request.body(()).expect("a request");
            assert_eq!(surface(&request), expected, "{path}");
        };
        check("/v1/messages", false, Dialect::Anthropic);
        check("/v1/messages/batches", false, Dialect::Anthropic);
        check("/messagesfoo", false, Dialect::OpenAi);
        check("/v1/chat/completions", true, Dialect::OpenAi);
        check("/v1/models", true, Dialect::Anthropic);
        check("/v1/models", false, Dialect::OpenAi);
        check("/v1beta/models", false, Dialect::Gemini);
        check("/v1beta/models/m:predict", true, Dialect::Gemini);
        check("/v1/models/m:generateContent", true, Dialect::Gemini);
        check("/v1betas/models", false, Dialect::OpenAi);
    }

    #[test]
    fn routes_go_with_and_without_the_version() {
        let check = |method: Method, path: &str, expected: &str| {
            let found = match route(&method, path) {
                Ok(Route::Call(endpoint, None)) => endpoint.path().to_owned(),
                Ok(Route::Call(endpoint, Some(at))) => {
                    let stream = if at.stream { " stream" } else { "" };
                    let (name, version) = (endpoint.name(), at.version.name());
                    format!("{version} {name} {}{stream}", at.model)
                }
                Ok(Route::Models) => "models".to_owned(),
                Ok(Route::Model(name)) => format!("model {name}"),
                Err(refusal) => refusal.status.as_u16().to_string(),
            };
            assert_eq!(found, expected, "{method} {path}");
        };
        check(Method::POST, "/v1/chat/completions", "/v1/chat/completions");
        check(Method::POST, "/chat/completions", "/v1/chat/completions");
        check(Method::POST, "/v1/responses", "/v1/responses");
        check(Method::POST, "/v1/messages", "/v1/messages");
        check(Method::POST, "/moderations", "/v1/moderations");
        let images = "/v1/images/generations";
        check(Method::POST, images, images);
        check(Method::POST, "/v1/images", "404");
        let count = "/v1/messages/count_tokens";
        check(Method::POST, count, count);
        check(Method::POST, "/v1/messages/batches", "404");
        check(Method::GET, "/v1/models", "models");
        check(Method::GET, "/models/org%2Fmodel", "model org/model");
        check(Method::GET, "/v1/models/a/b", "model a/b");
        check(Method::GET, "/v1/chat/completions", "405");
        check(Method::POST, "/v1/models", "405");
        check(Method::POST, "/v1/audio/speech", "/v1/audio/speech");
        check(Method::POST, "/v1/audio/translations", "404");
        check(Method::POST, "/v1/v1/chat/completions", "404");
        check(Method::POST, "/v1", "404");
        check(Method::GET, "/v1/models/%ff", "404");
        let all = "v1beta generate_content m";
        check(Method::POST, "/v1beta/models/m:generateContent", all);
        check(Method::POST, "/models/m:generateContent", all);
        let stream = "/v1/models/org%2Fm:8b:streamGenerateContent";
        check(Method::POST, stream, "v1 generate_content org/m:8b stream");
        let count = "/v1beta/models/m:countTokens";
        check(Method::POST, count, "v1beta count_contents m");
        let embed = "/v1beta/models/m:embedContent";
        check(Method::POST, embed, "v1beta embed_content m");
        let batch = "/v1beta/models/m:batchEmbedContents";
        check(Method::POST, batch, "v1beta batch_embed_contents m");
        check(Method::GET, "/v1beta/models", "models");
        check(Method::GET, "/v1beta/models/m", "model m");
        check(Method::GET, "/v1beta/models/m:generateContent", "405");
        check(Method::POST, "/v1beta/models/m:batchGenerateContent", "404");
        check(Method::POST, "/v1beta/models/:generateContent", "404");
        check(Method::POST, "/v1beta/models/m", "405");
        check(Method::POST, "/v1beta/chat/completions", "404");
        check(Method::POST, "/v1beta/cachedContents", "404");
    }
}
