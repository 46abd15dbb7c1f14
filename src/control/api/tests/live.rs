use super::world::{Event, Stream, World, request, text};
use crate::control::service::gateways;
use crate::lease::directory;
use crate::lease::protocol::{LeaseId, RouterId};
use serde_json::{Value, json};

const ROUTER: RouterId = RouterId(7);

/// What a snapshot lists under a name, by one field.
fn listed(snapshot: &Value, what: &str, field: &str) -> Vec<String> {
    let list = snapshot[what].as_array().expect("a list");
    list.iter().map(|one| text(&one[field])).collect()
}

/// The snapshot that a stream begins with.
fn snapshot(world: &World, stream: &mut Stream) -> (String, Value) {
    let (id, name, data) = world.heard(stream).expect("a stream");
    assert_eq!(name, "snapshot");
    (id, data)
}

fn kill(world: &World, token: &str, node: &str) -> String {
    let body = json!({ "scope": "project", "id": node, "reason": "it loops" });
    text(&world.ask("POST /api/v1/kill", token, body).is(201)["kill"]["id"])
}

/// The number of the audit log's last line.
fn head(world: &World, admin: &str) -> String {
    let lines = world.get("/api/v1/audit?limit=1", admin).is(200);
    lines["items"][0]["number"].to_string()
}

#[test]
fn who_looks_on_sees_how_things_stand_and_then_what_changes() {
    let world = World::new();
    let admin = world.first_admin();
    let [.., atlas, _, _] = world.tree(&admin);
    let (_, leaf, _) = world.key(&admin, &atlas, "scout");
    let budget = world.budget(&admin, &atlas, "total", "10.00");
    world.greet(ROUTER);
    let mut stream = world.live(&admin, None);
    let (id, first) = snapshot(&world, &mut stream);
    assert_eq!(id, head(&world, &admin));
    assert_eq!(first["resumed"], false);
    let figures = json!([{
        "id": budget, "name": "acme/red/atlas total", "limit": "10.00", "spent": "0.00", "held": "0.00", "uncertain": "0.00", "remaining": "10.00",
    }]);
    assert_eq!(first["budgets"], figures);
    assert_eq!(
        (&first["kills"], &first["requests"]),
        (&json!([]), &json!([]))
    );
    // Money is lent, then spent.
    let grant = world.borrow(ROUTER, 1, leaf, "1.00").grants[0];
    let (_, _, spend) = world.hears(&mut stream, "spend");
    assert_eq!(spend["budgets"][0]["id"], json!(budget));
    assert_eq!(
        spend["budgets"][0]["held"],
        json!(grant.granted.to_string())
    );
    settle(&world, grant.lease, grant.fence, "0.25");
    let (_, _, spend) = world.hears(&mut stream, "spend");
    assert_eq!(spend["budgets"][0]["spent"], "0.25");
    // Somebody asks for more, and is answered: each with its line.
    let (viewer, _) = world.user(&admin, "asker", "viewer", None);
    let body = json!({ "budget": budget, "amount": "1.00", "reason": "more" });
    let asked = world.ask("POST /api/v1/requests", &viewer, body).is(201);
    let (id, _, told) = world.hears(&mut stream, "request");
    assert_eq!(told, asked);
    assert_eq!(id, head(&world, &admin));
    let (id_of_line, _, line) = world.hears(&mut stream, "audit");
    assert_eq!(
        (&id_of_line, &line["record"]["action"]),
        (&id, &json!("request.ask"))
    );
    let path = format!("POST /api/v1/requests/{}/approve", text(&asked["id"]));
    let approved = world.ask_with(
        &path,
        &admin,
        json!({ "reason": "yes" }),
        &[("if-match", "*")],
    );
    assert_eq!(world.hears(&mut stream, "request").2, approved.is(200));
    // A switch, pulled and let go.
    let switch = kill(&world, &admin, &atlas);
    let (_, _, told) = world.hears(&mut stream, "kill");
    assert_eq!(
        (&told["id"], &told["in_force"]),
        (&json!(switch), &json!(true))
    );
    let body = json!({ "scope": "project", "id": atlas, "reason": "mended" });
    world.ask("POST /api/v1/unkill", &admin, body).is(200);
    let (_, _, told) = world.hears(&mut stream, "kill");
    assert_eq!(
        (&told["id"], &told["in_force"]),
        (&json!(switch), &json!(false))
    );
    // A budget that is gone.
    let path = format!("DELETE /api/v1/budgets/{budget}");
    world
        .ask_with(&path, &admin, Value::Null, &[("if-match", "*")])
        .is(204);
    let gone = loop {
        let spend = world.hears(&mut stream, "spend").2;
        if spend["budgets"][0]["removed"] == true {
            break spend;
        }
    };
    assert_eq!(gone["budgets"][0]["id"], json!(budget));
}

/// A gateway tells what it spent of a lease.
fn settle(world: &World, lease: LeaseId, fence: u64, settled: &str) {
    world.report((ROUTER, 2), (lease, fence), settled, &[]);
}

