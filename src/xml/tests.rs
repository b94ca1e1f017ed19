use proptest::prelude::*;

use super::*;

fn kind(text: &str) -> ErrorKind {
    Document::parse(text).err().unwrap_or_else(|| panic!("{text:.80} was taken")).kind().clone()
}

/// What was read and what was not, by path.
#[test]
fn what_nobody_read_is_named() {
    let text = "<a xmlns:x='urn:x'><b c='1' x:d='2'>3</b><b/><x:e> </x:e><f><g>4</g>5</f></a>";
    let document = Document::parse(text).unwrap();
    assert!(document.root().unread().is_empty(), "without an account nothing is told");
    document.watch();
    let all: Vec<_> = document
        .root()
        .unread()
        .into_iter()
        .map(|leaf| (leaf.path, leaf.namespace.to_owned(), leaf.value.to_owned()))
        .collect();
    let leaf = |path: &str, namespace: &str, value: &str| (path.to_owned(), namespace.to_owned(), value.to_owned());
    assert_eq!(
        all,
        [
            leaf("b[1]/@c", "", "1"),
            leaf("b[1]/@d", "urn:x", "2"),
            leaf("b[1]", "", "3"),
            leaf("b[2]", "", ""),
            leaf("e", "urn:x", " "),
            leaf("f", "", "5"),
            leaf("f/g", "", "4"),
        ]
    );
    let root = document.root();
    let first = root.child("", "b").unwrap();
    assert_eq!((first.text(), first.attribute("", "c")), ("3", Some("1")));
    // What could not be made anything of was not read.
    assert_eq!(first.attribute_as("urn:x", "d", |text| text.parse::<bool>().ok()), None);
    assert_eq!(root.child("", "f").and_then(|f| f.text_as(|text| text.parse::<u8>().ok())), Some(5));
    let paths = |element: Element<'_>| element.unread().into_iter().map(|leaf| leaf.path).collect::<Vec<_>>();
    assert_eq!(paths(root), ["b[1]/@d", "b[2]", "e", "f/g"]);
    assert_eq!(paths(first), ["@d"]);
    root.count_as_read();
    assert!(root.unread().is_empty());
}

