//! One lie at one call, and nothing else: every call of every workflow, every status, before, after and late.

use hyperv_replica::failover::Site;
use hyperv_replica::simulator::{Effect, Fault, FaultName, Page, Relates};

use super::*;
use crate::storm::lies::STATUSES;

/// A call, and what is answered in the host's place.
#[derive(Debug, Clone)]
pub struct Case {
    orders: u64,
    site: Site,
    fault: Fault,
    tls: bool,
}

/// All there are. Which calls a workflow makes, it tells when nothing disturbs it.
pub async fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for orders in WORKFLOWS {
        let mut tale = calm(false);
        for order in Tale::orders(*orders) {
            tale.prepare(&order);
            tale.settle(order, 0).await.unwrap_or_else(|wrong| panic!("{wrong}\n{}", tale.log.join("\n")));
        }
        for site in Site::ALL {
            let taken = tale.host(site).history();
            for (number, call) in taken.iter().enumerate() {
                let nth = taken[..=number].iter().filter(|other| other.method == call.method).count();
                let nth = u32::try_from(nth).unwrap();
                for (place, status) in STATUSES.iter().enumerate() {
                    for late in [Some(false), Some(true), None] {
                        let tls = (place + cases.len()).is_multiple_of(2);
                        let page = page(cases.len(), tls);
                        let fault = Fault::on(&call.method, Effect::Swapped { status: *status, page }).nth(nth);
                        let fault = match late {
                            Some(taken) => fault.taken(taken),
                            None => fault.late(Duration::from_secs(20)),
                        };
                        cases.push(Case { orders: *orders, site, fault, tls });
                    }
                }
            }
        }
    }
    cases
}

/// One after the other. Inside TLS no SOAP page claims to answer the message.
fn page(number: usize, tls: bool) -> Page {
    let relates = match number % 3 {
        0 if !tls => Relates::This,
        1 => Relates::Other,
        _ => Relates::Nothing,
    };
    match number % 5 {
        0 => Page::Empty,
        1 => Page::Html,
        2 => Page::Fault { name: FaultName::AccessDenied, relates },
        3 => Page::Fault { name: FaultName::InvalidSelectors, relates },
        _ => Page::Success { relates },
    }
}

fn calm(tls: bool) -> Tale {
    let scenario = format!(
        "default_vms = false\n[job]\nduration = \"2s\"\n[[vms]]\nname = \"{VM}\"\n\
         points = [{{ kind = \"standard\", age = \"1h\" }}]\n\
         [primary]\nvms = [{{ name = \"{VM}\", mode = 1, guest = {{ shutdown = \"3s\" }} }}]\n"
    );
    Tale::on(Random::new(1), &scenario, tls)
}

impl Tale {
    /// Tells what one lie leads to.
    pub async fn of(case: &Case) -> Result<(), String> {
        let mut tale = calm(case.tls);
        tale.host(case.site).inject(case.fault.clone());
        let told = tale.under(case).await;
        told.map_err(|wrong| format!("{case:?}: {wrong}\n\n{}\n\n{}", tale.log.join("\n"), tale.dump()))
    }

    async fn under(&mut self, case: &Case) -> Result<(), String> {
        for order in Tale::orders(case.orders) {
            self.prepare(&order);
            self.settle(order, CALM).await?;
        }
        self.accepts_orders().await
    }

    /// A call that is never taken, by a client whose clock has been set back since the last one of its kind: the job of
    /// that one has ended after the call was sent, as its clock has it, and is not taken for that of the call.
    pub async fn after_another() -> Result<(), String> {
        let mut tale = calm(false);
        let told = tale.again_by_another_clock().await;
        told.map_err(|wrong| format!("{wrong}\n\n{}\n\n{}", tale.log.join("\n"), tale.dump()))
    }

    async fn again_by_another_clock(&mut self) -> Result<(), String> {
        let of = |kind| Order::of(kind, VmSelector::Name(VM.to_owned()));
        let stop = || of(Kind::Stop(PowerOff::ShutDown));
        for order in [Order { start: true, ..of(Kind::Failover) }, stop(), of(Kind::Start)] {
            self.settle(order, 0).await?;
        }
        self.wall.jump(-3600);
        // What would wait for ever ends, and is no end.
        self.weather.set_deadline(Some(self.clock.now() + Duration::from_secs(3600)));
        self.host(Site::Host).inject(Fault::on("RequestStateChange", Effect::Status(504)));
        match self.begin(&stop(), None).await {
            Some(Outcome::Stopped(stopped)) if matches!(stopped.cause, Cause::Unproven { job: None, .. }) => {}
            other => return Err(format!("nothing is known of the call, and the end is {other:?}")),
        }
        let open = self.open().ok_or("no run is open")?;
        match self.take_up(&open, true).await {
            Some(Outcome::Done(_)) => self.check(),
            other => Err(format!("taken up, it ends as {other:?}")),
        }
    }

    fn host(&self, site: Site) -> &hyperv_replica::simulator::Simulator {
        match site {
            Site::Host => &self.pair.replica,
            Site::Primary => &self.pair.primary,
        }
    }

    /// Carries an order out and takes it up at most so often: then it is done. Nobody says that nothing was changed, and
    /// nobody says that somebody else was at work.
    async fn settle(&mut self, order: Order, most: usize) -> Result<(), String> {
        let before = self.states();
        let mut last = self.begin(&order, None).await;
        let mut resumed = 0;
        loop {
            self.check()?;
            let outcome = last.ok_or("it died of itself")?;
            self.check_end(&outcome, None)?;
            match &outcome {
                Outcome::Done(_) => break,
                Outcome::Started { .. } => {}
                Outcome::Stopped(stopped) if matches!(stopped.cause, Cause::Unproven { .. }) => {}
                other => return Err(format!("one lie led to {other:?}")),
            }
            let open = self.open().ok_or("it is not done, and no run is open")?;
            // A job that nobody waits for is followed by the next process.
            resumed += usize::from(!matches!(outcome, Outcome::Started { .. }));
            if resumed > most {
                return Err(format!("{most} processes did not settle it"));
            }
            last = self.take_up(&open, true).await;
        }
        let run = self.runs().pop().ok_or("it is done, and not on record")?;
        self.ended(&run.record.id, before)
    }
}

/// What is ordered, by its number; see [`Tale::orders`].
const WORKFLOWS: &[u64] = &[0, 3, 4, 6, 7, 8, 9];
