//! A small WQL: `SELECT` with conditions, `ASSOCIATORS OF`, `REFERENCES OF`.
//!
//! Enough for what clients of Hyper-V send. Anything else is refused as a whole, as Windows refuses a bad query.

mod condition;
mod parse;
mod token;

use std::time::Duration;

use crate::wsman::{Associated, AssociationFilter};

use super::instances::instances;
use super::object::{Content, NAMESPACE_SELECTOR, Object, Path};
use super::schema::{self, Class};
use super::text::Language;
use super::world::World;
use condition::Condition;

/// A query that was understood.
#[derive(Debug)]
pub(super) enum Query {
    Select {
        /// None is `*`.
        properties: Option<Vec<String>>,
        class: String,
        condition: Option<Condition>,
    },
    /// The objects at the other end of associations.
    Associators { of: Path, by: Traversal },
    /// The association objects themselves.
    References { of: Path, by: Traversal },
}

/// Conditions of a traversal.
#[derive(Debug, Default)]
pub(super) struct Traversal {
    association: Option<String>,
    result: Option<String>,
    role: Option<String>,
    result_role: Option<String>,
}

/// The other ends of an association object, each with its role.
type FarEnds = Vec<(&'static str, Path)>;

/// Text that is no query of this kind.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadQuery;

/// What a query finds.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) objects: Vec<Object>,
    /// Whether a list of properties was chosen: then items have no namespace.
    pub(super) is_bare: bool,
}

/// Where a query looks.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) world: &'a World,
    pub(super) namespace: &'a str,
    pub(super) now: Duration,
    pub(super) language: Language,
}

impl Query {
    pub(super) fn parse(text: &str) -> Result<Query, BadQuery> {
        parse::query(text)
    }

    /// The query that an association filter means (DSP0227 8.2).
    pub(super) fn of_association(filter: &AssociationFilter) -> Query {
        let keys = filter.object.selectors.iter().filter(|key| !key.name.eq_ignore_ascii_case(NAMESPACE_SELECTOR));
        let of = Path {
            class: filter.object.resource.last_segment().to_owned(),
            keys: keys.map(|key| (key.name.clone(), key.value.to_string())).collect(),
        };
        let by = Traversal {
            association: filter.association_class.clone(),
            result: filter.result_class.clone(),
            role: filter.role.clone(),
            result_role: filter.result_role.clone(),
        };
        match filter.bring {
            Associated::Instances => Query::Associators { of, by },
            Associated::Associations => Query::References { of, by },
        }
    }

    /// The class that a plain `SELECT * FROM class` names, so that many instances can be made page by page.
    pub(super) fn whole_class(&self) -> Option<&str> {
        match self {
            Query::Select { properties: None, class, condition: None } => Some(class),
            _ => None,
        }
    }

    pub(super) fn run(&self, scope: Scope<'_>) -> Result<Found, BadQuery> {
        match self {
            Query::Select { properties, class, condition } => {
                let classes = scope.world.catalogue().derived(scope.namespace, class);
                if classes.is_empty() {
                    return Err(BadQuery);
                }
                let mut objects = Vec::new();
                for object in classes.iter().flat_map(|class| scope.instances(class)) {
                    let holds = condition.as_ref().map_or(Ok(true), |condition| condition.holds(&object))?;
                    if holds {
                        objects.push(object);
                    }
                }
                if let Some(properties) = properties {
                    let chosen = |name: &str| properties.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
                    objects.iter_mut().for_each(|object| object.properties.retain(|(name, _)| chosen(name)));
                }
                Ok(Found { objects, is_bare: properties.is_some() })
            }
            Query::References { of, by } => {
                // `ResultClass` of REFERENCES OF is the association itself.
                let links = scope.links(of, by.result.as_deref(), by.role.as_deref())?;
                Ok(Found { objects: links.into_iter().map(|(link, _)| link).collect(), is_bare: false })
            }
            Query::Associators { of, by } => scope.associators(of, by),
        }
    }
}

impl Scope<'_> {
    fn instances(&self, class: &Class) -> Vec<Object> {
        if *class == schema::DEMO_ITEM {
            // Only here is the whole class held: conditions on it are for small numbers.
            let count = self.world.demo_items.min(MOST_DEMO_ITEMS);
            return (0..count).map(|number| super::instances::demo_item(number, self.world.started)).collect();
        }
        instances(self.world, class, self.now, self.language)
    }

    /// Association objects that point to `of`, each with the other ends and their roles.
    fn links(
        &self,
        of: &Path,
        association: Option<&str>,
        role: Option<&str>,
    ) -> Result<Vec<(Object, FarEnds)>, BadQuery> {
        let catalogue = self.world.catalogue();
        let known = |class: &str| !catalogue.derived(self.namespace, class).is_empty();
        if !known(&of.class) || association.is_some_and(|class| !known(class)) {
            return Err(BadQuery);
        }
        let of_class = catalogue.class(self.namespace, &of.class).ok_or(BadQuery)?;
        let has_all_keys = of_class.keys.len() == of.keys.len() && of.keys.iter().all(|(key, _)| of_class.is_key(key));
        if !has_all_keys {
            return Err(BadQuery);
        }
        let classes = catalogue.associations(self.namespace);
        let classes = classes.filter(|class| association.is_none_or(|wanted| class.is_a(wanted)));
        let mut links = Vec::new();
        for object in classes.flat_map(|class| self.instances(class)) {
            let ends = || {
                object.properties.iter().filter_map(|(name, content)| match content {
                    Content::Reference(path) => Some((*name, path)),
                    _ => None,
                })
            };
            let plays = |name: &str| role.is_none_or(|role| role.eq_ignore_ascii_case(name));
            let Some((near, _)) = ends().find(|(name, path)| path.names(of) && plays(name)) else { continue };
            let far = ends().filter(|(name, _)| *name != near).map(|(name, path)| (name, path.clone())).collect();
            links.push((object, far));
        }
        Ok(links)
    }

    fn associators(&self, of: &Path, by: &Traversal) -> Result<Found, BadQuery> {
        let catalogue = self.world.catalogue();
        let known = |class: &str| !catalogue.derived(self.namespace, class).is_empty();
        if by.result.as_deref().is_some_and(|class| !known(class)) {
            return Err(BadQuery);
        }
        let mut objects = Vec::new();
        for (_, far) in self.links(of, by.association.as_deref(), by.role.as_deref())? {
            for (role, path) in far {
                let plays = by.result_role.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(role));
                let class = catalogue.class(self.namespace, &path.class).filter(|_| plays);
                let class = class.filter(|class| by.result.as_deref().is_none_or(|wanted| class.is_a(wanted)));
                let found = class.and_then(|class| self.instances(class).into_iter().find(|o| o.path().names(&path)));
                objects.extend(found);
            }
        }
        Ok(Found { objects, is_bare: false })
    }
}

/// Most instances of `Demo_Item` that a query with conditions looks at.
const MOST_DEMO_ITEMS: u64 = 10_000;

#[cfg(test)]
mod tests;
