use std::borrow::Cow;

use proptest::prelude::*;

use super::*;

fn problems(text: &str) -> Vec<String> {
    read(text).unwrap_err().problems().iter().map(ToString::to_string).collect()
}

fn default(literal: &str) -> Value<'static> {
    let text: &'static str = Box::leak(format!("class A {{ string P = {literal}; }};").into_boxed_str());
    let document = read(text).unwrap_or_else(|error| panic!("{literal}: {error}"));
    let value = document.classes().next().unwrap().properties[0].default.clone();
    value.unwrap()
}

#[test]
fn a_class_with_everything_in_it() {
    let document = read(
        r#"
        // A comment; with "marks" in it.
        [Association, Version("2.1"), Description("one " "two"): Translatable ToSubclass]
        class Demo_Link as $Link : Demo_Base
        {
            /* and
               another */
            [Key, Max (1)] Demo_Left REF Antecedent;
            [ValueMap{"1", "2"}, Values{"One", "Two"}] uint16 State = 2;
            string Names[] = {"a", "b"};
            sint8 Pair[2];
            [Static] uint32 Work([In, Required] Demo_Left ref Left, [IN (false), OUT] string Text[], datetime When);
            void Done();
            Win32_ProcessStartup Startup;
        };
        "#,
    )
    .unwrap();
    let class = document.classes().next().unwrap();
    assert_eq!((class.name, class.superclass, class.alias), ("Demo_Link", Some("Demo_Base"), Some("Link")));
    assert_eq!(class.qualifiers[2].value, Some(Value::Text(Cow::Borrowed("one two"))));
    assert_eq!(class.qualifiers[2].flavors, [Flavor::Translatable, Flavor::ToSubclass]);
    let names: Vec<_> = class.properties.iter().map(|property| property.name).collect();
    assert_eq!(names, ["Antecedent", "State", "Names", "Pair", "Startup"]);
    assert_eq!(class.properties[0].type_name, TypeName::Reference("Demo_Left"));
    assert_eq!(class.properties[1].default, Some(Value::Integer(2)));
    assert_eq!(class.properties[2].extent, Extent::Array);
    assert_eq!(class.properties[3].extent, Extent::Fixed(2));
    assert_eq!(class.properties[4].type_name, TypeName::Object("Win32_ProcessStartup"));
    let work = &class.methods[0];
    assert_eq!(work.return_type, Some(TypeName::Simple(CimType::Uint32)));
    assert_eq!(work.parameters.len(), 3);
    assert!(work.parameters[0].qualifiers.iter().all(Qualifier::is_true));
    assert!(!work.parameters[1].qualifiers[0].is_true());
    assert_eq!(class.methods[1].return_type, None);
}

#[test]
fn pragmas_qualifiers_and_instances() {
    let document = read(
        r##"#pragma namespace ("\\\\.\\root\\cimv2")
        #pragma autorecover
        #pragma deleteclass("Demo", NOFAIL)
        #pragma include ("other.mof")
        Qualifier Key : boolean = false, Scope(property, reference), Flavor(DisableOverride, ToSubclass);
        Qualifier ValueMap : string[], Scope(any);
        instance of Demo_Disk as $Disk { Name = "x"; [Amended] Size = 5; Inner = instance of Demo_Part { A = TRUE; }; };
        instance of Demo_Link { Left = $Disk; List = { 1, NULL }; };
        "##,
    )
    .unwrap();
    assert_eq!(document.includes().collect::<Vec<_>>(), ["other.mof"]);
    assert!(document.notes.is_empty(), "{:?}", document.notes);
    let Item::Pragma(namespace) = &document.items[0] else { panic!() };
    assert_eq!(namespace.arguments[0].as_text(), Some(r"\\.\root\cimv2"));
    let Item::Pragma(delete) = &document.items[2] else { panic!() };
    assert_eq!(delete.arguments[1], Value::Word("NOFAIL"));
    let declared: Vec<_> = document.qualifiers().collect();
    assert_eq!(declared[0].scopes, ["property", "reference"]);
    assert_eq!(declared[0].flavors, [Flavor::DisableOverride, Flavor::ToSubclass]);
    assert_eq!((declared[1].cim_type, declared[1].extent), (CimType::String, Extent::Array));
    let instances: Vec<_> = document.instances().collect();
    assert_eq!(instances[0].alias, Some("Disk"));
    assert!(matches!(&instances[0].values[2].1, Value::Instance(inner) if inner.class == "Demo_Part"));
    assert_eq!(instances[1].values[0].1, Value::Alias("Disk"));
}

