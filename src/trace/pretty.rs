//! Indents XML for people without changing prefixes, order or text.

use super::markup::{Piece, pieces};

/// The document with each element on a line of its own. What is no XML is given back as it is.
pub fn pretty(xml: &str) -> String {
    if crate::xml::Document::parse(xml).is_err() {
        return xml.to_owned();
    }
    let mut lines: Vec<String> = Vec::new();
    let (mut line, mut depth) = (String::new(), 0_usize);
    // Whether the line holds a start tag and text, so that its end tag belongs to it.
    let (mut opened, mut has_text) = (false, false);
    let mut tag = String::new();
    for piece in pieces(xml) {
        match piece {
            Piece::Text(text) if text.trim().is_empty() && !has_text => {}
            Piece::Text(text) => {
                has_text = true;
                line.push_str(text);
            }
            Piece::Value(value) => tag.push_str(value),
            Piece::Markup(markup) => {
                tag.push_str(markup);
                if !markup.ends_with('>') {
                    continue;
                }
                let whole = std::mem::take(&mut tag);
                let closes = whole.starts_with("</");
                let stands_alone = whole.ends_with("/>") || whole.starts_with("<?");
                if closes {
                    depth = depth.saturating_sub(1);
                }
                if closes && opened {
                    line.push_str(&whole);
                } else {
                    flush(&mut lines, &mut line);
                    line = format!("{}{whole}", "  ".repeat(depth));
                }
                opened = !closes && !stands_alone;
                has_text = false;
                if opened {
                    depth += 1;
                }
            }
        }
    }
    flush(&mut lines, &mut line);
    lines.join("\n")
}

fn flush(lines: &mut Vec<String>, line: &mut String) {
    if !line.trim().is_empty() {
        lines.push(std::mem::take(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_element_a_line() {
        assert_eq!(
            pretty("<?xml version=\"1.0\"?><a x='1>2'><b>t &amp; u</b><c/><d></d>\n  <e><f> g </f></e></a>"),
            "<?xml version=\"1.0\"?>\n<a x='1>2'>\n  <b>t &amp; u</b>\n  <c/>\n  <d></d>\n  <e>\n    <f> g </f>\n  </e>\n</a>"
        );
        assert_eq!(pretty("no xml"), "no xml");
    }

    #[test]
    fn the_document_stays_the_same() {
        let xml = include_str!("../../tests/data/requests/initiate-failover-point.xml");
        let shown = pretty(xml);
        assert!(shown.lines().count() > 10);
        assert_eq!(super::super::meaning::differences(xml.as_bytes(), shown.as_bytes()), Ok(Vec::new()));
    }
}
