//! A MOF text in the manner of the DMTF CIM schema, made here: every form of qualifier, declaration and literal, many
//! times over, and what a reader must find in it. Nothing of it is copied.
#![allow(dead_code, reason = "the measurement uses less of it than the test")]

use std::fmt::Write;

/// A generated text and what stands in it.
pub struct Generated {
    pub text: String,
    pub classes: usize,
    pub qualifiers: usize,
    pub properties: usize,
    pub methods: usize,
    pub parameters: usize,
}

/// Qualifier declarations: name, type, scopes, flavors.
const QUALIFIERS: &[(&str, &str, &str, &str)] = &[
    ("Abstract", "boolean = false", "class, association, indication", "Restricted"),
    ("Aggregate", "boolean = false", "reference", "DisableOverride"),
    ("Aggregation", "boolean = false", "association", "DisableOverride"),
    ("Alias", "string = null", "property, reference, method", "EnableOverride, ToSubclass, Translatable"),
    ("ArrayType", "string = \"Bag\"", "property, parameter", "DisableOverride"),
    ("Association", "boolean = false", "association", "DisableOverride"),
    ("BitMap", "string[]", "property, method, parameter", "EnableOverride, ToSubclass"),
    ("BitValues", "string[]", "property, method, parameter", "Translatable"),
    ("ClassConstraint", "string[]", "class, association, indication", "EnableOverride, ToSubclass"),
    ("Composition", "boolean = false", "association", "DisableOverride"),
    ("Counter", "boolean = false", "property, method, parameter", "EnableOverride, ToSubclass"),
    ("Deprecated", "string[]", "any", "Restricted"),
    ("Description", "string = null", "any", "Translatable"),
    ("EmbeddedInstance", "string = null", "property, method, parameter", "EnableOverride, ToSubclass"),
    ("EmbeddedObject", "boolean = false", "property, method, parameter", "DisableOverride, ToSubclass"),
    ("Experimental", "boolean = false", "any", "Restricted"),
    ("Gauge", "boolean = false", "property, method, parameter", "EnableOverride, ToSubclass"),
    ("In", "boolean = true", "parameter", "DisableOverride"),
    ("Indication", "boolean = false", "class, indication", "DisableOverride"),
    ("Key", "boolean = false", "property, reference", "DisableOverride"),
    ("MappingStrings", "string[]", "any", "EnableOverride, ToSubclass"),
    ("Max", "uint32 = null", "reference", "EnableOverride, ToSubclass"),
    ("MaxLen", "uint32 = null", "property, method, parameter", "EnableOverride, ToSubclass"),
    ("MaxValue", "sint64 = null", "property, method, parameter", "EnableOverride, ToSubclass"),
    ("MethodConstraint", "string[]", "method", "EnableOverride, ToSubclass"),
    ("Min", "uint32 = 0", "reference", "EnableOverride, ToSubclass"),
    ("MinLen", "uint32 = 0", "property, method, parameter", "EnableOverride, ToSubclass"),
    ("MinValue", "sint64 = null", "property, method, parameter", "EnableOverride, ToSubclass"),
    ("ModelCorrespondence", "string[]", "any", "EnableOverride, ToSubclass"),
    ("NullValue", "string = null", "property", "DisableOverride"),
    ("OctetString", "boolean = false", "property, method, parameter", "DisableOverride"),
    ("Out", "boolean = false", "parameter", "DisableOverride"),
    ("Override", "string = null", "property, reference, method", "Restricted"),
    ("Propagated", "string = null", "property", "DisableOverride"),
    ("PropertyConstraint", "string[]", "property, reference", "EnableOverride, ToSubclass"),
    ("PUnit", "string = null", "property, method, parameter", "EnableOverride, ToSubclass"),
    ("Read", "boolean = true", "property", "EnableOverride, ToSubclass"),
    ("Required", "boolean = false", "property, reference, method, parameter", "DisableOverride"),
    ("Static", "boolean = false", "method", "DisableOverride"),
    ("Terminal", "boolean = false", "class, association, indication", "EnableOverride, ToSubclass"),
    ("UMLPackagePath", "string = null", "class, association, indication", "EnableOverride, ToSubclass"),
    ("Units", "string = null", "property, method, parameter", "Translatable"),
    ("ValueMap", "string[]", "property, method, parameter", "EnableOverride, ToSubclass"),
    ("Values", "string[]", "property, method, parameter", "Translatable"),
    ("Version", "string = null", "class, association, indication", "Restricted, Translatable"),
    ("Weak", "boolean = false", "reference", "DisableOverride"),
    ("Write", "boolean = false", "property", "EnableOverride, ToSubclass"),
    ("XMLNamespaceName", "string = null", "property, method, parameter", "EnableOverride, ToSubclass"),
];

