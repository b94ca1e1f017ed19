//! The form of a host's class URIs, found out where nobody has said it: the URIs of Windows are refused, and Identify says
//! that another server answers. The command then begins again over the same connection; nothing was sent that changes a
//! host, as every command that does begins with reading.

use std::sync::{Arc, Mutex, PoisonError};

use super::args::Command;
use super::base::Base;
use super::commands;
use super::connect::{Connection, Opened};
use super::exit::Exit;
use super::output::{note, printable};
use super::problem::{Changed, Problem};
use super::settings::Settings;
use super::{Context, Format};

/// The connections that a command has opened, for its second beginning.
#[derive(Clone, Default)]
pub struct Kept {
    opened: Arc<Mutex<Vec<Opened>>>,
    /// Whether they are to be used.
    again: bool,
}

impl Kept {
    /// The connection that stands at this place in the order of opening, where it was opened before.
    pub(super) fn find(&self, place: usize) -> Option<Opened> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.get(place).filter(|_| self.again).cloned()
    }

    pub(super) fn keep(&self, opened: &Opened) {
        if !self.again {
            self.opened.lock().unwrap_or_else(PoisonError::into_inner).push(opened.clone());
        }
    }

    fn first(&self) -> Option<Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).first().cloned()
    }
}

/// Runs a command about Hyper-V's classes.
pub async fn run(command: &Command, context: &Context) -> Result<Exit, Problem> {
    match Box::pin(dispatch(command, context)).await {
        Err(problem) if may_learn(&problem, context) => match learn(context).await {
            Some(learnt) => Box::pin(dispatch(command, &learnt)).await,
            None => {
                // It waited for a second beginning.
                if let Command::Status(args) = command {
                    commands::status::tell_monitoring(&problem, args, context);
                }
                Err(problem)
            }
        },
        ended => ended,
    }
}

/// Whether the problem may be that the host has other class URIs, and nobody has said which.
pub fn may_learn(problem: &Problem, context: &Context) -> bool {
    const BY_URI: [&str; 4] = ["resource-uri", "not-found", "no-class", "no-namespace"];
    context.settings.addressing.base.is_none()
        && !context.kept.again
        && problem.changed == Changed::No
        && !problem.details.contains_key("run")
        && BY_URI.contains(&problem.code)
        && context.kept.first().is_some()
}

/// The context with the form that fits, where what answers is no Windows host.
async fn learn(context: &Context) -> Option<Context> {
    let settings = &context.settings;
    let connection = Connection::over(context.kept.first()?, settings, context).ok()?;
    let identity = connection.client(connection.addressing().clone()).identify().await.ok()?;
    let base = Base::of_identity(&identity);
    if base != Base::dmtf() {
        return None;
    }
    if settings.output != Format::Prometheus {
        let product = format!("{} {}", identity.product_vendor, identity.product_version);
        note(&printable(&format!(
            "{} is no Windows host ({}): its classes are asked for with --base dmtf; said so, or with base = \"dmtf\" in a \
             profile, it need not be found out",
            connection.name,
            product.trim()
        )));
    }
    let mut common = context.common.clone();
    common.typed = common.typed.with("base", Some(base.to_string()));
    common.base = Some(base);
    let settings = Settings::gather(&common).ok()?;
    let kept = Kept { again: true, ..context.kept.clone() };
    Some(Context { common, settings, kept, ..context.clone() })
}

async fn dispatch(command: &Command, context: &Context) -> Result<Exit, Problem> {
    match command {
        Command::Failover(args) => commands::failover::run(args, context).await,
        Command::Test(args) => commands::test::run(args, context).await,
        Command::Commit(args) => commands::commit::commit(args, context).await,
        Command::Undo(args) => commands::commit::undo(args, context).await,
        Command::Reverse(args) => commands::reverse::run(args, context).await,
        Command::Start(args) => commands::power::start(args, context).await,
        Command::Stop(args) => commands::power::stop(args, context).await,
        Command::Status(args) => commands::status::run(args, context).await,
        Command::Points(args) => commands::points::run(args, context).await,
        Command::Job(args) => commands::job::run(args, context).await,
        Command::Network(args) => commands::network::run(args, context).await,
        _ => Err(Problem::internal("this command does not address classes by itself")),
    }
}
