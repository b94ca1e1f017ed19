//! Classes of your own as Rust types: which property goes into which field, and how it is read.
//!
//! [`cim_class!`](crate::cim_class) writes what is needed; [`CimClass`] and [`FromProperty`] can be implemented by hand
//! where a type wants more.

use super::datetime::{Datetime, Interval};
use super::error::CimError;
use super::instance::InstanceView;
use super::property::Property;

/// A CIM class as a Rust type.
///
/// ```
/// use hyperv_replica::cim::{CimClass, InstanceView};
/// use hyperv_replica::cim_class;
/// use hyperv_replica::xml::Document;
///
/// cim_class! {
///     /// A disk.
///     pub struct Disk = "Demo_Disk" {
///         /// Its name.
///         pub name: String = "DeviceID",
///         /// Its size, where the host knows it.
///         pub size: Option<u64> = "Size",
///         pub labels: Vec<String> = "Labels",
///     }
/// }
///
/// let reply = "<p:Demo_Disk xmlns:p='urn:d'><p:DeviceID>C:</p:DeviceID><p:Labels>a</p:Labels></p:Demo_Disk>";
/// let document = Document::parse(reply)?;
/// let disk = Disk::read(&InstanceView::of(document.root()))?;
/// assert_eq!((disk.name.as_str(), disk.size, disk.labels.len()), ("C:", None, 1));
/// assert_eq!(Disk::PROPERTIES, ["DeviceID", "Size", "Labels"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait CimClass: Sized {
    /// Name of the class.
    const NAME: &'static str;

    /// Names of the properties that are read, in the order of the fields.
    const PROPERTIES: &'static [&'static str];

    /// Reads an instance; one of a derived class will do.
    ///
    /// # Errors
    /// A property that must be there and is not, or a value that does not fit its field.
    fn read(instance: &InstanceView<'_>) -> Result<Self, CimError>;
}