#[test]
fn a_gateway_that_comes_is_seen_and_only_by_those_who_see_gateways() {
    let world = World::new();
    let admin = world.first_admin();
    let [_, red, ..] = world.tree(&admin);
    let (of_red, _) = world.user(&admin, "red", "admin", Some(&red));
    let made = world
        .ask("POST /api/v1/gateways", &admin, json!({ "name": "edge-1" }))
        .is(201);
    let (id, token) = (text(&made["gateway"]["id"]), text(&made["token"]));
    let (mut all, mut part) = (world.live(&admin, None), world.live(&of_red, None));
    let first = snapshot(&world, &mut all).1;
    assert_eq!(
        first["gateways"],
        json!([{ "id": id, "name": "edge-1", "state": "invited", "connected": false }])
    );
    assert_eq!(snapshot(&world, &mut part).1["gateways"], json!([]));
    let enrolled = gateways::enrol_by_token(&world.panel, &token, [1; 32]);
    let (router, _) = world.runtime.block_on(enrolled).expect("let in");
    gateways::heard(&world.panel, router, None);
    let seen = loop {
        let told = world.hears(&mut all, "gateway").2;
        if told["connected"] == true {
            break told;
        }
    };
    assert_eq!(
        (&seen["id"], &seen["state"]),
        (&json!(id), &json!("enrolled"))
    );
    // It falls silent.
    world.pass(60);
    let told = world.hears(&mut all, "gateway").2;
    assert_eq!(
        (&told["id"], &told["connected"]),
        (&json!(id), &json!(false))
    );
    // What the other heard meanwhile: nothing up to something of their own.
    world.budget(&admin, &red, "total", "1.00");
    assert_eq!(world.heard(&mut part).expect("goes on").1, "spend");
}

#[test]
fn nobody_hears_of_what_lies_out_of_their_scope() {
    let world = World::new();
    let admin = world.first_admin();
    let [_, red, atlas, _, borealis] = world.tree(&admin);
    let own = world.budget(&admin, &atlas, "total", "1.00");
    let other = world.budget(&admin, &borealis, "total", "1.00");
    kill(&world, &admin, &borealis);
    let (viewer, _) = world.user(&admin, "viewer", "viewer", Some(&red));
    let (somebody, _) = world.user(&admin, "asker", "viewer", None);
    let ask = |budget: &str| {
        let body = json!({ "budget": budget, "amount": "1.00", "reason": "more" });
        text(&world.ask("POST /api/v1/requests", &somebody, body).is(201)["id"])
    };
    ask(&other);
    let mut stream = world.live(&viewer, None);
    let (id, first) = snapshot(&world, &mut stream);
    assert_eq!(listed(&first, "budgets", "id"), std::slice::from_ref(&own));
    assert_eq!(
        (&first["kills"], &first["requests"]),
        (&json!([]), &json!([]))
    );
    let change = |budget: &str| {
        let path = format!("PATCH /api/v1/budgets/{budget}");
        let body = json!({ "limit": "2.00" });
        world
            .ask_with(&path, &admin, body, &[("if-match", "*")])
            .is(200);
    };
    change(&other);
    ask(&other);
    kill(&world, &admin, &borealis);
    change(&own);
    let asked = ask(&own);
    let switch = kill(&world, &admin, &atlas);
    // All of theirs, and nothing else, also told again.
    let mut heard: Vec<Event> = Vec::new();
    while !heard.iter().any(|(_, name, _)| name == "kill") {
        heard.push(world.heard(&mut stream).expect("goes on"));
    }
    let check = |heard: &[Event], expected: &[(&str, &str)]| {
        let mut told: Vec<_> = heard
            .iter()
            .map(|(_, name, data)| {
                let data = if name == "spend" {
                    &data["budgets"][0]
                } else {
                    data
                };
                (name.as_str(), text(&data["id"]))
            })
            .collect();
        told.sort();
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, id)| (*name, (*id).to_owned()))
            .collect();
        assert_eq!(told, expected);
    };
    while !heard.iter().any(|(_, name, _)| name == "spend") {
        heard.push(world.heard(&mut stream).expect("goes on"));
    }
    check(
        &heard,
        &[("kill", &switch), ("request", &asked), ("spend", &own)],
    );
    let mut again = world.live(&viewer, Some(&id));
    let (_, first) = snapshot(&world, &mut again);
    assert_eq!(first["resumed"], true);
    assert_eq!(listed(&first, "kills", "id"), std::slice::from_ref(&switch));
    assert_eq!(
        listed(&first, "requests", "id"),
        std::slice::from_ref(&asked)
    );
    let told: Vec<_> = (0..2)
        .map(|_| world.heard(&mut again).expect("goes on"))
        .collect();
    check(&told, &[("kill", &switch), ("request", &asked)]);
}

