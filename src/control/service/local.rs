//! What a panel on the machine of its only user needs so that nobody has to set it up: a place in the tree for the keys of that
//! machine's gateway, a budget that counts and refuses nothing, and somebody who may ask it everything.
//!
//! Place and budget are made once; whoever removes or changes them later is not corrected. A key that was revoked is not made again.
//!
//! Not here: where the secrets are kept (`app::home`).

use super::access::{Actor, Role};
use super::audit::Act;
use super::keys::{self, NewKey, Rotation};
use super::nodes::{self, NewNode, NodeKind};
use super::{Outcome, Panel, ServiceError, budgets, found, gateways, tokens, words};
use crate::control::store::house::{
    Window, gateways as gateway_rows, keys as key_rows, nodes as node_rows, settings,
    tokens as token_rows, users as user_rows,
};
use crate::governance::identity::Digest;
use crate::lease::protocol::RouterId;
use crate::secret::Secret;
use serde_json::{Value, json};
use std::time::Duration;

/// The organisation of this machine.
pub const NODE: &str = "local";
/// Who asks from this machine.
const WHO: &str = "up";
const ADDRESS: &str = "up@localhost";
/// Set once the first things were made.
const FURNISHED: &str = "local.furnished";
/// Begins what the file last said of a key.
const SEEN: &str = "local.key:";
/// The token is made anew at each start; one that is left behind ends by itself.
const LASTS: Duration = Duration::from_hours(24 * 365);
/// Like the budget that `up` writes into its file.
const LIMIT: &str = "10.00";

/// What the gateway of this machine brings.
#[derive(Debug)]
pub struct Home {
    /// The keys written in its own file, by name and digest.
    pub keys: Vec<(String, Digest)>,
    /// Who it was enrolled as, by whichever panel.
    pub router: Option<RouterId>,
}

/// What it gets.
#[derive(Debug)]
pub struct Furnished {
    /// What whoever is on this machine asks with.
    pub token: Secret<String>,
    /// What the gateway enrols with, where it has to.
    pub enrolment: Option<Secret<String>>,
}

/// Makes what is not there yet.
///
/// # Errors
/// The books cannot be read or written.
pub async fn furnish(panel: &Panel, home: Home) -> Outcome<Furnished> {
    let actor = administrator(panel).await?;
    let mut db = panel.read().await?;
    let is_first = settings::number(&mut db, FURNISHED).await? == 0;
    drop(db);
    if is_first {
        first(panel, &actor).await?;
    }
    for (name, digest) in home.keys {
        if let Err(error) = adopt(panel, &actor, &name, digest).await {
            tracing::warn!(key = %name, %error, "this key is not counted by the panel within");
        }
    }
    Ok(Furnished {
        token: token(panel, &actor).await?,
        enrolment: enrolment(panel, &actor, home.router).await?,
    })
}

/// The administrator of this machine: has no password, and so can be nobody from elsewhere.
async fn administrator(panel: &Panel) -> Outcome<Actor> {
    let mut change = panel.change().await?;
    let known = user_rows::by_email(change.db(), ADDRESS).await?;
    let user = if let Some(user) = known {
        user
    } else {
        let uid = super::id(panel, "usr_")?;
        let rights = (Role::Admin.number(), None);
        let now = panel.now().nanos();
        let number =
            user_rows::insert(change.db(), &uid, ADDRESS, "this machine", rights, now).await?;
        let act = Act {
            action: "user.set_up",
            target: &uid,
            node: None,
            before: Value::Null,
            after: json!({ "email": ADDRESS, "role": Role::Admin }),
        };
        let actor = Actor::own(WHO, WHO);
        let user = found(user_rows::get(change.db(), number).await?, "user")?;
        panel.keep(change, &actor, act).await?;
        user
    };
    Ok(Actor {
        user: user.id,
        uid: user.uid,
        name: user.email,
        role: Role::Admin,
        ..Actor::own(WHO, WHO)
    })
}

