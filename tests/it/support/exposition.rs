//! A strict reader of Prometheus' text format, written from its documentation and not from our writer.

use std::collections::{BTreeMap, HashSet};

/// One sample: its metric, labels and value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// Reads a page, or says what is wrong with it: every metric described once before its samples, its samples together,
/// names and escapes as the format has them, no series twice, a line feed at the end.
pub fn parse(page: &str) -> Result<Vec<Sample>, String> {
    let body = page.strip_suffix('\n').ok_or("no line feed at the end")?;
    let mut described: Vec<String> = Vec::new();
    let mut help: HashSet<String> = HashSet::new();
    let mut samples: Vec<Sample> = Vec::new();
    let mut current = String::new();
    let mut series = HashSet::new();
    for line in body.split('\n') {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, text) = rest.split_once(' ').ok_or("HELP without text")?;
            check_name(name)?;
            unescape(text, false)?;
            if !help.insert(name.to_owned()) {
                return Err(format!("{name} has HELP twice"));
            }
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or("TYPE without a type")?;
            if !["counter", "gauge", "histogram", "summary", "untyped"].contains(&kind) {
                return Err(format!("{kind:?} is no type"));
            }
            if !help.contains(name) || described.iter().any(|known| known == name) {
                return Err(format!("{name}: TYPE without HELP before it, or twice"));
            }
            described.push(name.to_owned());
            name.clone_into(&mut current);
        } else {
            let sample = read_sample(line)?;
            if sample.name != current {
                return Err(format!("{line:?} is not under the TYPE of its metric"));
            }
            if !series.insert(format!("{}{:?}", sample.name, sample.labels)) {
                return Err(format!("{line:?} is there twice"));
            }
            samples.push(sample);
        }
    }
    Ok(samples)
}

fn check_name(name: &str) -> Result<(), String> {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || "_:".contains(c));
    match first && name.chars().all(|c| c.is_ascii_alphanumeric() || "_:".contains(c)) {
        true => Ok(()),
        false => Err(format!("{name:?} is no name")),
    }
}

fn read_sample(line: &str) -> Result<Sample, String> {
    let fail = |what: &str| format!("{what} in {line:?}");
    let open = line.find('{').ok_or_else(|| fail("no labels"))?;
    let name = &line[..open];
    check_name(name)?;
    let mut labels = BTreeMap::new();
    let mut rest = &line[open + 1..];
    loop {
        let (label, after) = rest.split_once("=\"").ok_or_else(|| fail("a label without value"))?;
        check_name(label)?;
        let mut end = None;
        let mut escaped = false;
        for (at, character) in after.char_indices() {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        let end = end.ok_or_else(|| fail("an open value"))?;
        if labels.insert(label.to_owned(), unescape(&after[..end], true)?).is_some() {
            return Err(fail("a label twice"));
        }
        rest = &after[end + 1..];
        match (rest.strip_prefix(','), rest.strip_prefix("} ")) {
            (Some(more), _) => rest = more,
            (_, Some(value)) => {
                let value = value.parse().map_err(|_| fail("a value that is no number"))?;
                return Ok(Sample { name: name.to_owned(), labels, value });
            }
            _ => return Err(fail("no end of the labels")),
        }
    }
}

fn unescape(text: &str, quotes: bool) -> Result<String, String> {
    let mut read = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('\\') => read.push('\\'),
                Some('n') => read.push('\n'),
                Some('"') if quotes => read.push('"'),
                other => return Err(format!("the escape \\{other:?}")),
            },
            '"' if quotes => return Err("a bare quote".to_owned()),
            other => read.push(other),
        }
    }
    Ok(read)
}

#[test]
fn the_reader_is_strict() {
    let good = "# HELP a_b x \\\\ y\n# TYPE a_b gauge\na_b{l=\"q\\\"\\\\\\n\",m=\"\"} 1.5e3\n";
    let samples = parse(good).unwrap();
    assert_eq!((samples[0].labels["l"].as_str(), samples[0].value), ("q\"\\\n", 1500.0));
    for bad in [
        "a_b{l=\"x\"} 1\n",
        "# TYPE a_b gauge\na_b{l=\"x\"} 1\n",
        "# HELP a_b x\n# TYPE a_b gouge\na_b{l=\"x\"} 1\n",
        "# HELP a_b x\n# TYPE a_b gauge\na_b{l=\"x} 1\n",
        "# HELP a_b x\n# TYPE a_b gauge\na_b{l=\"\\t\"} 1\n",
        "# HELP a_b x\n# TYPE a_b gauge\na_b{l=\"x\"} one\n",
        "# HELP a_b x\n# TYPE a_b gauge\na_b{l=\"x\"} 1\na_b{l=\"x\"} 1\n",
        "# HELP a_b x\n# TYPE a_b gauge\na_b{l=\"x\"} 1",
        "# HELP a-b x\n# TYPE a-b gauge\na-b{l=\"x\"} 1\n",
        "# HELP a x\n# TYPE a gauge\n# HELP b x\n# TYPE b gauge\nb{l=\"x\"} 1\na{l=\"x\"} 1\n",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}
