//! Real output against the published schemas.

use std::path::Path;

use serde_json::Value;

/// Checks a document against the schema of its kind.
pub fn check_document(document: &Value) {
    let kind = document["kind"].as_str().unwrap_or_else(|| panic!("no kind in {document}"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schemas/output/{kind}.schema.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("no schema for {kind}"));
    let schema: Value = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> =
        validator.iter_errors(document).map(|error| format!("{error} at {}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{kind}: {errors:#?}\n{document:#}");
}