async fn first(panel: &Panel, actor: &Actor) -> Outcome<()> {
    let node = if let Some(node) = node(panel).await? {
        node
    } else {
        let new = NewNode {
            kind: NodeKind::Org,
            name: NODE.to_owned(),
            parent: None,
        };
        nodes::make(panel, actor, new).await?.id
    };
    let budget = budgets::NewBudget {
        node,
        window: "1d".to_owned(),
        limit: LIMIT.to_owned(),
        tz: None,
        hard: false,
        soft: vec![50, 80, 100],
        at_limit: budgets::AtLimit::default(),
        offline_target: budgets::Target::default(),
        partition: budgets::Partition::default(),
    };
    match budgets::make(panel, actor, budget).await {
        // A start that did not get further than this.
        Err(ServiceError::Taken { .. }) => {}
        made => drop(made?),
    }
    let mut change = panel.change().await?;
    settings::set_number(change.db(), FURNISHED, 1).await?;
    change.commit().await?;
    Ok(())
}

/// The id of this machine's node, if it is there.
async fn node(panel: &Panel) -> Outcome<Option<String>> {
    let mut db = panel.read().await?;
    let mut nodes = node_rows::all(&mut db).await?.into_iter();
    Ok(nodes
        .find(|node| node.parent.is_none() && node.name == NODE)
        .map(|node| node.uid))
}

/// Counts a key of the gateway's own file at this machine's node.
async fn adopt(panel: &Panel, actor: &Actor, name: &str, digest: Digest) -> Outcome<()> {
    let Some(node) = node(panel).await? else {
        return Ok(());
    };
    let mut db = panel.read().await?;
    let written = digest.to_string();
    let remembered = format!("{SEEN}{name}");
    let all = key_rows::list(&mut db, None, Window::ALL).await?;
    let at = found(node_rows::find(&mut db, &node).await?, "node")?;
    let before = settings::bytes(&mut db, &remembered).await?;
    drop(db);
    if before.as_deref() == Some(written.as_bytes()) {
        // The file says what it said; what became of the key at the panel since is the panel's.
        return Ok(());
    }
    let mut change = panel.change().await?;
    settings::set_bytes(change.db(), &remembered, written.as_bytes()).await?;
    change.commit().await?;
    if all.iter().any(|key| key.digest == written) {
        return Ok(());
    }
    match all.iter().find(|key| key.node == at.id && key.name == name) {
        Some(key) if key.revoked.is_some() => {}
        Some(key) => {
            // Its secret was changed in the file.
            let at_once = Rotation::default();
            keys::rotate_to(panel, actor, &key.uid, &at_once, digest).await?;
        }
        None => {
            let new = NewKey {
                node,
                name: name.to_owned(),
                user: None,
                groups: Vec::new(),
                models: None,
                expires: None,
            };
            keys::make_of(panel, actor, new, digest).await?;
        }
    }
    Ok(())
}

/// What this machine's gateway enrols with. None where it is enrolled, or an administrator has shut it out.
async fn enrolment(
    panel: &Panel,
    actor: &Actor,
    router: Option<RouterId>,
) -> Outcome<Option<Secret<String>>> {
    let is_known = |gateway: &gateway_rows::Gateway| {
        let router = router.map(|router| router.0.to_be_bytes());
        gateway.enrolled.is_some() && router.is_some_and(|router| router[..] == gateway.router)
    };
    let mut db = panel.read().await?;
    let known = gateway_rows::list(&mut db, Window::ALL).await?;
    drop(db);
    let made = match known.iter().find(|gateway| gateway.name == NODE) {
        Some(gateway) if gateway.revoked.is_some() || is_known(gateway) => return Ok(None),
        Some(gateway) => gateways::new_token(panel, actor, &gateway.uid).await?,
        None => {
            let new = gateways::NewGateway {
                name: NODE.to_owned(),
                token_lasts_s: None,
            };
            gateways::make(panel, actor, new).await?
        }
    };
    Ok(Some(Secret::new(made.token)))
}

/// Another token; those of earlier starts are good no longer.
async fn token(panel: &Panel, actor: &Actor) -> Outcome<Secret<String>> {
    let mut db = panel.read().await?;
    let earlier = token_rows::list(&mut db, Some(actor.user), Window::ALL).await?;
    drop(db);
    for token in earlier.iter().filter(|token| token.revoked.is_none()) {
        tokens::revoke(panel, actor, &token.uid).await?;
    }
    let expires = super::after(panel.now(), LASTS);
    let new = tokens::NewToken {
        name: WHO.to_owned(),
        role: Role::Admin,
        scope: None,
        expires: words::time(expires.nanos()),
    };
    Ok(Secret::new(tokens::make(panel, actor, new).await?.secret))
}
