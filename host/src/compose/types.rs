//! What the interfaces at a component's outside pass, read from its bytes before anything is compiled, and where two of
//! them differ.

use std::fmt;

use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentEntityType, ComponentFuncType, ComponentInstanceTypeId,
    ComponentItem, ComponentValType,
};
use wasmparser::types::Types;
use wasmparser::{BinaryReaderError, Parser, Payload, PrimitiveValType, ValidPayload, Validator};

/// The types of one component's imports and exports.
pub(crate) struct Shapes(Types);

/// One interface of a component.
#[derive(Clone, Copy)]
pub(crate) struct Shape<'a> {
    types: &'a Types,
    id: ComponentInstanceTypeId,
}

/// Where an import and the export it is linked to differ first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The function, and the way from it: a parameter, its fields.
    place: String,
    /// What the importer has there.
    pub(crate) here: String,
    /// What the exporter has there.
    pub(crate) there: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

impl Shapes {
    /// Reads the types of a whole component. The bodies of its functions are left to the compiler, and so is what fills the
    /// memories and tables of its modules: that is megabytes in some languages, and no type depends on it.
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, BinaryReaderError> {
        use Payload::{DataCountSection, DataSection, ElementSection};
        let (mut validator, mut whole) = (Validator::new(), None);
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            let fills = matches!(payload, DataCountSection { .. } | DataSection(_) | ElementSection(_));
            // What is nested ends before what it is nested in.
            if !fills && let ValidPayload::End(types) = validator.payload(&payload)? {
                whole = Some(types);
            }
        }
        whole.map_or_else(|| validator.end(bytes.len()), Ok).map(Self)
    }

    /// The interface that is imported under this name.
    pub(crate) fn import(&self, name: &str) -> Option<Shape<'_>> {
        self.shape(self.0.component_item_for_import(name)?)
    }

    /// The interface that is exported under this name.
    pub(crate) fn export(&self, name: &str) -> Option<Shape<'_>> {
        self.shape(self.0.component_item_for_export(name)?)
    }

    fn shape(&self, item: &ComponentItem) -> Option<Shape<'_>> {
        match item.ty {
            ComponentEntityType::Instance(id) => Some(Shape { types: &self.0, id }),
            _ => None,
        }
    }
}

type Func<'a> = (&'a str, &'a ComponentFuncType);

impl<'a> Shape<'a> {
    fn items(self) -> impl Iterator<Item = (&'a str, &'a ComponentEntityType)> {
        self.types[self.id].exports.iter().map(|(name, item)| (name.as_str(), &item.ty))
    }

    fn functions(self) -> impl Iterator<Item = Func<'a>> {
        self.items().filter_map(move |(name, ty)| match ty {
            ComponentEntityType::Func(id) => Some((name, &self.types[*id])),
            _ => None,
        })
    }

    fn resources(self) -> impl Iterator<Item = &'a str> {
        let is_resource = |ty: &ComponentEntityType| {
            matches!(ty, ComponentEntityType::Type { referenced: ComponentAnyTypeId::Resource(_), .. })
        };
        self.items().filter(move |(_, ty)| is_resource(ty)).map(|(name, _)| name)
    }

    /// Whether it holds types alone: then there is nothing to serve, and nothing to link.
    pub(crate) fn is_types_only(self) -> bool {
        let is_type = |ty: &ComponentEntityType| matches!(ty, ComponentEntityType::Type { .. });
        let mut items = self.items().peekable();
        items.peek().is_some() && self.items().all(|(_, ty)| is_type(ty)) && self.resources().next().is_none()
    }

    /// What of it is no plain data: the name of a resource, of a function that passes one, or of what is neither a function nor
    /// a type.
    pub(crate) fn resource(self) -> Option<&'a str> {
        let is_known =
            |ty: &ComponentEntityType| matches!(ty, ComponentEntityType::Func(_) | ComponentEntityType::Type { .. });
        let passes = |function: &ComponentFuncType| {
            let mut all = function.params.iter().map(|(_, ty)| *ty).chain(function.result);
            all.any(|ty| !self.is_plain(ty, 0))
        };
        let function = || self.functions().find(|(_, function)| passes(function)).map(|(name, _)| name);
        let other = || self.items().find(|(_, ty)| !is_known(ty)).map(|(name, _)| name);
        self.resources().next().or_else(function).or_else(other)
    }

    fn is_plain(self, ty: ComponentValType, depth: usize) -> bool {
        let id = match ty {
            ComponentValType::Primitive(primitive) => return primitive != PrimitiveValType::ErrorContext,
            ComponentValType::Type(id) => id,
        };
        let plain = |ty: &ComponentValType| self.is_plain(*ty, depth.saturating_add(1));
        match &self.types[id] {
            // What is nested deeper is found by the comparison.
            _ if depth > DEPTH => true,
            ComponentDefinedType::Primitive(primitive) => *primitive != PrimitiveValType::ErrorContext,
            ComponentDefinedType::Record(record) => record.fields.values().all(plain),
            ComponentDefinedType::Variant(variant) => {
                variant.cases.values().filter_map(|case| case.ty.as_ref()).all(plain)
            }
            ComponentDefinedType::List { element, .. } | ComponentDefinedType::FixedLengthList { element, .. } => {
                plain(element)
            }
            ComponentDefinedType::Map { key, value, .. } => plain(key) && plain(value),
            ComponentDefinedType::Tuple(tuple) => tuple.types.iter().all(plain),
            ComponentDefinedType::Flags(_) | ComponentDefinedType::Enum(_) => true,
            ComponentDefinedType::Option { ty, .. } => plain(ty),
            ComponentDefinedType::Result { ok, err, .. } => ok.iter().chain(err).all(plain),
            ComponentDefinedType::Own(_)
            | ComponentDefinedType::Borrow(_)
            | ComponentDefinedType::Future { .. }
            | ComponentDefinedType::Stream { .. } => false,
        }
    }

    /// Where what this import wants and what `export` has differ first. What is exported besides harms nobody.
    pub(crate) fn difference(self, export: Shape<'_>) -> Option<Difference> {
        self.functions().find_map(|(name, wanted)| {
            let had = export.functions().find(|(other, _)| *other == name);
            let place = format!("`{}`", cut(name));
            let Some((_, had)) = had else {
                return Some(Difference { place, here: "a function".to_owned(), there: "nothing".to_owned() });
            };
            let compare = Compare { here: self.types, there: export.types };
            let mut place = vec![place];
            let (here, there) = compare.function(wanted, had, &mut place).err()?;
            Some(Difference { place: place.join(", "), here, there })
        })
    }
}

