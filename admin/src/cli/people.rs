//! `admin user …` and `admin token …`.

use std::io::Read as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use carillon_core::access::{Grant, Role, Scope};
use carillon_lifecycle::config::parse_duration;
use carillon_store::{NewToken, Store};
use clap::{Args, Subcommand};
use jiff::SignedDuration;

use super::{editor, say};
use crate::{api_token, password, secret, user_name};

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Makes an account. The password is read from standard input.
    Create(CreateUser),
    /// Gives an account another password, read from standard input, and ends its sessions.
    Password(NewPassword),
    /// Lists accounts.
    List,
}

#[derive(Debug, Args)]
pub(super) struct CreateUser {
    /// What its owner is called.
    name: String,
    /// owner, admin, operator, editor or viewer; in every group unless --group names some.
    #[arg(long)]
    role: Role,
    /// Groups in which the role holds; without, everywhere.
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    group: Vec<String>,
    /// Reads the password from standard input; there is no other way, so that it stands in no list of processes.
    #[arg(long, required = true)]
    password_stdin: bool,
}

#[derive(Debug, Args)]
pub(super) struct NewPassword {
    /// The account.
    name: String,
    /// Reads the password from standard input.
    #[arg(long, required = true)]
    password_stdin: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Makes a token and prints it, once.
    Create(CreateToken),
}

#[derive(Debug, Args)]
pub(super) struct CreateToken {
    /// The account it acts for.
    #[arg(long, value_name = "NAME")]
    user: String,
    /// How long it works, such as 90d; without, until it is revoked.
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    expires: Option<Duration>,
    /// What it is for.
    #[arg(long, value_name = "TEXT", default_value = "made by command")]
    name: String,
    /// The role it is cut down to; without, it may do all that its user may.
    #[arg(long)]
    scope: Option<Role>,
}

impl User {
    pub(super) async fn act(self, store: &Store) -> anyhow::Result<ExitCode> {
        match self {
            User::Create(create) => create.act(store).await,
            User::Password(new) => new.act(store).await,
            User::List => list(store).await,
        }
    }
}

fn read_password(name: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .context("reading the password from standard input")?;
    let given = text.trim_end_matches(['\r', '\n']).to_owned();
    password::judge(&given, name)?;
    Ok(given)
}

impl CreateUser {
    async fn act(self, store: &Store) -> anyhow::Result<ExitCode> {
        user_name::judge(&self.name)?;
        let given = read_password(&self.name)?;
        let groups = store.groups().await?;
        let mut grants = Vec::new();
        for name in &self.group {
            let group = groups.iter().find(|group| group.name == *name);
            let group =
                group.with_context(|| format!("there is no group {name:?}; create it first"))?;
            grants.push(Grant {
                role: self.role,
                scope: Scope::Group(group.id),
            });
        }
        if grants.is_empty() {
            grants.push(Grant {
                role: self.role,
                scope: Scope::Everywhere,
            });
        }
        store
            .create_user(&self.name, &password::hash(&given), &grants, &editor())
            .await?;
        say(&format!("created {} as {}", self.name, self.role))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl NewPassword {
    async fn act(self, store: &Store) -> anyhow::Result<ExitCode> {
        let Some(user) = store.sign_in_facts(&self.name).await? else {
            bail!(
                "there is no account {:?}; `admin user list` shows them",
                self.name
            );
        };
        let given = read_password(&user.name)?;
        store
            .set_password(user.user, &password::hash(&given), None, &editor())
            .await?;
        store
            .forget_failures(&format!("name {}", user.name.to_lowercase()))
            .await?;
        say(&format!(
            "the password of {} is set; all its sessions have ended",
            user.name
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(store: &Store) -> anyhow::Result<ExitCode> {
    for user in store.users().await? {
        let grants = user.grants.iter().map(|grant| match grant.scope {
            Scope::Everywhere => grant.role.to_string(),
            Scope::Group(group) => format!("{}@group {group}", grant.role),
        });
        let locked = if user.locked_at.is_some() {
            "  locked"
        } else {
            ""
        };
        say(&format!(
            "{}  {}{locked}",
            user.name,
            grants.collect::<Vec<_>>().join(",")
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Token {
    pub(super) async fn act(self, store: &Store) -> anyhow::Result<ExitCode> {
        let Token::Create(create) = self;
        let Some(user) = store.sign_in_facts(&create.user).await? else {
            bail!(
                "there is no account {:?}; `admin user list` shows them",
                create.user
            );
        };
        let token = api_token::draw();
        let new = NewToken {
            secret_hash: secret::trace(&token),
            user: user.user,
            name: create.name,
            scope: create.scope,
            lasts: create
                .expires
                .map(SignedDuration::try_from)
                .transpose()
                .context("--expires is too long")?,
        };
        store.create_token(&new, &editor()).await?;
        say(&token)?;
        Ok(ExitCode::SUCCESS)
    }
}
