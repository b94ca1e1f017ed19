//! What the journal of one run keeps, and when it refuses.

use super::*;

#[test]
fn a_run_is_kept_from_its_first_intent_on() {
    both(|store| {
        let run = record(&vm(1));
        let mut journal = store.journal();
        assert_eq!(journal.take(&run, SystemTime::now()).unwrap(), Taken::Fresh);
        assert!(store.runs(&Filter::all()).unwrap().runs.is_empty());

        let sent = intent(&run.vm);
        assert_eq!(journal.intent(&sent).unwrap(), 1);
        let open = store.run(&run.id).unwrap().unwrap();
        assert_eq!((open.record.id.clone(), open.end, open.calls.len()), (run.id.clone(), None, 1));
        assert!(open.calls[0].outcome.is_none() && open.calls[0].verdict.is_none());
        assert_eq!(open.calls[0].intent.message_id, sent.message_id);

        journal.outcome(1, &started()).unwrap();
        journal.verdict(1, Verdict::Done).unwrap();
        let lost = CallOutcome { delivery: Delivery::Unknown, code: None, job: None, error: Some("cut".to_owned()) };
        assert_eq!(journal.intent(&intent(&vm(2))).unwrap(), 2);
        journal.outcome(2, &lost).unwrap();
        journal.close(None, "no answer").unwrap();
        let stopped = store.run(&run.id).unwrap().unwrap();
        assert_eq!((stopped.end, stopped.note.as_str()), (None, "no answer"));
        assert_eq!(stopped.calls[0].outcome, Some(started()));
        assert_eq!((stopped.calls[0].verdict, stopped.calls[1].outcome.clone()), (Some(Verdict::Done), Some(lost)));
        assert_eq!(stopped.calls[1].intent.vm, vm(2));

        journal.close(Some(RunEnd::Done), "").unwrap();
        assert_eq!(store.run(&run.id).unwrap().unwrap().end, Some(RunEnd::Done));
    });
}

#[test]
fn a_run_that_sent_nothing_leaves_nothing() {
    both(|store| {
        let mut journal = take(&store, &record(&vm(1))).unwrap();
        journal.close(Some(RunEnd::NotBegun), "declined").unwrap();
        drop(journal);
        assert!(store.runs(&Filter::all()).unwrap().runs.is_empty());
        let mut journal = store.journal();
        journal.close(None, "").unwrap();
        for refused in [
            journal.intent(&intent(&vm(1))).map(drop),
            journal.outcome(1, &started()),
            journal.verdict(1, Verdict::Done),
        ] {
            assert!(refused.unwrap_err().to_string().contains("take comes before"));
        }
    });
}

#[test]
fn what_was_not_intended_is_not_answered() {
    both(|store| {
        let run = record(&vm(1));
        let mut journal = take(&store, &run).unwrap();
        journal.intent(&intent(&run.vm)).unwrap();
        for call in [0, 2, u64::MAX] {
            assert!(journal.outcome(call, &started()).is_err() && journal.verdict(call, Verdict::Done).is_err());
        }
    });
}

#[test]
fn one_run_at_a_time_works_on_a_vm() {
    both(|store| {
        let first = record(&vm(1));
        let held = take(&store, &first).unwrap();
        // The same VM, as another host spells it.
        let same: VmId = vm(1).as_str().to_uppercase().parse().unwrap();
        match take(&store, &record(&same)).unwrap_err() {
            TakeError::Held { run, holder } => {
                assert_eq!(run, first.id);
                assert!(holder.contains(&std::process::id().to_string()) && holder.contains("since 20"), "{holder}");
            }
            other => panic!("{other}"),
        }
        take(&store, &record(&vm(2))).unwrap();
        drop(held);
        take(&store, &record(&same)).unwrap();
    });
}

#[test]
fn an_open_run_keeps_others_out_until_it_ends() {
    both(|store| {
        let first = record(&vm(1));
        leave(&store, &first, None);
        assert!(matches!(take(&store, &record(&vm(1))).unwrap_err(), TakeError::Open { run } if run == first.id));
        // Nothing is held after a refusal.
        let (mut journal, history) = store.resume(&first.id).unwrap();
        assert_eq!(history.calls.len(), 1);
        assert!(matches!(take(&store, &record(&vm(1))).unwrap_err(), TakeError::Held { run, .. } if run == first.id));
        journal.verdict(1, Verdict::NotTaken).unwrap();
        assert_eq!(journal.intent(&intent(&vm(1))).unwrap(), 2);
        journal.close(Some(RunEnd::Failed), "refused").unwrap();
        drop(journal);
        take(&store, &record(&vm(1))).unwrap();
    });
}

