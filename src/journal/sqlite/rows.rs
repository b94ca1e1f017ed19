//! Runs and calls as rows.

use std::fmt::Display;
use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::{host_lock, names, order_json};
use crate::failover::Site;
use crate::failover::journal::{
    CallOutcome, CallRecord, History, Intent, RunEnd, RunId, RunRecord, Uptime, Verdict, World,
};
use crate::hyperv::{ReturnCode, VmId};

/// Why rows cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum RowError {
    /// SQLite says so.
    #[error(transparent)]
    Sqlite(rusqlite::Error),
    /// SQLite has the row, and it says what this program cannot take; or the rows forbid what was asked for.
    #[error("{0}")]
    Content(String),
}

impl From<rusqlite::Error> for RowError {
    /// A column of another type is no fault of the database: somebody wrote it.
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error() {
            Some(_) => RowError::Sqlite(error),
            None => RowError::Content(error.to_string()),
        }
    }
}

/// Shorthand for what can go wrong with a row.
pub(super) type Rows<T> = Result<T, RowError>;

/// The number of the last change of any run.
pub(super) fn revision(connection: &Connection) -> Rows<i64> {
    Ok(connection.query_row("SELECT coalesce(max(revision), 0) FROM runs", [], |row| row.get(0))?)
}

/// Another run on the VM of a run, in the same world, that has no end; the newest. `but` are the run itself and the one it takes back.
pub(super) fn open_run(connection: &Connection, run: &RunRecord, but: [Option<&RunId>; 2]) -> Rows<Option<RunId>> {
    let [own, undone] = but.map(|run| run.map_or("", RunId::as_str));
    const SQL: &str = "SELECT id FROM runs WHERE vm = ?1 AND world = ?4 AND id NOT IN (?2, ?3) AND ending IS NULL
                       ORDER BY rowid DESC LIMIT 1";
    one_id(connection, SQL, params![names::vm(&run.vm), own, undone, run.world.to_string()])
}

/// Another run on the VM of a run, in the same world, that changed after a revision, or not before a time.
pub(super) fn changed_run(
    connection: &Connection,
    run: &RunRecord,
    but: [Option<&RunId>; 2],
    after: i64,
    since: Option<SystemTime>,
) -> Rows<Option<RunId>> {
    let [own, undone] = but.map(|run| run.map_or("", RunId::as_str));
    const SQL: &str = "SELECT id FROM runs
                       WHERE vm = ?1 AND world = ?6 AND id NOT IN (?2, ?3) AND (revision > ?4 OR changed >= ?5)
                       ORDER BY revision DESC LIMIT 1";
    let (vm, world) = (names::vm(&run.vm), run.world.to_string());
    one_id(connection, SQL, params![vm, own, undone, after, since.and_then(names::time), world])
}

fn one_id(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> Rows<Option<RunId>> {
    let id: Option<String> = connection.query_row(sql, values, |row| row.get(0)).optional()?;
    id.map(|id| names::read_run(&id).ok_or_else(|| RowError::Content(format!("{id:?} is no id of a run")))).transpose()
}

/// Whether there is a run of this id.
pub(super) fn exists(connection: &Connection, run: &RunId) -> Rows<bool> {
    Ok(connection.query_row("SELECT count(*) FROM runs WHERE id = ?1", [run.as_str()], |row| row.get(0))?)
}

/// Writes a run. Its id must be new.
pub(super) fn insert_run(connection: &Connection, run: &RunRecord, now: SystemTime) -> Rows<()> {
    let order_json = order_json::write(&run.order).map_err(content)?;
    let host = |site| run.hosts.iter().find(|(known, _)| *known == site).map(|(_, url)| url.as_str());
    connection.execute(
        "INSERT INTO runs (id, kind, vm, vm_name, host, primary_host, begun, undoes, machine, program, context, world,
                           order_json, changed, revision)
         VALUES (:id, :kind, :vm, :vm_name, :host, :primary_host, :begun, :undoes, :machine, :program, :context, :world,
                 :order_json, :changed, (SELECT coalesce(max(revision), 0) + 1 FROM runs))",
        named_params! {
            ":id": run.id.as_str(),
            ":kind": run.order.kind.name(),
            ":vm": names::vm(&run.vm),
            ":vm_name": run.vm_name,
            ":host": host(Site::Host),
            ":primary_host": host(Site::Primary),
            ":begun": time(run.begun)?,
            ":undoes": run.undoes.as_ref().map(RunId::as_str),
            ":machine": host_lock::name(),
            ":program": env!("CARGO_PKG_VERSION"),
            ":context": run.context,
            ":world": run.world.to_string(),
            ":order_json": order_json,
            ":changed": time(now)?,
        },
    )?;
    Ok(())
}

