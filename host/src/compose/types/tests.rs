#![allow(clippy::unwrap_used)]
use expect_test::{Expect, expect};
use wasm_encoder::{
    ComponentBuilder, ComponentTypeRef, ComponentValType as Encoded, InstanceType, PrimitiveValType as Primitive,
    TypeBounds,
};

use super::*;

/// A type as WIT has it.
#[derive(Clone)]
enum T {
    U32,
    U64,
    Text,
    Record(Vec<(&'static str, T)>),
    Variant(Vec<(&'static str, Option<T>)>),
    Enum(Vec<&'static str>),
    Flags(Vec<&'static str>),
    List(Box<T>),
    Option(Box<T>),
    Result(Option<Box<T>>, Option<Box<T>>),
    Tuple(Vec<T>),
    Resource,
}

/// One function of an interface: its name, its parameters, its result.
type Signature = (&'static str, Vec<(&'static str, T)>, Option<T>);

/// An interface that is being written; what has a name in WIT is exported under one.
struct Interface {
    ty: InstanceType,
    named: usize,
}

impl Interface {
    fn define(&mut self, ty: &T) -> Encoded {
        let (defined, is_named) = match ty {
            T::U32 => return Primitive::U32.into(),
            T::U64 => return Primitive::U64.into(),
            T::Text => return Primitive::String.into(),
            T::Resource => {
                self.ty.export("thing", ComponentTypeRef::Type(TypeBounds::SubResource));
                let resource = self.ty.type_count() - 1;
                self.ty.ty().defined_type().own(resource);
                (self.ty.type_count() - 1, false)
            }
            T::Record(fields) => {
                let fields: Vec<_> = fields.iter().map(|(name, ty)| (*name, self.define(ty))).collect();
                self.ty.ty().defined_type().record(fields);
                (self.ty.type_count() - 1, true)
            }
            T::Variant(cases) => {
                let cases: Vec<_> =
                    cases.iter().map(|(name, ty)| (*name, ty.as_ref().map(|ty| self.define(ty)))).collect();
                self.ty.ty().defined_type().variant(cases);
                (self.ty.type_count() - 1, true)
            }
            T::Enum(names) => {
                self.ty.ty().defined_type().enum_type(names.iter().copied());
                (self.ty.type_count() - 1, true)
            }
            T::Flags(names) => {
                self.ty.ty().defined_type().flags(names.iter().copied());
                (self.ty.type_count() - 1, true)
            }
            T::List(element) => {
                let element = self.define(element);
                self.ty.ty().defined_type().list(element);
                (self.ty.type_count() - 1, false)
            }
            T::Option(value) => {
                let value = self.define(value);
                self.ty.ty().defined_type().option(value);
                (self.ty.type_count() - 1, false)
            }
            T::Result(ok, err) => {
                let [ok, err] = [ok, err].map(|ty| ty.as_ref().map(|ty| self.define(ty)));
                self.ty.ty().defined_type().result(ok, err);
                (self.ty.type_count() - 1, false)
            }
            T::Tuple(types) => {
                let types: Vec<_> = types.iter().map(|ty| self.define(ty)).collect();
                self.ty.ty().defined_type().tuple(types);
                (self.ty.type_count() - 1, false)
            }
        };
        if !is_named {
            return Encoded::Type(defined);
        }
        self.named += 1;
        self.ty.export(format!("t{}", self.named), ComponentTypeRef::Type(TypeBounds::Eq(defined)));
        Encoded::Type(self.ty.type_count() - 1)
    }

    fn function(&mut self, (name, parameters, result): &Signature) {
        let parameters: Vec<_> = parameters.iter().map(|(name, ty)| (*name, self.define(ty))).collect();
        let result = result.as_ref().map(|ty| self.define(ty));
        self.ty.ty().function().params(parameters).result(result);
        self.ty.export(*name, ComponentTypeRef::Func(self.ty.type_count() - 1));
    }
}

const NAME: &str = "demo:shop/price@0.1.0";

/// A component that imports an interface with these types and functions.
fn importer(types: &[T], functions: &[Signature]) -> Vec<u8> {
    let mut interface = Interface { ty: InstanceType::new(), named: 0 };
    for ty in types {
        interface.define(ty);
    }
    functions.iter().for_each(|function| interface.function(function));
    let mut builder = ComponentBuilder::default();
    let ty = builder.type_instance(None, &interface.ty);
    builder.import(NAME, ComponentTypeRef::Instance(ty));
    builder.finish()
}

fn shapes(functions: &[Signature]) -> Shapes {
    Shapes::of(&importer(&[], functions)).unwrap()
}

#[track_caller]
fn differ(here: &[Signature], there: &[Signature], expected: Expect) {
    let (here, there) = (shapes(here), shapes(there));
    let difference = here.import(NAME).unwrap().difference(there.import(NAME).unwrap());
    let told =
        difference.map_or_else(|| "the same".to_owned(), |found| format!("{found}: {} / {}", found.here, found.there));
    expected.assert_eq(&told);
}

/// The same function on both sides, with a parameter of either type.
#[track_caller]
fn types(here: T, there: T, expected: Expect) {
    differ(&[("quote", vec![("item", here)], None)], &[("quote", vec![("item", there)], None)], expected);
}

fn list(ty: T) -> T {
    T::List(Box::new(ty))
}

fn option(ty: T) -> T {
    T::Option(Box::new(ty))
}

fn result(ok: Option<T>, err: Option<T>) -> T {
    T::Result(ok.map(Box::new), err.map(Box::new))
}

#[test]
#[rustfmt::skip]
fn signatures() {
    let quote = |parameters, result| -> Vec<Signature> { vec![("quote", parameters, result)] };
    differ(&quote(vec![], None), &quote(vec![], None), expect!["the same"]);
    differ(&[], &quote(vec![], None), expect!["the same"]);
    differ(&quote(vec![], None), &[("rebate", vec![], None)], expect!["`quote`: a function / nothing"]);
    differ(&quote(vec![("a", T::U32)], None), &quote(vec![("b", T::U32)], None), expect!["`quote`: parameter `a` / parameter `b`"]);
    differ(&quote(vec![("a", T::U32)], None), &quote(vec![], None), expect!["`quote`: parameter `a` / no such parameter"]);
    differ(&quote(vec![("a", T::U32)], None), &quote(vec![("a", T::U32), ("b", T::U32)], None), expect!["`quote`: no such parameter / parameter `b`"]);
    differ(&quote(vec![], Some(T::U32)), &quote(vec![], None), expect!["`quote`, the result: u32 / nothing"]);
    differ(&quote(vec![], Some(T::U32)), &quote(vec![], Some(T::Text)), expect!["`quote`, the result: u32 / string"]);
}

#[test]
#[rustfmt::skip]
fn parameters() {
    let item = |amount| T::Record(vec![("name", T::Text), ("amount", amount)]);
    types(item(T::U32), item(T::U32), expect!["the same"]);
    types(item(T::U32), item(T::U64), expect!["`quote`, parameter `item`, field `amount`: u32 / u64"]);
    types(list(item(T::U32)), list(item(option(T::U32))), expect!["`quote`, parameter `item`, an element, field `amount`: u32 / option<u32>"]);
    types(item(T::U32), T::Record(vec![("name", T::Text)]), expect!["`quote`, parameter `item`: field `amount` / no such field"]);
    types(item(T::U32), T::Record(vec![("name", T::Text), ("sum", T::U32)]), expect!["`quote`, parameter `item`: field `amount` / field `sum`"]);
    types(item(T::U32), T::Tuple(vec![T::Text, T::U32]), expect!["`quote`, parameter `item`: a record / tuple<string, u32>"]);
    types(T::Tuple(vec![T::Text, T::U32]), T::Tuple(vec![T::Text, T::U64]), expect!["`quote`, parameter `item`, element `1`: u32 / u64"]);
    types(T::Tuple(vec![T::Text]), T::Tuple(vec![T::Text, T::U64]), expect!["`quote`, parameter `item`: tuple<string> / tuple<string, u64>"]);
    types(T::Enum(vec!["red", "blue"]), T::Enum(vec!["red", "green"]), expect!["`quote`, parameter `item`: case `blue` / case `green`"]);
    types(T::Enum(vec!["red", "blue"]), T::Enum(vec!["blue", "red"]), expect!["`quote`, parameter `item`: case `red` / case `blue`"]);
    types(T::Flags(vec!["a"]), T::Flags(vec!["a", "b"]), expect!["`quote`, parameter `item`: no such flag / flag `b`"]);
    types(T::Flags(vec!["a"]), T::Enum(vec!["a"]), expect!["`quote`, parameter `item`: flags / an enum"]);
    types(option(T::U32), option(T::Text), expect!["`quote`, parameter `item`, its value: u32 / string"]);
    types(result(Some(T::U32), None), result(Some(T::U32), Some(T::Text)), expect!["`quote`, parameter `item`, its error: nothing / string"]);
    types(result(Some(T::U32), None), result(Some(T::U64), None), expect!["`quote`, parameter `item`, ok: u32 / u64"]);
    types(list(list(list(list(list(T::U32))))), T::U32, expect!["`quote`, parameter `item`: list<list<list<list<…>>>> / u32"]);
    let shape = |radius| T::Variant(vec![("none", None), ("circle", radius)]);
    types(shape(Some(T::U32)), shape(Some(T::U32)), expect!["the same"]);
    types(shape(Some(T::U32)), shape(None), expect!["`quote`, parameter `item`, case `circle`: u32 / nothing"]);
}

#[test]
fn what_is_nested_deep_is_not_followed_for_ever() {
    let nested = |depth| (0..depth).fold(T::U32, |ty, _| list(ty));
    types(nested(90), nested(90), expect!["the same"]);
    let (here, there) = (nested(95), (0..94).fold(list(T::U64), |ty, _| list(ty)));
    let (here, there) =
        (shapes(&[("quote", vec![("item", here)], None)]), shapes(&[("quote", vec![("item", there)], None)]));
    assert!(here.import(NAME).unwrap().difference(there.import(NAME).unwrap()).is_some());
}

#[test]
fn types_alone() {
    let is = |types: &[T], functions: &[Signature]| {
        Shapes::of(&importer(types, functions)).unwrap().import(NAME).unwrap().is_types_only()
    };
    let item = T::Record(vec![("name", T::Text)]);
    assert!(is(std::slice::from_ref(&item), &[]));
    assert!(!is(&[], &[]), "an interface of nothing holds no types");
    assert!(!is(&[item], &[("quote", vec![], None)]));
    assert!(!is(&[T::Resource], &[]));
}

#[test]
fn resources() {
    let of = |ty: T| {
        let shapes = shapes(&[("open", vec![("item", ty)], None)]);
        shapes.import(NAME).unwrap().resource().map(str::to_owned)
    };
    assert_eq!(of(T::U32), None);
    assert_eq!(of(T::Resource).as_deref(), Some("thing"));
    assert_eq!(of(list(option(T::Resource))).as_deref(), Some("thing"));
}