#[test]
fn a_prefix_may_be_rebound_inside_one_document() {
    let document = Document::parse(r#"<p:a xmlns:p="urn:1"><p:b xmlns:p="urn:2"><p:c/></p:b><p:d/></p:a>"#).unwrap();
    let root = document.root();
    let names: Vec<_> = root.children().map(|e| (e.namespace(), e.local())).collect();
    assert_eq!(names, [("urn:2", "b"), ("urn:1", "d")]);
    let inner = root.child("urn:2", "b").unwrap().children().next().unwrap();
    assert_eq!((inner.namespace(), inner.resolve_prefix("p")), ("urn:2", Some("urn:2")));
    assert_eq!(root.resolve_prefix("q"), None);
}

#[test]
fn text_is_joined_from_its_pieces_and_layout_is_not_text() {
    let document =
        Document::parse("<a>\n <b>x&amp;<![CDATA[<y>]]>&#x41;z\r\n</b>\n <c>  </c><d></d>tail &lt;\n<e/>more</a>")
            .unwrap();
    let texts: Vec<_> = document.root().children().map(|e| e.text()).collect();
    assert_eq!(texts, ["x&<y>Az\n", "  ", "", ""]);
    assert_eq!(document.root().text(), "tail <\nmore");
}

#[test]
fn attributes_are_unescaped_and_found_by_namespace() {
    let document = Document::parse(
        r#"<a xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:nil="true" v="a&quot;&#10;b
c" xml:lang="ja-JP"/>"#,
    )
    .unwrap();
    let root = document.root();
    assert!(root.is_nil());
    assert_eq!(root.attribute("", "v"), Some("a\"\nb c"));
    assert_eq!(root.attribute(ns::XML, "lang"), Some("ja-JP"));
    assert_eq!(root.attribute("", "nil"), None);
}

#[test]
fn a_qualified_name_in_text_is_resolved_where_it_stands() {
    let document =
        Document::parse(r#"<s:Value xmlns:s="urn:s" xmlns:a="urn:a"> a:DestinationUnreachable </s:Value>"#).unwrap();
    assert_eq!(document.root().qname(), Some(("urn:a", "DestinationUnreachable")));
}

#[test]
fn what_the_parser_lets_pass_is_refused_here() {
    assert_eq!(kind(""), ErrorKind::Empty);
    assert_eq!(kind(" \n"), ErrorKind::Empty);
    assert_eq!(kind("<a><b>"), ErrorKind::Truncated("b".into()));
    assert!(matches!(kind("<a/><b/>"), ErrorKind::Structure(_)));
    assert!(matches!(kind("<a/>x"), ErrorKind::Structure(_)));
    assert!(matches!(kind("x<a/>"), ErrorKind::Structure(_)));
    assert!(matches!(kind("<a/>&amp;"), ErrorKind::Structure(_)));
    assert!(matches!(kind("<!-- only -->"), ErrorKind::Structure(_)));
    assert_eq!(kind("<p:a/>"), ErrorKind::UndeclaredPrefix("p".into()));
    assert_eq!(kind(r#"<a q:b="1"/>"#), ErrorKind::UndeclaredPrefix("q".into()));
    assert!(matches!(kind("<a b=1/>"), ErrorKind::Attribute(_)));
    assert!(matches!(kind(r#"<a b="1" b="2"/>"#), ErrorKind::Attribute(_)));
    assert!(matches!(kind(r#"<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>"#), ErrorKind::Attribute(_)));
    assert!(matches!(kind(r#"<a xmlns:p="u" xmlns:p="v"/>"#), ErrorKind::Attribute(_)));
    assert!(matches!(kind(r#"<a b="x<y"/>"#), ErrorKind::Attribute(_)));
    assert!(matches!(kind("<a>]]></a>"), ErrorKind::Syntax(_)));
    assert!(matches!(kind("<a><!-- -- --></a>"), ErrorKind::Syntax(_)));
    assert!(matches!(kind("<a></b>"), ErrorKind::Syntax(_)));
    assert_eq!(kind("<a>\u{1}</a>"), ErrorKind::ControlCharacter(1));
    assert_eq!(kind("<a>&#1;</a>"), ErrorKind::Entity("#1".into()));
    assert_eq!(kind("<a>&xxe;</a>"), ErrorKind::Entity("xxe".into()));
    assert_eq!(kind(r#"<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>"#), ErrorKind::Doctype);
    assert_eq!(kind(r#"<?xml version="1.0" encoding="utf-16"?><a/>"#), ErrorKind::NotUtf8);
}

#[test]
fn attributes_may_be_the_same_on_two_elements() {
    let document = Document::parse(r#"<a b="1"><c b="2" d="3"/><c b="4"/></a>"#).unwrap();
    let values: Vec<_> = document.root().children().filter_map(|e| e.attribute("", "b")).collect();
    assert_eq!(values, ["2", "4"]);
}

#[test]
fn encodings_other_than_utf8_are_named() {
    assert_eq!(*Document::parse(vec![0xff, 0xfe, b'<', 0]).unwrap_err().kind(), ErrorKind::Utf16);
    assert_eq!(*Document::parse(b"<a>\xe9</a>".to_vec()).unwrap_err().kind(), ErrorKind::NotUtf8);
    assert_eq!(Document::parse("\u{feff}<a>é</a>").unwrap().root().text(), "é");
}

#[test]
fn limits_hold() {
    let deep = "<a>".repeat(70) + &"</a>".repeat(70);
    assert_eq!(kind(&deep), ErrorKind::TooDeep(64));
    let wide: String = (0..70).map(|n| format!(" a{n}=''")).collect();
    assert_eq!(kind(&format!("<a{wide}/>")), ErrorKind::TooManyAttributes(64));
    let limits = Limits::with_bytes(10);
    let error = Document::parse_with("<a>12345</a>", &limits).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::TooLarge { actual: 12, limit: 10 });
    let mixed = format!("<a>{}</a>", "<b>&amp;</b>x".repeat(20_000));
    assert_eq!(kind(&mixed), ErrorKind::TooManyParts);
}

#[test]
fn errors_say_where() {
    let error = Document::parse("<a>\n  <p:b/></a>").unwrap_err();
    assert_eq!(error.to_string(), "the prefix \"p\" is not declared at line 2, column 4");
}

#[test]
fn errors_do_not_quote_the_document() {
    let long = "x".repeat(10_000);
    for text in [format!("<{long}>"), format!("<a></{long}>"), format!("<{long}:a/>"), format!("<a>&{long};</a>")] {
        let error = Document::parse(text).unwrap_err().to_string();
        assert!(error.len() < 1000, "an error of {} bytes", error.len());
    }
}

#[test]
fn errors_among_plain_elements_say_where() {
    let place = |text: &str| Document::parse(text).unwrap_err().offset();
    assert_eq!(place("<a>\n<b>1</b><p:b>2</p:b></a>"), 13);
    // What the parser finds itself after elements it has not seen.
    assert_eq!(place("<a><b>1</b><b>2</b></c></a>"), 19);
    assert_eq!(place("<a><b>1</b> <b>2</b><b>&x;</b></a>"), 24);
}

#[test]
fn plain_elements_count_for_the_limit_of_depth() {
    let nested = |depth: usize| "<a>".repeat(depth - 1) + "<b>x</b>" + &"</a>".repeat(depth - 1);
    assert!(Document::parse(nested(64)).is_ok());
    assert_eq!(kind(&nested(65)), ErrorKind::TooDeep(64));
}

/// Everything a reader can see of an element.
fn seen(element: Element<'_>, out: &mut String) {
    use std::fmt::Write;
    write!(out, "<{}|{}", element.namespace(), element.local()).unwrap();
    for attribute in element.attributes() {
        write!(out, " {attribute:?}").unwrap();
    }
    write!(out, " p={:?}>{:?}", element.resolve_prefix("p"), element.text()).unwrap();
    element.children().for_each(|child| seen(child, out));
    out.push_str("</>");
}

fn outcome(text: &str) -> Result<String, ErrorKind> {
    let document = Document::parse(text).map_err(|error| error.kind().clone())?;
    let mut out = String::new();
    seen(document.root(), &mut out);
    Ok(out)
}

#[test]
fn the_writer_refuses_what_xml_cannot_carry() {
    let written = |prefix: &str, local: &str, text: &str| {
        let mut w = Writer::new();
        w.text_element(prefix, local, text);
        w.finish_text()
    };
    assert_eq!(written("", "a", "1 < 2 & \"3\" ]]>\r").unwrap(), "<a>1 &lt; 2 &amp; \"3\" ]]&gt;&#13;</a>");
    assert_eq!(written("", "a b", ""), Err(WriteError::Name("a b".into())));
    assert_eq!(written("", "", ""), Err(WriteError::Name(String::new())));
    assert_eq!(written("x/>", "a", ""), Err(WriteError::Name("x/>".into())));
    assert_eq!(written("", "a", "\u{0}"), Err(WriteError::Character('\u{0}')));
    let mut open = Writer::new();
    open.open("", "a");
    assert_eq!(open.finish(), Err(WriteError::Nesting));
}

proptest! {
    #![proptest_config(crate::properties::config())]
    #[test]
    fn what_is_written_is_read_back(text in "[\\PC\\t\\n\\r]{0,40}", value in "[\\PC\\t\\n\\r]{0,40}") {
        let mut w = Writer::new();
        w.open("p", "a").declare("p", "urn:&<\"").attribute("", "v", &value).text_element("p", "b", &text).close();
        let bytes = w.finish().unwrap();
        let document = Document::parse(bytes).unwrap();
        prop_assert_eq!(document.root().attribute("", "v"), Some(value.as_str()));
        prop_assert_eq!(document.root().child("urn:&<\"", "b").unwrap().text(), text.as_str());
    }

    /// A blank before the `>` of an end tag or the `/>` of an empty one sends every element through the parser.
    #[test]
    fn plain_elements_read_as_the_parser_reads_them(pieces in proptest::collection::vec(0usize..24, 0..24)) {
        const PIECES: [&str; 24] = [
            "<b>", "</b>", "<p:b>", "</p:b>", "<p:b xmlns:p='urn:2'>", "<c n='1'/>", "<b>x</b>", "<p:b>é y</p:b>", "<b></b>",
            "<q:b>1</q:b>", "<b>&amp;</b>", "<b>\r\n</b>", "<b>]]></b>", "<b><![CDATA[z]]></b>", " \n ", "tail", "<é>x</é>",
            "<a:b:c>x</a:b:c>", "<b n=\"1\"/>", "<p:b p:nil=\"tr ue\"/>", "<b q:n=\"\"/>", "<b n=\"&lt;\"/>",
            "<b xmlns=\"urn:3\"/>", "<b xmlns:p=\"urn:3\"/>",
        ];
        let inside: String = pieces.iter().map(|piece| PIECES[*piece]).collect();
        for text in [format!("<p:a xmlns:p='urn:1'>{inside}</p:a>"), inside] {
            let slow = text.replace("</b>", "</b >").replace("</p:b>", "</p:b >").replace("</q:b>", "</q:b >");
            let slow = slow.replace("</é>", "</é >").replace("</a:b:c>", "</a:b:c >").replace("/>", " />");
            prop_assert_eq!(outcome(&text), outcome(&slow), "{}", text);
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Document::parse(bytes);
    }

    #[test]
    fn no_damaged_document_makes_the_reader_panic(
        cut in 0usize..400, at in 0usize..400, byte in any::<u8>(),
    ) {
        let mut bytes = br#"<?xml version="1.0"?><s:E xmlns:s="urn:s" a="&#65;"><s:B>x&amp;y<![CDATA[z]]></s:B><p xmlns="u" s:n="1"/><!-- c --></s:E>"#.to_vec();
        bytes.truncate(cut.max(1));
        if let Some(place) = bytes.get_mut(at) { *place = byte; }
        if let Ok(document) = Document::parse(bytes) {
            let root = document.root();
            let count = root.children().flat_map(|e| e.attributes().collect::<Vec<_>>()).count();
            prop_assert!(count < 100);
        }
    }
}