#[test]
fn what_others_did_since_the_vm_was_read_is_noticed() {
    both(|store| {
        let mut early = store.journal();
        let seen = SystemTime::now();
        leave(&store, &record(&vm(1)), Some(RunEnd::Done));
        leave(&store, &record(&vm(3)), Some(RunEnd::Done));
        // A journal that was made after the VM was read knows by the time.
        let mut late = store.journal();
        assert_eq!(late.take(&record(&vm(1)), seen).unwrap(), Taken::Stale);
        drop(late);
        assert_eq!(early.take(&record(&vm(2)), seen).unwrap(), Taken::Fresh);
        let run = record(&vm(1));
        assert_eq!(early.take(&run, seen).unwrap(), Taken::Stale);
        // It is ours, so a second look is enough; and what it led to is what is begun.
        let again = RunRecord { vm_name: "renamed".to_owned(), ..run.clone() };
        assert_eq!(early.take(&again, SystemTime::now()).unwrap(), Taken::Fresh);
        early.intent(&intent(&run.vm)).unwrap();
        assert_eq!(store.run(&run.id).unwrap().unwrap().record.vm_name, "renamed");
    });
}

#[test]
fn a_clock_that_lags_hides_no_change() {
    both(|store| {
        let mut journal = store.journal();
        let slow = store.clone().with_wall(|| SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
        leave(&slow, &record(&vm(1)), Some(RunEnd::Done));
        let run = record(&vm(1));
        assert_eq!(journal.take(&run, SystemTime::now()).unwrap(), Taken::Stale);
        assert_eq!(journal.take(&run, SystemTime::now()).unwrap(), Taken::Fresh);
        drop(journal);
        // A clock that ran ahead costs every later run one more look, and no more.
        let fast = store.clone().with_wall(|| SystemTime::UNIX_EPOCH + Duration::from_secs(9_000_000_000));
        leave(&fast, &record(&vm(2)), Some(RunEnd::Done));
        let (mut journal, run) = (store.journal(), record(&vm(2)));
        assert_eq!(journal.take(&run, SystemTime::now()).unwrap(), Taken::Stale);
        assert_eq!(journal.take(&run, SystemTime::now()).unwrap(), Taken::Fresh);
        journal.intent(&intent(&run.vm)).unwrap();
    });
}

#[test]
fn a_run_that_takes_another_back_may_begin_while_that_is_open() {
    both(|store| {
        let first = record(&vm(1));
        leave(&store, &first, None);
        let undo = RunRecord { undoes: Some(first.id.clone()), ..record(&vm(1)) };
        let mut journal = take(&store, &undo).unwrap();
        journal.intent(&intent(&vm(1))).unwrap();
        journal.close(None, "half-way").unwrap();
        drop(journal);
        // The newer one is to be taken up first.
        assert!(matches!(store.resume(&first.id).unwrap_err(), TakeError::Open { run } if run == undo.id));
        assert!(matches!(take(&store, &record(&vm(1))).unwrap_err(), TakeError::Open { run } if run == undo.id));
        let (mut journal, history) = store.resume(&undo.id).unwrap();
        assert_eq!(history.record.undoes.as_ref(), Some(&first.id));
        journal.intent(&intent(&vm(1))).unwrap();
        journal.close(Some(RunEnd::Done), "").unwrap();
        let undone = store.run(&first.id).unwrap().unwrap();
        assert_eq!(undone.end, Some(RunEnd::Undone));
        assert!(undone.note.contains(undo.id.as_str()));
        drop(journal);
        take(&store, &record(&vm(1))).unwrap();
    });
}

#[test]
fn the_journal_that_survives_nothing_goes_by_the_same_rules() {
    let journal = MemoryJournal::new();
    let (first, now) = (record(&vm(1)), SystemTime::now());
    let mut open = journal.clone();
    open.take(&first, now).unwrap();
    open.intent(&intent(&vm(1))).unwrap();
    assert!(
        matches!(journal.clone().take(&record(&vm(1)), now).unwrap_err(), TakeError::Open { run } if run == first.id)
    );
    let undo = RunRecord { undoes: Some(first.id.clone()), ..record(&vm(1)) };
    let mut back = journal.clone();
    back.take(&undo, now).unwrap();
    back.intent(&intent(&vm(1))).unwrap();
    assert!(
        matches!(journal.clone().take(&record(&vm(1)), now).unwrap_err(), TakeError::Open { run } if run == undo.id)
    );
    back.close(Some(RunEnd::Done), "").unwrap();
    assert_eq!(
        journal.runs().iter().map(|run| run.end).collect::<Vec<_>>(),
        [Some(RunEnd::Undone), Some(RunEnd::Done)]
    );
    journal.clone().take(&record(&vm(1)), now).unwrap();
}

#[test]
fn an_ended_run_that_sends_again_is_open_again() {
    both(|store| {
        let run = record(&vm(1));
        leave(&store, &run, Some(RunEnd::HandedOver));
        let (mut journal, history) = store.resume(&run.id).unwrap();
        assert_eq!(history.end, Some(RunEnd::HandedOver));
        journal.intent(&intent(&run.vm)).unwrap();
        assert_eq!(store.run(&run.id).unwrap().unwrap().end, None);
    });
}

#[test]
fn a_run_id_is_used_once() {
    both(|store| {
        let first = record(&vm(1));
        leave(&store, &first, None);
        let second = RunRecord { id: first.id.clone(), ..record(&vm(2)) };
        let mut journal = take(&store, &second).unwrap();
        assert!(journal.intent(&intent(&second.vm)).unwrap_err().to_string().contains("another id"));
        journal.close(Some(RunEnd::NotBegun), "").unwrap();
        assert_eq!(store.run(&first.id).unwrap().unwrap().end, None);
    });
}

#[test]
#[cfg(windows)]
fn a_lock_that_is_held_cannot_be_deleted_or_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let lock = folder.path().join(format!("locks/{}.lock", vm(1).as_str().to_uppercase()));
    let mut held = take(&store, &record(&vm(1))).unwrap();
    std::fs::remove_file(&lock).unwrap_err();
    std::fs::rename(&lock, lock.with_extension("aside")).unwrap_err();
    held.intent(&intent(&vm(1))).unwrap();
}

