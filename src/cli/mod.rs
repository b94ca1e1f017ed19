//! The command line: a thin skin over the library. Maps flags to calls, values to output, ends to exit codes.

mod args;
mod base;
mod commands;
mod confirm;
mod connect;
mod exit;
mod json;
mod learn;
mod mof_files;
mod output;
mod password;
mod printed;
mod problem;
mod settings;
mod span;
mod stop;
mod text_file;
mod typed;
mod way;
mod workflow;

use std::process::ExitCode;
use std::sync::Arc;

use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::debug_fn;

pub use args::{Cli, Command, Common, Format};
pub use exit::Exit;

use output::Printer;
use problem::Problem;
use settings::Settings;
use stop::Interruption;

use crate::clock::SystemClock;
use crate::trace::Recorder;

/// What every command works with.
#[derive(Clone)]
struct Context {
    /// The flags as they were typed, for settings of a second host.
    common: args::Common,
    settings: Settings,
    printer: Printer,
    clock: SystemClock,
    /// The recording of this command, where one was asked for.
    recorder: Option<Arc<Recorder>>,
    interruption: Interruption,
    /// The connections that were opened so far.
    kept: learn::Kept,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    keep_memory_private();
    // The deadline is that of the whole command.
    let clock = SystemClock::start();
    let cli = match Cli::read() {
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

/// Passwords are in this memory: no core file, and no process of the same user, is to hold a copy of it. What the system
/// does not do is left.
fn keep_memory_private() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
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

fn run(cli: Cli, clock: SystemClock) -> Exit {
    let settings = match Settings::gather(&cli.common) {
        Ok(settings) => settings,
        Err(problem) => return Printer::new(cli.common.output.unwrap_or_default(), false).problem(&problem),
    };
    if settings.output == Format::Prometheus && !matches!(cli.command, Command::Status(_)) {
        let problem = Problem::usage("only hvr status has metrics: give another -o");
        return Printer::new(Format::Table, false).problem(&problem);
    }
    log(cli.common.verbose.max(settings.verbose));
    let simulated = settings.simulate || matches!(cli.command, Command::Simulate(_));
    let printer = Printer::new(settings.output, simulated);
    let interruption = Interruption::new();
    interruption.on_record(settings.journal_command("list", None).switch("--open").to_string());
    let recorder = match recorder(&cli.command, &settings) {
        Ok(recorder) => recorder,
        Err(problem) => return printer.problem(&problem),
    };
    let kept = learn::Kept::default();
    let context = Context { common: cli.common.clone(), printer, settings, clock, recorder, interruption, kept };
    let ended = match &cli.command {
        Command::Failover(_)
        | Command::Test(_)
        | Command::Commit(_)
        | Command::Undo(_)
        | Command::Reverse(_)
        | Command::Start(_)
        | Command::Stop(_)
        | Command::Status(_)
        | Command::Points(_)
        | Command::Job(_)
        | Command::Network(_) => block_on(&context, learn::run(&cli.command, &context)),
        Command::Run(args) => block_on(&context, commands::run::run(args, &context)),
        Command::Check(args) => block_on(&context, commands::check::run(args, &context)),
        Command::Wsman(args) => block_on(&context, commands::wsman::run(args, &context)),
        Command::Schema(args) => commands::schema::run(args, &context),
        Command::Trace(args) => block_on(&context, commands::trace::run(args, &context)),
        Command::Pin(args) => block_on(&context, commands::pin::run(args, &context)),
        Command::Simulate(args) => block_on(&context, commands::simulate::run(args, &context)),
        Command::Completions(args) => commands::generate::completions(args, &context),
        Command::Help(args) => commands::help::run(args, &context),
        Command::Man(args) => commands::generate::man(args, &context),
    };
    let exit = match ended {
        Ok(exit) => exit,
        Err(problem) => context.printer.problem(&finished(problem, &cli.command, &context.settings)),
    };
    if let Some(failure) = context.recorder.and_then(|recorder| recorder.failure()) {
        output::note(&format!("hvr: the recording is not complete: {failure}"));
    }
    exit
}

/// A problem with all that the operator needs to follow it: where the values came from, and whole commands.
fn finished(problem: Problem, command: &Command, settings: &Settings) -> Problem {
    // A run that is taken up again has settings of its own.
    let is_told = problem.details.contains_key("origins") || matches!(command, Command::Run(_));
    let problem = match &settings.host {
        Some(host) if !is_told && !settings.simulate => settings.origins.told(problem, host),
        _ => problem,
    };
    let remedy = settings.complete(&problem.remedy, None);
    // Its commands name a host that is not there any more.
    let is_over = settings.simulate && remedy.contains(" -H URL ") && !remedy.contains("`hvr simulate ");
    let remedy = if is_over { format!("{remedy}; {}", settings.world_has_ended()) } else { remedy };
    problem.remedy(remedy)
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
fn block_on(context: &Context, command: impl Future<Output = Result<Exit, Problem>>) -> Result<Exit, Problem> {
    let interruption = &context.interruption;
    interruption.listen();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Problem::internal(format!("no runtime: {error}")))?;
    let ended = runtime.block_on(async {
        tokio::select! {
            biased;
            ended = command => ended,
            () = interruption.signal_left_to_others() => {
                output::end_of_line();
                Err(interruption.problem())
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
    // What is logged may be of a host: an event is one line, like all else.
    let fields = debug_fn(|writer, field, value| match field.name() {
        "message" => write!(writer, "{}", output::printable(&format!("{value:?}"))),
        name => write!(writer, "{name}={}", output::printable(&format!("{value:?}"))),
    });
    let lines = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .fmt_fields(fields.delimited(" "))
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_ansi(output::stderr_has_colour());
    // Who did not ask for a log is told what must not be missed, in the form of the other notes.
    let _ = match verbose {
        0 => lines.without_time().with_target(false).with_level(false).try_init(),
        _ => lines.try_init(),
    };
}