/// So many classes: each third one an association of the two before it.
pub fn generate(classes: usize) -> Generated {
    let mut text = String::from(
        "// Made by a program, in the manner of a published schema.\n\
         // ==================================================================\n\
         #pragma Locale (\"en_US\")\n#pragma namespace (\"root/generated\")\n\n",
    );
    let mut made = Generated {
        text: String::new(),
        classes,
        qualifiers: QUALIFIERS.len(),
        properties: 0,
        methods: 0,
        parameters: 0,
    };
    for (name, declaration, scopes, flavors) in QUALIFIERS {
        let _ = write!(text, "Qualifier {name} : {declaration},\n    Scope({scopes}),\n    Flavor({flavors});\n\n");
    }
    for number in 0..classes {
        match number % 3 {
            2 => association(&mut text, &mut made, number),
            _ => class(&mut text, &mut made, number),
        }
    }
    made.text = text;
    made
}

/// The text in pieces that stand side by side, as published descriptions do.
fn description(text: &mut String, what: &str, number: usize) {
    let _ = write!(
        text,
        "Description (\n        \"The {what} number {number} of this text. It is as long as descriptions of published \"\n        \
         \"classes usually are, it \\\"quotes\\\" a word, has a tab\\tin it, a backslash \\\\, a line\\nthat ends, \"\n        \
         \"and one character by its number: \\x00e9. // This is no comment, /* nor this one. \" )"
    );
}