#[test]
fn what_was_missed_is_told_again_and_if_not_a_snapshot_says_so() {
    let world = World::new();
    let admin = world.first_admin();
    let [.., atlas, _, _] = world.tree(&admin);
    let mut stream = world.live(&admin, None);
    let (id, _) = snapshot(&world, &mut stream);
    drop(stream);
    let switch = kill(&world, &admin, &atlas);
    let body = json!({ "scope": "project", "id": atlas, "reason": "mended" });
    world.ask("POST /api/v1/unkill", &admin, body).is(200);
    let mut stream = world.live(&admin, Some(&id));
    let (from, first) = snapshot(&world, &mut stream);
    assert_eq!((from, &first["resumed"]), (id.clone(), &json!(true)));
    let number: i64 = id.parse().expect("a number");
    let names: Vec<_> = (0..4)
        .map(|_| world.heard(&mut stream).expect("goes on"))
        .map(|(id, name, data)| (id.parse::<i64>().expect("a number") - number, name, data))
        .collect();
    let told: Vec<_> = names
        .iter()
        .map(|(at, name, _)| (*at, name.as_str()))
        .collect();
    assert_eq!(told, [(1, "kill"), (1, "audit"), (2, "kill"), (2, "audit")]);
    // Told as it is now, whichever of the two it is about.
    assert!(
        names
            .iter()
            .filter(|one| one.1 == "kill")
            .all(|one| one.2["id"] == json!(switch))
    );
    assert_eq!(names[2].2["in_force"], false);
    // Numbers nobody gave out, and more than is told together.
    let check = |after: &str| {
        let mut stream = world.live(&admin, Some(after));
        let (id, first) = snapshot(&world, &mut stream);
        assert_eq!(
            (id, &first["resumed"]),
            (head(&world, &admin), &json!(false))
        );
    };
    check("999999");
    check("-1");
    check("nonsense");
    for number in 0..501 {
        world.node(&admin, "org", &format!("org-{number}"), None);
    }
    check(&id);
}

#[test]
fn a_stream_ends_with_the_right_to_it() {
    let world = World::new();
    let admin = world.first_admin();
    let [_, red, ..] = world.tree(&admin);
    let opened = |token: &str| {
        let mut stream = world.live(token, None);
        snapshot(&world, &mut stream);
        stream
    };
    // Until its end there may be something to hear still.
    let ends = |mut stream: Stream| while world.heard(&mut stream).is_some() {};

    let (token, _) = world.user(&admin, "out", "viewer", None);
    let stream = opened(&token);
    world
        .ask("DELETE /api/v1/sessions/current", &token, Value::Null)
        .is(204);
    ends(stream);

    let (token, id) = world.user(&admin, "demoted", "admin", None);
    let stream = opened(&token);
    world
        .ask(
            &format!("PATCH /api/v1/users/{id}"),
            &admin,
            json!({ "role": "viewer" }),
        )
        .is(200);
    ends(stream);

    let (token, id) = world.user(&admin, "narrowed", "viewer", None);
    let stream = opened(&token);
    world
        .ask(
            &format!("PATCH /api/v1/users/{id}"),
            &admin,
            json!({ "scope": red }),
        )
        .is(200);
    ends(stream);

    let body = json!({ "name": "t", "role": "viewer", "expires": "2099-01-01" });
    let made = world.ask("POST /api/v1/tokens", &admin, body).is(201);
    let stream = opened(&text(&made["secret"]));
    let path = format!("DELETE /api/v1/tokens/{}", text(&made["token"]["id"]));
    world.ask(&path, &admin, Value::Null).is(204);
    ends(stream);

    let soon = jiff::Timestamp::from_second(world.panel.now().secs() + 60).expect("a time");
    let body = json!({ "name": "soon", "role": "viewer", "expires": soon.to_string() });
    let made = world.ask("POST /api/v1/tokens", &admin, body).is(201);
    let stream = opened(&text(&made["secret"]));
    world.pass(61);
    ends(stream);

    // The panel stops: nobody keeps it waiting.
    let stream = opened(&admin);
    world.bulletin.publish(directory::Event::Goaway);
    ends(stream);
}

#[test]
fn no_user_takes_all_places() {
    let world = World::new();
    let admin = world.first_admin();
    let (other, _) = world.user(&admin, "other", "viewer", None);
    let mut open: Vec<_> = (0..8).map(|_| world.live(&admin, None)).collect();
    let refused = || {
        let got = world.send(request("GET /api/v1/live", &admin, &Value::Null, &[]));
        assert_eq!(got.header("retry-after"), "5");
        got.refused(429, "too_many_streams");
    };
    refused();
    // Nor does another session of theirs.
    snapshot(&world, &mut world.live(&other, None));
    // Who hangs up makes room.
    open.pop();
    let mut again = loop {
        let got = world.send(request("GET /api/v1/live", &admin, &Value::Null, &[]));
        if got.status == 200 {
            break world.live(&other, None);
        }
    };
    snapshot(&world, &mut again);
    // Nothing of it holds a connection to the books.
    assert!(world.get("/api/v1/nodes", &admin).status == 200);
}
