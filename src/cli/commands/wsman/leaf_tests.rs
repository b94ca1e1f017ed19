//! No leaf of a message gets lost: each text and each value of an attribute is marked with a word of its own, and each
//! word must be in what `decode` prints, as JSON and as a table.

use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::message::message_to_json;
use super::message_table::whole;
use crate::cim::schema::Schema;
use crate::wsman::Decoded;

/// One tag of a text, and where it stands.
struct Tag {
    at: Range<usize>,
    /// Prefix and local name.
    name: Range<usize>,
    kind: Kind,
    /// Values of attributes, declarations left out, with their names.
    attributes: Vec<(String, Range<usize>)>,
}

#[derive(PartialEq)]
enum Kind {
    Open,
    Close,
    Alone,
}

/// A place that holds a value, and a name for messages.
struct Leaf {
    name: String,
    at: Range<usize>,
}

/// Enough of a reader for messages that are well-formed, without sections.
fn tags(text: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find('<').map(|at| from + at) {
        let end = match text[start..].starts_with("<!--") {
            true => start + text[start..].find("-->").unwrap() + 3,
            false => start + text[start..].find('>').unwrap() + 1,
        };
        from = end;
        let inner = &text[start..end];
        if inner.starts_with("<?") || inner.starts_with("<!") {
            continue;
        }
        let kind = match (inner.starts_with("</"), inner.ends_with("/>")) {
            (true, _) => Kind::Close,
            (_, true) => Kind::Alone,
            _ => Kind::Open,
        };
        let name_at = start + 1 + usize::from(kind == Kind::Close);
        let name_len = text[name_at..].find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap();
        let mut attributes = Vec::new();
        let mut at = name_at + name_len;
        while let Some(equals) = text[at..end].find('=').map(|offset| at + offset) {
            let name = text[at..equals].trim().to_owned();
            let quote = equals + 1;
            let mark = text[quote..].chars().next().unwrap();
            let close = quote + 1 + text[quote + 1..].find(mark).unwrap();
            if name != "xmlns" && !name.starts_with("xmlns:") {
                attributes.push((name, quote + 1..close));
            }
            at = close + 1;
        }
        tags.push(Tag { at: start..end, name: name_at..name_at + name_len, kind, attributes });
    }
    tags
}

fn leaves(text: &str) -> Vec<Leaf> {
    let tags = tags(text);
    let mut leaves = Vec::new();
    for (place, tag) in tags.iter().enumerate() {
        let element = &text[tag.name.clone()];
        for (name, at) in &tag.attributes {
            leaves.push(Leaf { name: format!("{element}/@{name}"), at: at.clone() });
        }
        if tag.kind == Kind::Open
            && let Some(next) = tags.get(place + 1).filter(|next| next.kind == Kind::Close)
        {
            leaves.push(Leaf { name: element.to_owned(), at: tag.at.end..next.at.start });
        }
    }
    leaves
}

/// The elements of a text inside its envelope, Header and Body: where the whole of each stands, and where its names do.
fn elements(text: &str) -> Vec<(Range<usize>, Vec<Range<usize>>)> {
    let tags = tags(text);
    let mut found = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for (place, tag) in tags.iter().enumerate() {
        let depth = open.len();
        let (first, last) = match tag.kind {
            Kind::Open => {
                open.push(place);
                continue;
            }
            Kind::Alone => (place, place),
            Kind::Close => (open.pop().unwrap(), place),
        };
        let depth = if first == last { depth } else { depth - 1 };
        if depth >= 2 {
            let mut names = vec![tags[first].name.clone()];
            if first != last {
                names.push(tags[last].name.clone());
            }
            found.push((tags[first].at.start..tags[last].at.end, names));
        }
    }
    found
}

/// What a value decides, so that marking it makes another message: those are marked one by one.
fn decides(name: &str) -> bool {
    const NAMES: &[&str] = &["Action", "Value", "@nil", "@type", "@Dialect", "mustUnderstand", "RelatesTo"];
    NAMES.iter().any(|end| name.ends_with(end))
}

/// The words that are missing in what is printed of a message; none where it is refused as a whole, which is said.
fn missing(text: &str, words: &[(String, String)], schema: Option<&Schema>) -> Vec<String> {
    let Ok(decoded) = Decoded::read(text.as_bytes()) else { return Vec::new() };
    let json = message_to_json(&decoded, schema);
    let (document, table) = (json.to_string(), whole(&json).join("\n"));
    let mut missing = Vec::new();
    for (name, word) in words {
        for (form, printed) in [("json", &document), ("table", &table)] {
            if !printed.contains(word) {
                missing.push(format!("{name} ({form})"));
            }
        }
    }
    missing
}

