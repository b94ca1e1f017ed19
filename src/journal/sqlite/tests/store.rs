//! Questions about past runs.

use proptest::prelude::*;

use super::*;

#[test]
fn runs_are_listed_newest_first_and_filtered() {
    both(|store| {
        let mut ids = Vec::new();
        for (number, end) in [(1, Some(RunEnd::Done)), (2, None), (1, Some(RunEnd::Failed)), (3, None)] {
            let begun = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + u64::try_from(ids.len()).unwrap());
            let run =
                RunRecord { vm_name: format!("Bücher-{number}"), begun, id: RunId::new(begun), ..record(&vm(number)) };
            leave(&store, &run, end);
            ids.push(run.id);
        }
        ids.reverse();
        let listed = |filter: &Filter| {
            let listing = store.runs(filter).unwrap();
            assert!(listing.unreadable.is_empty());
            listing.runs.into_iter().map(|run| run.record.id).collect::<Vec<_>>()
        };
        assert_eq!(listed(&Filter::all()), ids);
        assert_eq!(listed(&Filter::all().at_most(2)), ids[..2]);
        assert_eq!(listed(&Filter::open()), [ids[0].clone(), ids[2].clone()]);
        assert_eq!(listed(&Filter::all().on(VmSelector::Id(vm(1)))), [ids[1].clone(), ids[3].clone()]);
        assert_eq!(listed(&Filter::open().on(VmSelector::Name("BÜCHER-3".into()))), [ids[0].clone()]);
        assert!(listed(&Filter::all().on(VmSelector::Name("Bücher".into()))).is_empty());
        assert!(listed(&Filter::all().at_most(0)).is_empty());
    });
}

#[test]
fn a_run_is_found_by_the_beginning_of_its_id() {
    both(|store| {
        let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds);
        let ids = [at(0), at(1), at(90_000)].map(RunId::new);
        for (number, id) in (1..).zip(&ids) {
            leave(&store, &RunRecord { id: id.clone(), ..record(&vm(number)) }, Some(RunEnd::Done));
        }
        assert_eq!(store.find(ids[0].as_str()).unwrap(), ids[0]);
        assert_eq!(store.find(&ids[2].as_str()[..8]).unwrap(), ids[2]);
        match store.find(&ids[0].as_str()[..8]).unwrap_err() {
            FindError::Many { runs, .. } => assert_eq!(runs, [ids[1].clone(), ids[0].clone()]),
            other => panic!("{other}"),
        }
        for beginning in ["2026", "%", "_", "x"] {
            assert!(matches!(store.find(beginning).unwrap_err(), FindError::None { .. }), "{beginning}");
        }
    });
}

#[test]
fn the_jobs_of_a_vm_are_on_record_for_whoever_works_on_it() {
    both(|store| {
        let run = record(&vm(1));
        let mut journal = take(&store, &run).unwrap();
        let number = journal.intent(&intent(&run.vm)).unwrap();
        assert!(journal.jobs_on_record(&run.vm).is_empty());
        journal.outcome(number, &started()).unwrap();
        let ours = [started().job.unwrap().1];
        let lower = run.vm.as_str().to_lowercase().parse().unwrap();
        assert_eq!((journal.jobs_on_record(&run.vm), journal.jobs_on_record(&lower)), (ours.to_vec(), ours.to_vec()));
        assert!(store.journal().jobs_on_record(&vm(2)).is_empty());
    });
}

#[test]
fn a_person_closes_what_nobody_works_on() {
    both(|store| {
        let run = record(&vm(1));
        let held =
            take(&store, &run).map(|mut journal| journal.intent(&intent(&run.vm)).map(|_| journal)).unwrap().unwrap();
        assert!(matches!(store.close_by_hand(&run.id, "").unwrap_err(), TakeError::Held { .. }));
        drop(held);
        store.close_by_hand(&run.id, "looked: it failed over").unwrap();
        let closed = store.run(&run.id).unwrap().unwrap();
        assert_eq!((closed.end, closed.note.as_str()), (Some(RunEnd::Closed), "looked: it failed over"));
        assert!(store.close_by_hand(&run.id, "").unwrap_err().to_string().contains("closed"));
        let nobody = RunId::new(SystemTime::UNIX_EPOCH);
        assert!(store.close_by_hand(&nobody, "").unwrap_err().to_string().contains(nobody.as_str()));
        assert!(store.resume(&nobody).unwrap_err().to_string().contains(nobody.as_str()));
        assert!(store.run(&nobody).unwrap().is_none());
        store.mark_undone(&run.id, &nobody).unwrap();
        assert_eq!(store.run(&run.id).unwrap().unwrap().end, Some(RunEnd::Undone));
        assert!(store.mark_undone(&nobody, &run.id).is_err());
    });
}

