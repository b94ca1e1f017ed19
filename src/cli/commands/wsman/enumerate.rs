//! `hvr wsman enumerate`: items printed page by page as they come; one page is held at a time.

use crate::cli::exit::Exit;
use crate::cli::problem::Problem;
use crate::cli::typed::{ExtraSelector, Keys, ReferenceText, has_property};
use crate::wsman::{
    Associated, AssociationFilter, Client, Enumerate, EnumerationMode, Exchange, Filter, PolymorphismMode, ResourceUri,
    SelectorSet, all_classes_beside,
};

use super::desk::{Desk, Line};
use super::listing::Listing;
use super::{pull, without_keys};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Class, its whole URI, or a short name such as wmicimv2/Class; with --associated-with the class of the items
    #[arg(required_unless_present_any = ["wql", "associated_with", "associations_of"])]
    class: Option<ReferenceText>,
    #[command(flatten)]
    filter: FilterArgs,
    /// What to bring
    #[arg(long, value_enum, default_value_t = Mode::Object)]
    mode: Mode,
    /// What to make of instances of derived classes; the default leaves it to the host, and Windows takes no other
    #[arg(long, value_enum)]
    polymorphism: Option<Polymorphism>,
    /// Do not ask for items with the first reply
    #[arg(long)]
    plain: bool,
    /// Print the first page alone with its context, and leave the enumeration open for pull and release
    #[arg(long, conflicts_with_all = ["limit", "columns"])]
    first_page: bool,
    /// Most items of one reply
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_elements: Option<u32>,
    /// Largest reply to ask for, in bytes (8192 or more)
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(8192..))]
    max_envelope: Option<u32>,
    /// Stop after so many items and release the rest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Show these properties as columns of a table
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    columns: Vec<String>,
}

