//! Which items an enumeration brings, or a subscription: a query, equal properties, or what an instance is tied to.

use super::resource::EndpointReference;
use super::selector::SelectorSet;
use super::wql;
use crate::xml::{Element, Writer, ns};

/// Equality of scalar properties; sent to a class URI (MS-WSMV 4.9).
pub const SELECTOR_DIALECT: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter";
/// Association queries; sent to the all-classes URI (DSP0227 8.2).
pub const ASSOCIATION_DIALECT: &str = "http://schemas.dmtf.org/wbem/wsman/1/cimbinding/associationFilter";

/// `w:Filter`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filter {
    /// A query in some language.
    Text {
        /// URI of the language.
        dialect: String,
        /// The query.
        text: String,
    },
    /// Instances whose properties have these values.
    Selectors(SelectorSet),
    /// What an instance is tied to, or the ties.
    Association(Box<AssociationFilter>),
}

/// What one instance is tied to by associations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssociationFilter {
    /// What to bring.
    pub bring: Associated,
    /// The instance asked about.
    pub object: EndpointReference,
    /// Only ties of this class; for [`Associated::Instances`] alone.
    pub association_class: Option<String>,
    /// Only ties in which the instance stands in this property.
    pub role: Option<String>,
    /// Only items of this class: of the other end, or of the tie.
    pub result_class: Option<String>,
    /// Only items that stand in this property of the tie; for [`Associated::Instances`] alone.
    pub result_role: Option<String>,
    /// Only these properties of each item; all where there are none.
    pub properties: Vec<String>,
}

/// Which side of an association is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Associated {
    /// The instances at the other end: `b:AssociatedInstances`.
    Instances,
    /// The associations themselves: `b:AssociationInstances`.
    Associations,
}

impl Filter {
    /// A WQL query; send it to the all-classes URI.
    pub fn wql(query: impl Into<String>) -> Self {
        Filter::Text { dialect: wql::DIALECT.to_owned(), text: query.into() }
    }

    /// URI of the dialect.
    pub fn dialect(&self) -> &str {
        match self {
            Filter::Text { dialect, .. } => dialect,
            Filter::Selectors(_) => SELECTOR_DIALECT,
            Filter::Association(_) => ASSOCIATION_DIALECT,
        }
    }

    /// The query, if it is one in WQL.
    pub fn as_wql(&self) -> Option<&str> {
        match self {
            Filter::Text { dialect, text } if dialect == wql::DIALECT => Some(text),
            _ => None,
        }
    }

    /// Prefixes that the envelope must declare for it.
    pub(super) fn prefix(filter: Option<&Filter>) -> Option<&'static str> {
        matches!(filter, Some(Filter::Association(_))).then_some("b")
    }

    /// Writes `w:Filter`.
    pub(super) fn write(&self, writer: &mut Writer) {
        writer.open("w", "Filter").attribute("", "Dialect", self.dialect());
        match self {
            Filter::Text { text, .. } => {
                writer.text(text);
            }
            Filter::Selectors(selectors) => selectors.write(writer),
            Filter::Association(filter) => filter.write(writer),
        }
        writer.close();
    }

    /// Reads the filter of a request: `w:Filter`, or that of enumeration or eventing, which mean the same
    /// (MS-WSMV 3.1.4.1.13).
    pub(super) fn read(request: Element<'_>) -> Option<Filter> {
        let filter = request.child(ns::WSMAN, "Filter").or(request.child_here("Filter"))?;
        let dialect = filter.attribute("", "Dialect").unwrap_or("");
        let selectors = filter.child(ns::WSMAN, "SelectorSet").filter(|_| dialect == SELECTOR_DIALECT);
        let is_association = dialect == ASSOCIATION_DIALECT;
        let association = filter.children().filter(|_| is_association).find_map(AssociationFilter::read);
        Some(match (selectors, association) {
            (Some(selectors), _) => Filter::Selectors(SelectorSet::read(selectors)),
            (None, Some(association)) => Filter::Association(Box::new(association)),
            (None, None) => Filter::Text { dialect: dialect.to_owned(), text: filter.text().trim().to_owned() },
        })
    }
}

impl AssociationFilter {
    /// All that an instance is tied to, or all its ties.
    pub fn new(bring: Associated, object: EndpointReference) -> Self {
        AssociationFilter {
            bring,
            object,
            association_class: None,
            role: None,
            result_class: None,
            result_role: None,
            properties: Vec::new(),
        }
    }

    fn write(&self, writer: &mut Writer) {
        writer.open("b", self.bring.element()).open("b", "Object");
        self.object.write(writer);
        writer.close();
        for (name, value) in [
            ("AssociationClassName", &self.association_class),
            ("Role", &self.role),
            ("ResultClassName", &self.result_class),
            ("ResultRole", &self.result_role),
        ] {
            if let Some(value) = value {
                writer.text_element("b", name, value);
            }
        }
        for property in &self.properties {
            writer.text_element("b", "IncludeResultProperty", property);
        }
        writer.close();
    }

    fn read(element: Element<'_>) -> Option<AssociationFilter> {
        let bring = [Associated::Instances, Associated::Associations];
        let bring = bring.into_iter().find(|side| element.is(ns::CIM_BINDING, side.element()))?;
        let text = |name| element.child(ns::CIM_BINDING, name).map(|child| child.text().trim().to_owned());
        let properties = element.children().filter(|child| child.is(ns::CIM_BINDING, "IncludeResultProperty"));
        Some(AssociationFilter {
            bring,
            object: EndpointReference::read(element.child(ns::CIM_BINDING, "Object")?)?,
            association_class: text("AssociationClassName"),
            role: text("Role"),
            result_class: text("ResultClassName"),
            result_role: text("ResultRole"),
            properties: properties.map(|property| property.text().trim().to_owned()).collect(),
        })
    }
}

impl Associated {
    fn element(self) -> &'static str {
        match self {
            Associated::Instances => "AssociatedInstances",
            Associated::Associations => "AssociationInstances",
        }
    }
}
