//! Embedded instances as Hyper-V takes them: CIM-XML text, read by a parser that is no full XML parser.

use crate::cim::schema::Schema;
use crate::cim::{CimError, Instance, Value};
use crate::simulator::world::{FAILED, INCORRECT_TYPE, INVALID_PARAMETER};

/// Reads one, which must be of this class or of one derived from it, with properties that the class has.
///
/// # Errors
/// The ReturnValue of the method: `&amp;` and `&lt;` in a value as seen on a live host, the others inferred (not asked).
pub(super) fn read(text: &str, class: &str) -> Result<Instance, u32> {
    if text.contains("&amp;") {
        return Err(FAILED);
    }
    if text.contains("&lt;") {
        return Err(INVALID_PARAMETER);
    }
    let instance = Instance::from_cim_xml(text).map_err(|error| match error {
        CimError::Embedded(_) if is_value_at_fault(text) => INCORRECT_TYPE,
        _ => INVALID_PARAMETER,
    })?;
    let declared = Schema::builtin().class(instance.class().as_str()).filter(|known| known.is_a(class));
    let declared = declared.ok_or(INVALID_PARAMETER)?;
    for (name, value) in instance.properties() {
        let property = declared.property(name.as_str()).ok_or(INVALID_PARAMETER)?;
        let fits = |value: &Value| {
            matches!(value, Value::Array(..)) == property.array && value.cim_type() == property.cim_type
        };
        if !value.is_none_or(fits) {
            return Err(INCORRECT_TYPE);
        }
    }
    Ok(instance)
}

/// Whether the text is well formed, so that only a value can have failed.
fn is_value_at_fault(text: &str) -> bool {
    crate::xml::Document::parse(text).is_ok_and(|document| document.root().local() == "INSTANCE")
}