/// Which items; of enumerations and subscriptions.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct FilterArgs {
    /// WQL query, sent to all classes of the namespace
    #[arg(long, value_name = "QUERY")]
    pub wql: Option<String>,
    /// Selector filter: only instances whose property has this value; may be repeated
    #[arg(long = "where", value_name = "NAME=VALUE", conflicts_with_all = ["wql", "filter"])]
    equals: Vec<ExtraSelector>,
    /// Association filter: the instances that this one is tied to
    #[arg(long, value_name = "REFERENCE", conflicts_with_all = ["wql", "filter", "equals"])]
    associated_with: Option<ReferenceText>,
    /// Association filter: the associations of this instance themselves
    #[arg(long, value_name = "REFERENCE", conflicts_with_all = ["wql", "filter", "equals", "associated_with"])]
    associations_of: Option<ReferenceText>,
    /// Only ties of this class
    #[arg(long, value_name = "CLASS", requires = "associated_with")]
    association_class: Option<String>,
    /// Only ties in which the instance stands in this property
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// Only items that stand in this property of the tie
    #[arg(long, value_name = "NAME", requires = "associated_with")]
    result_role: Option<String>,
    /// Only these properties of the items of an association filter; may be repeated
    #[arg(long, value_name = "NAME")]
    result_property: Vec<String>,
    /// Filter in another dialect, sent to the class
    #[arg(long, value_name = "TEXT", requires = "dialect", conflicts_with = "wql")]
    filter: Option<String>,
    /// URI of the dialect of --filter
    #[arg(long, value_name = "URI", requires = "filter")]
    dialect: Option<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Polymorphism {
    /// With all their properties
    Include,
    /// With the properties of the class asked for
    Exclude,
    /// Not at all
    None,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Mode {
    /// Instances
    Object,
    /// References
    Epr,
    /// Both
    Both,
}

pub async fn run(args: &Args, desk: &Desk<'_>) -> Result<Exit, Problem> {
    let enumerate = operation(args, desk)?;
    if desk.is_dry() {
        return desk.dry(&enumerate, false, |client| sized(client, args)).await;
    }
    let Line { connection, client } = desk.connect().await?;
    let line = Line { connection, client: sized(client, args) };
    let class = args.class.as_ref().map_or("", ReferenceText::class);
    if args.first_page {
        let answer = line.client.ask(&enumerate).await;
        desk.print_raw(&line);
        return pull::print_page(desk, &line, &answer?, class);
    }
    let simulated = line.connection.is_simulated();
    let mut listing = Listing::new(desk, "wsman-enumeration", &args.columns, simulated);
    let mut enumeration = line.client.enumerate(enumerate);
    let mut left = args.limit.map_or(u64::MAX, u64::from);
    let ended = loop {
        let page = enumeration.next_page().await;
        desk.print_raw(&line);
        match page {
            Err(error) => break Err(Problem::from(error)),
            Ok(None) => break Ok(true),
            Ok(Some(page)) => {
                let most = usize::try_from(left).unwrap_or(usize::MAX);
                let all = page.items().count();
                if !desk.args.raw {
                    listing.page(&page, most, class);
                }
                left = left.saturating_sub(u64::try_from(all.min(most)).unwrap_or(left));
                let is_whole = all <= most && page.context().is_none();
                if left == 0 && !is_whole {
                    break Ok(false);
                }
            }
        }
    };
    if !matches!(ended, Ok(true)) {
        // What is not released expires by itself; the items are printed all the same.
        if let Err(error) = enumeration.release().await {
            tracing::debug!(%error, "the enumeration was not released");
        }
    }
    match desk.args.raw {
        true => ended.map(|_| Exit::Done),
        false => listing.end(ended),
    }
}

fn operation(args: &Args, desk: &Desk<'_>) -> Result<Enumerate, Problem> {
    if let Some(class) = &args.class {
        without_keys(class, "enumerate")?;
    }
    let resource = args.filter.resource(args.class.as_ref(), desk)?;
    let mut enumerate = Enumerate::new(resource).mode(match args.mode {
        Mode::Object => EnumerationMode::Object,
        Mode::Epr => EnumerationMode::Reference,
        Mode::Both => EnumerationMode::ObjectAndReference,
    });
    enumerate.selectors = desk.class_selectors();
    enumerate.filter = args.filter.build(args.class.as_ref(), desk)?;
    enumerate.optimize = !args.plain;
    enumerate.polymorphism = args.polymorphism.map(|mode| match mode {
        Polymorphism::Include => PolymorphismMode::IncludeSubClassProperties,
        Polymorphism::Exclude => PolymorphismMode::ExcludeSubClassProperties,
        Polymorphism::None => PolymorphismMode::None,
    });
    Ok(enumerate)
}

impl FilterArgs {
    /// What the request is about: a class, or all classes where the filter itself says which.
    pub fn resource(&self, class: Option<&ReferenceText>, desk: &Desk<'_>) -> Result<ResourceUri, Problem> {
        let object = self.associated_with.as_ref().or(self.associations_of.as_ref());
        if object.is_none() && (self.role.is_some() || !self.result_property.is_empty()) {
            return Err(Problem::usage(
                "--role and --result-property belong to --associated-with or --associations-of",
            ));
        }
        Ok(match (class, &self.wql, object) {
            (Some(class), Some(query), _) => {
                // The query alone decides, so the two must agree.
                let is_word = |c: char| c.is_alphanumeric() || c == '_';
                let mut words = query.split(|c| !is_word(c));
                if class.class() != "*" && !words.any(|word| word.eq_ignore_ascii_case(class.class())) {
                    return Err(Problem::usage(format!("the query is not about {class}; leave the class out")));
                }
                all_classes(class, desk)
            }
            (_, None, Some(object)) => all_classes(object, desk),
            (Some(class), None, None) => desk.target(class).resource,
            (None, ..) => desk.addressing.all_classes(),
        })
    }

    /// # Errors
    /// Names that a class which is declared does not have.
    pub fn build(&self, class: Option<&ReferenceText>, desk: &Desk<'_>) -> Result<Option<Filter>, Problem> {
        if let Some(query) = &self.wql {
            return Ok(Some(Filter::wql(query.as_str())));
        }
        let association = match (&self.associated_with, &self.associations_of) {
            (Some(object), _) => Some((Associated::Instances, object)),
            (None, Some(object)) => Some((Associated::Associations, object)),
            (None, None) => None,
        };
        if let Some((bring, object)) = association {
            object.check(desk.schema.as_ref(), Keys::All)?;
            let object = object.typed(desk.schema.as_ref())?;
            return Ok(Some(Filter::Association(Box::new(AssociationFilter {
                bring,
                object: object.resolve(&desk.addressing),
                association_class: self.association_class.clone(),
                role: self.role.clone(),
                // All classes are none in particular, and there is no class of that name.
                result_class: class.map(|class| class.class().to_owned()).filter(|class| class != "*"),
                result_role: self.result_role.clone(),
                properties: self.result_property.clone(),
            }))));
        }
        if !self.equals.is_empty() {
            if let Some(class) = class {
                let mut names = self.equals.iter().map(|pair| pair.name.as_str());
                names.try_for_each(|name| has_property(desk.schema.as_ref(), class.class(), name))?;
            }
            let set = SelectorSet::new();
            let set = self
                .equals
                .iter()
                .fold(set, |set, pair| set.with(pair.name.as_str(), pair.value.resolve(&desk.addressing)));
            return Ok(Some(Filter::Selectors(set)));
        }
        let text = self.filter.clone().zip(self.dialect.clone());
        Ok(text.map(|(text, dialect)| Filter::Text { dialect, text }))
    }
}

/// The all-classes URI beside a class: a whole URI stays in its own form.
fn all_classes(class: &ReferenceText, desk: &Desk<'_>) -> ResourceUri {
    all_classes_beside(&desk.target(class).resource)
}

fn sized<E: Exchange>(client: Client<E>, args: &Args) -> Client<E> {
    let mut limits = client.limits().clone();
    let wanted = args.max_elements.unwrap_or(limits.max_elements);
    limits.max_elements = args.limit.map_or(wanted, |limit| limit.min(wanted));
    limits.max_envelope_size = args.max_envelope.unwrap_or(limits.max_envelope_size);
    client.with_limits(limits)
}