#[test]
fn a_run_of_a_newer_program_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (newer, known) = (record(&vm(1)), record(&vm(2)));
    for run in [&newer, &known] {
        leave(&store, run, None);
    }
    let values: [(&str, &dyn rusqlite::ToSql, &str); 5] = [
        ("order_json", &"{\"kind\":\"teleport\"}", "teleport"),
        ("program", &"9.0.0", "version 9.0.0"),
        ("order_json", &crate::journal::sqlite::order_json::write(&newer.order).unwrap(), ""),
        ("begun", &"soon", "begun is \"soon\""),
        ("vm_name", &[0_u8, 255], "vm_name"),
    ];
    for (column, value, said) in values {
        let sql = format!("UPDATE runs SET {column} = ?1 WHERE id = ?2");
        raw(folder.path()).execute(&sql, (value, newer.id.as_str())).unwrap();
        if said.is_empty() {
            assert!(store.runs(&Filter::open()).unwrap().unreadable.is_empty());
            continue;
        }
        let listing = store.runs(&Filter::all().on(VmSelector::Id(vm(2)))).unwrap();
        assert_eq!((listing.runs.len(), listing.unreadable.len()), (1, 0));
        let listing = store.runs(&Filter::open()).unwrap();
        assert_eq!(listing.runs.iter().map(|run| &run.record.id).collect::<Vec<_>>(), [&known.id]);
        let [unreadable] = &listing.unreadable[..] else { panic!("{listing:?}") };
        assert!(unreadable.id == newer.id.as_str() && unreadable.open);
        assert!(unreadable.why.contains(said), "{}", unreadable.why);
        assert!(store.run(&newer.id).is_err() && store.resume(&newer.id).is_err());
    }
    // It still keeps others off its VM, and a person can still close it.
    assert!(matches!(take(&store, &record(&vm(1))).unwrap_err(), TakeError::Open { run } if run == newer.id));
    store.close_by_hand(&newer.id, "seen to").unwrap();
    take(&store, &record(&vm(1))).unwrap();
}

#[test]
fn reading_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none");
    assert!(Store::open_read_only(&none).unwrap().is_none() && !none.exists());
    assert!(Store::open_read_only(folder.path()).unwrap().is_none());
    let run = record(&vm(1));
    let writer = Store::open(folder.path()).unwrap();
    leave(&writer, &run, None);
    // Beside a writer, and after it has gone.
    let reader = Store::open_read_only(folder.path()).unwrap().unwrap();
    assert_eq!(reader.runs(&Filter::open()).unwrap().runs.len(), 1);
    drop(writer);
    assert_eq!(reader.runs(&Filter::open()).unwrap().runs.len(), 1);
    assert!(chain(&reader.close_by_hand(&run.id, "").unwrap_err()).contains("journal.sqlite"));
    let mut journal = reader.journal();
    journal.take(&record(&vm(2)), SystemTime::now()).unwrap();
    assert!(journal.intent(&intent(&vm(2))).is_err());
}

#[test]
fn any_sqlite_tool_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let run = record(&vm(0xabc));
    leave(&Store::open(folder.path()).unwrap(), &run, Some(RunEnd::Done));
    let row: (String, String, String, String, String, u32) = raw(folder.path())
        .query_row(
            "SELECT kind, runs.vm, ending, delivery, verdict, return_value FROM runs JOIN calls ON run = id
             WHERE begun > '2026' AND length(sent) = 24",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?)),
        )
        .unwrap();
    let expected = ("failover", "5C2A7E10-8D3B-4E51-9B5A-000000000ABC", "done", "answered", "done", 4096);
    assert_eq!((&*row.0, &*row.1, &*row.2, &*row.3, &*row.4, row.5), expected);
}

/// Times are kept to the millisecond.
fn moment() -> impl Strategy<Value = SystemTime> {
    (0..250_000_000_000_000_u64).prop_map(|ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms))
}

fn outcome() -> impl Strategy<Value = CallOutcome> {
    let delivery = prop_oneof![Just(Delivery::NotSent), Just(Delivery::Unknown), Just(Delivery::Answered)];
    let job = any::<Option<(String, String)>>();
    (delivery, any::<Option<u32>>(), job, any::<Option<String>>())
        .prop_map(|(delivery, code, job, error)| CallOutcome { delivery, code: code.map(ReturnCode::from), job, error })
}

proptest! {
    #![proptest_config(crate::properties::cases(64))]
    #[test]
    fn what_was_written_is_read_back(
        texts in proptest::array::uniform8(any::<String>()),
        times in (moment(), moment()),
        timeout in 0..u64::from(u32::MAX),
        primary: Option<String>,
        undoes: bool,
        uptime: Option<(String, u32)>,
        outcome in proptest::option::of(outcome()),
        end in proptest::option::of(proptest::sample::select(&RunEnd::ALL)),
    ) {
        let [vm_name, context, step, host, method, message_id, envelope, before] = texts;
        let hosts = [(Site::Host, Some(host.clone())), (Site::Primary, primary)];
        let run = RunRecord {
            vm_name, context, begun: times.0,
            hosts: hosts.into_iter().filter_map(|(site, url)| Some((site, url?))).collect(),
            undoes: undoes.then(|| RunId::new(times.1)),
            ..record(&vm(7))
        };
        let intent = Intent {
            step, site: Site::Primary, host, vm: vm(8), method, message_id, envelope, before, sent: times.1,
            operation_timeout: Duration::from_millis(timeout),
            sent_uptime: uptime.map(|(boot, ms)| Uptime { boot, time: Duration::from_millis(ms.into()) }),
        };
        let store = Store::in_memory().unwrap();
        let mut journal = take(&store, &run).unwrap();
        let number = journal.intent(&intent).unwrap();
        if let Some(outcome) = &outcome {
            journal.outcome(number, outcome).unwrap();
        }
        journal.close(end, "a note").unwrap();
        let upper = |id: &VmId| id.as_str().to_uppercase().parse().unwrap();
        let calls = vec![CallRecord { number, intent: Intent { vm: upper(&intent.vm), ..intent }, outcome, verdict: None }];
        let record = RunRecord { vm: upper(&run.vm), ..run };
        let expected = History { record, calls, end, note: "a note".to_owned() };
        let read = store.run(&expected.record.id).unwrap().unwrap();
        prop_assert_eq!(format!("{:?}", read), format!("{:?}", expected));
    }
}
