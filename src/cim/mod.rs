//! The Common Information Model: values, names, instances, class declarations. Knows no SOAP.

pub mod datetime;
mod embedded;
mod error;
mod instance;
pub mod mof;
pub mod names;
mod open_enum;
mod property;
pub mod schema;
mod typed;
mod value;

pub use crate::{cim_class, open_enum};
pub use datetime::{CimDatetime, Datetime, Interval};
pub use error::CimError;
pub use instance::{Instance, InstanceView};
pub use mof::CimType;
pub use names::{ClassName, MethodName, Namespace, PropertyName};
pub use property::Property;
pub use typed::{CimClass, FromProperty};
pub use value::{Value, ValueError};
