//! Of which time, and of which part of a panel's tree, something is summed up: flags that several commands have.

use super::remote::{Kind, Panel, id};
use clap::{Args, ValueEnum};

/// Within what.
#[derive(Debug, Args)]
pub(super) struct Within {
    /// How long a stretch is [default: all in one]
    #[arg(long, value_enum)]
    interval: Option<Interval>,
    /// From when on: 2027-06-30 or 2027-06-30T12:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Until when
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only what happened below this node: path, name or id
    #[arg(long, value_name = "PATH")]
    node: Option<String>,
    /// Only what happened with this key: path and name, name or id
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Interval {
    /// An hour, in UTC
    Hour,
    /// A day, in UTC
    Day,
}

impl Within {
    /// What the panel is asked: sums of this subject, made by something.
    pub(super) fn question(
        &self,
        subject: &str,
        by: &str,
        panel: &Panel,
    ) -> anyhow::Result<String> {
        let interval = self.interval.map(|interval| match interval {
            Interval::Hour => "hour".to_owned(),
            Interval::Day => "day".to_owned(),
        });
        let found = |kind: Kind, called: &Option<String>| -> anyhow::Result<Option<String>> {
            let Some(called) = called else {
                return Ok(None);
            };
            Ok(Some(id(&panel.find(kind, called)?)?.to_owned()))
        };
        let parts = [
            ("group_by", Some(by.to_owned())),
            ("interval", interval),
            ("from", self.from.clone()),
            ("until", self.until.clone()),
            ("node", found(Kind::Node, &self.node)?),
            ("key", found(Kind::Key, &self.key)?),
        ];
        let parts = parts.into_iter();
        let parts = parts.filter_map(|(name, value)| Some((name, value?)));
        let url = reqwest::Url::parse_with_params(panel.url(), parts)?;
        let query = url.query().unwrap_or_default();
        Ok(format!("analytics/{subject}?{query}"))
    }
}
