//! The commands that ask a control panel, under one roof: they are called alike and end alike.

use crate::cli::{
    admin_audit, budget, counts, gateway, kill, lease, login, node, request, spend, token, top,
    user, vault, webhook,
};
use clap::Subcommand;
use std::io::Write;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AtPanel {
    Login(login::LoginArgs),
    Logout(login::LogoutArgs),
    Top(top::TopArgs),
    Node(node::NodeArgs),
    Agent(node::AgentArgs),
    Budget(budget::BudgetArgs),
    Request(request::RequestArgs),
    Gateway(gateway::GatewayArgs),
    Lease(lease::LeaseArgs),
    Spend(spend::SpendArgs),
    Refusals(counts::RefusalsArgs),
    Findings(counts::FindingsArgs),
    Kill(kill::KillArgs),
    Unkill(kill::UnkillArgs),
    Kills(kill::KillsArgs),
    User(user::UserArgs),
    Token(token::TokenArgs),
    Vault(vault::VaultArgs),
    Webhook(webhook::WebhookArgs),
    AdminAudit(admin_audit::AdminAuditArgs),
}

impl AtPanel {
    /// Runs it; what it prints goes to `out`.
    pub(in crate::cli) fn run(
        &self,
        env: &[(String, String)],
        out: &mut dyn Write,
    ) -> anyhow::Result<ExitCode> {
        match self {
            Self::Login(args) => login::run(args, env, out),
            Self::Logout(args) => login::out(args, env, out),
            Self::Top(args) => top::run(args, env, out),
            Self::Node(args) => node::run(args, env, out),
            Self::Agent(args) => node::agent(args, env, out),
            Self::Budget(args) => budget::run(args, env, out),
            Self::Request(args) => request::run(args, env, out),
            Self::Gateway(args) => gateway::run(args, env, out),
            Self::Lease(args) => lease::run(args, env, out),
            Self::Spend(args) => spend::run(args, env, out),
            Self::Refusals(args) => counts::refusals(args, env, out),
            Self::Findings(args) => counts::findings(args, env, out),
            Self::Kill(args) => kill::run(args, env, out),
            Self::Unkill(args) => kill::release(args, env, out),
            Self::Kills(args) => kill::look(args, env, out),
            Self::User(args) => user::run(args, env, out),
            Self::Token(args) => token::run(args, env, out),
            Self::Vault(args) => vault::run(args, env, out),
            Self::Webhook(args) => webhook::run(args, env, out),
            Self::AdminAudit(args) => admin_audit::run(args, env, out),
        }
    }
}