#[test]
fn literals_of_every_kind() {
    for (text, value) in [
        ("0", 0),
        ("42", 42),
        ("+42", 42),
        ("-42", -42),
        ("0x1F", 31),
        ("0Xff", 255),
        ("017", 15),
        ("101b", 5),
        ("0b", 0),
        ("18446744073709551615", i128::from(u64::MAX)),
        ("-9223372036854775808", i128::from(i64::MIN)),
    ] {
        assert_eq!(default(text), Value::Integer(value), "{text}");
    }
    for (text, value) in [("1.5", 1.5), ("-0.25", -0.25), (".5", 0.5), ("1.5E3", 1500.0), ("15.0e-1", 1.5)] {
        assert_eq!(default(text), Value::Real(value), "{text}");
    }
    assert_eq!(default("TRUE"), Value::Boolean(true));
    assert_eq!(default("False"), Value::Boolean(false));
    assert_eq!(default("null"), Value::Null);
    assert_eq!(default("'a'"), Value::Char('a'));
    assert_eq!(default(r"'\''"), Value::Char('\''));
    assert_eq!(default(r"'\x41'"), Value::Char('A'));
    assert_eq!(default("{}"), Value::Array(Vec::new()));
    let text = |text: &'static str| Value::Text(Cow::Borrowed(text));
    assert_eq!(default(r#""""#), text(""));
    assert_eq!(default(r#""a\tb\n\"q\" \\ \x41\x00e9z""#), text("a\tb\n\"q\" \\ A\u{e9}z"));
    assert_eq!(default("\"größe\""), text("größe"));
    assert_eq!(default("\"a\"\n  // between\n \"b\""), text("ab"));
    assert_eq!(default(r#""// no comment /*""#), text("// no comment /*"));
    for bad in [
        "0x",
        "12a",
        "08",
        "102b",
        "1.",
        "1.5e",
        "1.5.2",
        "+-1",
        "1e5",
        "18446744073709551616",
        "-9223372036854775809",
        "''",
        "'ab'",
        r"'\q'",
        "Word",
        "$",
        "{1,}",
        "{,}",
        "\"open",
        "'",
        "--1",
        "0x-1",
    ] {
        assert!(read(&format!("class A {{ string P = {bad}; }};")).is_err(), "{bad}");
    }
}

#[test]
fn problems_tell_line_column_and_what_was_expected() {
    for (text, problem) in [
        ("class", "1:6: expected the name of the class, found the end"),
        ("klass A {};", "1:1: expected `class`, `instance of`, `Qualifier` or `#pragma`, found `klass`"),
        ("class A {\n  string é;\n};", "2:10: expected a MOF token, found 'é'"),
        ("/* é */ class A { string 5; };", "1:26: expected the name of a property or method, found `5`"),
        ("class A { string P = \"a\n\"; };", "1:22: expected a text closed with `\"` on the same line, found '\"'"),
        (
            "class A { string P = 99999999999999999999; };",
            "1:22: expected an integer of at most 64 bits, found `99999999999999999999`",
        ),
        ("class A {};\n  /* open", "2:3: expected a comment closed with `*/`, found '/'"),
        (
            "class A { uint32 M(string a string b); };",
            "1:29: expected `,` or `)` after a parameter of `M`, found `string`",
        ),
        ("class A { [Key string P; };", "1:16: expected `,` or `]` after the qualifier `Key`, found `string`"),
        ("[Key] #pragma x", "1:7: expected `class` or `instance of` after the qualifiers, found `#`"),
        ("class A : B {", "1:14: expected `}` at the end of class `A`, found the end"),
    ] {
        assert_eq!(problems(text)[0], problem, "{text}");
    }
}

#[test]
fn one_run_tells_of_every_problem() {
    let found = problems(
        "class A {\n string;\n uint32 Good;\n [Key(] string Bad;\n string AlsoGood = { 1, };\n uint8 Fine;\n string Last }\n\
         class B {}\nclass C : {};\nclass D { string };",
    );
    assert_eq!(
        found,
        [
            "2:8: expected the name of a property or method, found `;`",
            "4:7: expected a value, found `]`",
            "5:25: expected a value, found `}`",
            "7:14: expected `;` after the property `Last`, found `}`",
            "8:1: expected `;` after class `A`, found `class`",
            "9:1: expected `;` after class `B`, found `class`",
            "9:11: expected the name of the superclass, found `{`",
            "10:18: expected the name of a property or method, found `}`",
        ]
    );
}

#[test]
fn problems_input_and_nesting_are_bounded() {
    let error = read(&"class { };\n".repeat(10_000)).unwrap_err();
    assert_eq!(error.problems().len(), MAX_PROBLEMS);
    assert!(error.to_string().ends_with("and perhaps more, reading stopped here"));
    let error = read(&format!("class A {{ {} }};", "x;\n".repeat(10_000))).unwrap_err();
    assert_eq!(error.problems().len(), MAX_PROBLEMS);

    let nested = |depth: usize| format!("class A {{ string P = {}{}; }};", "{".repeat(depth), "}".repeat(depth));
    assert!(read(&nested(MAX_DEPTH)).is_ok());
    assert!(problems(&nested(MAX_DEPTH + 1))[0].contains("at most 16 values inside each other"));
    assert!(read(&nested(100_000)).is_err());
    let instances = "instance of A { P = ".repeat(100_000);
    assert!(read(&instances).is_err());

    let long = " ".repeat(MAX_INPUT + 1);
    assert_eq!(problems(&long), ["1:1: expected at most 33554432 bytes, found 33554433 bytes"]);
}

#[test]
fn files_from_windows_are_read() {
    assert_eq!(read("\u{feff}class A\r\n{\r\n  string B;\r\n};\r\n").unwrap().classes().count(), 1);
    assert!(read("").unwrap().items.is_empty());
}

#[test]
fn a_lone_backslash_is_kept_and_noted() {
    for (literal, text) in [
        (r#""enable\disable""#, r"enable\disable"),
        (r#""\q\x\xg \u0041""#, r"\q\x\xg \u0041"),
        (r#""C:\Windows""#, r"C:\Windows"),
        (r#""ends\\""#, r"ends\"),
    ] {
        assert_eq!(default(literal), Value::Text(Cow::Borrowed(text)), "{literal}");
    }
    let document = read("class A {\n\tstring P = \"ä\\qb\";\n};").unwrap();
    assert_eq!(
        document.notes[0].to_string(),
        "2:15: the backslash of `\\qb` begins no escape, and is taken as it stands"
    );
    let many = "\"\\q\" ".repeat(1000);
    assert_eq!(read(&format!("class A {{ string P = {many}; }};")).unwrap().notes.len(), MAX_NOTES);
}

#[test]
fn pragmas_name_paths_with_backslashes_once_or_twice() {
    for (written, meant, notes) in [
        (r"Sub\\table.mof", r"Sub\table.mof", 0),
        (r"Sub\table.mof", r"Sub\table.mof", 1),
        (r"..\new\x\base.mof", r"..\new\x\base.mof", 1),
        ("Sub/base.mof", "Sub/base.mof", 0),
        (r"\\\\.\\root\\x", r"\\.\root\x", 0),
        (r#"A.Name=\"x\""#, r#"A.Name="x""#, 0),
    ] {
        let text = format!("#pragma Include (\"{written}\")");
        let document = read(&text).unwrap();
        assert_eq!(document.includes().collect::<Vec<_>>(), [meant], "{written}");
        assert_eq!(document.notes.len(), notes, "{written}: {:?}", document.notes);
    }
}

#[test]
fn what_windows_compilers_take_besides() {
    let document = read(
        "class A { void M([in] boolean Force = FALSE, [in : ToSubclass DisableOverride] object Any); uint8 C = 'a'; };;
         #pragma classflags(64)\n#pragma DeleteInstance(\"A.B=\\\"c\\\"\", NOFAIL)\n#pragma amendment(\"MS_409\");",
    )
    .unwrap();
    let class = document.classes().next().unwrap();
    assert_eq!(class.methods[0].parameters[0].default, Some(Value::Boolean(false)));
    assert_eq!(class.methods[0].parameters[1].qualifiers[0].flavors.len(), 2);
    assert_eq!(class.properties[0].default, Some(Value::Char('a')));
    assert_eq!(document.items.len(), 4);
}

#[test]
fn what_editors_and_copies_leave_between_tokens_is_passed_over() {
    let joined = "\u{feff}class A {};\u{1a}\u{feff}class B : A {};\r\n\u{1a}";
    assert_eq!(read(joined).unwrap().classes().count(), 2);
}

#[test]
fn types_know_their_words_and_ranges() {
    for (name, known) in CimType::NAMES {
        assert_eq!(name.to_uppercase().parse(), Ok(known));
        assert_eq!(known.to_string(), name);
    }
    assert_eq!("uint128".parse::<CimType>(), Err(NotAType));
    assert_eq!(CimType::Uint16.integer_range(), Some((0, 65_535)));
    assert_eq!(CimType::Sint8.integer_range(), Some((-128, 127)));
    assert_eq!(CimType::String.integer_range(), None);
}

/// A text near enough to MOF to reach deep into the parser.
const SAMPLE: &str = r##"#pragma locale ("en_US")
Qualifier Key : boolean = false, Scope(property), Flavor(DisableOverride);
[Association, Description("a" "b")] class A as $B : C { [Key, ValueMap{"1", "2.."}] uint16 P[3] = {1, 0x2, 'c'};
  uint32 M([In(false), Out] D REF Job, string S[]); }; instance of A { P = instance of B { Q = -1.5E3; }; };"##;

proptest! {
    #![proptest_config(crate::properties::config())]
    #[test]
    fn hostile_text_never_panics(text in "\\PC{0,80}", near in "[\\[\\]{}();:,=#\"'\\\\$a-z0-9 \n/*.]{0,120}") {
        for text in [text, near] {
            if let Err(error) = read(&text) {
                prop_assert!((1..=MAX_PROBLEMS).contains(&error.problems().len()));
            }
        }
    }

    #[test]
    fn damaged_text_never_panics(edits in proptest::collection::vec((0..SAMPLE.len(), any::<u8>(), 0..3_u8), 1..12)) {
        let mut bytes = SAMPLE.as_bytes().to_vec();
        for (at, byte, how) in edits {
            let at = at % bytes.len();
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Err(error) = read(&text) {
            for problem in error.problems() {
                prop_assert!(problem.line <= text.matches('\n').count() + 1);
                prop_assert!(problem.column <= text.chars().count() + 1);
            }
        }
    }
}