/// Two components' types, one beside the other.
struct Compare<'a> {
    here: &'a Types,
    there: &'a Types,
}

/// What either side has where they differ; the place says where that is.
type Differs = Result<(), (String, String)>;

impl Compare<'_> {
    fn function(&self, here: &ComponentFuncType, there: &ComponentFuncType, place: &mut Vec<String>) -> Differs {
        let signature = |function: &ComponentFuncType| if function.async_ { "an async function" } else { "a function" };
        if here.async_ != there.async_ {
            return Err((signature(here).to_owned(), signature(there).to_owned()));
        }
        let pairs = |params: &[(wasmparser::names::KebabString, ComponentValType)]| {
            params.iter().map(|(name, ty)| (name.to_string(), Some(*ty))).collect::<Vec<_>>()
        };
        self.members("parameter", &pairs(&here.params), &pairs(&there.params), place, 0)?;
        self.optional("the result", here.result, there.result, place, 0)
    }

    /// Members with names, in their order: parameters, fields, cases.
    fn members(&self, what: &str, here: &[Member], there: &[Member], place: &mut Vec<String>, depth: usize) -> Differs {
        for index in 0..here.len().max(there.len()) {
            let (own, other) = (here.get(index), there.get(index));
            let named = |member: Option<&Member>| {
                member.map_or_else(|| format!("no such {what}"), |(name, _)| format!("{what} `{}`", cut(name)))
            };
            match own.zip(other) {
                Some(((own, here), (other, there))) if own == other => {
                    self.optional(&format!("{what} `{}`", cut(own)), *here, *there, place, depth)?;
                }
                _ => return Err((named(own), named(other))),
            }
        }
        Ok(())
    }

    fn optional(
        &self,
        what: &str,
        here: Option<ComponentValType>,
        there: Option<ComponentValType>,
        place: &mut Vec<String>,
        depth: usize,
    ) -> Differs {
        let nothing = || "nothing".to_owned();
        place.push(what.to_owned());
        match (here, there) {
            (Some(here), Some(there)) => self.value(here, there, place, depth)?,
            (None, None) => {}
            _ => {
                let here = here.map_or_else(nothing, |ty| word(self.here, ty, 0));
                return Err((here, there.map_or_else(nothing, |ty| word(self.there, ty, 0))));
            }
        }
        place.pop();
        Ok(())
    }

    fn value(&self, here: ComponentValType, there: ComponentValType, place: &mut Vec<String>, depth: usize) -> Differs {
        use ComponentDefinedType as Type;
        if depth > DEPTH {
            let deep = || format!("a type nested deeper than {DEPTH}");
            return Err((deep(), deep()));
        }
        let deeper = depth.saturating_add(1);
        let differ = || Err((word(self.here, here, 0), word(self.there, there, 0)));
        match (defined(self.here, here), defined(self.there, there)) {
            (Ok(here), Ok(there)) => match (here, there) {
                (Type::Record(here), Type::Record(there)) => {
                    let pairs = |record: &wasmparser::component_types::RecordType| {
                        record.fields.iter().map(|(name, ty)| (name.to_string(), Some(*ty))).collect::<Vec<_>>()
                    };
                    self.members("field", &pairs(here), &pairs(there), place, deeper)
                }
                (Type::Variant(here), Type::Variant(there)) => {
                    let pairs = |variant: &wasmparser::component_types::VariantType| {
                        variant.cases.iter().map(|(name, case)| (name.to_string(), case.ty)).collect::<Vec<_>>()
                    };
                    self.members("case", &pairs(here), &pairs(there), place, deeper)
                }
                (Type::Flags(here), Type::Flags(there)) => {
                    self.members("flag", &names(here), &names(there), place, deeper)
                }
                (Type::Enum(here), Type::Enum(there)) => {
                    self.members("case", &names(here), &names(there), place, deeper)
                }
                (Type::List { element: here, .. }, Type::List { element: there, .. }) => {
                    self.optional("an element", Some(*here), Some(*there), place, deeper)
                }
                (
                    Type::FixedLengthList { element: here, length, .. },
                    Type::FixedLengthList { element: there, length: other, .. },
                ) if length == other => self.optional("an element", Some(*here), Some(*there), place, deeper),
                (Type::Map { key, value, .. }, Type::Map { key: other, value: there, .. }) => {
                    self.optional("a key", Some(*key), Some(*other), place, deeper)?;
                    self.optional("a value", Some(*value), Some(*there), place, deeper)
                }
                (Type::Tuple(here), Type::Tuple(there)) if here.types.len() == there.types.len() => {
                    let pairs = |types: &[ComponentValType]| {
                        types.iter().enumerate().map(|(at, ty)| (at.to_string(), Some(*ty))).collect::<Vec<_>>()
                    };
                    self.members("element", &pairs(&here.types), &pairs(&there.types), place, deeper)
                }
                (Type::Option { ty: here, .. }, Type::Option { ty: there, .. }) => {
                    self.optional("its value", Some(*here), Some(*there), place, deeper)
                }
                (Type::Result { ok, err, .. }, Type::Result { ok: other, err: error, .. }) => {
                    self.optional("ok", *ok, *other, place, deeper)?;
                    self.optional("its error", *err, *error, place, deeper)
                }
                _ => differ(),
            },
            (Err(here), Err(there)) if here == there => Ok(()),
            _ => differ(),
        }
    }
}