/// A type that a property can be read into.
///
/// Absent and NULL are [`CimError::Missing`] for a plain type, none for an `Option`, empty for a `Vec`.
pub trait FromProperty: Sized {
    /// Reads the property of this name.
    ///
    /// # Errors
    /// [`CimError`] where there is no value of the type.
    fn read(instance: &InstanceView<'_>, name: &str) -> Result<Self, CimError>;
}

/// The value of a property that must be there.
fn needed<T>(instance: &InstanceView<'_>, name: &str, property: Property<T>) -> Result<T, CimError> {
    property.into_option().ok_or_else(|| instance.missing(name))
}

impl<T: FromProperty> FromProperty for Option<T> {
    fn read(instance: &InstanceView<'_>, name: &str) -> Result<Self, CimError> {
        match T::read(instance, name) {
            Ok(value) => Ok(Some(value)),
            Err(CimError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl FromProperty for String {
    fn read(instance: &InstanceView<'_>, name: &str) -> Result<Self, CimError> {
        needed(instance, name, instance.text(name)).map(str::to_owned)
    }
}

impl FromProperty for bool {
    fn read(instance: &InstanceView<'_>, name: &str) -> Result<Self, CimError> {
        needed(instance, name, instance.boolean(name)?)
    }
}

impl FromProperty for Datetime {
    fn read(instance: &InstanceView<'_>, name: &str) -> Result<Self, CimError> {
        needed(instance, name, instance.datetime(name)?)
    }
}

impl FromProperty for Interval {
    fn read(instance: &InstanceView<'_>, name: &str) -> Result<Self, CimError> {
        needed(instance, name, instance.interval(name)?)
    }
}

impl FromProperty for Vec<String> {
    fn read(instance: &InstanceView<'_>, name: &str) -> Result<Self, CimError> {
        Ok(instance.texts(name).into_iter().map(str::to_owned).collect())
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl FromProperty for $number {
            fn read(instance: &InstanceView<'_>, name: &str) -> Result<Self, CimError> {
                needed(instance, name, instance.number(name)?)
            }
        }

        impl FromProperty for Vec<$number> {
            fn read(instance: &InstanceView<'_>, name: &str) -> Result<Self, CimError> {
                instance.numbers(name)
            }
        }
    )*};
}

numbers!(u8, u16, u32, u64, i8, i16, i32, i64, f32, f64);

/// Declares a struct that is read from instances of a CIM class: see [`CimClass`](crate::cim::CimClass).
///
/// A field is written `name: Type = "Property"`; the type is one with
/// [`FromProperty`](crate::cim::FromProperty).
#[macro_export]
macro_rules! cim_class {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident = $class:literal {
            $(
                $(#[$field_meta:meta])*
                $field_visibility:vis $field:ident: $type:ty = $property:literal
            ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        $visibility struct $name {
            $($(#[$field_meta])* $field_visibility $field: $type,)+
        }

        impl $crate::cim::CimClass for $name {
            const NAME: &'static str = $class;
            const PROPERTIES: &'static [&'static str] = &[$($property),+];

            fn read(instance: &$crate::cim::InstanceView<'_>) -> ::core::result::Result<Self, $crate::cim::CimError> {
                Ok($name { $($field: <$type as $crate::cim::FromProperty>::read(instance, $property)?,)+ })
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cim::schema::Schema;
    use crate::xml::Document;

    crate::open_enum! {
        /// A colour.
        enum Colour: u16 {
            /// As blood.
            Red = 2,
        }
    }

    crate::cim_class! {
        struct Everything = "Demo_Everything" {
            text: String = "Text",
            on: bool = "On",
            number: i32 = "Number",
            since: Option<Datetime> = "Since",
            lasted: Option<Interval> = "Lasted",
            colour: Colour = "Colour",
            numbers: Vec<u16> = "Numbers",
            ratio: f64 = "Ratio",
        }
    }

    fn read(inner: &str) -> Result<Everything, CimError> {
        let text = format!("<p:X xmlns:p='urn:x' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>{inner}</p:X>");
        let document = Document::parse(text).unwrap();
        Everything::read(&InstanceView::of(document.root()))
    }

    const ALL: &str = "<p:Text></p:Text><p:On>TRUE</p:On><p:Number>-5</p:Number><p:Lasted>PT5S</p:Lasted>\
        <p:Since xsi:nil='true'/><p:Colour>7</p:Colour><p:Numbers>1</p:Numbers><p:Numbers>2</p:Numbers><p:Ratio>0.5</p:Ratio>";

    #[test]
    fn fields_are_read_by_their_types() {
        let all = read(ALL).unwrap();
        assert_eq!((all.text.as_str(), all.on, all.number), ("", true, -5));
        assert!(all.since.is_none() && all.lasted.is_some());
        assert_eq!((all.colour.to_string().as_str(), all.numbers, all.ratio), ("Other(7)", vec![1, 2], 0.5));
    }

    #[test]
    fn what_is_missing_or_odd_is_named() {
        let missing = read(&ALL.replace("<p:Number>-5</p:Number>", "")).unwrap_err();
        assert_eq!(missing.to_string(), "X.Number is missing from the host's answer");
        let odd = read(&ALL.replace(">-5<", ">many<")).unwrap_err();
        assert!(odd.to_string().contains("X.Number is \"many\""), "{odd}");
        // None is not what a text is that cannot be read.
        assert!(read(&ALL.replace("<p:Since xsi:nil='true'/>", "<p:Since>soon</p:Since>")).is_err());
        assert!(read(&ALL.replace("<p:Numbers>2<", "<p:Numbers>x<")).is_err());
    }

    crate::cim_class! {
        struct Vm = "Msvm_ComputerSystem" { name: String = "Name", state: u16 = "ReplicationState" }
    }

    #[test]
    fn the_table_of_properties_can_be_held_against_a_declaration() {
        let class = Schema::builtin().class(Vm::NAME).unwrap();
        assert!(Vm::PROPERTIES.iter().all(|name| class.property(name).is_some()));
        let _ = |vm: Vm| (vm.name, vm.state);
    }
}