#[test]
#[cfg(unix)]
fn a_lock_that_was_deleted_or_replaced_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let lock = folder.path().join(format!("locks/{}.lock", vm(1).as_str().to_uppercase()));
    let mut first = take(&store, &record(&vm(1))).unwrap();
    std::fs::remove_file(&lock).unwrap();
    let second_run = record(&vm(1));
    let mut second = take(&store, &second_run).unwrap();
    let refused = first.intent(&intent(&vm(1))).unwrap_err().to_string();
    assert!(refused.contains("deleted"), "{refused}");
    // The first has gone: what it leaves behind is not the second's.
    drop(first);
    assert!(matches!(take(&store, &record(&vm(1))).unwrap_err(), TakeError::Held { run, .. } if run == second_run.id));
    second.intent(&intent(&vm(1))).unwrap();
}

#[test]
#[cfg(unix)]
fn even_without_any_lock_the_second_intent_is_refused() {
    use std::os::unix::fs::MetadataExt;
    let folder = tempfile::tempdir().unwrap();
    let (store, other) = (Store::open(folder.path()).unwrap(), Store::open(folder.path()).unwrap());
    for end in [None, Some(RunEnd::Done)] {
        let id = vm(end.map_or(1, |_| 2));
        let lock = folder.path().join(format!("locks/{}.lock", id.as_str().to_uppercase()));
        let aside = lock.with_extension("aside");
        let mut first = take(&store, &record(&id)).unwrap();
        // As on a file system that locks nothing: the first sees its lock, and the second gets one too.
        std::fs::rename(&lock, &aside).unwrap();
        let second = record(&id);
        leave(&other, &second, end);
        std::fs::rename(&aside, &lock).unwrap();
        assert_eq!(std::fs::metadata(&lock).unwrap().nlink(), 1);
        let refused = first.intent(&intent(&id)).unwrap_err().to_string();
        assert!(refused.contains(second.id.as_str()) && refused.contains("nothing more is sent"), "{refused}");
        first.close(Some(RunEnd::NotBegun), "").unwrap();
        assert_eq!(store.run(&second.id).unwrap().unwrap().end, end);
    }
}

#[test]
fn a_holder_that_does_not_say_who_it_is_still_holds() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let held = take(&store, &record(&vm(1))).unwrap();
    let beside = folder.path().join(format!("locks/{}.holder", vm(1).as_str().to_uppercase()));
    for text in ["", "{\"run\":", "{\"run\":\"x\",\"process\":1,\"machine\":\"m\",\"since\":\"s\"}", "\u{0}\u{0}"] {
        std::fs::write(&beside, text).unwrap();
        let refused = take(&store, &record(&vm(1))).unwrap_err();
        assert!(
            matches!(&refused, TakeError::Journal(error) if error.to_string().contains("holds the VM")),
            "{refused}"
        );
    }
    drop(held);
    // What a dead process wrote there hinders nobody.
    std::fs::write(&beside, "{\"run\":\"20261125-100134-7f3a9c\"").unwrap();
    take(&store, &record(&vm(1))).unwrap();
}
