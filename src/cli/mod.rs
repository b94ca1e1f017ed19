//! The command line: a thin skin over the library. Maps flags to calls, values to output, ends to exit codes.

mod args;
mod clock;
mod commands;
mod confirm;
mod connect;
mod exit;
mod json;
mod mof_files;
mod output;
mod password;
mod problem;
mod settings;
mod span;
mod stop;
mod typed;
mod workflow;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

pub use args::{Cli, Command, Common, Format};
pub use exit::Exit;

use output::Printer;
use problem::Problem;
use settings::Settings;

use crate::trace::Recorder;

/// What every command works with.
#[derive(Clone)]
struct Context {
    /// The flags as they were typed, for settings of a second host.
    common: args::Common,
    settings: Settings,
    printer: Printer,
    clock: clock::Clock,
    /// The recording of this command, where one was asked for.
    recorder: Option<Arc<Recorder>>,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    // The deadline is that of the whole command.
    let clock = clock::Clock::start();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output and are no error.
            let _ = error.print();
            if !error.use_stderr() {
                return Exit::Done.into();
            }
            print_unreadable(&error);
            return Exit::Usage.into();
        }
    };
    let exit = run(cli, clock);
    if output::lost_data() {
        output::note(&format!(
            "hvr: standard output could not be written; without that the exit would be {}",
            exit.code()
        ));
        return if exit == Exit::Done { Exit::Internal } else { exit }.into();
    }
    exit.into()
}

/// A command line that cannot be read still ends in a document where one was asked for.
fn print_unreadable(error: &clap::Error) {
    let words: Vec<_> = std::env::args_os().skip(1).filter_map(|word| word.into_string().ok()).collect();
    let apart = words.windows(2).filter(|pair| pair.first().is_some_and(|flag| flag == "-o" || flag == "--output"));
    let apart = apart.filter_map(|pair| pair.last().map(String::as_str));
    let joined = words.iter().filter_map(|word| word.strip_prefix("--output=").or(word.strip_prefix("-o")));
    let variable = std::env::var("HVR_OUTPUT").ok();
    let named = apart.chain(joined).chain(variable.as_deref()).find_map(|name| match name.trim_start_matches('=') {
        "json" => Some(Format::Json),
        "jsonl" => Some(Format::Jsonl),
        _ => None,
    });
    let Some(format) = named else { return };
    let text = error.to_string();
    let line = text.lines().next().unwrap_or("").trim_start_matches("error: ").to_owned();
    let problem = Problem::usage(line).remedy("see hvr --help");
    Printer::new(format, false).document(&problem.to_json(false));
}

fn run(cli: Cli, clock: clock::Clock) -> Exit {
    let settings = match Settings::gather(&cli.common) {
        Ok(settings) => settings,
        Err(problem) => return Printer::new(cli.common.output.unwrap_or_default(), false).problem(&problem),
    };
    if settings.output == Format::Prometheus && !matches!(cli.command, Command::Status(_)) {
        let problem = Problem::usage("only `hvr status` has metrics: give another -o");
        return Printer::new(Format::Table, false).problem(&problem);
    }
    log(cli.common.verbose.max(settings.verbose));
    let simulated = settings.simulate || matches!(cli.command, Command::Simulate(_));
    let printer = Printer::new(settings.output, simulated);
    let recorder = match recorder(&cli.command, &settings) {
        Ok(recorder) => recorder,
        Err(problem) => return printer.problem(&problem),
    };
    let context = Context { common: cli.common.clone(), printer, settings, clock, recorder };
    let ended = match &cli.command {
        Command::Failover(args) => block_on(commands::failover::run(args, &context)),
        Command::Test(args) => block_on(commands::test::run(args, &context)),
        Command::Commit(args) => block_on(commands::commit::commit(args, &context)),
        Command::Undo(args) => block_on(commands::commit::undo(args, &context)),
        Command::Reverse(args) => block_on(commands::reverse::run(args, &context)),
        Command::Run(args) => block_on(commands::run::run(args, &context)),
        Command::Start(args) => block_on(commands::power::start(args, &context)),
        Command::Stop(args) => block_on(commands::power::stop(args, &context)),
        Command::Status(args) => block_on(commands::status::run(args, &context)),
        Command::Points(args) => block_on(commands::points::run(args, &context)),
        Command::Job(args) => block_on(commands::job::run(args, &context)),
        Command::Network(args) => block_on(commands::network::run(args, &context)),
        Command::Check(args) => block_on(commands::check::run(args, &context)),
        Command::Wsman(args) => block_on(commands::wsman::run(args, &context)),
        Command::Schema(args) => commands::schema::run(args, &context),
        Command::Trace(args) => block_on(commands::trace::run(args, &context)),
        Command::Pin(args) => block_on(commands::pin::run(args, &context)),
        Command::Simulate(args) => block_on(commands::simulate::run(args, &context)),
        Command::Completions(args) => commands::generate::completions(args, &context),
        Command::Help(args) => commands::help::run(args, &context),
        Command::Man(args) => commands::generate::man(args, &context),
    };
    let exit = match ended {
        Ok(exit) => exit,
        Err(problem) => context.printer.problem(&problem),
    };
    if let Some(failure) = context.recorder.and_then(|recorder| recorder.failure()) {
        output::note(&format!("hvr: the recording is not complete: {failure}"));
    }
    exit
}

/// The recording is begun before anything is sent, so that one that cannot be written ends the command in time.
fn recorder(command: &Command, settings: &Settings) -> Result<Option<Arc<Recorder>>, Problem> {
    let Some(file) = &settings.trace else { return Ok(None) };
    if let Command::Trace(args) = command {
        args.spares(file)?;
    }
    commands::trace::recorder(file, settings.anonymise).map(Arc::new).map(Some)
}

/// Runs a command to its end, or to Ctrl-C.
fn block_on(command: impl Future<Output = Result<Exit, Problem>>) -> Result<Exit, Problem> {
    stop::listen();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Problem::internal(format!("no runtime: {error}")))?;
    let ended = runtime.block_on(async {
        tokio::select! {
            biased;
            ended = command => ended,
            () = stop::signal_left_to_others() => {
                output::end_of_line();
                Err(stop::interrupted())
            }
        }
    });
    // A prompt may still wait for a line that never comes.
    runtime.shutdown_background();
    ended
}

fn log(verbose: u8) {
    let filter = match verbose {
        0 => "hyperv_replica=warn",
        1 => "hyperv_replica=debug",
        _ => "hyperv_replica=trace,hyper=debug",
    };
    let lines = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_ansi(output::stderr_has_colour());
    // Who did not ask for a log is told what must not be missed, in the form of the other notes.
    let _ = match verbose {
        0 => lines.without_time().with_target(false).with_level(false).try_init(),
        _ => lines.try_init(),
    };
}