/// Says that a run changed. A run that sends something is open, whatever was said of it before.
fn touch(connection: &Connection, run: &RunId, now: SystemTime) -> Rows<()> {
    let changed = connection.execute(
        "UPDATE runs SET changed = ?2, revision = (SELECT max(revision) + 1 FROM runs) WHERE id = ?1",
        params![run.as_str(), time(now)?],
    )?;
    match changed {
        0 => Err(RowError::Content(format!("the journal has no run {run} any more"))),
        _ => Ok(()),
    }
}

/// Writes what is about to be sent, and gives its number.
pub(super) fn insert_call(connection: &Connection, run: &RunId, intent: &Intent, now: SystemTime) -> Rows<u64> {
    let last: i64 =
        connection
            .query_row("SELECT coalesce(max(number), 0) FROM calls WHERE run = ?1", [run.as_str()], |row| row.get(0))?;
    connection.execute(
        "INSERT INTO calls (run, number, step, site, host, vm, method, message_id, envelope, state_before, sent,
                            operation_timeout_ms, boot, uptime_ms)
         VALUES (:run, :number, :step, :site, :host, :vm, :method, :message_id, :envelope, :state_before, :sent,
                 :operation_timeout_ms, :boot, :uptime_ms)",
        named_params! {
            ":run": run.as_str(),
            ":number": last + 1,
            ":step": intent.step,
            ":site": intent.site.name(),
            ":host": intent.host,
            ":vm": names::vm(&intent.vm),
            ":method": intent.method,
            ":message_id": intent.message_id,
            ":envelope": intent.envelope,
            ":state_before": intent.before,
            ":sent": time(intent.sent)?,
            ":operation_timeout_ms": names::milliseconds(intent.operation_timeout),
            ":boot": intent.sent_uptime.as_ref().map(|uptime| uptime.boot.as_str()),
            ":uptime_ms": intent.sent_uptime.as_ref().map(|uptime| names::milliseconds(uptime.time)),
        },
    )?;
    connection.execute("UPDATE runs SET ending = NULL, ended = NULL WHERE id = ?1", [run.as_str()])?;
    touch(connection, run, now)?;
    u64::try_from(last + 1).map_err(content)
}

/// Writes what came back.
pub(super) fn set_outcome(
    connection: &Connection,
    run: &RunId,
    call: u64,
    outcome: &CallOutcome,
    now: SystemTime,
) -> Rows<()> {
    let (job_class, job_id) = outcome.job.as_ref().map(|(class, id)| (class, id)).unzip();
    let changed = connection.execute(
        "UPDATE calls SET delivery = ?3, return_value = ?4, job_class = ?5, job_id = ?6, error = ?7
         WHERE run = ?1 AND number = ?2",
        params![
            run.as_str(),
            number(call)?,
            outcome.delivery.name(),
            outcome.code.map(ReturnCode::value),
            job_class,
            job_id,
            outcome.error,
        ],
    )?;
    call_changed(changed, run, call)?;
    touch(connection, run, now)
}

/// Writes what is proven.
pub(super) fn set_verdict(
    connection: &Connection,
    run: &RunId,
    call: u64,
    verdict: Verdict,
    now: SystemTime,
) -> Rows<()> {
    let changed = connection.execute(
        "UPDATE calls SET verdict = ?3 WHERE run = ?1 AND number = ?2",
        params![run.as_str(), number(call)?, verdict.name()],
    )?;
    call_changed(changed, run, call)?;
    touch(connection, run, now)
}

fn call_changed(changed: usize, run: &RunId, call: u64) -> Rows<()> {
    match changed {
        0 => Err(RowError::Content(format!("the journal has no call {call} of run {run}"))),
        _ => Ok(()),
    }
}

/// Writes how a run ended; nothing happens if there is no such run.
pub(super) fn set_end(
    connection: &Connection,
    run: &RunId,
    end: Option<RunEnd>,
    note: &str,
    now: SystemTime,
) -> Rows<bool> {
    let ended = end.map(|_| time(now)).transpose()?;
    let changed = connection.execute(
        "UPDATE runs SET ending = ?2, ended = ?3, note = ?4 WHERE id = ?1",
        params![run.as_str(), end.map(RunEnd::name), ended, note],
    )?;
    match changed {
        0 => Ok(false),
        _ => touch(connection, run, now).map(|()| true),
    }
}

