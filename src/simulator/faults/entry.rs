//! A fault as a scenario writes it: one effect, and what goes with it.

use std::time::Duration;

use serde::Deserialize;

use super::{Cut, Effect, Fault, FaultName, Garbage, Page, Relates, Work};
use crate::simulator::scenario::{JobScript, duration};

/// An entry as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    on: String,
    nth: Option<u32>,
    times: Option<u32>,
    taken: Option<bool>,
    #[serde(default)]
    late: Option<Delay>,
    fault: Option<FaultName>,
    status: Option<u16>,
    page: Option<PageWord>,
    relates: Option<Relates>,
    cut: Option<CutWord>,
    at: Option<u64>,
    #[serde(default)]
    delay: Option<Delay>,
    hang: Option<bool>,
    garbage: Option<Garbage>,
    login: Option<LoginWord>,
    job: Option<JobScript>,
    restart: Option<bool>,
    returns: Option<u32>,
}

#[derive(Deserialize)]
struct Delay(#[serde(deserialize_with = "duration")] Duration);

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum CutWord {
    Body,
    Before,
    After,
    Reply,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum LoginWord {
    Dropped,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum PageWord {
    Empty,
    Html,
    Fault,
    Success,
}

impl Entry {
    /// The page of a status, where there is one.
    fn page(&self) -> Result<Option<(u16, Page)>, &'static str> {
        let is_soap = matches!(self.page, Some(PageWord::Fault | PageWord::Success));
        if self.relates.is_some() && !is_soap {
            return Err("\"relates\" belongs to page = \"fault\" or page = \"success\"");
        }
        let Some(status) = self.status else {
            return match self.page {
                Some(_) => Err("\"page\" belongs to a \"status\""),
                None => Ok(None),
            };
        };
        if !(200..=599).contains(&status) {
            return Err("\"status\" is a number from 200 to 599");
        }
        let relates = self.relates.unwrap_or_default();
        if self.fault.is_some() && self.page != Some(PageWord::Fault) {
            return Err("\"fault\" beside a \"status\" says which fault the page is: it belongs to page = \"fault\"");
        }
        let page = match self.page.unwrap_or(PageWord::Empty) {
            PageWord::Empty => Page::Empty,
            PageWord::Html => Page::Html,
            PageWord::Fault => Page::Fault { name: self.fault.unwrap_or(FaultName::AccessDenied), relates },
            PageWord::Success => Page::Success { relates },
        };
        Ok(Some((status, page)))
    }

    /// Whether the name of a fault says which fault the page is.
    fn names_page(&self) -> bool {
        self.status.is_some() && self.page == Some(PageWord::Fault)
    }
}

impl TryFrom<Entry> for Fault {
    type Error = String;

    fn try_from(entry: Entry) -> Result<Fault, String> {
        let on = entry.on.split_whitespace().collect::<Vec<_>>().join(" ");
        let fail = |text: &str| Err(format!("fault on {on:?}: {text}"));
        if !(1..=2).contains(&on.split(' ').filter(|word| !word.is_empty()).count()) {
            return fail("\"on\" is an operation or method, and perhaps a class");
        }
        if entry.at.is_some() && entry.cut != Some(CutWord::Reply) {
            return fail("\"at\" belongs to cut = \"reply\"");
        }
        let cut = entry.cut.map(|word| match word {
            CutWord::Body => Cut::Body,
            CutWord::Before => Cut::Before,
            CutWord::After => Cut::After,
            CutWord::Reply => Cut::Reply(entry.at.unwrap_or(200)),
        });
        if cut == Some(Cut::Body) && on != "*" {
            return fail("cut = \"body\" goes only with on = \"*\"");
        }
        let page = match entry.page() {
            Ok(page) => page,
            Err(text) => return fail(text),
        };
        let effects: Vec<Effect> = [
            entry.fault.filter(|_| !entry.names_page()).map(Effect::Fault),
            page.map(|(status, page)| match page {
                Page::Empty => Effect::Status(status),
                page => Effect::Swapped { status, page },
            }),
            cut.map(Effect::Cut),
            entry.delay.map(|delay| Effect::Delay(delay.0)),
            entry.hang.filter(|on| *on).map(|_| Effect::Hang),
            entry.garbage.map(Effect::Garbage),
            entry.login.map(|LoginWord::Dropped| Effect::LoginDropped),
            entry.job.map(Effect::Job),
            entry.restart.filter(|on| *on).map(|_| Effect::Restart),
            entry.returns.map(Effect::Returns),
        ]
        .into_iter()
        .flatten()
        .collect();
        let Ok([effect]) = <[Effect; 1]>::try_from(effects) else {
            return fail(
                "exactly one of fault, status, cut, delay, hang, garbage, login, job, restart, returns is needed",
            );
        };
        let nth = entry.nth.unwrap_or(1);
        if nth == 0 {
            return fail("\"nth\" counts from 1");
        }
        let work = match (entry.late, entry.taken) {
            (Some(_), Some(_)) => return fail("\"late\" says when the host does the work; leave \"taken\" out"),
            (Some(_), None) if !effect.may_be_late() => {
                return fail(
                    "\"late\" goes with an answer that does not come of the work: status, fault, hang, login, \
                     cut = \"before\", garbage = \"html\" or \"empty\"",
                );
            }
            (Some(late), None) => Work::Late(late.0),
            (None, taken) => Work::done_if(taken.unwrap_or_else(|| effect.is_taken_by_default())),
        };
        Ok(Fault { on, nth, times: entry.times.unwrap_or(1), work, effect })
    }
}
