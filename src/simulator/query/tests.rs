use super::*;
use crate::simulator::scenario::Scenario;
use crate::wsman::wql;

fn run(text: &str) -> Result<Vec<String>, BadQuery> {
    run_in("root/virtualization/v2", text)
}

/// Names or ids of what a query finds.
fn run_in(namespace: &str, text: &str) -> Result<Vec<String>, BadQuery> {
    let world = World::new(&Scenario::default(), Duration::from_secs(1_795_417_200));
    let scope = Scope { world: &world, namespace, now: world.started, language: Language::English };
    let found = Query::parse(text)?.run(scope)?;
    let name = |object: &Object| object.text("ElementName").or(object.text("Id")).unwrap_or("").to_owned();
    Ok(found.objects.iter().map(name).collect())
}

#[test]
fn conditions_choose_objects() {
    let systems = |condition: &str| run(&format!("SELECT * FROM Msvm_ComputerSystem WHERE {condition}"));
    assert_eq!(systems("ElementName = 'APP-DB-01'"), Ok(vec!["app-db-01".to_owned()]));
    assert_eq!(systems("ElementName = \"twin\"").unwrap().len(), 2);
    assert_eq!(systems("ReplicationState = 7 AND EnabledState = 3"), Ok(vec!["paused-01".to_owned()]));
    assert_eq!(systems("ReplicationState = '7'"), Ok(vec!["paused-01".to_owned()]));
    assert_eq!(systems("ReplicationMode = 1 OR ReplicationMode = 3").unwrap().len(), 2);
    assert_eq!(systems("(ReplicationMode = 1 OR ReplicationMode = 3) AND NOT EnabledState <> 2").unwrap().len(), 2);
    assert_eq!(systems("ReplicationMode IS NULL"), Ok(vec!["HVDR01".to_owned()]));
    assert_eq!(systems("ElementName LIKE 'bücher%'"), Ok(vec!["Bücher-データ".to_owned()]));
    assert_eq!(systems("ElementName LIKE '____-01'").unwrap().len(), 4);
}

#[test]
fn literals_quoted_by_the_client_are_understood() {
    for name in ["o'brien <&> \"x\"", "Bücher-データ", "app-db-01"] {
        let query = wql::select("Msvm_ComputerSystem", &[("ElementName", name)]);
        assert_eq!(run(&query), Ok(vec![name.to_owned()]), "{query}");
    }
}

#[test]
fn a_name_cannot_break_out_of_its_quotes() {
    for name in ["x' OR ElementName <> '", "\\", "\\' OR 1=1", "'", "''", "\"", "x\\\\' OR ElementName <> '"] {
        let query = wql::select("Msvm_ComputerSystem", &[("ElementName", name)]);
        assert_eq!(run(&query), Ok(Vec::new()), "{query}");
    }
}

#[test]
fn superclasses_find_their_subclasses() {
    // The host, its 15 VMs, and its two switches, which are computer systems too.
    assert_eq!(run("SELECT * FROM CIM_ComputerSystem").unwrap().len(), 18);
    assert_eq!(run("SELECT * FROM Msvm_ComputerSystem").unwrap().len(), 16);
    assert_eq!(run("select * from msvm_replicationservice").unwrap().len(), 1);
}

#[test]
fn associations_lead_to_points_and_back() {
    let world = World::new(&Scenario::default(), Duration::from_secs(1_795_417_200));
    let vm = world.vm("app-db-01").unwrap();
    let keys = [("CreationClassName", "Msvm_ComputerSystem"), ("Name", vm.id.as_str())];
    let points =
        wql::associators("Msvm_ComputerSystem", &keys, "Msvm_SnapshotOfVirtualSystem", "Msvm_VirtualSystemSettingData");
    assert_eq!(run(&points).unwrap().len(), 5);
    let links = wql::references("Msvm_ComputerSystem", &keys, "Msvm_SnapshotOfVirtualSystem");
    assert_eq!(run(&links).unwrap().len(), 5);
    let all =
        format!("ASSOCIATORS OF {{Msvm_ComputerSystem.Name='{}',CreationClassName='MSVM_computersystem'}}", vm.id);
    assert_eq!(run(&all).unwrap().len(), 8, "points, active settings, the relation and its settings");
    let point = &vm.points[0].instance_id();
    let back = wql::associators(
        "Msvm_VirtualSystemSettingData",
        &[("InstanceID", point)],
        "Msvm_SnapshotOfVirtualSystem",
        "Msvm_ComputerSystem",
    );
    assert_eq!(run(&back), Ok(vec!["app-db-01".to_owned()]));
}

#[test]
fn bad_queries_are_refused() {
    let deep = format!("SELECT * FROM Msvm_ComputerSystem WHERE {}EnabledState=2", "(".repeat(5000));
    let long = format!("SELECT * FROM Msvm_ComputerSystem WHERE ElementName='{}'", "x".repeat(20_000));
    for query in [
        "",
        "SELECT",
        "SELECT * FROM",
        "SELECT * FROM Msvm_Nothing",
        "SELECT * FROM Msvm_ComputerSystem WHERE",
        "SELECT * FROM Msvm_ComputerSystem WHERE Nothing = 1",
        "SELECT * FROM Msvm_ComputerSystem WHERE EnabledState = 'on'",
        "SELECT * FROM Msvm_ComputerSystem WHERE ElementName = 'open",
        "SELECT * FROM Msvm_ComputerSystem WHERE ElementName = 'bad\\escape'",
        "SELECT * FROM Msvm_ComputerSystem WHERE OperationalStatus = 2",
        "SELECT * FROM Msvm_ComputerSystem; DROP",
        "SELECT * FROM Msvm_ComputerSystem extra",
        "DELETE FROM Msvm_ComputerSystem",
        "ASSOCIATORS OF {Msvm_ComputerSystem}",
        "ASSOCIATORS OF {Msvm_ComputerSystem.Name='x'}",
        "ASSOCIATORS OF {Msvm_ComputerSystem.Name='x',Name='y'}",
        "ASSOCIATORS OF {Msvm_ComputerSystem.CreationClassName='x',Name='y'} WHERE AssocClass = Msvm_Nothing",
        "REFERENCES OF {Msvm_ComputerSystem.CreationClassName='x',Name='y'} WHERE AssocClass = CIM_Dependency",
        &deep,
        &long,
    ] {
        assert_eq!(run(query), Err(BadQuery), "{}", query.chars().take(100).collect::<String>());
    }
}

#[test]
fn a_chosen_list_of_properties_comes_bare() {
    let world = World::new(&Scenario::default(), Duration::ZERO);
    let scope =
        Scope { world: &world, namespace: "root/virtualization/v2", now: Duration::ZERO, language: Language::English };
    let found = Query::parse("SELECT Name, elementname FROM Msvm_ComputerSystem").unwrap().run(scope).unwrap();
    assert!(found.is_bare);
    assert!(found.objects.iter().all(|object| object.properties.len() == 2));
}
