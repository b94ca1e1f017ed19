//! One host, or two that replicate to each other: what ends on one may change the other.
//!
//! Both worlds lie behind one lock. Whoever needs the state of a host besides takes this lock first, so that two hosts
//! at work cannot wait for each other.

use std::time::Duration;

use super::job::Job;
use super::scenario::Scenario;
use super::world::{Call, Outcome, World};

/// The worlds that know each other.
#[derive(Debug)]
pub(super) struct Site {
    replica: World,
    primary: Option<World>,
}

/// Which host of a pair; one that stands alone is the replica host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Replica,
    Primary,
}

impl Site {
    pub(super) fn alone(scenario: &Scenario, now: Duration) -> Site {
        Site { replica: World::new(scenario, now), primary: None }
    }

    pub(super) fn pair(scenario: &Scenario, primary: &Scenario, now: Duration) -> Site {
        let replica = World::new(scenario, now);
        let primary = World::of_primary(primary, &replica, now);
        Site { replica, primary: Some(primary) }
    }

    pub(super) fn world(&self, side: Side) -> &World {
        match (side, &self.primary) {
            (Side::Primary, Some(primary)) => primary,
            _ => &self.replica,
        }
    }

    pub(super) fn world_mut(&mut self, side: Side) -> &mut World {
        self.ends(side).0
    }

    /// The world of this side, and the other one.
    fn ends(&mut self, side: Side) -> (&mut World, Option<&mut World>) {
        match (side, &mut self.primary) {
            (Side::Primary, Some(primary)) => (primary, Some(&mut self.replica)),
            (_, primary) => (&mut self.replica, primary.as_mut()),
        }
    }

    /// Lets a method of one side work; what ends at once has its effect at once.
    pub(super) fn work(
        &mut self,
        side: Side,
        call: Call<'static>,
        method: impl FnOnce(&mut World, Call<'_>) -> Outcome,
    ) -> Outcome {
        let now = call.now;
        let (here, there) = self.ends(side);
        let outcome = method(here, Call { there: there.as_deref(), ..call });
        self.run(now);
        let outcome = match outcome {
            Outcome::Job(id) => {
                let job = self.world(side).jobs.iter().find(|job| job.id == id);
                match job.filter(|job| job.script.synchronous).map(Job::error) {
                    None => Outcome::Job(id),
                    Some(None) => Outcome::Done,
                    Some(Some(code)) => Outcome::Refused(u32::from(code)),
                }
            }
            outcome => outcome,
        };
        self.settle(now);
        outcome
    }

    /// Lets jobs that have ended act on their VMs, and forgets those that are long over.
    pub(super) fn settle(&mut self, now: Duration) {
        self.run(now);
        for world in std::iter::once(&mut self.replica).chain(&mut self.primary) {
            world.jobs.retain(|job| !job.is_settled || job.is_visible(now));
        }
    }

    /// In the order in which they ended, on whichever host.
    fn run(&mut self, now: Duration) {
        while let Some((side, place)) = self.next_to_end(now) {
            let (here, there) = self.ends(side);
            here.settle_job(place, there);
        }
    }

    fn next_to_end(&self, now: Duration) -> Option<(Side, usize)> {
        let sides = [(Side::Replica, Some(&self.replica)), (Side::Primary, self.primary.as_ref())];
        let jobs = sides.into_iter().flat_map(|(side, world)| {
            let jobs = world.into_iter().flat_map(|world| world.jobs.iter().enumerate());
            jobs.map(move |(place, job)| (side, place, job))
        });
        let ended = jobs.filter(|(_, _, job)| !job.is_settled).filter_map(|(side, place, job)| {
            let end = job.end().filter(|end| *end <= now)?;
            Some(((end, job.started), side, place))
        });
        ended.min_by_key(|(when, ..)| *when).map(|(_, side, place)| (side, place))
    }
}