/// A name, and the type of what it stands for, if it has one.
type Member = (String, Option<ComponentValType>);

fn names<'a>(names: impl IntoIterator<Item = &'a wasmparser::names::KebabString>) -> Vec<Member> {
    names.into_iter().map(|name| (name.to_string(), None)).collect()
}

/// A type that is made of others, or the primitive one that it is.
fn defined(types: &Types, ty: ComponentValType) -> Result<&ComponentDefinedType, PrimitiveValType> {
    match ty {
        ComponentValType::Primitive(primitive) => Err(primitive),
        ComponentValType::Type(id) => match &types[id] {
            ComponentDefinedType::Primitive(primitive) => Err(*primitive),
            defined => Ok(defined),
        },
    }
}

/// A type in a few words, as WIT writes it.
fn word(types: &Types, ty: ComponentValType, depth: usize) -> String {
    let defined = match defined(types, ty) {
        Ok(_) if depth > WORDS => return "…".to_owned(),
        Ok(defined) => defined,
        Err(primitive) => return primitive.to_string(),
    };
    let inner = |ty: &ComponentValType| word(types, *ty, depth.saturating_add(1));
    let or_nothing = |ty: &Option<ComponentValType>| ty.as_ref().map_or_else(|| "_".to_owned(), inner);
    match defined {
        ComponentDefinedType::List { element, .. } => format!("list<{}>", inner(element)),
        ComponentDefinedType::FixedLengthList { element, length, .. } => format!("list<{}, {length}>", inner(element)),
        ComponentDefinedType::Map { key, value, .. } => format!("map<{}, {}>", inner(key), inner(value)),
        ComponentDefinedType::Tuple(tuple) => {
            let some: Vec<_> = tuple.types.iter().take(MEMBERS).map(inner).collect();
            format!("tuple<{}{}>", some.join(", "), if tuple.types.len() > MEMBERS { ", …" } else { "" })
        }
        ComponentDefinedType::Option { ty, .. } => format!("option<{}>", inner(ty)),
        ComponentDefinedType::Result { ok, err, .. } => format!("result<{}, {}>", or_nothing(ok), or_nothing(err)),
        ComponentDefinedType::Primitive(primitive) => primitive.to_string(),
        ComponentDefinedType::Record(_) => "a record".to_owned(),
        ComponentDefinedType::Variant(_) => "a variant".to_owned(),
        ComponentDefinedType::Flags(_) => "flags".to_owned(),
        ComponentDefinedType::Enum(_) => "an enum".to_owned(),
        ComponentDefinedType::Own(_) | ComponentDefinedType::Borrow(_) => "a resource".to_owned(),
        ComponentDefinedType::Future { .. } => "a future".to_owned(),
        ComponentDefinedType::Stream { .. } => "a stream".to_owned(),
    }
}

/// A name that a component chose, cut to what belongs in a message.
fn cut(name: &str) -> String {
    name.chars().take(NAME).collect()
}

/// How deep types are compared: the engine takes none that is nested deeper.
const DEPTH: usize = 100;
/// How deep a type is told, and how many members of a tuple.
const WORDS: usize = 3;
const MEMBERS: usize = 4;
const NAME: usize = 100;

#[cfg(test)]
mod tests;