fn class(text: &mut String, made: &mut Generated, number: usize) {
    let _ =
        write!(text, "// ------------------------------------------------------------------\n//  GEN_Class{number}\n");
    let _ = write!(
        text,
        "   [Abstract, Version ( \"2.{}.0\" ), Experimental, Terminal(false), \n    UMLPackagePath ( \"GEN::Part{}\" ), \
         Deprecated {{\"GEN_Old{number}\", \"No Value\"}},\n    ClassConstraint {{\n       \"inv: self.P0 <> null\", \
         \"inv: true\" }}, \n    MappingStrings {{ \"MIF.GEN|Group{number}|001.1\" }}, \n    ",
        number % 50,
        number % 7
    );
    description(text, "class", number);
    let above = number.checked_sub(3).filter(|_| !(number / 3).is_multiple_of(8));
    let superclass = above.map_or_else(String::new, |above| format!(" : GEN_Class{above}"));
    let _ = write!(text, " ]\nclass GEN_Class{number}{superclass} {{\n\n");
    if above.is_none() {
        let _ = write!(text, "      [Key, Required, MaxLen ( 256 ), ");
        description(text, "key", number);
        text.push_str(" ]\n   string InstanceID;\n\n");
        made.properties += 1;
    }
    property(
        text,
        match above {
            Some(_) => "[Override ( \"Caption\" ):Restricted, MaxLen(64)]",
            None => "[Write, MinLen ( 0 ), MaxLen(64), NullValue ( \"none\" )]",
        },
        "string",
        "Caption",
        " = \"a \\\"b\\\"\"",
    );
    property(
        text,
        "[Gauge, Units ( \"Kilo\" \"Bytes\" ), PUnit ( \"byte * 10^3\" ), MinValue ( -5 ), MaxValue ( 0x7FFF )]",
        "sint32",
        &format!("Level{number}"),
        " = -1",
    );
    property(text, "[Counter, Alias(\"Ticks\")]", "uint64", &format!("Count{number}"), " = 18446744073709551615");
    property(
        text,
        "[Read, ArrayType ( \"Indexed\" ), ModelCorrespondence { \"GEN_Class0.Caption\",\n          \"GEN_Class1.Other[]\" }]",
        "string",
        &format!("Names{number}[]"),
        " = {\"a\", \"b\" \"c\", \"\"}",
    );
    property(text, "[OctetString]", "uint8", &format!("Bytes{number}[16]"), "");
    property(
        text,
        "[Description(\"short\") : ToSubclass Translatable]",
        "datetime",
        &format!("Since{number}"),
        " = \"00000000000500.000000:000\"",
    );
    property(text, "[EmbeddedInstance ( \"GEN_Class0\" )]", "string", &format!("Setting{number}"), " = NULL");
    property(text, "[EmbeddedObject]", "string", &format!("Any{number}[]"), "");
    property(text, "[Read(false), Write(true)]", "real64", &format!("Ratio{number}"), " = +1.5E-3");
    property(text, "", "char16", &format!("Sign{number}"), " = '\\x41'");
    property(text, "[PropertyConstraint{\"inv: true\"}]", "boolean", &format!("On{number}"), " = TRUE");
    property(
        text,
        "[ValueMap { \"0\", \"1\", \"2\", \"3..32767\", \"32768..\" }, \n       Values { \"Unknown\", \"Other\", \
         \"OK (\\\"good\\\")\", \n          \"DMTF Reserved\", \"Vendor Reserved\" }]",
        "uint16",
        &format!("State{number}"),
        " = 2",
    );
    property(
        text,
        "[BitMap { \"0\", \"1\" }, BitValues { \"Low\", \"High\" }]",
        "uint32",
        &format!("Bits{number}"),
        " = 101b",
    );
    made.properties += 13;
    let _ = write!(
        text,
        "      [Static, MethodConstraint {{ \"pre: true\" }}, ValueMap {{ \"0\", \"4096\", \"..\" }}, \n       \
         Values {{ \"Completed\", \"Job Started\", \"Reserved\" }},"
    );
    description(text, "method", number);
    let _ = write!(
        text,
        " ]\n   uint32 Change{number}(\n\
         \x20        [Required, IN, Description ( \"What\" )]\n      uint16 Wanted, \n\
         \x20        [IN (false), OUT, Description (\n             \"Where\" )]\n      GEN_Class0 REF Job, \n\
         \x20        [In, Out, EmbeddedInstance ( \"GEN_Class0\" )]\n      string Settings[], \n\
         \x20        [IN, Required ( false )] GEN_Class0 ref Other, [In(true)] datetime Timeout,\n\
         \x20        sint8 Rest[4] );\n\n   uint32 Reset{number}();\n}};\n\n"
    );
    made.methods += 2;
    made.parameters += 6;
}

fn association(text: &mut String, made: &mut Generated, number: usize) {
    let _ = write!(
        text,
        "/* ===================================================================\n   GEN_Class{number}, a tie\n   \
         =================================================================== */\n\
         [Association, Aggregation, Composition : DisableOverride, Version(\"1.0\"),\n "
    );
    description(text, "association", number);
    let (left, right) = (number.saturating_sub(2), number.saturating_sub(1));
    let _ = write!(
        text,
        " ]\nclass GEN_Class{number}\n{{\n   [Key, Aggregate, Min ( 1 ), Max(1), Weak]\n   GEN_Class{left} REF GroupComponent;\n\
         \x20  [Key, Max ( null )] GEN_Class{right} ref PartComponent = NULL;\n\
         \x20  [Propagated ( \"GEN_Class{left}.Caption\" )] string Role;\n}};\n\n"
    );
    made.properties += 3;
}

fn property(text: &mut String, qualifiers: &str, cim_type: &str, name: &str, default: &str) {
    let _ = write!(text, "      {qualifiers}\n   {cim_type} {name}{default};\n\n");
}
