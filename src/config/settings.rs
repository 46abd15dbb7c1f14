//! The whole file as written: every section is the settings of the room it configures.

use crate::control::settings::ControlSettings;
use crate::gateway::settings::TlsSettings;
use crate::governance::settings::{
    BookSettings, BudgetSettings, KeySettings, LimitSettings, UnknownPriceSettings,
};
use crate::journal::settings::JournalSettings;
use crate::lease::settings::PanelSettings;
use crate::provider::settings::{ProviderSettings, RetrySettings, RouteSettings, TimeoutSettings};
use crate::telemetry::settings::DecisionSettings;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// tollgate's configuration. Where a list is taken, a single value is a list of one; `"${NAME}"` and `file:PATH` stand for
/// an environment variable and the content of a file in any text.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where to listen: `127.0.0.1:4100`, `"[::1]:4100"`, `unix:/run/tollgate.sock`.
    #[serde(default)]
    pub listen: Vec<String>,
    /// Where `/metrics`, `/healthz`, `/readyz` and `/status` are, read-only and without a key; `off` for nowhere.
    pub admin_listen: Option<String>,
    /// Says that plain HTTP beyond this machine is meant.
    #[serde(default)]
    pub listen_public: bool,
    /// Where ledgers and keys are kept.
    pub state_dir: Option<String>,
    /// Who answers the calls, by name.
    #[serde(default)]
    pub providers: BTreeMap<String, ProviderSettings>,
    /// Which model goes where; the first that covers a call wins. With a single provider it may be left out.
    pub models: Option<Vec<RouteSettings>>,
    /// Virtual keys: who may call.
    #[serde(default)]
    pub keys: Vec<KeySettings>,
    /// What may be spent.
    #[serde(default)]
    pub budgets: Vec<BudgetSettings>,
    /// How much at a time.
    #[serde(default)]
    pub limits: Vec<LimitSettings>,
    /// Policy files, folders of them, and packs that are built in: `policies/`, `pack:secrets`.
    #[serde(default)]
    pub policies: Vec<String>,
    /// Price books; of two prices for one model the later wins. `built-in` is the built-in book, as is none at all.
    pub prices: Option<Vec<String>>,
    /// What to do with a call whose model has no price.
    pub unknown_price: Option<UnknownPriceSettings>,
    /// Host names accepted besides localhost and loopback addresses.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Browser origins accepted; none unless named.
    #[serde(default)]
    pub origins: Vec<String>,
    /// The largest request body: `32MiB`.
    #[schemars(extend("type" = ["string", "integer"]))]
    pub max_body: Option<String>,
    /// Most connections at once.
    pub max_connections: Option<u64>,
    /// Worker threads; one per core when absent.
    pub threads: Option<u64>,
    /// How long each part of a call may take.
    #[serde(default)]
    pub timeouts: TimeoutSettings,
    /// Repeating failed calls, before the first byte only.
    #[serde(default)]
    pub retries: RetrySettings,
    /// How long a shutdown waits for streams.
    pub drain: Option<String>,
    /// How durable the ledgers' memory is.
    #[serde(default)]
    pub journal: JournalSettings,
    /// The decision log.
    #[serde(default)]
    pub decisions: DecisionSettings,
    /// Certificate and key of the door; read again when the files change.
    pub tls: Option<TlsSettings>,
    /// The control panel that budgets are borrowed from, and that more keys come from.
    pub panel: Option<PanelSettings>,
}

/// The keys made by commands, kept beside the ledgers.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyStore {
    /// The keys.
    #[serde(default)]
    pub keys: Vec<KeySettings>,
}

/// The JSON schema of `tollgate.yaml`, from the settings themselves.
#[must_use]
pub fn config_schema() -> Value {
    schema::<Settings>()
}

/// The JSON schema of a price book.
#[must_use]
pub fn prices_schema() -> Value {
    schema::<BookSettings>()
}

/// The JSON schema of `panel.yaml`.
#[must_use]
pub fn panel_schema() -> Value {
    schema::<ControlSettings>()
}

fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12()
        .with_transform(NoNull)
        .with_transform(OneOrList);
    settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

/// `Option` means that a key may be left out, not that it may be empty.
#[derive(Debug, Clone)]
struct NoNull;

impl Transform for NoNull {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else {
            return;
        };
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|name| name != "null");
            if let [single] = types.as_slice() {
                let single = single.clone();
                object.insert("type".to_owned(), single);
            }
        }
        if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
            choices.retain(|choice| *choice != json!({ "type": "null" }));
            if let [Value::Object(single)] = choices.as_slice() {
                let single = single.clone();
                object.remove("anyOf");
                object.extend(single);
            }
        }
    }
}

/// Where a list is taken, a single value is a list of one.
#[derive(Debug, Clone)]
struct OneOrList;

impl Transform for OneOrList {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else {
            return;
        };
        if object.get("type") == Some(&json!("array"))
            && let Some(items) = object.remove("items")
        {
            object.remove("type");
            let list = json!({ "type": "array", "items": items });
            object.insert("anyOf".to_owned(), json!([items, list]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_name_the_keys_that_settings_take() {
        let schema = config_schema();
        assert_eq!(schema["additionalProperties"], json!(false));
        assert!(schema["properties"]["budgets"].is_object());
        let budget = &schema["$defs"]["BudgetSettings"];
        assert_eq!(budget["required"], json!(["name", "limit", "window"]));
        assert!(budget["properties"]["match"].is_object());
        assert!(prices_schema()["properties"]["revision"].is_object());
    }

    #[test]
    fn schemas_take_one_value_for_a_list_and_never_null() {
        let listen = &config_schema()["properties"]["listen"];
        assert_eq!(
            listen["anyOf"],
            json!([{ "type": "string" }, { "type": "array", "items": { "type": "string" } }])
        );
        assert!(!config_schema().to_string().contains("\"null\""));
        assert!(!prices_schema().to_string().contains("\"null\""));
    }
}