/// Marks every leaf but those that decide, all at once.
fn all_marked(text: &str) -> (String, Vec<(String, String)>) {
    let (mut marked, mut words) = (String::new(), Vec::new());
    let mut leaves: Vec<_> = leaves(text).into_iter().filter(|leaf| !decides(&leaf.name)).collect();
    leaves.sort_by_key(|leaf| leaf.at.start);
    let mut from = 0;
    for (number, leaf) in leaves.into_iter().enumerate() {
        let word = format!("LEAF{number:04}x");
        marked.push_str(&text[from..leaf.at.end]);
        marked.push_str(&word);
        from = leaf.at.end;
        words.push((leaf.name, word));
    }
    marked.push_str(&text[from..]);
    (marked, words)
}

/// Every message there is in this repository: requests and replies.
fn messages() -> Vec<(String, String)> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let folders = ["requests", "published", "inferred", "foreign"];
    let mut files: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(data.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "xml"))
        .collect();
    files.sort();
    assert!(files.len() > 80, "{}", files.len());
    files.iter().map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap())).collect()
}

fn report(lost: &[String]) {
    let mut text = String::new();
    for line in lost.iter().take(40) {
        let _ = writeln!(text, "{line}");
    }
    assert!(lost.is_empty(), "{} leaves are lost, among them:\n{text}", lost.len());
}

#[test]
fn each_leaf_of_each_message_is_printed() {
    let schema = Schema::builtin();
    let mut lost = Vec::new();
    let mut seen = 0;
    for (file, text) in messages() {
        for leaf in leaves(&text) {
            seen += 1;
            let word = "LEAF0000x";
            let (before, after) = (&text[..leaf.at.start], &text[leaf.at.end..]);
            let value = &text[leaf.at.clone()];
            for (how, marked) in
                [("replaced", format!("{before}{word}{after}")), ("longer", format!("{before}{value}{word}{after}"))]
            {
                for schema in [Some(schema), None] {
                    let words = [(leaf.name.clone(), word.to_owned())];
                    lost.extend(missing(&marked, &words, schema).iter().map(|leaf| format!("{file}: {how}: {leaf}")));
                }
            }
        }
    }
    assert!(seen > 1500, "{seen}");
    report(&lost);
}

/// Copies of every message in which one element stands in another namespace, in a wrapper, twice, or beside a stranger.
#[test]
fn no_leaf_is_lost_where_a_message_is_not_as_expected() {
    let schema = Schema::builtin();
    let mut lost = Vec::new();
    let mut seen = 0;
    for (file, text) in messages() {
        for (at, names) in elements(&text) {
            let (before, whole, after) = (&text[..at.start], &text[at.clone()], &text[at.end..]);
            let stranger = "<zz:Stranger xmlns:zz=\"urn:leaf\" kind=\"a\">b</zz:Stranger>";
            let mut moved = whole.to_owned();
            for name in names.iter().rev() {
                let local = text[name.clone()].rsplit(':').next().unwrap();
                let is_first = name.start == names[0].start;
                let declared = if is_first { " xmlns:zz=\"urn:leaf\"" } else { "" };
                moved.replace_range(name.start - at.start..name.end - at.start, &format!("zz:{local}{declared}"));
            }
            for (how, changed) in [
                ("moved", moved),
                ("wrapped", format!("<zz:Wrap xmlns:zz=\"urn:leaf\">{whole}</zz:Wrap>")),
                ("twice", format!("{whole}{whole}")),
                ("before a stranger", format!("{whole}{stranger}")),
                ("after a stranger", format!("{stranger}{whole}")),
            ] {
                seen += 1;
                let (marked, words) = all_marked(&format!("{before}{changed}{after}"));
                let name = &text[names[0].clone()];
                let missing = missing(&marked, &words, Some(schema));
                lost.extend(missing.iter().map(|leaf| format!("{file}: {name} {how}: {leaf}")));
            }
        }
    }
    assert!(seen > 5000, "{seen}");
    report(&lost);
}

/// The walk can fail: a message of which something is not printed is found.
#[test]
fn the_walk_sees_what_is_missing() {
    let (_, text) = messages().swap_remove(0);
    let words = [("a word that stands nowhere".to_owned(), "LEAF9999x".to_owned())];
    assert_eq!(missing(&text, &words, None).len(), 2);
    // Without the remainder a stranger would be lost.
    let text =
        text.replace("</s:Header>", "<zz:S xmlns:zz=\"urn:leaf\" kind=\"LEAF0001x\">LEAF0002x</zz:S></s:Header>");
    let mut json = message_to_json(&Decoded::read(text.as_bytes()).unwrap(), None);
    assert!(json.to_string().contains("LEAF0001x") && json.to_string().contains("LEAF0002x"));
    let remainder = json.as_object_mut().unwrap().remove("remainder").unwrap();
    assert!(!json.to_string().contains("LEAF0001x") && !json.to_string().contains("LEAF0002x"));
    assert_eq!(
        (remainder[0]["path"].as_str(), remainder[1]["path"].as_str()),
        (Some("Header/S/@kind"), Some("Header/S"))
    );
    let leaves = leaves("<a b='1'><c>2</c><d/><e f=\"3\"/></a>");
    let names: Vec<_> = leaves.iter().map(|leaf| leaf.name.as_str()).collect();
    assert_eq!(names, ["a/@b", "c", "e/@f"]);
}
