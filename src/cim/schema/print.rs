//! Declarations as text, for showing next to a refusal.

use std::fmt::Write;

use super::class::{Class, Direction, Method, Parameter, Property};
use super::{CimType, ClassName};

impl Class {
    /// The class with all it has and inherits, in the words of MOF without value maps and descriptions.
    #[must_use]
    pub fn declaration(&self) -> String {
        let mut text = format!("class {}", self.name);
        if let Some(superclass) = &self.superclass {
            push(&mut text, format_args!(" : {superclass}"));
        }
        text.push_str("\n{\n");
        for property in self.properties_with_inherited() {
            push(&mut text, format_args!("  {};\n", property.declaration()));
        }
        for method in self.methods_with_inherited() {
            push(&mut text, format_args!("  {};\n", method.one_line()));
        }
        text.push_str("};");
        text
    }
}

impl Property {
    /// `[key] string Name`, `CIM_Job REF AffectingElement`.
    #[must_use]
    pub fn declaration(&self) -> String {
        let mut marks = Vec::new();
        if self.key {
            marks.push("key".to_owned());
        }
        marks.extend(embedded(self.embedded_class.as_ref(), self.embedded_object));
        element(&marks, self.cim_type, self.reference_class.as_ref(), self.name.as_str(), self.array)
    }
}

impl Method {
    /// The method as MOF has it, one parameter to a line.
    #[must_use]
    pub fn declaration(&self) -> String {
        let mut text = format!("{} {}(", self.return_word(), self.name);
        for (index, parameter) in self.parameters.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            push(&mut text, format_args!("{comma}\n  {}", parameter.declaration()));
        }
        text.push_str(if self.parameters.is_empty() { ")" } else { "\n)" });
        text
    }

    fn one_line(&self) -> String {
        let parameters: Vec<_> = self.parameters.iter().map(Parameter::declaration).collect();
        format!("{} {}({})", self.return_word(), self.name, parameters.join(", "))
    }

    fn return_word(&self) -> &'static str {
        self.return_type.map_or("void", CimType::name)
    }
}

impl Parameter {
    /// `[in] CIM_ComputerSystem REF ComputerSystem`.
    #[must_use]
    pub fn declaration(&self) -> String {
        let direction = match self.direction {
            Direction::In => "in",
            Direction::Out => "out",
            Direction::InOut => "in, out",
        };
        let mut marks = vec![direction.to_owned()];
        if self.required {
            marks.push("required".to_owned());
        }
        if self.optional {
            marks.push("optional".to_owned());
        }
        marks.extend(embedded(self.embedded_class.as_ref(), self.embedded_object));
        element(&marks, self.cim_type, self.reference_class.as_ref(), self.name.as_str(), self.array)
    }
}

fn embedded(class: Option<&ClassName>, any: bool) -> Option<String> {
    match class {
        Some(class) => Some(format!("EmbeddedInstance(\"{class}\")")),
        None => any.then(|| "EmbeddedObject".to_owned()),
    }
}

fn element(marks: &[String], cim_type: CimType, class: Option<&ClassName>, name: &str, array: bool) -> String {
    let marks = if marks.is_empty() { String::new() } else { format!("[{}] ", marks.join(", ")) };
    let type_name = class.map_or_else(|| cim_type.name().to_owned(), |class| format!("{class} REF"));
    format!("{marks}{type_name} {name}{}", if array { "[]" } else { "" })
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(arguments);
}
