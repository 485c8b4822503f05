//! What is refused, each with the component and the import it is about.

/// Why components cannot be fused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FuseError {
    /// More of something than one store should hold.
    #[error("{what}: at most {most} in a fused application")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How much is accepted.
        most: usize,
    },
    /// The graph names a component that it does not have.
    #[error("the graph names component number {number} of {components}")]
    NoSuchComponent {
        /// The number.
        number: usize,
        /// How many there are.
        components: usize,
    },
    /// A component that calls itself, directly or through others.
    #[error("{component} calls itself over its import {import}")]
    Cycle {
        /// The component.
        component: String,
        /// The import that leads back to it.
        import: String,
    },
    /// Two links for one import.
    #[error("{component} has two exporters for its import {import}")]
    TwoExporters {
        /// The component.
        component: String,
        /// The import.
        import: String,
    },
    /// A link for what its source does not import.
    #[error("{component} does not import {import}, which a link joins")]
    NotImported {
        /// The component.
        component: String,
        /// The import.
        import: String,
    },
    /// A link to what its target does not export, or a trigger for what the root does not export.
    #[error("{component} does not export {export}")]
    NotExported {
        /// The component.
        component: String,
        /// The export.
        export: String,
    },
    /// A link between two different interfaces.
    #[error(
        "{component} imports {import}, and {exporter} exports {export}: not the same interface on one track of versions"
    )]
    OtherInterface {
        /// The importer.
        component: String,
        /// Its import.
        import: String,
        /// The exporter.
        exporter: String,
        /// Its export.
        export: String,
    },
    /// A component that nothing leads to.
    #[error("no link leads from the root to {component}")]
    Unreached {
        /// The component.
        component: String,
    },
    /// Nothing would call the composite.
    #[error("nothing of {component} is exported")]
    NothingExported {
        /// The root.
        component: String,
    },
    /// A component that cannot be part of a composite.
    #[error("{component}: {source}")]
    Component {
        /// The component.
        component: String,
        /// Why not.
        source: ComponentError,
    },
    /// An import whose type cannot be said in the composite.
    #[error("{component} imports {import}: {reason}")]
    Type {
        /// The component.
        component: String,
        /// The import, as the composite spells it.
        import: String,
        /// Why not.
        reason: &'static str,
    },
    /// What an exporter gives is not what its importer takes.
    #[error("{component} does not fit what it is joined to: {reason}")]
    Misfit {
        /// The importer.
        component: String,
        /// What the validator says, which names the import.
        reason: String,
    },
    /// The composite is not valid for a reason that is no single component's.
    #[error("the composite is not valid: {reason} (at byte {offset})")]
    Invalid {
        /// What the validator says.
        reason: String,
        /// Where.
        offset: usize,
    },
}

/// Why one component cannot be part of a composite.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentError {
    /// The binary is malformed.
    #[error("not a valid component: {reason} (at byte {offset})")]
    Malformed {
        /// What the parser says.
        reason: String,
        /// Where.
        offset: usize,
    },
    /// More of something than is accepted.
    #[error("{what}: at most {most}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How much is accepted.
        most: usize,
    },
    /// An import that no claim can stand for.
    #[error("it imports {import}, which is no interface of the form namespace:package/interface@version")]
    Import {
        /// The import, cut to 100 characters.
        import: String,
    },
    /// A name that only the host gives.
    #[error("it imports {import}: names that begin with a principal's or an edge's number are the host's")]
    Reserved {
        /// The import, cut to 100 characters.
        import: String,
    },
    /// Something whose memories could not be counted, or that would run at a time nobody chose.
    #[error("it {what}, which the fused form does not take")]
    Unsupported {
        /// What it does.
        what: &'static str,
    },
    /// Its memories begin with more than they may ever have.
    #[error("its memories begin with {least} bytes, and it may have {most}")]
    Memory {
        /// What all of them have at first.
        least: u64,
        /// The component's limit.
        most: u64,
    },
}

/// Why a composite is not what its graph declares.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The composite cannot be read.
    #[error("the composite: {0}")]
    Unreadable(ComponentError),
    /// The graph itself, or a component of it, cannot be fused.
    #[error(transparent)]
    Graph(#[from] FuseError),
    /// Something stands at the top level that no composite needs.
    #[error("{what} at the composite's top level")]
    Surprise {
        /// What stands there.
        what: &'static str,
    },
    /// Something is there that nothing declared leads to.
    #[error("{what} number {number} belongs to nothing that was declared")]
    Extra {
        /// What it is.
        what: &'static str,
        /// Which one.
        number: usize,
    },
    /// An import that no inner instance takes, or one that is there twice.
    #[error("the composite imports {import}, which nothing in it should")]
    ExtraImport {
        /// The import.
        import: String,
    },
    /// The exports are not the declared ones.
    #[error("the composite exports {export} where the graph does not, or not from its root")]
    Export {
        /// The export.
        export: String,
    },
    /// More than plain data would pass over a link.
    #[error("the link of {component} for {import} passes {what}, not plain data alone")]
    NotPlain {
        /// The importer.
        component: String,
        /// Its import.
        import: String,
        /// What passes.
        what: &'static str,
    },
    /// The bytes inside are not the verified ones, under the names and within the memory that they should have.
    #[error("what stands for {component} is not what was verified")]
    OtherBytes {
        /// The component.
        component: String,
    },
    /// What stands for a component is no instance of its own.
    #[error("{component} has no instance of its own for one of the links to it")]
    NotItsOwn {
        /// The component.
        component: String,
    },
    /// An import is given something else than its own slot, its declared link, or the shared interface.
    #[error("the import {import} of {component} is given something else than {expected}")]
    Miswired {
        /// The component.
        component: String,
        /// The import, in the component's own spelling.
        import: String,
        /// What should stand there.
        expected: String,
    },
    /// An instance is given more, or less, than its component imports.
    #[error("{component} is given {given} imports and has {expected}")]
    Arguments {
        /// The component.
        component: String,
        /// How many it is given.
        given: usize,
        /// How many it has.
        expected: usize,
    },
}

impl ComponentError {
    /// The same, of a component with a name.
    pub(super) fn of(self, component: &str) -> FuseError {
        FuseError::Component { component: component.to_owned(), source: self }
    }
}

impl From<wasmparser::BinaryReaderError> for ComponentError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self::Malformed { reason: error.message().to_owned(), offset: error.offset() }
    }
}

/// What a guest chose, cut to what belongs in a message.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(100).collect()
}