/// The VM of a run, its world, and how it ended: what is needed to close even a run that says more than this program can read.
pub(super) fn head(connection: &Connection, run: &RunId) -> Rows<Option<(VmId, World, Option<String>)>> {
    const SQL: &str = "SELECT vm, world, ending FROM runs WHERE id = ?1";
    let found: Option<(String, String, Option<String>)> =
        connection.query_row(SQL, [run.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    found.map(|(vm, world, ending)| Ok((read_vm(&vm)?, world.parse().map_err(content)?, ending))).transpose()
}

/// A run with its calls.
pub(super) fn history(connection: &Connection, run: &str) -> Rows<Option<History>> {
    let mut statement = connection.prepare("SELECT * FROM runs WHERE id = ?1")?;
    let mut rows = statement.query([run])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (record, end, note) = read_run(row)?;
    let mut statement = connection.prepare("SELECT * FROM calls WHERE run = ?1 ORDER BY number")?;
    let mut rows = statement.query([run])?;
    let mut calls = Vec::new();
    while let Some(row) = rows.next()? {
        calls.push(read_call(row)?);
    }
    Ok(Some(History { record, calls, end, note }))
}

/// The newest jobs that runs on a VM have started. A host keeps one for minutes, so that older ones meet nobody.
pub(super) fn jobs_of(connection: &Connection, vm: &VmId) -> Rows<Vec<String>> {
    let mut statement = connection.prepare(
        "SELECT calls.job_id FROM calls JOIN runs ON runs.id = calls.run
         WHERE runs.vm = ?1 AND calls.job_id IS NOT NULL ORDER BY calls.rowid DESC LIMIT 100",
    )?;
    let jobs = statement.query_map([names::vm(vm)], |row| row.get(0))?;
    Ok(jobs.collect::<Result<_, _>>()?)
}

fn read_run(row: &Row<'_>) -> Rows<(RunRecord, Option<RunEnd>, String)> {
    let program: String = row.get("program")?;
    let order: String = row.get("order_json")?;
    let order = order_json::read(&order).map_err(|error| {
        RowError::Content(format!(
            "its order was written by version {program} and says more than this version knows: {error}"
        ))
    })?;
    let hosts = [(Site::Host, row.get("host")?), (Site::Primary, row.get("primary_host")?)];
    let hosts = hosts.into_iter().filter_map(|(site, url): (_, Option<String>)| Some((site, url?)));
    let record = RunRecord {
        id: word(row, "id", names::read_run)?,
        order,
        vm: read_vm(&row.get::<_, String>("vm")?)?,
        vm_name: row.get("vm_name")?,
        hosts: hosts.collect(),
        begun: word(row, "begun", names::read_time)?,
        undoes: optional_word(row, "undoes", names::read_run)?,
        context: row.get("context")?,
        world: word(row, "world", |text| text.parse().ok())?,
    };
    Ok((record, optional_word(row, "ending", names::read_end)?, row.get("note")?))
}

fn read_call(row: &Row<'_>) -> Rows<CallRecord> {
    let timeout: i64 = row.get("operation_timeout_ms")?;
    let intent = Intent {
        step: row.get("step")?,
        site: word(row, "site", names::read_site)?,
        host: row.get("host")?,
        vm: read_vm(&row.get::<_, String>("vm")?)?,
        method: row.get("method")?,
        message_id: row.get("message_id")?,
        envelope: row.get("envelope")?,
        before: row.get("state_before")?,
        sent: word(row, "sent", names::read_time)?,
        // Where it is not known, or makes no sense, the call counts as sent when the run is taken up.
        sent_uptime: row
            .get::<_, Option<String>>("boot")?
            .zip(row.get::<_, Option<i64>>("uptime_ms")?.and_then(names::read_milliseconds))
            .map(|(boot, time)| Uptime { boot, time }),
        operation_timeout: names::read_milliseconds(timeout)
            .ok_or_else(|| RowError::Content(format!("operation_timeout_ms is {timeout}")))?,
    };
    let delivery = optional_word(row, "delivery", names::read_delivery)?;
    let code: Option<u32> = row.get("return_value")?;
    let (class, id): (Option<String>, Option<String>) = (row.get("job_class")?, row.get("job_id")?);
    let error = row.get("error")?;
    let outcome =
        delivery.map(|delivery| CallOutcome { delivery, code: code.map(ReturnCode::from), job: class.zip(id), error });
    Ok(CallRecord {
        number: row.get::<_, i64>("number").map(u64::try_from)?.map_err(content)?,
        intent,
        outcome,
        verdict: optional_word(row, "verdict", names::read_verdict)?,
    })
}

fn optional_word<T>(row: &Row<'_>, column: &str, read: fn(&str) -> Option<T>) -> Rows<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| read(&text).ok_or_else(|| RowError::Content(format!("{column} is {text:?}")))).transpose()
}

fn word<T>(row: &Row<'_>, column: &str, read: fn(&str) -> Option<T>) -> Rows<T> {
    optional_word(row, column, read)?.ok_or_else(|| RowError::Content(format!("{column} is missing")))
}

fn read_vm(text: &str) -> Rows<VmId> {
    text.parse().map_err(content)
}

fn time(time: SystemTime) -> Rows<String> {
    names::time(time).ok_or_else(|| RowError::Content("a time outside the years 0 to 9999".to_owned()))
}

fn number(call: u64) -> Rows<i64> {
    i64::try_from(call).map_err(content)
}

fn content(error: impl Display) -> RowError {
    RowError::Content(error.to_string())
}
